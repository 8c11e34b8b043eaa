// The images of the iterations, decoded from the bytes of Python.

/** The images of each iteration: x and x_new as bits, mean and mean_new as grey levels. */
function imagesOf({ pictures, height, width, steps }) {
  const bytes = bytesOf(pictures);
  const cells = height * width;
  const bits = (cells + 7) >> 3;
  return steps.map((_, i) => {
    const from = i * 2 * (bits + cells);
    const means = from + 2 * bits;
    return {
      x: unpack(bytes.subarray(from, from + bits), cells),
      x_new: unpack(bytes.subarray(from + bits, means), cells),
      mean: bytes.subarray(means, means + cells),
      mean_new: bytes.subarray(means + cells, means + 2 * cells),
    };
  });
}

/** Colours of the values −1 … 1 at indices 0 … 255: darker, the same, brighter. */
function signedRamp(less, more) {
  return ramp((t) => {
    const [colour, strength] = t < 0.5 ? [less, 1 - 2 * t] : [more, 2 * t - 1];
    return colour.slice(0, 3).map((value) => value * strength);
  });
}

/** Paint added ink in one colour, removed ink in the other. */
function markChanges(canvas, { width, height }, before, after, { more, less }) {
  const context = canvas.getContext("2d");
  for (const [ink, colour] of [
    [1, more],
    [0, less],
  ]) {
    const changed = after.map((bit, i) => Number(bit === ink && bit !== before[i]));
    context.fillStyle = css(colour);
    context.fill(cellsPath(canvas, changed, width, height));
  }
}
