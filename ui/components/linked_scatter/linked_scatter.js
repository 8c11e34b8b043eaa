// The same points in several planes. The browser owns the selection: Python replaces it only by a
// new `rev`, and hears of it when a lasso, a key or a button ends.

const remembered = new Map(); // Python's key → what a scatter that comes back goes on with

export default component({
  create: (parent) => new LinkedScatter(parent),
  update: (scatter, { data, setStateValue }) => scatter.update(data, setStateValue),
  destroy: (scatter) => scatter.dispose(),
});

class LinkedScatter {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".linked-scatter");
    this.title = find(".title");
    this.colourBy = find(".colour-by");
    this.choice = find(".colour-by .choice");
    this.key = find(".key");
    this.board = find(".planes");
    this.count = find(".count b");
    this.hint = find(".count span");
    this.hows = find(".hows");
    this.buttons = { names: find(".names"), invert: find(".invert"), clear: find(".clear") };
    this.tip = new Tip(find(".tip"));
    this.status = find("[aria-live]");
    this.data = null;
    this.planes = [];
    this.colourings = [];
    this.chosen = 0; // colouring
    this.emphasised = new Set(); // its categories
    this.names = true;
    this.how = "new"; // what an outline does without Shift and Alt
    this.selected = new Uint8Array(0);
    this.wouldBe = null; // the selection, while an outline is drawn
    this.theme = null; // colours, until the theme or the colouring changes
    this.look = null; // what the planes draw
    this.ring = -1;
    this.frame = 0;
    this.listen();
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    window.removeEventListener("resize", this.onresize);
  }

  /** New data or a new theme. The selection follows only a new revision, or another count. */
  update(data, send) {
    const last = this.data;
    this.data = data;
    this.send = send;
    this.theme = null;
    this.root.setAttribute("aria-label", data.label);
    this.title.textContent = data.label;
    this.root.style.maxWidth = data.width ? `${data.width}px` : "";
    if (last?.count !== data.count) this.order = mixedOrder(data.count);
    this.takeSelection(last);
    this.takeColourings(last);
    while (this.planes.length > data.panels.length) this.planes.pop().root.remove();
    while (this.planes.length < data.panels.length) {
      this.planes.push(new Plane(this));
      this.board.append(this.planes.at(-1).root);
    }
    this.planes.forEach((plane, i) => plane.update(data.panels[i], data.label));
    this.layout();
  }

  takeSelection(last) {
    const { count, selected, rev, turn, key } = this.data;
    if (last && last.rev === rev && last.count === count) return;
    const known = last ? null : remembered.get(key);
    const same = known?.rev === rev && known.turn === turn && known.selected.length === count;
    this.selected = same ? known.selected : unpack(bytesOf(selected), count);
    this.wouldBe = null;
    if (last?.count !== count) this.hover(null, -1);
    if (last) this.status.textContent = this.summary();
  }

  takeColourings(last) {
    const { colourings, key } = this.data;
    const text = JSON.stringify(colourings);
    if (last && this.colouringsText === text) return;
    this.colouringsText = text;
    const known = last ? null : remembered.get(key);
    const wanted = last ? this.colouring.name : known?.colouring;
    const before = last ? this.colouring.names : known?.categories;
    this.names = known?.names ?? this.names;
    const emphasised = last ? this.emphasised : known?.emphasised;
    this.colourings = colourings.map(colouringOf);
    const names = this.colourings.map(({ name }) => name);
    const options = { type: "button", role: "radio" };
    this.choice.replaceChildren(...names.map((name) => element("button", options, name)));
    this.colourBy.hidden = names.length < 2;
    const found = names.indexOf(wanted);
    this.colour(Math.max(found, 0));
    const alike = found >= 0 && String(before) === String(this.colouring.names);
    if (alike && emphasised) this.emphasised = emphasised;
  }

  get colouring() {
    return this.colourings[this.chosen];
  }

  remember() {
    const { key, rev, turn } = this.data;
    remembered.set(key, {
      rev,
      turn,
      selected: this.selected,
      colouring: this.colouring.name,
      categories: this.colouring.names,
      emphasised: this.emphasised,
      names: this.names,
    });
  }

  // --- What is done

  listen() {
    radioGroup(this.choice, (button) => {
      this.colour([...this.choice.children].indexOf(button));
      this.repaint();
    });
    const chooseHow = (button) => {
      this.how = button.dataset.how;
      markChosen(this.hows, button);
    };
    radioGroup(this.hows, chooseHow);
    chooseHow(this.hows.firstElementChild);
    this.buttons.names.onclick = () => {
      this.names = !this.names;
      this.repaint();
    };
    this.buttons.invert.onclick = () => this.select(this.selected.map((bit) => 1 - bit));
    this.buttons.clear.onclick = () => this.select(new Uint8Array(this.selected.length));
    this.root.onkeydown = (e) => this.onKey(e);
    this.onresize = () => this.layout();
    window.addEventListener("resize", this.onresize); // zoom, too
    this.observer = new ResizeObserver(
      () => this.width !== this.board.clientWidth && this.layout(),
    );
    this.observer.observe(this.board);
  }

  /** Escape clears a selection first. Other keys than it and Tab stay: the page around has hotkeys
   *  of its own. */
  onKey(e) {
    if (e.key === "Tab") return;
    if (e.key !== "Escape") return e.stopPropagation();
    if (!this.selected.includes(1)) return;
    e.stopPropagation();
    e.preventDefault();
    this.select(new Uint8Array(this.selected.length));
  }

  colour(i) {
    this.chosen = i;
    this.theme = null;
    this.emphasised = new Set();
    markChosen(this.choice, this.choice.children[i]);
    writeKey(this.key, this.colouring, (k, more) => this.emphasise(k, more));
  }

  emphasise(k, more) {
    const before = this.emphasised;
    this.emphasised = new Set(more ? before : []);
    if (before.has(k) && (more || before.size === 1)) this.emphasised.delete(k);
    else this.emphasised.add(k);
    this.repaint();
  }

  /** What the selection becomes with these points (one byte a point). */
  combined(points, how) {
    if (how === "new") return points;
    if (how === "add") return this.selected.map((bit, i) => bit | points[i]);
    return this.selected.map((bit, i) => bit & (1 - points[i]));
  }

  preview(plane, { outline, how }) {
    this.wouldBe = this.combined(insidePolygon(plane.pixels, outline), how);
    this.repaint();
  }

  take(plane, { outline, how }) {
    this.select(this.combined(insidePolygon(plane.pixels, outline), how));
  }

  forget() {
    this.wouldBe = null;
    this.repaint();
  }

  pick(indices, how) {
    const points = new Uint8Array(this.selected.length);
    for (const i of indices) points[i] = 1;
    this.select(this.combined(points, how));
  }

  select(selected) {
    this.wouldBe = null;
    this.selected = selected;
    this.repaint();
    this.status.textContent = this.summary();
    const { count, rev } = this.data;
    this.remember();
    this.send("selection", { count, rev, bits: pack(selected) });
  }

  /** Ring a point in all planes and say what it is beside that of `plane`; −1: none. */
  hover(plane, i, aloud = false) {
    if (aloud && i >= 0) this.status.textContent = this.factsOf(i).flat().join(" ");
    if (this.ring === i) return;
    this.ring = i;
    if (i < 0) this.tip.hide();
    else this.showTip(plane);
    for (const each of this.planes) each.paintMarks();
  }

  factsOf(i) {
    const facts = this.colourings.map(({ name, say }) => [name, say(i)]);
    return [["Point", grouped(i)], ...facts.filter(([, said]) => said !== null)];
  }

  showTip(plane) {
    const i = this.ring;
    const around = this.root.getBoundingClientRect();
    const stage = plane.stage.getBoundingClientRect();
    const x = stage.left - around.left + plane.pixels[2 * i];
    const y = stage.top - around.top + plane.pixels[2 * i + 1];
    this.tip.show(this.factsOf(i), this.data.sheet, i, { x, y, room: around.width });
  }

  summary() {
    const bits = this.wouldBe ?? this.selected;
    const chosen = bits.reduce((sum, bit) => sum + bit, 0);
    return `${grouped(chosen)} of ${grouped(bits.length)} points selected`;
  }

  // --- Drawing

  layout() {
    if (!this.data) return;
    this.width = this.board.clientWidth;
    if (!this.width) return;
    for (const plane of this.planes) plane.resize(this.data.height);
    this.hover(null, -1);
    this.paint(performance.now());
  }

  repaint() {
    this.frame ||= requestAnimationFrame((time) => this.paint(time));
  }

  paint(time) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.look = this.lookNow();
    this.writeAround();
    this.remember();
    const moving = this.planes.map((plane) => plane.move(time)).includes(true);
    for (const plane of this.planes) plane.paint();
    if (moving) this.repaint();
  }

  writeAround() {
    const bits = this.wouldBe ?? this.selected;
    const any = bits.includes(1);
    countInKey(this.key, this.colouring, this.emphasised, this.look.selected);
    this.count.textContent = any ? this.summary() : `${grouped(bits.length)} points`;
    this.hint.hidden = any;
    this.buttons.clear.setAttribute("aria-disabled", String(!any));
    this.buttons.names.setAttribute("aria-pressed", String(this.names));
    const ellipses = this.data.panels.some((panel) => panel.ellipses.length > 0);
    this.buttons.names.hidden = !this.colouring.names && !ellipses;
  }

  /** What the planes share, from the theme and from what is chosen. */
  lookNow() {
    const { colouring, emphasised, names } = this;
    const bits = this.wouldBe ?? this.selected;
    const any = bits.includes(1);
    const full = bits.map((bit, i) =>
      (bit || !any) && (!emphasised.size || emphasised.has(colouring.slots[i])) ? 1 : 0,
    );
    const named = colouring.names;
    this.theme ??= this.readTheme();
    return {
      ...this.theme,
      colouring,
      emphasised,
      full,
      order: this.order,
      slots: colouring.slots,
      selected: countSelected(colouring, bits),
      names,
      ownEllipse: (name) => Boolean(named?.includes(name)),
      isFaded: (name) => emphasised.size > 0 && !emphasised.has(named.indexOf(name)),
    };
  }

  /** Colours of the theme and of the colouring, as CSS and as pixels. */
  readTheme() {
    const { colouring } = this;
    const read = (written) => readColour(this.root, written).slice(0, 3);
    const mix = (one, other, share) => one.map((a, i) => Math.round(a + share * (other[i] - a)));
    const text = (levels) => `rgb(${levels.join(" ")})`;
    const [ink, muted, accent, paper] = ["ink", "muted", "accent", "stage"].map((name) =>
      read(`var(--${name})`),
    );
    const grey = mix(muted, paper, 0.4);
    const levels = [...colouring.colours.map(read), grey];
    return {
      ink: text(ink),
      muted: text(muted),
      accent: text(accent),
      paper: text(paper),
      background: paper,
      colours: levels.map(text),
      words: levels.map(word),
      greyWord: word(grey),
      inks: colouring.names ? levels.map((level) => text(mix(ink, level, 0.35))) : [],
      font: getComputedStyle(this.root).fontFamily,
      alpha: paper[1] < 128 ? 0.82 : 0.72,
      dimAlpha: 0.14,
    };
  }
}
