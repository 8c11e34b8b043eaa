// The values of the chunks, stored by iteration.

const FIELDS = [
  "logJoint",
  "ink",
  "height",
  "z",
  "acceptance",
  "unmoved",
  "mean",
  "sd",
  "correlation",
];

/** Add a chunk to `kept` = {points, frames}, maps from an iteration to a list with an object
 *  {field: values} for each sampler. */
async function keepChunk(kept, message) {
  const stream = new Blob([bytesOf(message.data)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const { numbers, frames, chains, samplers, units } = message;
  const latents = message.latents.length;
  const width = [1, 1, 1, latents, 1, 1, latents, latents, (latents * (latents - 1)) / 2];
  const raw = new Int16Array(buffer); // little-endian, like the machines of all browsers
  let at = 0;
  samplers.forEach((_, s) => {
    FIELDS.forEach((field, f) => {
      const [map, iterations] = f < 4 ? [kept.points, numbers] : [kept.frames, frames];
      const size = chains * width[f];
      for (const iteration of iterations) {
        if (!map.has(iteration))
          map.set(
            iteration,
            samplers.map(() => ({})),
          );
        const values = Float32Array.from(raw.subarray(at, at + size), (v) => v * units[f]);
        map.get(iteration)[s][field] = values;
        at += size;
      }
    });
  });
  kept.numbers = [...kept.points.keys()].sort((a, b) => a - b);
  kept.frameNumbers = [...kept.frames.keys()].sort((a, b) => a - b);
}

/** Index of the last of the sorted numbers that is at most `value`; 0 if there is none. */
function lastUpTo(sorted, value) {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
