// Random numbers as a function of (seed, chain, iteration, purpose): no state, nothing to advance.
//
// Word i of a purpose is word i mod 4 of Philox block ⌊i / 4⌋. It gives
//   uniform i        u_i = (word_i + ½) / 2³²,  strictly between 0 and 1
//   normals i, i + 1 √(−2 ln u_i) · (cos 2π u_{i+1}, sin 2π u_{i+1})  for even i   (Box & Muller)
// all in 64 bits. `dgm_core.live.stream` computes the same numbers in Python.

const LATENTS = 0; // normals: the noise of the proposal
const ACCEPTANCE = 1; // one uniform: accept or reject
const PIXELS = 2; // uniforms or normals: the draw of the hidden pixels

/** The stream of one seed; it writes its words to `at` in the memory of the kernels. */
class Stream {
  constructor(kernels, at, most, seed) {
    this.kernels = kernels;
    this.at = at;
    this.words = new Uint32Array(kernels.buffer, at, 4 * Math.ceil(most / 4));
    this.low = seed | 0;
    this.high = Math.floor(seed / 2 ** 32) | 0;
  }

  /** Write `count` uniform numbers to `out`. */
  uniforms(out, count, chain, iteration, purpose) {
    const { kernels, at, words, low, high } = this;
    kernels.words(at, Math.ceil(count / 4), low, high, chain, iteration, purpose);
    for (let i = 0; i < count; i += 1) out[i] = (words[i] + 0.5) / 4294967296;
  }

  /** Write `count` standard normal numbers to `out`. */
  normals(out, count, chain, iteration, purpose) {
    const { kernels, at, words, low, high } = this;
    kernels.words(at, Math.ceil(count / 4), low, high, chain, iteration, purpose);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[i] + 0.5) / 4294967296));
      const angle = (2 * Math.PI * (words[i + 1] + 0.5)) / 4294967296;
      out[i] = radius * Math.cos(angle);
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
    }
  }
}
