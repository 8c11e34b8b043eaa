// The same points in several planes. The browser owns the selection: Python replaces it only with
// a new `rev`, and receives it after each change by an outline, a key or a button.

const remembered = new Map(); // key from Python → state of a removed scatter, for its return

class LinkedScatter {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".linked-scatter");
    this.title = find(".title");
    this.colourBy = find(".colour-by");
    this.choice = find(".colour-by .choice");
    this.legend = find(".key");
    this.board = find(".planes");
    this.count = find(".count b");
    this.hint = find(".count span");
    this.modes = find(".modes");
    this.buttons = { names: find(".names"), invert: find(".invert"), clear: find(".clear") };
    this.tip = new Tip(find(".tip"));
    this.status = find("[aria-live]");
    this.data = null;
    this.planes = [];
    this.colourings = [];
    this.chosen = 0; // index of the colouring
    this.emphasised = new Set(); // categories of the colouring
    this.names = true;
    this.mode = "new"; // effect of an outline without Shift and Alt
    this.selected = new Uint8Array(0);
    this.previewed = null; // the selection that would result while an outline is drawn
    this.theme = null; // colours; null after a change of theme or colouring
    this.appearance = null; // what all planes draw with
    this.ring = -1; // index of the point with a ring; −1: none
    this.frame = 0;
    this.listen();
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    window.removeEventListener("resize", this.onresize);
  }

  /** New data or a new theme. The selection changes only with a new revision or count. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.send = setStateValue;
    this.theme = null;
    this.root.setAttribute("aria-label", data.label);
    this.title.textContent = data.label;
    this.root.style.maxWidth = data.width ? `${data.width}px` : "";
    if (last?.count !== data.count) this.order = mixedOrder(data.count);
    this.updateSelection(last);
    this.updateColourings(last);
    while (this.planes.length > data.panels.length) this.planes.pop().root.remove();
    while (this.planes.length < data.panels.length) {
      this.planes.push(new Plane(this));
      this.board.append(this.planes.at(-1).root);
    }
    this.planes.forEach((plane, i) => plane.update(data.panels[i], data.label));
    this.layout();
  }

  updateSelection(last) {
    const { count, selected, rev, turn, key } = this.data;
    if (last && last.rev === rev && last.count === count) return;
    const stored = last ? null : remembered.get(key);
    const same = stored?.rev === rev && stored.turn === turn && stored.selected.length === count;
    this.selected = same ? stored.selected : unpack(bytesOf(selected), count);
    this.previewed = null;
    if (last?.count !== count) this.hover(null, -1);
    if (last) this.status.textContent = this.summary();
  }

  updateColourings(last) {
    const { colourings, key } = this.data;
    const text = JSON.stringify(colourings);
    if (last && this.colouringsText === text) return;
    this.colouringsText = text;
    const stored = last ? null : remembered.get(key);
    const wanted = last ? this.colouring.name : stored?.colouring;
    const categories = last ? this.colouring.names : stored?.categories;
    this.names = stored?.names ?? this.names;
    const emphasised = last ? this.emphasised : stored?.emphasised;
    this.colourings = colourings.map(colouringOf);
    const names = this.colourings.map(({ name }) => name);
    const options = { type: "button", role: "radio" };
    this.choice.replaceChildren(...names.map((name) => element("button", options, name)));
    this.colourBy.hidden = names.length < 2;
    const found = names.indexOf(wanted);
    this.colour(Math.max(found, 0));
    const same = found >= 0 && String(categories) === String(this.colouring.names);
    if (same && emphasised) this.emphasised = emphasised;
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

  // --- Input

  listen() {
    radioGroup(this.choice, (button) => {
      this.colour([...this.choice.children].indexOf(button));
      this.repaint();
    });
    const chooseMode = (button) => {
      this.mode = button.dataset.mode;
      markChosen(this.modes, button);
    };
    radioGroup(this.modes, chooseMode);
    chooseMode(this.modes.firstElementChild);
    this.buttons.names.onclick = () => {
      this.names = !this.names;
      this.repaint();
    };
    this.buttons.invert.onclick = () => this.select(this.selected.map((bit) => 1 - bit));
    this.buttons.clear.onclick = () => this.select(new Uint8Array(this.selected.length));
    this.root.onkeydown = (e) => this.onKey(e);
    this.onresize = () => this.layout();
    window.addEventListener("resize", this.onresize); // also after a zoom
    this.observer = new ResizeObserver(
      () => this.width !== this.board.clientWidth && this.layout(),
    );
    this.observer.observe(this.board);
  }

  /** Escape clears the selection. All keys but Tab and Escape stay in the component, because the
   *  page has its own hotkeys. */
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
    writeLegend(this.legend, this.colouring, (k, more) => this.emphasise(k, more));
  }

  emphasise(k, more) {
    const before = this.emphasised;
    this.emphasised = new Set(more ? before : []);
    if (before.has(k) && (more || before.size === 1)) this.emphasised.delete(k);
    else this.emphasised.add(k);
    this.repaint();
  }

  /** The selection changed by these points (one byte per point). */
  combined(points, mode) {
    if (mode === "new") return points;
    if (mode === "add") return this.selected.map((bit, i) => bit | points[i]);
    return this.selected.map((bit, i) => bit & (1 - points[i]));
  }

  preview(plane, { outline, mode }) {
    this.previewed = this.combined(insidePolygon(plane.pixels, outline), mode);
    this.repaint();
  }

  selectInside(plane, { outline, mode }) {
    this.select(this.combined(insidePolygon(plane.pixels, outline), mode));
  }

  cancelPreview() {
    this.previewed = null;
    this.repaint();
  }

  selectPoints(indices, mode) {
    const points = new Uint8Array(this.selected.length);
    for (const i of indices) points[i] = 1;
    this.select(this.combined(points, mode));
  }

  select(selected) {
    this.previewed = null;
    this.selected = selected;
    this.repaint();
    this.status.textContent = this.summary();
    const { count, rev } = this.data;
    this.remember();
    this.send("selection", { count, rev, bits: pack(selected) });
  }

  /** Draw a ring around point i in all planes and show its tooltip in `plane`; −1: none.
   *
   *  `announced`: also write the text of the tooltip for screen readers. */
  hover(plane, i, announced = false) {
    if (announced && i >= 0) this.status.textContent = this.factsOf(i).flat().join(" ");
    if (this.ring === i) return;
    this.ring = i;
    if (i < 0) this.tip.hide();
    else this.showTip(plane);
    for (const each of this.planes) each.paintMarks();
  }

  factsOf(i) {
    const facts = this.colourings.map(({ name, textOf }) => [name, textOf(i)]);
    return [["Point", grouped(i)], ...facts.filter(([, text]) => text !== null)];
  }

  showTip(plane) {
    const i = this.ring;
    const outer = this.root.getBoundingClientRect();
    const stage = plane.stage.getBoundingClientRect();
    const x = stage.left - outer.left + plane.pixels[2 * i];
    const y = stage.top - outer.top + plane.pixels[2 * i + 1];
    this.tip.show(this.factsOf(i), this.data.sheet, i, { x, y, room: outer.width });
  }

  summary() {
    const bits = this.previewed ?? this.selected;
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
    this.appearance = this.currentAppearance();
    this.writeControls();
    this.remember();
    const moving = this.planes.map((plane) => plane.move(time)).includes(true);
    for (const plane of this.planes) plane.paint();
    if (moving) this.repaint();
  }

  writeControls() {
    const bits = this.previewed ?? this.selected;
    const any = bits.includes(1);
    writeCounts(this.legend, this.colouring, this.emphasised, this.appearance.selected);
    this.count.textContent = any ? this.summary() : `${grouped(bits.length)} points`;
    this.hint.hidden = any;
    this.buttons.clear.setAttribute("aria-disabled", String(!any));
    this.buttons.names.setAttribute("aria-pressed", String(this.names));
    const ellipses = this.data.panels.some((panel) => panel.ellipses.length > 0);
    this.buttons.names.hidden = !this.colouring.names && !ellipses;
  }

  /** What all planes draw with: colours, colouring, emphasis and selection. */
  currentAppearance() {
    const { colouring, emphasised, names } = this;
    const bits = this.previewed ?? this.selected;
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
      isCategory: (name) => Boolean(named?.includes(name)),
      isFaded: (name) => emphasised.size > 0 && !emphasised.has(named.indexOf(name)),
    };
  }

  /** Colours of the theme and of the colouring, as CSS and as 32-bit words. */
  readTheme() {
    const { colouring } = this;
    const read = (colour) => readColour(this.root, colour).slice(0, 3);
    const mix = (one, other, t) => one.map((a, i) => Math.round(a + t * (other[i] - a)));
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

export default component(LinkedScatter);
