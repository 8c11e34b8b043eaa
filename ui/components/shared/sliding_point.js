// A point on an axis. A pointer in the figure, keys on the handle, or the program move it.

const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
const KEYS = { ...ARROWS, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
const STEPS = 200; // arrow keys from one end of the axis to the other
const SNAP = 4; // pixels within which a dragged point moves to a stop
const GLIDE = 450; // milliseconds

/** Calls show() when the value changes, and settle(value) when a move has ended at a new value.
 *
 *  The caller sets `axis`: {low, high, stops, pixel, value}. A dragged point snaps to the values
 *  `stops`; the functions convert a value to a pixel of the figure and back. */
class SlidingPoint {
  constructor(figure, handle, { show, settle }) {
    Object.assign(this, { figure, handle, show, settle });
    this.axis = null;
    this.value = 0;
    this.settled = 0;
    this.drag = null; // while dragging: {pointer, before}
    this.gliding = 0; // the requested animation frame
    this.listen();
  }

  /** Set the value without a call of show() or settle(). */
  start(value) {
    this.stop();
    this.value = this.settled = value;
  }

  /** End an animation and a drag. */
  stop() {
    cancelAnimationFrame(this.gliding);
    this.drag = null;
  }

  move(value) {
    this.value = Math.min(this.axis.high, Math.max(this.axis.low, value));
    this.show();
  }

  /** Move to a value in an animation; settle() is called at its start. */
  glide(to) {
    this.stop();
    this.end(to);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.move(to);
    const [from, startTime] = [this.value, performance.now()];
    const tick = (now) => {
      const remaining = Math.max(0, 1 - (now - startTime) / GLIDE) ** 3;
      this.move(remaining > 0 ? to + Math.min(remaining, 1) * (from - to) : to);
      if (remaining > 0) this.gliding = requestAnimationFrame(tick);
    };
    this.gliding = requestAnimationFrame(tick);
  }

  /** Call settle() if the value differs from the last settled one. */
  end(value = this.value) {
    if (value === this.settled) return;
    this.settled = value;
    this.settle(value);
  }

  listen() {
    const { figure, handle } = this;
    const follow = (e) => {
      const x = e.clientX - figure.getBoundingClientRect().left;
      const near = (stop) => Math.abs(this.axis.pixel(stop) - x);
      const [stop] = [...this.axis.stops].sort((a, b) => near(a) - near(b));
      this.move(near(stop) <= SNAP ? stop : this.axis.value(x));
    };
    figure.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      this.stop();
      e.preventDefault(); // prevents a selection of text
      handle.focus({ preventScroll: true, focusVisible: false });
      figure.setPointerCapture(e.pointerId);
      this.drag = { pointer: e.pointerId, before: this.value };
      follow(e);
    };
    figure.onpointermove = (e) => this.drag?.pointer === e.pointerId && follow(e);
    const finish = (keep) => (e) => {
      if (this.drag?.pointer !== e.pointerId) return;
      const { before } = this.drag;
      this.drag = null;
      if (keep) this.end();
      else this.move(before);
    };
    figure.onpointerup = finish(true);
    figure.onlostpointercapture = finish(true);
    figure.onpointercancel = finish(false);
    handle.onkeydown = (e) => this.step(e);
    handle.onkeyup = handle.onblur = () => this.drag || this.end();
  }

  /** Only Tab and Escape leave the handle, because the page has its own hotkeys. */
  step(e) {
    if (e.key === "Tab" || e.key === "Escape") return;
    e.stopPropagation();
    if (e.ctrlKey || e.metaKey || e.altKey || this.drag || !(e.key in KEYS)) return;
    e.preventDefault();
    this.stop();
    const { low, high, stops } = this.axis;
    const to = this.value + (KEYS[e.key] * (high - low)) / STEPS;
    const passed = stops.filter((stop) => (stop - this.value) * (to - stop) > 0);
    const nearest = passed.sort((a, b) => Math.abs(a - this.value) - Math.abs(b - this.value))[0];
    this.move(Number.isFinite(to) ? (nearest ?? to) : to);
  }
}
