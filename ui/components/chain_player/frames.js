// The frames of a run. Bytes of one frame: for each sampler the draws as bits, the mean and the
// standard deviation.

class Frames {
  constructor({ samplers, chains, height, width }) {
    this.pixels = height * width;
    this.bitBytes = Math.ceil(this.pixels / 8);
    this.meanAt = chains * this.bitBytes; // within the bytes of a sampler
    this.samplerSize = this.meanAt + 2 * this.pixels;
    this.size = samplers.length * this.samplerSize;
    this.bytes = []; // of frame i; undefined where a chunk is missing
    this.numbers = []; // iteration number of frame i
    this.curves = samplers.map(() => ({ draw: [], mean: [] }));
    this.chunk = null; // the last one, as text
  }

  /** Index of the newest frame; −1 if there is none. */
  get newest() {
    return this.bytes.length - 1;
  }

  /** Add the frames of a message; `bytes` are those of its chunk. */
  add({ frames, count, start, numbers, curves }, bytes) {
    const { size } = this;
    if (bytes.length !== size * count) {
      throw new RangeError(`expected ${size * count} bytes, got ${bytes.length}`);
    }
    this.chunk = frames;
    for (let i = 0; i < count; i += 1) {
      this.bytes[start + i] = bytes.subarray(i * size, (i + 1) * size);
      this.numbers[start + i] = numbers[i];
      curves.forEach((curve, s) => {
        for (const kind of ["draw", "mean"]) this.curves[s][kind][start + i] = curve[kind][i];
      });
    }
  }

  /** The frame at an index; if missing, the nearest earlier one, else the first one available. */
  available(index) {
    for (let i = index; i >= 0; i -= 1) if (this.bytes[i]) return i;
    return this.bytes.findIndex((frame) => frame);
  }

  /** The frame whose iteration is nearest to a number; −1 if there is none. */
  nearest(number) {
    let best = -1;
    this.numbers.forEach((candidate, i) => {
      const closer = Math.abs(candidate - number) < Math.abs(this.numbers[best] - number);
      if (best < 0 || closer) best = i;
    });
    return best;
  }

  /** The draw of a chain: one byte (0 or 1) per pixel. */
  draw(i, sampler, chain) {
    const from = sampler * this.samplerSize + chain * this.bitBytes;
    return unpack(this.bytes[i].subarray(from, from + this.bitBytes), this.pixels);
  }

  /** The levels of an image: "mean" or "sd". */
  image(i, sampler, which) {
    const from = sampler * this.samplerSize + this.meanAt + (which === "sd" ? this.pixels : 0);
    return this.bytes[i].subarray(from, from + this.pixels);
  }
}
