// Small images on canvases: levels are mapped to colours and enlarged without smoothing.

/** A table of 256 colours; colourAt(t) → [red, green, blue] for t from 0 to 1. */
function ramp(colourAt) {
  const table = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i += 1) table.set([...colourAt(i / 255), 255], i * 4);
  return table;
}

// Digits are white on black in both themes, as everywhere in the lab.
const GREY = ramp((t) => [255 * t, 255 * t, 255 * t]);

/** `size`, reduced to whole device pixels per cell if it loses at most the fraction `loss`.
 *
 *  With whole pixels, all cells are equally large. */
function snap(size, cells, loss) {
  const ratio = devicePixelRatio || 1;
  const whole = (Math.floor((size * ratio) / cells) * cells) / ratio;
  return whole >= size * (1 - loss) ? whole : Math.floor(size * ratio) / ratio;
}

/** Give a square canvas of `size` CSS pixels as many pixels as it covers on the screen. */
function sizeCanvas(canvas, size) {
  const pixels = Math.max(Math.round(size * (devicePixelRatio || 1)), 1);
  if (canvas.width === pixels && canvas.height === pixels) return;
  canvas.width = pixels;
  canvas.height = pixels;
}

const scratches = new Map();

function scratch(width, height) {
  const name = `${width}x${height}`;
  if (!scratches.has(name)) {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    scratches.set(name, { canvas, context, image: context.createImageData(width, height) });
  }
  return scratches.get(name);
}

/** Paint one value per cell; the value times `times` is an index into the table of colours. */
function paint(target, { width, height }, values, table, times = 1) {
  const { canvas, context, image } = scratch(width, height);
  for (let i = 0; i < values.length; i += 1) {
    const at = values[i] * times * 4;
    image.data[i * 4] = table[at];
    image.data[i * 4 + 1] = table[at + 1];
    image.data[i * 4 + 2] = table[at + 2];
    image.data[i * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  const screen = target.getContext("2d");
  screen.imageSmoothingEnabled = false;
  screen.drawImage(canvas, 0, 0, target.width, target.height);
}

/** Fill a canvas with one colour. */
function blank(canvas, colour) {
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillRect(0, 0, canvas.width, canvas.height);
}

/** Draw the border of the cells whose bits are set, also along the edges of the image. */
function outline(canvas, { width, height }, bits, colour) {
  const context = canvas.getContext("2d");
  const inside = isSetIn(bits, width, height);
  const x = (column) => Math.round((column * canvas.width) / width);
  const y = (row) => Math.round((row * canvas.height) / height);
  context.beginPath();
  for (const [left, top, right, bottom] of border(inside, 0, 0, width, height)) {
    context.moveTo(x(left), y(top));
    context.lineTo(x(right), y(bottom));
  }
  context.strokeStyle = colour;
  context.lineWidth = 1.25 * (devicePixelRatio || 1);
  context.stroke();
}
