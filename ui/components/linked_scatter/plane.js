// One panel: where its points are on the screen, and how they go there.

const MARGIN = 18; // pixels around the points
const GLIDE = 400; // milliseconds to new places

/** `owner` knows what all panels share, as its `look`; what is done here is told by `hand`. */
class Plane {
  constructor(owner) {
    this.owner = owner;
    this.title = element("figcaption");
    this.points = element("canvas", { class: "points" });
    this.marks = element("canvas", { class: "marks" });
    const role = { role: "application", "aria-roledescription": "scatter plot" };
    const said = { ...role, tabindex: 0, "aria-describedby": "help" };
    this.stage = element("div", { class: "stage", ...said }, this.points, this.marks);
    this.root = element("figure", { class: "plane" }, this.title, this.stage);
    this.sent = null; // the panel as Python sent it
    this.now = null; // {places, low, span, ellipses} as drawn
    this.way = null; // while points move: {from, to, begun}
    this.pixels = new Float32Array(0); // the places on the screen, x and y by turns
    this.raster = new Raster();
    this.hand = new Hand(this);
  }

  get look() {
    return this.owner.look;
  }

  /** Show a panel; the points go to their new places where they are as many as before. */
  update(sent, label) {
    this.title.textContent = sent.title;
    this.title.hidden = !sent.title;
    this.stage.setAttribute("aria-label", sent.title || label);
    const { title, ...places } = sent;
    const text = JSON.stringify(places);
    if (this.sent === text) return;
    this.sent = text;
    const { low, span, ellipses } = sent;
    const to = { places: placesOf(sent), low, span, ellipses };
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const begins = !still && this.now?.places.length === to.places.length;
    this.way = begins ? { from: this.now, to, begun: null } : null;
    if (!begins) this.now = to;
    this.stage.toggleAttribute("data-moving", begins);
  }

  /** Let the points go on; whether they have further to go. */
  move(time) {
    if (!this.way) return false;
    this.way.begun ??= time;
    const { from, to, begun } = this.way;
    const left = (1 - Math.min((time - begun) / GLIDE, 1)) ** 3;
    this.now = left ? between(from, to, 1 - left) : to;
    if (!left) this.way = null;
    this.stage.toggleAttribute("data-moving", left > 0);
    return left > 0;
  }

  resize(height) {
    this.width = this.stage.clientWidth;
    this.height = Math.min(height, Math.max(this.width, 200));
    this.ratio = window.devicePixelRatio || 1;
    this.stage.style.height = `${this.height}px`;
    for (const canvas of [this.points, this.marks]) {
      canvas.width = Math.round(this.width * this.ratio);
      canvas.height = Math.round(this.height * this.ratio);
    }
  }

  /** The points as large as fit, both axes on one scale. */
  project() {
    const { places, low, span } = this.now;
    const room = [this.width, this.height].map((side) => Math.max(side - 2 * MARGIN, 1));
    const fits = room.map((side, i) => (span[i] > 0 ? side / span[i] : Infinity));
    this.scale = Math.min(...fits);
    if (this.scale === Infinity) this.scale = 1;
    this.middle = [low[0] + span[0] / 2, low[1] + span[1] / 2];
    if (this.pixels.length !== places.length) this.pixels = new Float32Array(places.length);
    for (let i = 0; i < places.length; i += 2) {
      this.pixels[i] = this.x(places[i]);
      this.pixels[i + 1] = this.y(places[i + 1]);
    }
  }

  x(value) {
    return this.width / 2 + (value - this.middle[0]) * this.scale;
  }

  y(value) {
    return this.height / 2 - (value - this.middle[1]) * this.scale;
  }

  paint() {
    if (!this.now || !this.width) return;
    this.project();
    this.paintDots();
    const context = this.points.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    paintEllipses(context, this);
    if (this.look.names) paintNames(context, this);
    this.paintMarks();
  }

  /** First what is dimmed, then what is not. */
  paintDots() {
    const { raster, ratio, pixels } = this;
    const { alpha, dimAlpha, order, full, slots, words, greyWord } = this.look;
    const [wide, high] = this.now.span.map((span) => span * this.scale + MARGIN);
    this.radius = dotRadius(full.length, wide * high);
    const stencil = [this.radius * ratio, alpha, dimAlpha].join();
    if (this.stencil !== stencil) {
      this.stencil = stencil;
      this.bright = discs(this.radius * ratio, alpha);
      this.dim = discs(this.radius * ratio, dimAlpha);
    }
    raster.begin(this.points, this.look.background);
    if (full.includes(0)) raster.dots(pixels, order, full, 0, null, [greyWord], this.dim, ratio);
    raster.dots(pixels, order, full, 1, slots, words, this.bright, ratio);
    raster.show(this.points);
  }

  /** What lies over the points and changes more often. */
  paintMarks() {
    if (!this.now || !this.width || !this.look) return;
    const context = this.marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.hand.drag?.moved) paintOutline(context, this.look, this.hand.drag.outline);
    if (this.hand.cursorShown) paintCursor(context, this);
    if (this.owner.ring >= 0) paintRing(context, this, this.owner.ring);
  }
}

/** What is drawn on the way from one state of a plane to another. */
function between(from, to, share) {
  const lerp = (a, b) => a + share * (b - a);
  const each = (one, other) => one.map((value, i) => lerp(value, other[i]));
  const places = new Float32Array(to.places.length);
  for (let i = 0; i < places.length; i += 1) places[i] = lerp(from.places[i], to.places[i]);
  const follow = from.ellipses.length === to.ellipses.length;
  const ellipses = to.ellipses.map((ellipse, k) => {
    if (!follow) return ellipse;
    const mean = each(from.ellipses[k].mean, ellipse.mean);
    return { ...ellipse, mean, covariance: each(from.ellipses[k].covariance, ellipse.covariance) };
  });
  return { places, low: each(from.low, to.low), span: each(from.span, to.span), ellipses };
}
