// Layers: bits with a history, painted by cells or drawn with a round pen.

const UNDO_DEPTH = 100;

/** Bits on a grid of width × height cells, `grain` per pixel side; positions are in pixels. */
class Layer {
  constructor(kind, size) {
    this.kind = kind;
    this.grain = 1;
    this.data = null;
    this.bits = new Uint8Array(0);
    this.done = [];
    this.undone = [];
    this.erasing = false;
    this.stroke = null; // while painting: {before, value, …}
    this.setBrush(size);
  }

  /** New data. The bits change only with a new revision or size. → "size", "bits" or null */
  sync(data, pixels) {
    const last = this.data;
    this.data = data;
    const width = pixels.width * this.grain;
    const height = pixels.height * this.grain;
    const resized = this.width !== width || this.height !== height;
    if (!resized && last?.rev === data.rev) return null;
    this.width = width;
    this.height = height;
    const bits = unpack(bytesOf(data.bits), width * height);
    this.stroke = null;
    if (resized) {
      this.done = [];
      this.undone = [];
    } else if (pack(bits) !== pack(this.bits)) this.remember(this.bits);
    this.bits = bits;
    return resized ? "size" : "bits";
  }

  begin(spot, erase, smooth) {
    this.stroke = { before: this.bits, value: erase ? 0 : 1 };
    this.bits = this.bits.slice();
    this.start(spot, smooth);
  }

  /** End the stroke. → whether it changed a bit */
  end(keep) {
    if (!this.stroke) return false;
    this.finish();
    const { before } = this.stroke;
    this.stroke = null;
    const changed = keep && this.bits.some((bit, i) => bit !== before[i]);
    if (changed) this.remember(before);
    else this.bits = before;
    return changed;
  }

  remember(bits) {
    this.done.push(bits);
    if (this.done.length > UNDO_DEPTH) this.done.shift();
    this.undone = [];
  }

  replace(bits) {
    this.remember(this.bits);
    this.bits = bits;
  }

  undo() {
    return this.step(this.done, this.undone);
  }

  redo() {
    return this.step(this.undone, this.done);
  }

  /** Take the last bits of one history and add the current ones to the other. */
  step(from, to) {
    if (!from.length) return false;
    to.push(this.bits);
    this.bits = from.pop();
    return true;
  }

  /** The number of pixels with more than half of their cells painted. */
  count() {
    const { grain, width } = this;
    if (grain === 1) return this.bits.reduce((sum, bit) => sum + bit, 0);
    const painted = new Uint8Array(this.bits.length / grain ** 2);
    this.bits.forEach((bit, i) => {
      const [row, column] = [Math.floor(i / width / grain), Math.floor((i % width) / grain)];
      painted[row * (width / grain) + column] += bit;
    });
    return painted.filter((cells) => cells > grain ** 2 / 2).length;
  }

  /** Are more than half of the cells of a pixel painted? */
  isPainted(x, y) {
    const { grain, width } = this;
    let cells = 0;
    for (let row = y * grain; row < (y + 1) * grain; row++)
      for (let column = x * grain; column < (x + 1) * grain; column++)
        cells += this.bits[row * width + column];
    return cells > grain ** 2 / 2;
  }

  setBrush(size) {
    this.size = Math.min(9, Math.max(1, size));
  }
}

/** A layer of whole pixels: hidden ("mask") or inked ("ink"). */
class Cells extends Layer {
  constructor(kind) {
    super(kind, 3);
    this.words = kind === "mask" ? ["hidden", "visible", "hidden"] : ["inked", "blank", "inked"];
  }

  setBrush(size) {
    super.setBrush(size);
    this.brush = footprint(this.size);
    this.brushText = `${this.size} pixel${this.size > 1 ? "s" : ""}`;
    const shift = 9 - this.size; // centred in 18 units, two per cell
    this.tip = this.brush.map(([x, y]) => `M${2 * x + shift} ${2 * y + shift}h2v2h-2z`).join("");
  }

  /** Position → the brush's upper left cell. */
  corner({ x, y }) {
    return [Math.round(x - this.size / 2), Math.round(y - this.size / 2)];
  }

