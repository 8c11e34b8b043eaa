// A point on an axis, moved by pointer anywhere in its picture, by keys on its handle, or sent.

const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
const KEYS = { ...ARROWS, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
const STEPS = 200; // from one end of the axis to the other by arrow keys
const SNAP = 4; // pixels within which a pointer is at a stop
const GLIDE = 450; // milliseconds

/** Calls show() when the value changes and settle(value) when it has come to rest elsewhere.
 *
 *  `axis` is set from outside: {low, high, stops, pixel, value}, where `stops` are values that a
 *  hand finds easily, and the functions lead from value to pixel in the picture and back. */
class SlidingPoint {
  constructor(picture, handle, { show, settle }) {
    Object.assign(this, { picture, handle, show, settle });
    this.axis = null;
    this.value = 0;
    this.settled = 0;
    this.drag = null; // while dragging: {pointer, before}
    this.gliding = 0; // the frame asked for
    this.listen();
  }

  /** Put the point somewhere, unasked. */
  start(value) {
    this.stop();
    this.value = this.settled = value;
  }

  /** End what is under way. */
  stop() {
    cancelAnimationFrame(this.gliding);
    this.drag = null;
  }

  move(value) {
    this.value = Math.min(this.axis.high, Math.max(this.axis.low, value));
    this.show();
  }

  /** Go to a value in sight of the visitor; it is settled at once. */
  glide(to) {
    this.stop();
    this.rest(to);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.move(to);
    const [from, begun] = [this.value, performance.now()];
    const tick = (now) => {
      const left = Math.max(0, 1 - (now - begun) / GLIDE) ** 3;
      this.move(left > 0 ? to + Math.min(left, 1) * (from - to) : to);
      if (left > 0) this.gliding = requestAnimationFrame(tick);
    };
    this.gliding = requestAnimationFrame(tick);
  }

  rest(value = this.value) {
    if (value === this.settled) return;
    this.settled = value;
    this.settle(value);
  }

  listen() {
    const { picture, handle } = this;
    const follow = (e) => {
      const x = e.clientX - picture.getBoundingClientRect().left;
      const near = (stop) => Math.abs(this.axis.pixel(stop) - x);
      const [stop] = [...this.axis.stops].sort((a, b) => near(a) - near(b));
      this.move(near(stop) <= SNAP ? stop : this.axis.value(x));
    };
    picture.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      this.stop();
      e.preventDefault(); // no selection of text
      handle.focus({ preventScroll: true, focusVisible: false });
      picture.setPointerCapture(e.pointerId);
      this.drag = { pointer: e.pointerId, before: this.value };
      follow(e);
    };
    picture.onpointermove = (e) => this.drag?.pointer === e.pointerId && follow(e);
    const finish = (keep) => (e) => {
      if (this.drag?.pointer !== e.pointerId) return;
      const { before } = this.drag;
      this.drag = null;
      if (keep) this.rest();
      else this.move(before);
    };
    picture.onpointerup = finish(true);
    picture.onlostpointercapture = finish(true);
    picture.onpointercancel = finish(false);
    handle.onkeydown = (e) => this.step(e);
    handle.onkeyup = handle.onblur = () => this.drag || this.rest();
  }

  /** Nothing but Tab and Escape leaves the handle: the page around has hotkeys of its own. */
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
