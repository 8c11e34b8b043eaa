// Pointer and keys on one plane: outlines, clicks, and a cursor that arrow keys move.

const REACH = 24; // pixels within which a pointer is at a point
const STIR = 5; // pixels of movement that make an outline of a click
const STEP = 12; // pixels of an arrow key; with Shift four times as many
const HANDFUL = 50; // points that the keyboard selects at a time

/** Tells the plane's owner: hover(plane, i), pick(points, how), and of an outline preview(…),
 *  then take(…) or forget(). */
class Hand {
  constructor(plane) {
    this.plane = plane;
    this.drag = null; // from pointer down to up: {pointer, outline, how, moved}
    this.cursor = [0.5, 0.5]; // of the keyboard, in shares of width and height
    this.cursorShown = false;
    this.listen();
  }

  get owner() {
    return this.plane.owner;
  }

  listen() {
    const { stage } = this.plane;
    stage.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      stage.setPointerCapture(e.pointerId);
      this.hideCursor();
      this.drag = { pointer: e.pointerId, outline: this.at(e), how: this.how(e), moved: false };
    };
    stage.onpointermove = (e) => {
      if (this.drag?.pointer === e.pointerId) this.follow(e);
      else if (!this.drag && e.isPrimary && e.pointerType !== "touch") {
        this.owner.hover(this.plane, this.pointAt(e));
      }
    };
    const finish = (keep) => (e) => {
      if (this.drag?.pointer === e.pointerId) this.end(e, keep);
    };
    stage.onpointerup = finish(true);
    stage.onlostpointercapture = finish(true);
    stage.onpointercancel = finish(false);
    stage.onpointerleave = (e) => {
      if (!this.drag && e.pointerType !== "touch") this.owner.hover(this.plane, -1);
    };
    stage.oncontextmenu = (e) => this.drag && e.preventDefault(); // a long touch
    stage.onkeydown = (e) => this.steer(e);
    stage.onfocus = () => stage.matches(":focus-visible") && this.showCursor();
    stage.onblur = () => {
      this.hideCursor();
      this.owner.hover(this.plane, -1);
    };
  }

  at(event) {
    const { x, y } = positionIn(this.plane.stage, event, this.plane);
    return [x, y];
  }

  pointAt(event) {
    return nearestPoint(this.plane.pixels, ...this.at(event), REACH);
  }

  /** What becomes of the points selected before. */
  how(event) {
    if (event.shiftKey) return "add";
    return event.altKey ? "remove" : this.owner.how;
  }

  follow(e) {
    const { drag } = this;
    for (const each of [...(e.getCoalescedEvents?.() ?? []), e]) {
      const [x, y] = this.at(each);
      const [lastX, lastY] = drag.outline.slice(-2);
      if (Math.hypot(x - lastX, y - lastY) >= 2) drag.outline.push(x, y);
      drag.moved ||= Math.hypot(x - drag.outline[0], y - drag.outline[1]) >= STIR;
    }
    if (!drag.moved) return;
    this.owner.hover(this.plane, -1);
    this.owner.preview(this.plane, drag);
  }

  end(e, keep) {
    const { drag } = this;
    this.drag = null;
    if (!keep) return this.owner.forget();
    if (drag.moved) return this.owner.take(this.plane, drag);
    const nearest = this.pointAt(e);
    if (nearest >= 0) this.owner.pick([nearest], drag.how);
    this.owner.hover(this.plane, nearest);
  }

  cursorAt() {
    return [this.cursor[0] * this.plane.width, this.cursor[1] * this.plane.height];
  }

  showCursor() {
    this.cursorShown = true;
    this.owner.hover(this.plane, nearestPoint(this.plane.pixels, ...this.cursorAt()), true);
    this.plane.paintMarks();
  }

  hideCursor() {
    this.cursorShown = false;
    this.plane.paintMarks();
  }

  steer(e) {
    if (e.ctrlKey || e.metaKey) return;
    if (e.key in ARROWS && !e.altKey) {
      const pixels = e.shiftKey ? 4 * STEP : STEP;
      const sides = [this.plane.width, this.plane.height];
      this.cursor = this.cursor.map((share, i) => {
        return Math.min(1, Math.max(0, share + (pixels * ARROWS[e.key][i]) / sides[i]));
      });
      this.showCursor();
    } else if (e.key === "Enter" || e.key === " ") {
      this.showCursor();
      const near = nearestPoints(this.plane.pixels, ...this.cursorAt(), HANDFUL);
      this.owner.pick(near, this.how(e));
    } else return;
    e.preventDefault();
  }
}