  start(spot) {
    this.stroke.at = this.corner(spot);
    this.to(spot);
  }

  to(spot) {
    const { width, height, stroke } = this;
    const goal = this.corner(spot);
    for (const [left, top] of line(stroke.at, goal))
      for (const [dx, dy] of this.brush) {
        const x = left + dx;
        const y = top + dy;
        if (x >= 0 && x < width && y >= 0 && y < height) this.bits[y * width + x] = stroke.value;
      }
    stroke.at = goal;
  }

  finish() {}

  /** The outline of the brush, with `cell` units per pixel. */
  edge(spot, cell) {
    const [left, top] = this.corner(spot);
    const cells = new Set(this.brush.map(([dx, dy]) => `${left + dx} ${top + dy}`));
    const inside = (x, y) => cells.has(`${x} ${y}`);
    return outline(inside, left, top, this.size, this.size, cell);
  }
}

/** Ink from a round pen, on a grid finer than the pixels. */
class Drawing extends Layer {
  constructor() {
    super("drawing", 5);
    this.smooth = true;
    this.settled = false; // whether the ink was centred since the last stroke
    this.words = ["inked", "blank", "inked"];
  }

  sync(data, pixels) {
    this.grain = data.grain;
    const changed = super.sync(data, pixels);
    if (changed) this.settled = false;
    return changed;
  }

  /** Diameter of the pen in pixels. */
  get diameter() {
    return (this.size + 1) / 2;
  }

  setBrush(size) {
    super.setBrush(size);
    this.brushText = `${this.diameter} pixel${this.diameter > 1 ? "s" : ""}`;
    const r = 0.8 * (this.size + 1);
    this.tip = `M${9 - r} 9a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
  }

  start({ x, y }, smooth) {
    const at = [x * this.grain, y * this.grain];
    const gap = 1.5 * this.grain;
    this.stroke.path = smooth ? new SmoothPath(at, gap) : new PlainPath(at);
    this.paintSegment(at, at);
  }

  to({ x, y }) {
    const point = [x * this.grain, y * this.grain];
    for (const [from, to] of this.stroke.path.to(point)) this.paintSegment(from, to);
    this.stroke.tail = point;
  }

  finish() {
    for (const [from, to] of this.stroke.path.end()) this.paintSegment(from, to);
  }

  /** Paint a straight segment: all cells whose centre is within the radius of the pen. */
  paintSegment([x, y], [x1, y1]) {
    const { width, height, bits, stroke } = this;
    const radius = (this.diameter * this.grain) / 2;
    const length = (x1 - x) ** 2 + (y1 - y) ** 2;
    const first = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - radius));
    const last = (a, b, end) => Math.min(end - 1, Math.ceil(Math.max(a, b) + radius));
    for (let row = first(y, y1); row <= last(y, y1, height); row++)
      for (let column = first(x, x1); column <= last(x, x1, width); column++) {
        const [dx, dy] = [column + 0.5 - x, row + 0.5 - y];
        const along = length && (dx * (x1 - x) + dy * (y1 - y)) / length;
        const t = Math.min(1, Math.max(0, along));
        if (Math.hypot(dx - t * (x1 - x), dy - t * (y1 - y)) <= radius)
          bits[row * width + column] = stroke.value;
      }
  }

  end(keep) {
    const changed = super.end(keep);
    if (changed) this.settled = false;
    return changed;
  }

  step(from, to) {
    this.settled = false;
    return super.step(from, to);
  }

  /** Replace the ink by the centred ink from Python if that belongs to the current ink.
   *  → whether it changed */
  settle() {
    const { bits, settled } = this.data;
    if (!settled || this.settled || this.stroke || pack(this.bits) !== bits) return false;
    this.replace(unpack(bytesOf(settled), this.bits.length));
    this.settled = true;
    return true;
  }

  edge({ x, y }, cell) {
    const path = new Path2D();
    path.arc(x * cell, y * cell, (this.diameter * cell) / 2, 0, 2 * Math.PI);
    return path;
  }
}
