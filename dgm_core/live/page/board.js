// The board: a picture of 28×28 pixels, some of them hidden, which a visitor paints.
//
// Top-level names begin with "Live" or "live", so that the file can be joined with other scripts.

const LIVE_SIDE = 28;
const LIVE_PIXELS = LIVE_SIDE * LIVE_SIDE;
const LIVE_UNDO = 100;
const LIVE_TOOLS = {
  hide: { label: "Hide", key: "h", hidden: 1 },
  show: { label: "Show", key: "s", hidden: 0 },
  draw: { label: "Draw", key: "d", hidden: 0, ink: 1 },
  erase: { label: "Erase", key: "e", hidden: 0, ink: 0 },
};
const LIVE_ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Paints pixels of `picture` and `hidden` (0 or 1 each) on a canvas. */
class LiveBoard {
  /** @param canvas with the attribute tabindex
   *  @param on { change, tool, say }: called after each change of a pixel, after a choice of a
   *  tool or brush, and with sentences for screen readers */
  constructor(canvas, on) {
    Object.assign(this, { canvas, on });
    this.picture = new Uint8Array(LIVE_PIXELS);
    this.hidden = new Uint8Array(LIVE_PIXELS);
    this.past = [];
    this.tool = "hide";
    this.size = 5;
    this.stroke = null; // { last: [x, y], picture, hidden }: the latter before it
    this.spot = null; // position of the brush
    this.cursor = [14, 14]; // pixel of the keyboard
    this.frame = 0;
    this.listen();
  }

  /** Replace the picture, the mask or both. */
  set({ picture = this.picture, hidden = this.hidden }, { remember = true } = {}) {
    if (remember) this.remember(this);
    this.picture = Uint8Array.from(picture);
    this.hidden = Uint8Array.from(hidden);
    this.changed();
  }

  remember({ picture, hidden }) {
    this.past.push({ picture: picture.slice(), hidden: hidden.slice() });
    if (this.past.length > LIVE_UNDO) this.past.shift();
  }

  undo() {
    const last = this.past.pop();
    if (last) this.set(last, { remember: false });
  }

  choose(tool) {
    this.tool = tool;
    this.on.tool();
    this.redraw();
  }

  resize(size) {
    this.size = Math.min(9, Math.max(1, size));
    this.on.tool();
    this.redraw();
  }

  get summary() {
    const count = this.hidden.reduce((sum, bit) => sum + bit, 0);
    return `${count} of ${LIVE_PIXELS} pixels hidden`;
  }

  // --- Strokes

  begin(spot) {
    this.stroke = { last: spot, picture: this.picture.slice(), hidden: this.hidden.slice() };
    this.moveTo(spot);
  }

