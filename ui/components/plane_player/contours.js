// A density on a grid: its heat map, and its contours by marching squares.

/** A density from Python, with its bytes decoded. */
function densityOf(message) {
  return { ...message, values: bytesOf(message.bytes), heat: null, heatColour: "" };
}

/** The heat map as an image of the grid: the opacity of one colour shows the density relative to
 *  its maximum. It is cached in `density`. */
function heatOf(density, colour, depth) {
  const name = colour.join();
  if (density.heatColour === name) return density.heat;
  const { rows, columns, values } = density;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const opacity = Array.from({ length: 256 }, (_, level) =>
    level ? 215 * Math.exp(0.35 * depth * (level / 255 - 1)) : 0,
  );
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = 4 * ((rows - 1 - row) * columns + column); // the last row is at the top
      image.data.set(colour.slice(0, 3), at);
      image.data[at + 3] = opacity[values[row * columns + column]];
    }
  }
  context.putImageData(image, 0, 0);
  Object.assign(density, { heat: canvas, heatColour: name });
  return canvas;
}

/** The contour at a level, as a Path2D in coordinates of the plane. */
function contour(density, level) {
  const { rows, columns, values, across, up } = density;
  const path = new Path2D();
  const x = (column) => across[0] + ((across[1] - across[0]) * column) / (columns - 1);
  const y = (row) => up[0] + ((up[1] - up[0]) * row) / (rows - 1);
  const height = (row, column) => values[row * columns + column] - level;
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const corners = [
        [column, row, height(row, column)],
        [column + 1, row, height(row, column + 1)],
        [column + 1, row + 1, height(row + 1, column + 1)],
        [column, row + 1, height(row + 1, column)],
      ];
      const crossings = [];
      corners.forEach((one, i) => {
        const other = corners[(i + 1) % 4];
        if (one[2] >= 0 === other[2] >= 0) return;
        const t = one[2] / (one[2] - other[2]);
        crossings.push([x(one[0] + t * (other[0] - one[0])), y(one[1] + t * (other[1] - one[1]))]);
      });
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        path.moveTo(...crossings[i]);
        path.lineTo(...crossings[i + 1]);
      }
    }
  }
  return path;
}

/** The box [left, right, bottom, top] around the cells at or above a level. */
function boxAbove(density, level) {
  const { rows, columns, values, across, up } = density;
  let [left, right, bottom, top] = [columns, -1, rows, -1];
  values.forEach((value, i) => {
    if (value < level) return;
    const [row, column] = [Math.floor(i / columns), i % columns];
    left = Math.min(left, column);
    right = Math.max(right, column);
    bottom = Math.min(bottom, row);
    top = Math.max(top, row);
  });
  const x = (column) => across[0] + ((across[1] - across[0]) * column) / (columns - 1);
  const y = (row) => up[0] + ((up[1] - up[0]) * row) / (rows - 1);
  return [x(left), x(right), y(bottom), y(top)];
}
