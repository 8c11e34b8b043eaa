// Images on canvases of the size that they have on screen.

/** Paint images side by side in a square; `size` is {height, width, pixelated} of each. */
function paintMosaic(canvas, tiles, size) {
  const context = fit(canvas);
  const side = canvas.width;
  const across = Math.ceil(Math.sqrt(tiles.length));
  const gap = across > 1 ? Math.round(devicePixelRatio || 1) : 0;
  const each = Math.floor((side - gap * (across - 1)) / across);
  const at = (k) => (across > 1 ? Math.round((k * (side - each)) / (across - 1)) : 0);
  context.clearRect(0, 0, side, side);
  tiles.forEach((tile, i) => {
    enlarge(context, tile, size, at(i % across), at(Math.floor(i / across)), each);
  });
}

function fit(canvas) {
  const side = Math.max(Math.round(canvas.clientWidth * (devicePixelRatio || 1)), 1);
  resize(canvas, side, side);
  return canvas.getContext("2d");
}

// Enlarged by an integer without smoothing, then smoothly to size: cells are equal and almost
// sharp.
function enlarge(context, image, { height, width, pixelated }, x, y, size) {
  let source = scratch("own", width, height);
  source.getContext("2d").putImageData(new ImageData(image, width, height), 0, 0);
  if (pixelated && size !== width) {
    const times = Math.ceil(size / width);
    const larger = scratch("larger", width * times, height * times);
    const within = larger.getContext("2d");
    within.imageSmoothingEnabled = false;
    within.drawImage(source, 0, 0, larger.width, larger.height);
    source = larger;
  }
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, x, y, size, size);
}

const scratches = {};

function scratch(name, width, height) {
  scratches[name] ??= element("canvas");
  resize(scratches[name], width, height);
  return scratches[name];
}

function resize(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