  moveTo([x, y]) {
    const [fromX, fromY] = this.stroke.last;
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(x - fromX, y - fromY)));
    let changed = false;
    for (let i = 1; i <= steps; i += 1) {
      const t = i / steps;
      changed = this.dab(fromX + t * (x - fromX), fromY + t * (y - fromY)) || changed;
    }
    this.stroke.last = [x, y];
    if (changed) this.changed();
  }

  /** Apply the tool to the pixels under the brush. → whether one changed */
  dab(x, y) {
    const { hidden: covers, ink } = LIVE_TOOLS[this.tool];
    let changed = false;
    for (const i of this.under(x, y)) {
      if (this.hidden[i] !== covers) changed = true;
      this.hidden[i] = covers;
      if (ink === undefined || this.picture[i] === ink) continue;
      this.picture[i] = ink;
      changed = true;
    }
    return changed;
  }

  /** Numbers of the pixels whose centres are under the brush at (x, y). */
  under(x, y) {
    const radius = this.size / 2;
    const found = [];
    for (let row = Math.floor(y - radius); row <= y + radius; row += 1)
      for (let column = Math.floor(x - radius); column <= x + radius; column += 1) {
        const inside = row >= 0 && row < LIVE_SIDE && column >= 0 && column < LIVE_SIDE;
        const near = Math.hypot(column + 0.5 - x, row + 0.5 - y) <= Math.max(radius, 0.71);
        if (inside && near) found.push(row * LIVE_SIDE + column);
      }
    return found;
  }

  end() {
    if (!this.stroke) return;
    const before = this.stroke;
    this.stroke = null;
    const same = (a, b) => a.every((bit, i) => bit === b[i]);
    if (same(before.picture, this.picture) && same(before.hidden, this.hidden)) return;
    this.remember(before);
    this.on.say(this.summary);
  }

  changed() {
    this.on.change();
    this.redraw();
  }

  // --- Input

  listen() {
    const { canvas } = this;
    canvas.onpointerdown = (event) => {
      if (!event.isPrimary || event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.spot = this.at(event);
      this.begin(this.spot);
    };
    canvas.onpointermove = (event) => {
      if (!event.isPrimary) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      if (this.stroke) for (const each of passed) this.moveTo(this.at(each));
      this.spot = this.at(event);
      if (this.stroke) this.moveTo(this.spot);
      this.redraw();
    };
    const finish = (event) => {
      if (event.pointerType === "touch") this.spot = null;
      this.end();
      this.redraw();
    };
    canvas.onpointerup = finish;
    canvas.onpointercancel = finish;
    canvas.onpointerleave = () => {
      if (!this.stroke) this.spot = null;
      this.redraw();
    };
    canvas.onkeydown = (event) => this.steer(event);
    canvas.onkeyup = ({ key }) => {
      if (key === " ") this.end();
    };
    canvas.onfocus = () => {
      if (canvas.matches(":focus-visible")) this.toCursor();
    };
    canvas.onblur = () => {
      this.end();
      this.spot = null;
      this.redraw();
    };
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(canvas);
  }

  dispose() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** Position of an event, in pixels of the picture. */
  at({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [((clientX - left) / width) * LIVE_SIDE, ((clientY - top) / height) * LIVE_SIDE];
  }

  toCursor() {
    this.spot = this.cursor.map((each) => each + 0.5);
    this.redraw();
  }

  steer(event) {
    const key = event.key.toLowerCase();
    const tool = Object.keys(LIVE_TOOLS).find((name) => LIVE_TOOLS[name].key === key);
    if (event.altKey || ((event.ctrlKey || event.metaKey) && key !== "z")) return;
    if (event.key in LIVE_ARROWS) {
      const step = LIVE_ARROWS[event.key];
      this.cursor = this.cursor.map((each, i) =>
        Math.min(LIVE_SIDE - 1, Math.max(0, each + step[i])),
      );
      this.toCursor();
      if (this.stroke) this.moveTo(this.spot);
    } else if (key === " ") {
      this.toCursor();
      if (!event.repeat && !this.stroke) this.begin(this.spot);
    } else if (key === "z" || key === "u") this.undo();
    else if (key === "[" || key === "]") this.resize(this.size + (key === "]" ? 1 : -1));
    else if (tool) this.choose(tool);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- Drawing

  redraw() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { canvas } = this;
    const side = Math.max(LIVE_SIDE, Math.round(canvas.clientWidth * (devicePixelRatio || 1)));
    if (canvas.width !== side) {
      canvas.width = side;
      canvas.height = side;
    }
    const context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    context.fillStyle = "#fff";
    context.fill(cellsPath(canvas, this.picture, LIVE_SIDE, LIVE_SIDE));
    hatch(canvas, this.hidden, LIVE_SIDE, LIVE_SIDE, 0.86); // the picture is just visible
    if (this.spot) this.paintBrush(context, side / LIVE_SIDE);
  }

  paintBrush(context, cell) {
    const [x, y] = this.spot;
    const unit = devicePixelRatio || 1;
    context.beginPath();
    context.arc(x * cell, y * cell, Math.max(this.size, 1.4) * 0.5 * cell, 0, 2 * Math.PI);
    for (const [colour, width] of [
      ["#000", 3.5],
      ["#fff", 1.5],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = width * unit;
      context.stroke();
    }
  }
}
