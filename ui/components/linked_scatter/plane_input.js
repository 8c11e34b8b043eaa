// Pointer and keyboard on one plane: outlines, clicks, and a cursor that arrow keys move.

const REACH = 24; // pixels within which a pointer hits a point
const DRAG_START = 5; // pixels of movement that turn a click into an outline
const STEP = 12; // pixels per arrow key; with Shift four times as many
const KEY_COUNT = 50; // points that Enter or Space selects

/** Calls these methods of the scatter: hover(plane, i) and selectPoints(indices, mode); while an
 *  outline is drawn preview(plane, drag), and at its end selectInside(plane, drag) or
 *  cancelPreview(). */
class PlaneInput {
  constructor(plane) {
    this.plane = plane;
    this.drag = null; // from pointer down to up: {pointer, outline, mode, moved}
    this.cursor = [0.5, 0.5]; // of the keyboard, in fractions of width and height
    this.cursorShown = false;
    this.listen();
  }

  get scatter() {
    return this.plane.scatter;
  }

  listen() {
    const { stage } = this.plane;
    stage.onpointerdown = (e) => {
      if (!e.isPrimary || e.button !== 0 || this.drag) return;
      stage.setPointerCapture(e.pointerId);
      this.hideCursor();
      this.drag = {
        pointer: e.pointerId,
        outline: this.positionOf(e),
        mode: this.modeOf(e),
        moved: false,
      };
    };
    stage.onpointermove = (e) => {
      if (this.drag?.pointer === e.pointerId) this.follow(e);
      else if (!this.drag && e.isPrimary && e.pointerType !== "touch") {
        this.scatter.hover(this.plane, this.pointAt(e));
      }
    };
    const finish = (keep) => (e) => {
      if (this.drag?.pointer === e.pointerId) this.end(e, keep);
    };
    stage.onpointerup = finish(true);
    stage.onlostpointercapture = finish(true);
    stage.onpointercancel = finish(false);
    stage.onpointerleave = (e) => {
      if (!this.drag && e.pointerType !== "touch") this.scatter.hover(this.plane, -1);
    };
    stage.oncontextmenu = (e) => this.drag && e.preventDefault(); // no menu after a long touch
    stage.onkeydown = (e) => this.onKey(e);
    stage.onfocus = () => stage.matches(":focus-visible") && this.showCursor();
    stage.onblur = () => {
      this.hideCursor();
      this.scatter.hover(this.plane, -1);
    };
  }

  positionOf(event) {
    const { x, y } = positionIn(this.plane.stage, event, this.plane);
    return [x, y];
  }

  pointAt(event) {
    return nearestPoint(this.plane.pixels, ...this.positionOf(event), REACH);
  }

  /** How new points change the selection: "new", "add" or "remove". */
  modeOf(event) {
    if (event.shiftKey) return "add";
    return event.altKey ? "remove" : this.scatter.mode;
  }

  follow(e) {
    const { drag } = this;
    for (const each of [...(e.getCoalescedEvents?.() ?? []), e]) {
      const [x, y] = this.positionOf(each);
      const [lastX, lastY] = drag.outline.slice(-2);
      if (Math.hypot(x - lastX, y - lastY) >= 2) drag.outline.push(x, y);
      drag.moved ||= Math.hypot(x - drag.outline[0], y - drag.outline[1]) >= DRAG_START;
    }
    if (!drag.moved) return;
    this.scatter.hover(this.plane, -1);
    this.scatter.preview(this.plane, drag);
  }

  end(e, keep) {
    const { drag } = this;
    this.drag = null;
    if (!keep) return this.scatter.cancelPreview();
    if (drag.moved) return this.scatter.selectInside(this.plane, drag);
    const nearest = this.pointAt(e);
    if (nearest >= 0) this.scatter.selectPoints([nearest], drag.mode);
    this.scatter.hover(this.plane, nearest);
  }

  cursorPosition() {
    return [this.cursor[0] * this.plane.width, this.cursor[1] * this.plane.height];
  }

  showCursor() {
    this.cursorShown = true;
    this.scatter.hover(
      this.plane,
      nearestPoint(this.plane.pixels, ...this.cursorPosition()),
      true,
    );
    this.plane.paintMarks();
  }

  hideCursor() {
    this.cursorShown = false;
    this.plane.paintMarks();
  }

  onKey(e) {
    if (e.ctrlKey || e.metaKey) return;
    if (e.key in ARROWS && !e.altKey) {
      const pixels = e.shiftKey ? 4 * STEP : STEP;
      const sides = [this.plane.width, this.plane.height];
      this.cursor = this.cursor.map((fraction, i) => {
        return Math.min(1, Math.max(0, fraction + (pixels * ARROWS[e.key][i]) / sides[i]));
      });
      this.showCursor();
    } else if (e.key === "Enter" || e.key === " ") {
      this.showCursor();
      const nearest = nearestPoints(this.plane.pixels, ...this.cursorPosition(), KEY_COUNT);
      this.scatter.selectPoints(nearest, this.modeOf(e));
    } else return;
    e.preventDefault();
  }
}
