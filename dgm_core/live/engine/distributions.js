// The distributions of a DLVM: q(z|x) from the encoder's features, p(x|z) from the decoder's outputs.
//
// Networks compute in 32 bits; everything here in 64. `at` is the start of a row in a flat array.

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** log p(z) under N(0, I). */
function logPrior(z, at, latents) {
  let sum = 0;
  for (let i = at; i < at + latents; i += 1) sum += z[i] * z[i];
  return -0.5 * sum - latents * HALF_LOG_TWO_PI;
}

/** q(z|x) = N(μ, P⁻¹ diag(s²) P⁻ᵀ) with P = I + S, S strictly lower triangular.
 *
 *  The features are μ, log s, and with a full covariance the entries of S, in the order of
 *  `dgm_core.distributions.posteriors`. */
class Posterior {
  constructor({ kind, latents, log_scale: [low, high] }) {
    this.latents = latents;
    this.features = kind === "full" ? (latents * (latents + 3)) / 2 : 2 * latents;
    this.low = low;
    this.high = high;
    this.below = kind === "full" ? belowDiagonal(latents) : null;
    this.off = new Float64Array(latents);
  }

  logScale(features, at, i) {
    return Math.min(this.high, Math.max(this.low, features[at + this.latents + i]));
  }

  /** (S v)_i for the row of features at `at`. */
  coupled(features, at, i, v, start) {
    if (!this.below) return 0;
    let sum = 0;
    for (let j = 0; j < i; j += 1) {
      sum += features[at + this.below[i * this.latents + j]] * v[start + j];
    }
    return sum;
  }

  /** z = μ + P⁻¹ (s · noise), by forward substitution. */
  draw(features, at, noise, z, zAt) {
    const { latents, off } = this;
    for (let i = 0; i < latents; i += 1) {
      const u = noise[i] * Math.exp(this.logScale(features, at, i));
      off[i] = u - this.coupled(features, at, i, off, 0);
      z[zAt + i] = features[at + i] + off[i];
    }
  }

  /** log q(z|x). */
  logDensity(features, at, z, zAt) {
    const { latents, off } = this;
    let sum = -latents * HALF_LOG_TWO_PI;
    for (let i = 0; i < latents; i += 1) {
      off[i] = z[zAt + i] - features[at + i];
      const logScale = this.logScale(features, at, i);
      const standard = (off[i] + this.coupled(features, at, i, off, 0)) * Math.exp(-logScale);
      sum -= 0.5 * standard * standard + logScale;
    }
    return sum;
  }
}

/** Index among the features of each entry of S, row by row.
 *
 *  The entries without the first L − 1, followed by all entries in reverse order, fill a square of
 *  side L − 1, whose lower triangle is that of S one row further up. */
function belowDiagonal(latents) {
  const side = latents - 1;
  const count = (latents * side) / 2;
  const indices = new Int32Array(latents * latents);
  for (let i = 0; i < side; i += 1)
    for (let j = 0; j <= i; j += 1) {
      const n = i * side + j;
      const entry = n < count - side ? n + side : count - 1 - (n - (count - side));
      indices[(i + 1) * latents + j] = 2 * latents + entry;
    }
  return indices;
}

/** p(x|z) = Π Bernoulli(σ(η)), with the decoder's outputs η.
 *
 *  `at` has the outputs of all chains, and E[x|z] and a constant of the density once `prepare` has
 *  written them. */
class BernoulliPixels {
  constructor({ size }) {
    this.size = size;
    this.noise = "uniforms";
  }

  /** Write E[x|z], and the constant Σ log(1 + exp η), of chain b. */
  prepare({ outputs, mean, constant }, b) {
    const start = b * this.size;
    let sum = 0;
    let product = 1; // of at most 32 numbers from 1 to 2
    for (let i = 0; i < this.size; i += 1) {
      const eta = outputs[start + i];
      const e = Math.exp(eta > 0 ? -eta : eta);
      mean[start + i] = eta > 0 ? 1 / (1 + e) : e / (1 + e);
      if (eta > 0) sum += eta;
      product *= 1 + e;
      if ((i & 31) === 31) {
        sum += Math.log(product);
        product = 1;
      }
    }
    constant[b] = sum + Math.log(product);
  }

  /** log p(x|z) of chain b. */
  logDensity({ outputs, constant }, b, x) {
    let sum = 0;
    for (let i = b * this.size; i < (b + 1) * this.size; i += 1) sum += x[i] * outputs[i];
    return sum - constant[b];
  }

  draw(mean, _i, noise) {
    return noise < mean ? 1 : 0;
  }
}

/** p(x|z) = Π N(m, s²), m = link(outputs), one scale s per channel. */
class GaussianPixels {
  constructor({ size, link, scales }) {
    this.size = size;
    this.noise = "normals";
    this.link = link === "sigmoid" ? (t) => 1 / (1 + Math.exp(-t)) : (t) => t;
    const entries = size / scales.length; // of one channel
    this.scale = Float64Array.from({ length: size }, (_, i) => scales[Math.floor(i / entries)]);
    this.logScales = this.scale.reduce((sum, s) => sum + Math.log(s), 0);
  }

  prepare({ outputs, mean }, b) {
    for (let i = b * this.size; i < (b + 1) * this.size; i += 1) mean[i] = this.link(outputs[i]);
  }

  logDensity({ mean }, b, x) {
    const start = b * this.size;
    let sum = 0;
    for (let i = 0; i < this.size; i += 1) {
      sum += ((x[start + i] - mean[start + i]) / this.scale[i]) ** 2;
    }
    return -0.5 * sum - this.logScales - this.size * HALF_LOG_TWO_PI;
  }

  draw(mean, i, noise) {
    return mean + this.scale[i] * noise;
  }
}
