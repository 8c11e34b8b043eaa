// A movable square over a photograph. The browser owns the square: Python replaces it only with a
// new `rev`, and receives it after a drag, a key or a turn of the wheel.

const SIZES = { "+": 1.05, "=": 1.05, "-": 1 / 1.05, _: 1 / 1.05 };
const STEP = 0.01; // fraction of the shorter side per arrow key; five times as much with Shift
const WHEEL_REST = 200; // milliseconds without an event after which a turn of the wheel has ended

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** One photograph with its square {x, y, side}, in pixels of the photograph; (x, y) is the centre.
 *  The square is always inside the photograph. */
class SquareCrop {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".square-crop");
    this.label = find(".label");
    this.count = find(".count");
    this.stage = find(".stage");
    this.photo = find(".photo");
    this.hole = find(".hole");
    this.handle = find(".square");
    this.status = find("[role=status]");
    this.data = null;
    this.at = null;
    this.sent = null; // the square that Python has
    this.drag = null; // while dragging: {pointer, before, follow(point)}
    this.timer = 0;
    this.listen();
  }

  dispose() {
    clearTimeout(this.timer);
  }

  /** New data or a new theme. The square changes only with a new revision or photograph. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.send = setStateValue;
    const { width, height, square, shownSide, label } = data;
    if (!last || last.rev !== data.rev || last.width !== width || last.height !== height) {
      clearTimeout(this.timer);
      this.timer = 0;
      this.drag = null;
      const side = square.size * Math.min(width, height);
      this.set({ x: square.x * width, y: square.y * height, side });
      this.sent = this.at;
      if (last) this.status.textContent = this.summary();
    }
    if (this.photo.src !== data.photo) this.photo.src = data.photo;
    const shown = (shownSide * width) / Math.max(width, height);
    this.root.style.setProperty("--stage-width", `${shown}px`);
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.label.textContent = label;
    this.handle.setAttribute("aria-label", label);
  }

  /** Set the square, limited to the photograph and to the allowed sizes. */
  set({ x, y, side }) {
    const { width, height, smallest } = this.data;
    const shorter = Math.min(width, height);
    side = clamp(side, smallest * shorter, shorter);
    const half = side / 2;
    this.at = { x: clamp(x, half, width - half), y: clamp(y, half, height - half), side };
    for (const { style } of [this.hole, this.handle]) {
      style.left = `${(100 * (this.at.x - half)) / width}%`;
      style.top = `${(100 * (this.at.y - half)) / height}%`;
      style.width = `${(100 * side) / width}%`;
      style.height = `${(100 * side) / height}%`;
    }
    this.count.textContent = `${Math.round((100 * side) / shorter)} %`;
  }

  /** Send the square to Python and to screen readers. */
  report() {
    clearTimeout(this.timer);
    this.timer = 0;
    const { width, height, smallest, rev } = this.data;
    const { x, y, side } = this.at;
    if (["x", "y", "side"].every((name) => this.at[name] === this.sent[name])) return;
    this.sent = this.at;
    this.send("square", {
      x: clamp(x / width, 0, 1),
      y: clamp(y / height, 0, 1),
      size: clamp(side / Math.min(width, height), smallest, 1), // against rounding errors
      rev,
    });
    this.status.textContent = this.summary();
  }

  summary() {
    const { width, height } = this.data;
    const percent = (part, whole) => `${Math.round((100 * part) / whole)} %`;
    const { x, y, side } = this.at;
    return (
      `Side ${percent(side, Math.min(width, height))}, middle at ${percent(x, width)} ` +
      `from the left and ${percent(y, height)} from the top`
    );
  }

  // --- Input

  listen() {
    const { handle } = this;
    handle.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      handle.setPointerCapture(e.pointerId);
      const { x, y } = e.target.dataset;
      const follow = x
        ? this.stretching(Number(x), Number(y), this.pointOf(e))
        : this.moving(this.pointOf(e));
      this.drag = { pointer: e.pointerId, before: this.at, follow };
    };
    handle.onpointermove = (e) => {
      if (this.drag?.pointer === e.pointerId) this.set(this.drag.follow(this.pointOf(e)));
    };
    const finish = (keep) => (e) => {
      if (this.drag?.pointer !== e.pointerId) return;
      const { before } = this.drag;
      this.drag = null;
      if (keep) this.report();
      else this.set(before);
    };
    handle.onpointerup = finish(true);
    handle.onlostpointercapture = finish(true);
    handle.onpointercancel = finish(false);
    this.photo.onclick = (e) => {
      this.set({ ...this.at, ...this.pointOf(e) });
      this.handle.focus({ preventScroll: true, focusVisible: false });
      this.report();
    };
    handle.onkeydown = (e) => this.steer(e);
    handle.onkeyup = () => this.drag || this.report();
    handle.onblur = () => this.drag || this.report();
    // Without focus, the wheel scrolls the page.
    this.stage.onwheel = (e) => {
      if (!handle.matches(":focus") || e.ctrlKey || this.drag) return;
      e.preventDefault();
      const turn = e.deltaY * (e.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
      this.set({ ...this.at, side: this.at.side * Math.exp(-clamp(turn, -120, 120) / 1200) });
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.report(), WHEEL_REST);
    };
  }

  /** The position of an event in pixels of the photograph. */
  pointOf(event) {
    return positionIn(this.stage, event, this.data);
  }

  /** → a function from the pointer to a square that moves with it */
  moving(start) {
    const { x, y, side } = this.at;
    return (point) => ({ x: x + point.x - start.x, y: y + point.y - start.y, side });
  }

  /** → a function from the pointer to a square whose corner, right (1) or left (−1) and below (1)
   *  or above (−1), moves with it; the opposite corner stays */
  stretching(right, below, start) {
    const { x, y, side } = this.at;
    const { width, height, smallest } = this.data;
    const fixed = { x: x - (right * side) / 2, y: y - (below * side) / 2 };
    const room = Math.min(
      right > 0 ? width - fixed.x : fixed.x,
      below > 0 ? height - fixed.y : fixed.y,
    );
    return (point) => {
      const grown = Math.max(right * (point.x - start.x), below * (point.y - start.y));
      const length = clamp(side + grown, smallest * Math.min(width, height), room);
      return {
        x: fixed.x + (right * length) / 2,
        y: fixed.y + (below * length) / 2,
        side: length,
      };
    };
  }

  /** Arrow keys, plus and minus. All keys but Tab and Escape stay in the component, because the
   *  page has its own hotkeys (R reruns, C clears caches). */
  steer(e) {
    if (e.key === "Tab" || e.key === "Escape") return;
    e.stopPropagation();
    if (e.ctrlKey || e.metaKey || e.altKey || this.drag) return;
    const { x, y, side } = this.at;
    if (e.key in ARROWS) {
      const [right, down] = ARROWS[e.key];
      const step = STEP * (e.shiftKey ? 5 : 1) * Math.min(this.data.width, this.data.height);
      this.set({ x: x + right * step, y: y + down * step, side });
    } else if (e.key in SIZES) {
      this.set({ x, y, side: side * SIZES[e.key] });
    } else return;
    e.preventDefault();
  }
}

export default component(SquareCrop);
