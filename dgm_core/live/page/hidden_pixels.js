// Hidden pixels: their colour, their hatching, and the border around them.

// This colour is between black and white, so a hidden pixel looks like neither.
const HIDDEN = "#7a81a3";

/** Bits, row by row → a function: is cell (x, y) set? Cells outside the grid are not. */
function isSetIn(bits, width, height) {
  return (x, y) => x >= 0 && x < width && y >= 0 && y < height && bits[y * width + x] === 1;
}

/** The border of a set of cells: segments [x, y, x', y'] of unit length, rightwards or downwards.
 *
 *  `inside(x, y)` is true for the cells of the set. It is called for the cells of the rectangle
 *  and for the cells around it; those must be outside the set. */
function* border(inside, left, top, width, height) {
  for (let y = top; y <= top + height; y += 1) {
    for (let x = left; x <= left + width; x += 1) {
      const here = inside(x, y);
      if (here !== inside(x, y - 1)) yield [x, y, x + 1, y];
      if (here !== inside(x - 1, y)) yield [x, y, x, y + 1];
    }
  }
}

/** The cells whose bits are set, as a path. The grid of width × height cells fills the canvas. */
function cellsPath(canvas, bits, width, height) {
  const x = (column) => Math.round((column * canvas.width) / width);
  const y = (row) => Math.round((row * canvas.height) / height);
  const cells = new Path2D();
  bits.forEach((bit, i) => {
    if (!bit) return;
    const [row, column] = [Math.floor(i / width), i % width];
    cells.rect(x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row));
  });
  return cells;
}

/** Hatch the pixels whose bits are set; `opacity` is that of the colour under the lines. */
function hatch(canvas, bits, width, height, opacity = 1) {
  const context = canvas.getContext("2d");
  const unit = devicePixelRatio || 1;
  const side = canvas.width;
  context.save();
  context.clip(cellsPath(canvas, bits, width, height));
  context.globalAlpha = opacity;
  context.fillStyle = HIDDEN;
  context.fillRect(0, 0, side, side);
  context.globalAlpha = 1;
  context.strokeStyle = "rgb(255 255 255 / 0.4)";
  context.lineWidth = 1.25 * unit;
  context.beginPath();
  for (let from = -side; from < side; from += 6 * unit) {
    context.moveTo(from, side);
    context.lineTo(from + side, 0);
  }
  context.stroke();
  context.restore();
}
