// A sample on a line. Drag a point to move it. Click to add one. Drag a point off the line, or
// press Delete, to remove it.

const [LABELS, BASE, HEIGHT] = [14, 78, 104]; // pixels from the top: labels, line, lower edge
const [LEFT, RIGHT] = [14, 14];
const RADIUS = 7;
const REACH = 22; // pixels within which a pointer hits a point
const OFF = 78; // pixels from the line beyond which a point is removed
const KEYS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
};

class NumberLine {
  constructor(parent) {
    this.root = parent.querySelector(".number-line");
    this.figure = this.find(".figure");
    this.values = [];
    this.drag = null; // {pointer, i, before, off}
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

  /** New data or a new theme. The points change only with a new revision. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.setStateValue = setStateValue;
    this.figure.setAttribute("aria-label", data.label);
    if (last?.rev !== data.rev) {
      this.values = [...data.values];
      this.drag = null;
    }
    this.draw();
  }

  send() {
    this.find("[aria-live]").textContent = this.summary();
    this.setStateValue("values", { rev: this.data.rev, values: this.values });
  }

  get centres() {
    const weights = this.values.map(() => 1 / this.values.length);
    const sample = weightedSample(this.values, weights);
    const middle = (this.values.length - 1) / 2;
    const median = (sample.x[Math.floor(middle)] + sample.x[Math.ceil(middle)]) / 2;
    return { mean: meanOf(sample), median };
  }

  summary() {
    const { mean, median } = this.centres;
    const [a, b] = [mean, median].map((v) => numberText(v, 2));
    return `${this.values.length} points, mean ${a}, median ${b}`;
  }

  // --- Drawing

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.data) return;
    const { low, high } = this.data;
    const right = this.width - RIGHT;
    this.x = (v) => LEFT + ((right - LEFT) * (v - low)) / (high - low);
    this.valueAt = (x) => this.rounded(low + ((x - LEFT) / (right - LEFT)) * (high - low));
    fill(this.figure, { width: this.width, height: HEIGHT });
    const ticks = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 });
    this.find(".axes").replaceChildren(
      svg("path", { d: `M${LEFT} ${BASE}H${right}` }),
      ...ticks.map((_, i) => {
        const v = Math.ceil(low) + i;
        return svg("text", { x: this.x(v), y: BASE + 22 }, numberText(v, 0));
      }),
    );
    this.find(".more").disabled = this.values.length >= this.data.most;
    const dots = this.find(".dots");
    while (dots.children.length > this.values.length) dots.lastChild.remove();
    while (dots.children.length < this.values.length) {
      dots.append(
        svg("g", { class: "dot", role: "slider", tabindex: 0 }, svg("circle", { r: RADIUS })),
      );
    }
    this.drawPoints();
  }

  /** Draw the points, overlapping ones stacked, and the lines of mean and median. */
  drawPoints() {
    const order = [...this.values.keys()].sort((i, j) => this.values[i] - this.values[j]);
    const levels = []; // x of the last point on each level of the stacks
    for (const i of order) {
      const x = this.x(this.values[i]);
      let level = levels.findIndex((last) => x - last >= 1.4 * RADIUS);
      if (level < 0) level = levels.length;
      levels[level] = x;
      const dot = this.find(".dots").children[i];
      const leaving = this.drag?.i === i && this.drag.off;
      fill(dot, {
        class: `dot${leaving ? " leaving" : ""}`,
        transform: `translate(${x} ${BASE - Math.min(level, 5) * 1.2 * RADIUS})`,
        "aria-label": `Point ${order.indexOf(i) + 1} of ${order.length}`,
        "aria-valuemin": this.data.low,
        "aria-valuemax": this.data.high,
        "aria-valuenow": this.values[i],
      });
    }
    const { mean, median } = this.centres;
    for (const [name, at, other] of [
      ["mean", mean, median],
      ["median", median, mean],
    ]) {
      const left = at < other || (at === other && name === "median");
      const x = this.x(at);
      const mark = this.find(`.marks .${name}`);
      fill(mark.querySelector("path"), { d: `M${x} ${LABELS - 10}V${BASE + 8}` });
      const label = { x: x + (left ? -5 : 5), y: LABELS, class: left ? "end" : "start" };
      fill(mark.querySelector("text"), label);
    }
  }

  rounded(value) {
    const { low, high, step } = this.data;
    const multiple = Math.round(value / step) * step;
    return Number(Math.min(high, Math.max(low, multiple)).toFixed(6));
  }

  // --- Input

  listen() {
    const { figure } = this;
    figure.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      const { x, y } = this.positionOf(e);
      const before = [...this.values];
      let i = this.nearest(x, y);
      if (i < 0) {
        if (this.values.length >= this.data.most) return;
        i = this.values.push(this.valueAt(x)) - 1;
        this.draw();
      }
      e.preventDefault(); // prevents a selection of text
      figure.setPointerCapture(e.pointerId);
      this.find(".dots").children[i].focus({ preventScroll: true, focusVisible: false });
      this.drag = { pointer: e.pointerId, i, before, off: false };
    };
    figure.onpointermove = (e) => {
      const { drag } = this;
      if (drag?.pointer !== e.pointerId) return;
      const { x, y } = this.positionOf(e);
      this.values[drag.i] = this.valueAt(x);
      drag.off = Math.abs(y - BASE) > OFF && this.values.length > 1;
      this.drawPoints();
    };
    const finish = (keep) => (e) => {
      const { drag } = this;
      if (drag?.pointer !== e.pointerId) return;
      this.drag = null;
      if (!keep) this.values = drag.before;
      else if (drag.off) this.values.splice(drag.i, 1);
      this.draw();
      if (String(this.values) !== String(drag.before)) this.send();
    };
    figure.onpointerup = figure.onlostpointercapture = finish(true);
    figure.onpointercancel = finish(false);
    this.find(".dots").onkeydown = (e) => this.step(e);
    this.find(".more").onclick = () => this.add();
  }

  positionOf({ clientX, clientY }) {
    const box = this.figure.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  nearest(x, y) {
    const distances = [...this.find(".dots").children].map((dot) => {
      const [, a, b] = /\(([^ ]+) ([^)]+)\)/.exec(dot.getAttribute("transform"));
      return Math.hypot(a - x, b - y);
    });
    const best = distances.indexOf(Math.min(...distances));
    return distances[best] <= REACH ? best : -1;
  }

  add() {
    this.values.push(this.rounded((this.data.low + this.data.high) / 2));
    this.draw();
    this.find(".dots").lastChild.focus({ focusVisible: true });
    this.send();
  }

  /** Only Tab and Escape leave a point, because the page has its own hotkeys. */
  step(e) {
    if (e.key === "Tab" || e.key === "Escape") return;
    e.stopPropagation();
    if (e.ctrlKey || e.metaKey || e.altKey || this.drag) return;
    const i = [...this.find(".dots").children].indexOf(e.target);
    if (e.key in KEYS) {
      this.values[i] = this.rounded(this.values[i] + KEYS[e.key] * this.data.step);
      this.drawPoints();
    } else if (e.key === "Home" || e.key === "End") {
      this.values[i] = e.key === "Home" ? this.data.low : this.data.high;
      this.drawPoints();
    } else if ((e.key === "Delete" || e.key === "Backspace") && this.values.length > 1) {
      this.values.splice(i, 1);
      this.draw();
      this.find(".dots").children[Math.min(i, this.values.length - 1)].focus();
    } else return;
    e.preventDefault();
    this.send();
  }
}

export default component(NumberLine);
