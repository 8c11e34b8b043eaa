// One panel: the positions of its points on the screen, and their animation.

const MARGIN = 18; // pixels around the points
const GLIDE = 400; // milliseconds of the animation to new positions

/** One plane. The `appearance` of the scatter is the same for all planes; `input` handles pointer
 *  and keyboard. */
class Plane {
  constructor(scatter) {
    this.scatter = scatter;
    this.title = element("figcaption");
    this.points = element("canvas", { class: "points" });
    this.marks = element("canvas", { class: "marks" });
    const role = { role: "application", "aria-roledescription": "scatter plot" };
    const attributes = { ...role, tabindex: 0, "aria-describedby": "help" };
    this.stage = element("div", { class: "stage", ...attributes }, this.points, this.marks);
    this.root = element("figure", { class: "plane" }, this.title, this.stage);
    this.message = null; // the panel from Python as text
    this.current = null; // {positions, low, span, ellipses} as drawn
    this.animation = null; // while points move: {from, to, startTime}
    this.pixels = new Float32Array(0); // positions on the screen; x and y alternate
    this.raster = new Raster();
    this.input = new PlaneInput(this);
  }

  get appearance() {
    return this.scatter.appearance;
  }

  /** Show a panel. Its points move to their new positions if their number is unchanged. */
  update(panel, label) {
    this.title.textContent = panel.title;
    this.title.hidden = !panel.title;
    this.stage.setAttribute("aria-label", panel.title || label);
    const { title, ...content } = panel;
    const message = JSON.stringify(content);
    if (this.message === message) return;
    this.message = message;
    const { low, span, ellipses } = panel;
    const to = { positions: positionsOf(panel), low, span, ellipses };
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const moves = !reducedMotion && this.current?.positions.length === to.positions.length;
    this.animation = moves ? { from: this.current, to, startTime: null } : null;
    if (!moves) this.current = to;
    this.stage.toggleAttribute("data-moving", moves);
  }

  /** Move the points to their positions at a time. → whether the animation continues. */
  move(time) {
    if (!this.animation) return false;
    this.animation.startTime ??= time;
    const { from, to, startTime } = this.animation;
    const remaining = (1 - Math.min((time - startTime) / GLIDE, 1)) ** 3;
    this.current = remaining ? between(from, to, 1 - remaining) : to;
    if (!remaining) this.animation = null;
    this.stage.toggleAttribute("data-moving", remaining > 0);
    return remaining > 0;
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

  /** Compute positions on the screen: the largest scale that fits, the same for both axes. */
  project() {
    const { positions, low, span } = this.current;
    const room = [this.width, this.height].map((side) => Math.max(side - 2 * MARGIN, 1));
    const fits = room.map((side, i) => (span[i] > 0 ? side / span[i] : Infinity));
    this.scale = Math.min(...fits);
    if (this.scale === Infinity) this.scale = 1;
    this.middle = [low[0] + span[0] / 2, low[1] + span[1] / 2];
    if (this.pixels.length !== positions.length) this.pixels = new Float32Array(positions.length);
    for (let i = 0; i < positions.length; i += 2) {
      this.pixels[i] = this.x(positions[i]);
      this.pixels[i + 1] = this.y(positions[i + 1]);
    }
  }

  x(value) {
    return this.width / 2 + (value - this.middle[0]) * this.scale;
  }

  y(value) {
    return this.height / 2 - (value - this.middle[1]) * this.scale;
  }

  paint() {
    if (!this.current || !this.width) return;
    this.project();
    this.paintDots();
    const context = this.points.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    paintEllipses(context, this);
    if (this.appearance.names) paintNames(context, this);
    this.paintMarks();
  }

  /** Draw the dimmed points, then the others over them. */
  paintDots() {
    const { raster, ratio, pixels } = this;
    const { alpha, dimAlpha, order, full, slots, words, greyWord } = this.appearance;
    const [wide, high] = this.current.span.map((span) => span * this.scale + MARGIN);
    this.radius = dotRadius(full.length, wide * high);
    const stencil = [this.radius * ratio, alpha, dimAlpha].join();
    if (this.stencil !== stencil) {
      this.stencil = stencil;
      this.bright = discs(this.radius * ratio, alpha);
      this.dim = discs(this.radius * ratio, dimAlpha);
    }
    raster.begin(this.points, this.appearance.background);
    if (full.includes(0)) raster.dots(pixels, order, full, 0, null, [greyWord], this.dim, ratio);
    raster.dots(pixels, order, full, 1, slots, words, this.bright, ratio);
    raster.show(this.points);
  }

  /** Draw the marks over the points, on a canvas of their own because they change more often. */
  paintMarks() {
    if (!this.current || !this.width || !this.appearance) return;
    const context = this.marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.input.drag?.moved) paintOutline(context, this.appearance, this.input.drag.outline);
    if (this.input.cursorShown) paintCursor(context, this);
    if (this.scatter.ring >= 0) paintRing(context, this, this.scatter.ring);
  }
}

/** The state between two states of a plane: `from` at t = 0, `to` at t = 1. */
function between(from, to, t) {
  const lerp = (a, b) => a + t * (b - a);
  const each = (one, other) => one.map((value, i) => lerp(value, other[i]));
  const positions = new Float32Array(to.positions.length);
  for (let i = 0; i < positions.length; i += 1)
    positions[i] = lerp(from.positions[i], to.positions[i]);
  const sameNumber = from.ellipses.length === to.ellipses.length;
  const ellipses = to.ellipses.map((ellipse, k) => {
    if (!sameNumber) return ellipse;
    const mean = each(from.ellipses[k].mean, ellipse.mean);
    return { ...ellipse, mean, covariance: each(from.ellipses[k].covariance, ellipse.covariance) };
  });
  return { positions, low: each(from.low, to.low), span: each(from.span, to.span), ellipses };
}
