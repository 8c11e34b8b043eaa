// The pixel under the pointer: marked in all images, and described as text.

class PixelPointer {
  constructor(player) {
    this.player = player;
    this.pixel = null; // {row, column}
    this.canvas = null; // under the pointer
    const { cards } = player;
    cards.onpointermove = cards.onpointerdown = (event) => this.point(event);
    cards.onpointerleave = (event) => event.pointerType === "mouse" && this.set(null);
    cards.onkeydown = (event) => this.steer(event);
    cards.addEventListener("focusout", () => this.set(null)); // there is no property for it
  }

  point(event) {
    const { run, data } = this.player;
    this.canvas = event.composedPath().find((node) => node.tagName === "CANVAS");
    if (!this.canvas || !run) return this.set(null);
    const { x, y } = positionIn(this.canvas, event, data);
    this.set(this.inside({ row: Math.floor(y), column: Math.floor(x) }));
  }

  inside({ row, column }) {
    const { height, width } = this.player.data;
    const clamp = (value, end) => Math.min(Math.max(value, 0), end - 1);
    return { row: clamp(row, height), column: clamp(column, width) };
  }

  /** While the images have the focus, arrow keys move from pixel to pixel instead of iterations. */
  steer(event) {
    const { run, data } = this.player;
    if (!run || hasModifier(event) || !event.target.classList.contains("tiles")) return;
    const { row, column } = this.pixel ?? { row: data.height >> 1, column: data.width >> 1 };
    const [right, down] = ARROWS[event.key] ?? [0, 0];
    if (event.key === "Escape") this.set(null);
    else if (event.key in ARROWS) {
      this.set(this.inside({ row: row + down, column: column + right }));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  set(pixel) {
    const { player } = this;
    const same = pixel?.row === this.pixel?.row && pixel?.column === this.pixel?.column;
    if (same) return;
    this.pixel = pixel;
    if (!player.run) return;
    player.showProblem();
    player.show();
  }

  /** Mark the pixel on all images and describe it, at frame `at` (−1: none). */
  show(at) {
    const { root, rows } = this.player;
    root.classList.toggle("pointing", Boolean(this.pixel));
    rows.forEach((row, s) => {
      row.when.textContent = this.pixel ? this.textOf(s, at) : row.numbersAt;
      if (this.pixel) for (const canvas of [...row.tiles, ...row.thumbs]) this.mark(canvas);
    });
  }

  textOf(s, at) {
    const { data, frames, original, hidden, noun } = this.player;
    const { row, column } = this.pixel;
    const i = row * data.width + column;
    const colour = original[i] ? "ink" : "no ink";
    const where = `row ${row + 1}, column ${column + 1}`;
    if (!hidden[i]) return `${where}: observed, ${colour}`;
    if (at < 0) return `${where}: hidden; ${noun}: ${colour}`;
    const p = frames.image(at, s, "mean")[i] / 255;
    let inked = 0;
    for (let chain = 0; chain < data.chains; chain += 1) inked += frames.draw(at, s, chain)[i];
    const draws = `ink in ${inked} of ${data.chains} draws`;
    return `${where}: ink with probability ${p.toFixed(2)}, ${draws}; ${noun}: ${colour}`;
  }

  mark(canvas) {
    const { width, height } = this.player.data;
    const context = canvas.getContext("2d");
    const [w, h] = [canvas.width / width, canvas.height / height];
    const unit = devicePixelRatio || 1;
    const box = [this.pixel.column * w, this.pixel.row * h, w, h].map(Math.round);
    for (const [colour, thick] of [
      ["rgb(0 0 0)", 3],
      ["rgb(255 255 255)", 1.25],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = thick * unit;
      context.strokeRect(...box);
    }
  }
}
