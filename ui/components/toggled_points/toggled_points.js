// Points that a click, a sweep of the mouse, a tap or a key hides and shows.

const REACH = { mouse: 12, pen: 14, touch: 24 }; // pixels within which a pointer is at a point
const MARGIN = { left: 34, right: 8, top: 8, foot: 34 };
const MOST = 400; // pixels of height
const LINE = 26; // pixels of a line in the legend

export default component({
  create: (parent) => new ToggledPoints(parent),
  update: (points, { data, setStateValue }) => points.update(data, setStateValue),
  destroy: (points) => points.observer.disconnect(),
});

class ToggledPoints {
  constructor(parent) {
    this.root = parent.querySelector(".toggled-points");
    this.stage = this.find(".stage");
    this.cursor = -1; // the point that keys act on
    this.sweep = null; // of a mouse held down: {hide: bool or null, before}
    this.listen();
    this.observer = new ResizeObserver(() => this.width !== this.root.clientWidth && this.draw());
    this.observer.observe(this.root);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** New data or a new theme. The flips follow only a new revision. */
  update(data, setStateValue) {
    const last = this.data;
    this.data = data;
    this.send = () => {
      this.find("[aria-live]").textContent = this.summary();
      setStateValue("flips", { rev: data.rev, bits: pack(this.flips) });
    };
    const count = data.xy.length;
    this.hidden = unpack(bytesOf(data.hidden), count);
    if (last?.rev !== data.rev || last.xy.length !== count) {
      this.flips = unpack(bytesOf(data.flips), count);
      this.sweep = null;
      this.cursor = -1;
    }
    this.draw();
  }

  isHidden(i) {
    return (this.hidden[i] ^ this.flips[i]) === 1;
  }

  summary() {
    const hidden = this.data.xy.filter((_, i) => this.isHidden(i)).length;
    return `${hidden} of ${this.data.xy.length} points hidden`;
  }

  // --- The picture

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.data) return;
    const { reach } = this.data;
    const height = Math.min(MOST, Math.max(260, 0.72 * this.width));
    const [right, foot] = [this.width - MARGIN.right, height - MARGIN.foot];
    this.x = (v) => MARGIN.left + ((right - MARGIN.left) * (v + reach)) / (2 * reach);
    this.y = (v) => foot - ((foot - MARGIN.top) * (v + reach)) / (2 * reach);
    fill(this.stage, {
      width: this.width,
      height,
      "aria-label": `${this.data.label}. Arrow keys move between points;
        the space bar hides or shows one.`,
    });
    this.drawAxes(right, foot);
    this.places = this.data.xy.map(([a, b]) => [this.x(a), this.y(b)]);
    const dots = this.places.map(([cx, cy]) => svg("circle", { cx, cy, r: 4 }));
    this.find(".points").replaceChildren(...dots);
    dots.forEach((_, i) => this.show(i));
    this.drawLines();
    this.place();
  }

  drawAxes(right, foot) {
    const whole = Math.floor(this.data.reach);
    const values = Array.from({ length: 2 * whole + 1 }, (_, i) => i - whole);
    const [across, up] = this.data.axes;
    this.find(".axes").replaceChildren(
      ...values.map((v) => svg("path", { d: `M${this.x(v)} ${MARGIN.top}V${foot}` })),
      ...values.map((v) => svg("path", { d: `M${MARGIN.left} ${this.y(v)}H${right}` })),
      ...values.map((v) => svg("text", { x: this.x(v), y: foot + 16 }, numberText(v, 0))),
      ...values.map((v) => {
        return svg("text", { class: "end", x: 20, y: this.y(v) + 4 }, numberText(v, 0));
      }),
      svg("text", { class: "name end", x: right, y: foot + 30 }, across),
      svg("text", { class: "name", x: MARGIN.left + 12, y: MARGIN.top + 12 }, up),
    );
  }

  show(i) {
    const kind = `dot${this.isHidden(i) ? " hidden" : ""}${this.flips[i] ? " flipped" : ""}`;
    fill(this.find(".points").children[i], { class: kind });
  }

  drawLines() {
    const { lines, reach } = this.data;
    const look = ({ style, strong }) => `${style}${strong ? " strong" : ""}`;
    this.find(".lines").replaceChildren(
      ...lines.map((line) => {
        const ends = [
          [-reach, line.at_low],
          [reach, line.at_high],
        ];
        const [[a, b], [c, d]] = ends.map(([x, y]) => [this.x(x), this.y(y)]);
        return svg("path", { class: look(line), d: `M${a} ${b}L${c} ${d}` });
      }),
    );
    const mark = (kind) => {
      const sign = svg("svg", { width: 12, height: 12, "aria-hidden": "true" });
      return fill(sign, {}, [svg("circle", { class: kind, cx: 6, cy: 6, r: 4 })]);
    };
    const stroke = (line) => {
      const sign = svg("svg", { width: LINE, height: 12, "aria-hidden": "true" });
      return fill(sign, {}, [svg("path", { class: look(line), d: `M0 6H${LINE}` })]);
    };
    this.find(".key").replaceChildren(
      element("li", {}, mark("dot"), "x₂ observed"),
      element("li", {}, mark("dot hidden"), "hidden"),
      ...lines.map((line) => element("li", {}, stroke(line), line.name)),
    );
  }

  place() {
    const cursor = this.find(".cursor");
    cursor.classList.toggle("placed", this.cursor >= 0);
    if (this.cursor < 0) return;
    const [cx, cy] = this.places[this.cursor];
    fill(cursor, { cx, cy });
  }

  // --- Input

  listen() {
    const { stage } = this;
    stage.onpointerdown = (e) => {
      this.pointer = e.pointerType;
      if (this.pointer === "touch" || !e.isPrimary || e.button !== 0) return;
      e.preventDefault(); // no selection of text
      stage.focus({ preventScroll: true, focusVisible: false });
      stage.setPointerCapture(e.pointerId);
      this.sweep = { hide: null, before: pack(this.flips) };
      this.over(e);
    };
    stage.onpointermove = (e) => {
      if (!this.sweep) return;
      for (const each of [...(e.getCoalescedEvents?.() ?? []), e]) this.over(each);
    };
    stage.onpointerup = stage.onlostpointercapture = () => {
      const { sweep } = this;
      this.sweep = null;
      if (sweep && sweep.before !== pack(this.flips)) this.send();
    };
    stage.onclick = (e) => {
      if (this.pointer !== "touch") return;
      const i = this.at(e);
      if (i < 0) return;
      this.flip(i);
      this.send();
    };
    stage.onkeydown = (e) => this.step(e);
  }

  /** The point next to a pointer, -1 if none is near. */
  at(event) {
    const { x, y } = positionIn(this.stage, event, {
      width: this.width,
      height: this.stage.clientHeight || this.stage.getAttribute("height"),
    });
    const apart = this.places.map(([a, b]) => Math.hypot(a - x, b - y));
    const nearest = apart.indexOf(Math.min(...apart));
    return apart[nearest] <= REACH[this.pointer] ? nearest : -1;
  }

  over(event) {
    const i = this.at(event);
    if (i < 0) return;
    this.sweep.hide ??= !this.isHidden(i); // all that follow as the first
    if (this.isHidden(i) !== this.sweep.hide) this.flip(i);
  }

  flip(i) {
    this.flips[i] ^= 1;
    this.show(i);
  }

  /** Nothing but Tab and Escape leaves: the page around has hotkeys of its own. */
  step(e) {
    if (e.key === "Tab" || e.key === "Escape") return;
    e.stopPropagation();
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key in ARROWS) this.go(ARROWS[e.key]);
    else if ((e.key === " " || e.key === "Enter") && this.cursor >= 0) {
      this.flip(this.cursor);
      this.send();
    } else return;
    e.preventDefault();
  }

  /** To the next point in a direction, by order along that axis. */
  go([across, down]) {
    const along = (i) => (across ? this.places[i][0] * across : this.places[i][1] * down);
    const order = [...this.places.keys()].sort((i, j) => along(i) - along(j));
    const next = this.cursor < 0 ? order.length >> 1 : order.indexOf(this.cursor) + 1;
    this.cursor = order[Math.min(next, order.length - 1)];
    const [a, b] = this.data.xy[this.cursor].map((v) => numberText(v, 1));
    const state = this.isHidden(this.cursor) ? "hidden" : "observed";
    this.find("[aria-live]").textContent = `Point ${a}, ${b}, ${state}`;
    this.place();
  }
}
