// Paints the layers on a canvas, with `cell` screen pixels per pixel of the image.

/** Fill the painted cells, one rectangle for each run in a row. */
function fillPainted(context, { bits, width, height }, cell) {
  for (let y = 0; y < height; y++)
    for (let x = 0, from; x < width; x++) {
      if (!bits[y * width + x]) continue;
      for (from = x; x < width && bits[y * width + x]; ) x++;
      context.fillRect(from * cell, y * cell, (x - from) * cell, cell);
    }
}

function paintInk(context, layer, cell) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.fillStyle = "#fff";
  fillPainted(context, layer, cell);
}

/** Paint fine ink with soft edges, and the unfinished stroke up to the pen. */
function paintDrawing(context, layer, cell) {
  const { width, height, grain, stroke } = layer;
  const image = new ImageData(width, height);
  layer.bits.forEach((bit, i) => image.data.fill(255 * bit, 4 * i, 4 * i + 3));
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  const sheet = Object.assign(document.createElement("canvas"), { width, height });
  sheet.getContext("2d").putImageData(image, 0, 0);
  const fine = cell / grain;
  context.fillStyle = "#000";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.imageSmoothingEnabled = true;
  context.filter = `blur(${fine}px) contrast(3)`; // rounds the corners of the cells
  context.drawImage(sheet, 0, 0, context.canvas.width, context.canvas.height);
  context.filter = "none";
  context.imageSmoothingEnabled = false;
  if (!stroke?.tail) return;
  context.save();
  context.lineCap = "round";
  context.lineWidth = layer.diameter * cell;
  context.strokeStyle = stroke.value ? "#fff" : "#000";
  context.beginPath();
  context.moveTo(stroke.path.at[0] * fine, stroke.path.at[1] * fine);
  context.lineTo(stroke.tail[0] * fine, stroke.tail[1] * fine);
  context.stroke();
  context.restore();
}

/** Paint hidden pixels, hatched; `opacity` is that of their colour. */
function paintHidden(context, layer, cell, pixel, { opacity, accent }) {
  const { bits, width, height } = layer;
  context.globalAlpha = opacity;
  context.fillStyle = HIDDEN;
  fillPainted(context, layer, cell);
  context.globalAlpha = 1;
  context.fillStyle = hatching(context, "#fff", pixel);
  fillPainted(context, layer, cell);
  context.strokeStyle = accent;
  context.lineWidth = pixel;
  context.stroke(outline(isSetIn(bits, width, height), 0, 0, width, height, cell));
}

/** A pattern of diagonal lines that continue from cell to cell. */
function hatching(context, colour, pixel) {
  const side = 6 * pixel;
  const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.4;
  pen.lineWidth = 1.25 * pixel;
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift - side, 2 * side);
    pen.lineTo(shift + 2 * side, -side);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

/** Paint the grid; it is fainter for smaller cells, so that the image stays visible. */
function paintGrid(context, cell, pixel) {
  const { width, height } = context.canvas;
  context.fillStyle = `rgb(128 128 128 / ${Math.min(22, (1.8 * cell) / pixel)}%)`;
  for (let x = cell; x < width; x += cell) context.fillRect(x, 0, 1, height);
  for (let y = cell; y < height; y += cell) context.fillRect(0, y, width, 1);
}

/** Paint the outline of the brush, dark and light for contrast on every image; dashed to erase. */
function paintBrush(context, edge, pixel, erase) {
  context.strokeStyle = "#000";
  context.lineWidth = 3 * pixel;
  context.stroke(edge);
  context.setLineDash(erase ? [3 * pixel, 3 * pixel] : []);
  context.strokeStyle = "#fff";
  context.lineWidth = pixel;
  context.stroke(edge);
  context.setLineDash([]);
}
