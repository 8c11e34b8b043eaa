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

/** The iterations of a run: `points` and `frames` are maps from an iteration to a list with an
 *  object {field: values} for each sampler; `numbers` and `frameNumbers` are their sorted keys. */
class Iterations {
  constructor() {
    this.points = new Map();
    this.frames = new Map();
  }

  /** Add the chunk of a message. */
  async add({ data, numbers, frames, chains, samplers, units, latents: { length: latents } }) {
    const width = [1, 1, 1, latents, 1, 1, latents, latents, (latents * (latents - 1)) / 2];
    const raw = new Int16Array(await inflate(data)); // little-endian, as in all browsers
    let at = 0;
    samplers.forEach((_, s) => {
      FIELDS.forEach((field, f) => {
        const [map, iterations] = f < 4 ? [this.points, numbers] : [this.frames, frames];
        const size = chains * width[f];
        for (const iteration of iterations) {
          if (!map.has(iteration)) {
            const empty = samplers.map(() => ({}));
            map.set(iteration, empty);
          }
          const values = Float32Array.from(raw.subarray(at, at + size), (v) => v * units[f]);
          map.get(iteration)[s][field] = values;
          at += size;
        }
      });
    });
    this.numbers = [...this.points.keys()].sort((a, b) => a - b);
    this.frameNumbers = [...this.frames.keys()].sort((a, b) => a - b);
  }
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
