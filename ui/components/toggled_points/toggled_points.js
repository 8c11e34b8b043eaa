// Points that the visitor hides and shows: with a click, by dragging, with a tap or a key.

const REACH = { mouse: 12, pen: 14, touch: 24 }; // pixels within which a pointer hits a point
const MARGIN = { left: 34, right: 8, top: 8, bottom: 34 };
const MAX_HEIGHT = 400; // pixels
const LINE = 26; // pixels; length of a line in the legend

class ToggledPoints {
  constructor(parent) {
    this.root = parent.querySelector(".toggled-points");
    this.stage = this.find(".stage");
    this.cursor = -1; // the point that keys act on
    this.sweep = null; // while the mouse button is down: {hide: bool or null, before}
    this.listen();
    this.observer = new ResizeObserver(() => this.width !== this.root.clientWidth && this.draw());
    this.observer.observe(this.root);
  }

  dispose() {
    this.observer.disconnect();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** New data or a new theme. The flips change only with a new revision. */
  update({ data, setStateValue }) {
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

  // --- Drawing

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.data) return;
    const { reach } = this.data;
    const height = Math.min(MAX_HEIGHT, Math.max(260, 0.72 * this.width));
    const [right, bottom] = [this.width - MARGIN.right, height - MARGIN.bottom];
    this.x = (v) => MARGIN.left + ((right - MARGIN.left) * (v + reach)) / (2 * reach);
    this.y = (v) => bottom - ((bottom - MARGIN.top) * (v + reach)) / (2 * reach);
    fill(this.stage, {
      width: this.width,
      height,
      "aria-label": `${this.data.label}. Arrow keys move between points;
        the space bar hides or shows one.`,
    });
    this.drawAxes(right, bottom);
    this.positions = this.data.xy.map(([a, b]) => [this.x(a), this.y(b)]);
    const dots = this.positions.map(([cx, cy]) => svg("circle", { cx, cy, r: 4 }));
    this.find(".points").replaceChildren(...dots);
    dots.forEach((_, i) => this.show(i));
    this.drawLines();
    this.drawCursor();
  }

  drawAxes(right, bottom) {
    const whole = Math.floor(this.data.reach);
    const values = Array.from({ length: 2 * whole + 1 }, (_, i) => i - whole);
    const [across, up] = this.data.axes;
    this.find(".axes").replaceChildren(
      ...values.map((v) => svg("path", { d: `M${this.x(v)} ${MARGIN.top}V${bottom}` })),
      ...values.map((v) => svg("path", { d: `M${MARGIN.left} ${this.y(v)}H${right}` })),
      ...values.map((v) => svg("text", { x: this.x(v), y: bottom + 16 }, numberText(v, 0))),
      ...values.map((v) => {
        return svg("text", { class: "end", x: 20, y: this.y(v) + 4 }, numberText(v, 0));
      }),
      svg("text", { class: "name end", x: right, y: bottom + 30 }, across),
      svg("text", { class: "name", x: MARGIN.left + 12, y: MARGIN.top + 12 }, up),
    );
  }

  show(i) {
    const kind = `dot${this.isHidden(i) ? " hidden" : ""}${this.flips[i] ? " flipped" : ""}`;
    fill(this.find(".points").children[i], { class: kind });
  }

  drawLines() {
    const { lines, reach } = this.data;
    const classOf = ({ style, strong }) => `${style}${strong ? " strong" : ""}`;
    this.find(".lines").replaceChildren(
      ...lines.map((line) => {
        const ends = [
          [-reach, line.at_low],
          [reach, line.at_high],
        ];
        const [[a, b], [c, d]] = ends.map(([x, y]) => [this.x(x), this.y(y)]);
        return svg("path", { class: classOf(line), d: `M${a} ${b}L${c} ${d}` });
      }),
    );
    const mark = (kind) => {
      const sign = svg("svg", { width: 12, height: 12, "aria-hidden": "true" });
      return fill(sign, {}, [svg("circle", { class: kind, cx: 6, cy: 6, r: 4 })]);
    };
    const stroke = (line) => {
      const sign = svg("svg", { width: LINE, height: 12, "aria-hidden": "true" });
      return fill(sign, {}, [svg("path", { class: classOf(line), d: `M0 6H${LINE}` })]);
    };
    this.find(".key").replaceChildren(
      element("li", {}, mark("dot"), "x₂ observed"),
      element("li", {}, mark("dot hidden"), "hidden"),
      ...lines.map((line) => element("li", {}, stroke(line), line.name)),
    );
  }

  drawCursor() {
    const cursor = this.find(".cursor");
    cursor.classList.toggle("placed", this.cursor >= 0);
    if (this.cursor < 0) return;
    const [cx, cy] = this.positions[this.cursor];
    fill(cursor, { cx, cy });
  }

  // --- Input

  listen() {
    const { stage } = this;
    stage.onpointerdown = (e) => {
      this.pointer = e.pointerType;
      if (this.pointer === "touch" || !e.isPrimary || e.button !== 0) return;
      e.preventDefault(); // prevents a selection of text
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
      const i = this.pointAt(e);
      if (i < 0) return;
      this.flip(i);
      this.send();
    };
    stage.onkeydown = (e) => this.step(e);
  }

  /** The point that a pointer hits; −1 if there is none. */
  pointAt(event) {
    const { x, y } = positionIn(this.stage, event, {
      width: this.width,
      height: this.stage.clientHeight || this.stage.getAttribute("height"),
    });
    const distances = this.positions.map(([a, b]) => Math.hypot(a - x, b - y));
    const nearest = distances.indexOf(Math.min(...distances));
    return distances[nearest] <= REACH[this.pointer] ? nearest : -1;
  }

  over(event) {
    const i = this.pointAt(event);
    if (i < 0) return;
    this.sweep.hide ??= !this.isHidden(i); // all points of a sweep change as the first one
    if (this.isHidden(i) !== this.sweep.hide) this.flip(i);
  }

  flip(i) {
    this.flips[i] ^= 1;
    this.show(i);
  }

  /** Only Tab and Escape leave the component, because the page has its own hotkeys. */
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

  /** Move the cursor to the next point in the direction of an arrow key. */
  go([across, down]) {
    const along = (i) => (across ? this.positions[i][0] * across : this.positions[i][1] * down);
    const order = [...this.positions.keys()].sort((i, j) => along(i) - along(j));
    const next = this.cursor < 0 ? order.length >> 1 : order.indexOf(this.cursor) + 1;
    this.cursor = order[Math.min(next, order.length - 1)];
    const [a, b] = this.data.xy[this.cursor].map((v) => numberText(v, 1));
    const state = this.isHidden(this.cursor) ? "hidden" : "observed";
    this.find("[aria-live]").textContent = `Point ${a}, ${b}, ${state}`;
    this.drawCursor();
  }
}

export default component(ToggledPoints);
