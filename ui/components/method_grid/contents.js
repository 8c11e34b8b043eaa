// What a card shows in a view. These functions read the grid and change nothing.

const PROBLEM = ":problem";
const ORIGINAL = ":original";
const SCALES = { uncertainty: "sequential", error: "sequential", difference: "diverging" };
const LIMITS = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1]; // ends of a colour scale
const COVERED = 0.99; // fraction of the hidden pixels of a method that a scale should cover
const MOSAIC = 16; // largest number of images on a card

/** {tiles: images as RGBA, in their own size} or {words}; null while an image is being decoded. */
function contentOf(grid, name, view) {
  const original = grid.pixels.of(grid.data.original);
  if (!original) return null;
  if (grid.pressed || name === ORIGINAL) return { tiles: [original] };
  if (name === PROBLEM) return { tiles: [original], hatched: true };
  const method = grid.methodNamed(name);
  if (method.state === "waiting") return { words: "waiting" };
  if (!method.mean) {
    return {
      words: method.state === "stopped" ? "stopped before its first result" : method.state,
    };
  }
  if (view === "mean") return tilesOr(grid.pixels.of(method.mean));
  if (view === "draws") return drawsOf(grid, method, MOSAIC);
  if (view === "factors") return factorsOf(grid, method);
  return levelsOf(grid, method, view);
}

const tilesOr = (...tiles) => (tiles.every(Boolean) ? { tiles } : null);

/** The first draws of a method, at most `limit`. */
function drawsOf(grid, method, limit) {
  if (method.state === "running") return { words: "draws appear at the end" };
  if (!grid.hiddenPixels.length) return { words: "no pixel is hidden" };
  if (!method.draws) return { words: "one completion, no draws" };
  const original = grid.pixels.of(grid.data.original);
  const tiles = stripOf(grid, method.draws, limit).map(
    (levels) => levels && withHidden(grid, levels, Uint8ClampedArray.from(original)),
  );
  return tilesOr(...tiles);
}

/** The first rows of a strip: the level of each hidden pixel as RGBA, null until decoded. */
function stripOf({ pixels, hiddenPixels }, { strip, count }, limit) {
  const size = 4 * hiddenPixels.length;
  return Array.from(
    { length: Math.min(count, limit) },
    (_, row) => pixels.of(strip)?.subarray(row * size, (row + 1) * size) ?? null,
  );
}

/** Write the levels of the hidden pixels into an image. → the image */
function withHidden({ hiddenPixels }, levels, image) {
  hiddenPixels.forEach((pixel, k) => {
    for (let c = 0; c < 3; c += 1) image[4 * pixel + c] = levels[4 * k + c];
  });
  return image;
}

function factorsOf(grid, method) {
  if (method.state === "running") return { words: "appears at the end" };
  if (!method.parts?.length) return { words: "no factors" };
  const last = method.parts.slice(1).reduce((sum, part) => sum + Math.min(part.count, 1), 0);
  const tiles = method.parts.flatMap((part, i) =>
    partTiles(grid, part, i === 0 ? MOSAIC - last : 1),
  );
  return tilesOr(...tiles);
}

/** The first images of a part, null until decoded. Grey levels are shown in colours of a scale,
 *  colour images as they are sent. */
function partTiles(grid, part, limit) {
  const { colour, zero } = grid.data;
  const scale = part.signed ? "diverging" : "sequential";
  const level = (byte) => (part.signed ? Math.round((byte / zero) * 127.5) : byte);
  return stripOf(grid, part, limit).map((levels) => {
    if (!levels) return null;
    if (colour) return withHidden(grid, levels, neutral(grid));
    return coloured(grid, scale, (k) => level(levels[4 * k]));
  });
}

function neutral({ hidden, theme }) {
  const image = new Uint8ClampedArray(4 * hidden.length);
  for (let at = 0; at < image.length; at += 4) image.set(theme.faint, at);
  return image;
}

/** An image whose hidden pixel k has the colour `levelAt(k)` of a scale, from 0 to 255. */
function coloured(grid, scale, levelAt) {
  const image = neutral(grid);
  grid.hiddenPixels.forEach((pixel, k) => {
    const at = 4 * levelAt(k);
    image.set(grid.theme[scale].subarray(at, at + 4), 4 * pixel);
  });
  return image;
}

/** Hidden pixels in colours of a scale that is the same on all cards. */
function levelsOf(grid, method, view) {
  const values = valuesOf(grid, method, view);
  if (values === null || typeof values === "string") return values && { words: values };
  const scale = SCALES[view];
  const image = coloured(grid, scale, (k) => {
    const part = Math.min(Math.max(values[k] / grid.limit, -1), 1);
    return Math.round(255 * (scale === "diverging" ? (part + 1) / 2 : part));
  });
  return { tiles: [image] };
}

/** A number for each hidden pixel, averaged over colours; a text if there are no numbers. */
function valuesOf(grid, method, view) {
  const { pixels, data, hiddenPixels } = grid;
  if (view === "uncertainty") {
    if (!method.sd) return "one completion, no uncertainty";
    const sd = pixels.of(method.sd);
    return sd && hiddenPixels.map((pixel) => (sd[4 * pixel] / 255) * data.sdMax);
  }
  const chosen = view === "difference" ? grid.reference : data.original;
  const [mean, other] = [pixels.of(method.mean), pixels.of(chosen)];
  if (!chosen) return "the reference has no mean yet";
  if (!mean || !other) return null;
  const sign = view === "error" ? Math.abs : (value) => value;
  return hiddenPixels.map((pixel) => {
    let sum = 0;
    for (let c = 4 * pixel; c < 4 * pixel + 3; c += 1) sum += sign(mean[c] - other[c]);
    return sum / 3 / 255;
  });
}

/** The end of the colour scale: a round number that covers nearly all pixels; and whether a pixel
 *  exceeds it. */
function limitOf(grid) {
  let [needed, largest] = [0, 0];
  for (const method of grid.data.methods) {
    const values = method.mean && valuesOf(grid, method, grid.view);
    if (!Array.isArray(values) || !values.length) continue;
    const sizes = values.map(Math.abs).sort((a, b) => a - b);
    needed = Math.max(needed, sizes[Math.floor(COVERED * (sizes.length - 1))]);
    largest = Math.max(largest, sizes[sizes.length - 1]);
  }
  const limit = LIMITS.find((each) => each >= needed - 1e-9) ?? 1;
  return { limit, exceeded: largest > limit + 0.5 / 255 };
}

/** Both ends of the colour scale as text. */
function scaleEnds({ view, limit, exceeded }) {
  const signed = SCALES[view] === "diverging";
  const more = exceeded ? " or more" : "";
  return [signed ? `−${limit}` : "0", `${signed ? "+" : ""}${limit}${more}`];
}
