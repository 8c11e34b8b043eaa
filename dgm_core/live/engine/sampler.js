// Pseudo-Gibbs and Metropolis-within-Gibbs for all chains at once.
//
// One iteration, with x the completed picture of a chain (`dgm_core.samplers.metropolis`):
//   z' ~ q(z | x)
//   ρ = [ p(x | z') p(z') / q(z' | x) ] / [ p(x | z) p(z) / q(z | x) ]
//   z ← z' with probability min(1, ρ); pseudo-Gibbs always
//   x_hidden ~ p(x_hidden | z), at every iteration, also after a rejection
// The likelihood is over all pixels. log p(x, z) is kept for the next iteration, so it is computed
// again whenever x changes: after each draw, and when the picture or the mask changes.

/** A DLVM ready to run `chains` rows. `bytes`: a weight file. `plain`: without WebAssembly. */
function makeModel(bytes, chains, plain = false) {
  const weights = readWeights(bytes);
  const { about } = weights;
  const arena = new Arena();
  const encoder = new Network(about.encoder, about.shape, chains, weights, arena);
  const decoder = new Network(about.decoder, [about.latents], chains, weights, arena);
  const size = about.shape.reduce((a, b) => a * b);
  const most = Math.max(size, about.latents);
  const words = arena.reserve(upTo(most, 4));
  const kernels = makeKernels(arena.size, plain);
  encoder.load(kernels);
  decoder.load(kernels);
  const Likelihood = about.likelihood.kind === "bernoulli" ? BernoulliPixels : GaussianPixels;
  return {
    about,
    kernels,
    encoder,
    decoder,
    size,
    latents: about.latents,
    posterior: new Posterior({ ...about.posterior, latents: about.latents }),
    likelihood: new Likelihood({ ...about.likelihood, size }),
    stream: (seed) => new Stream(kernels, words, most, seed),
  };
}

class Chains {
  /** @param settings { chains, seed, sampler: "Metropolis-within-Gibbs" or "pseudo-Gibbs", warmup }
   *  The first `warmup` iterations after each change of the problem always accept and stay out of
   *  the means. */
  constructor(model, { chains, seed, sampler, warmup }) {
    const { size, latents, posterior } = model;
    Object.assign(this, { model, chains, warmup });
    this.exact = sampler !== "pseudo-Gibbs";
    this.stream = model.stream(seed);
    this.noise = new Float64Array(Math.max(size, latents));
    this.x = new Float64Array(chains * size);
    this.features = new Float32Array(chains * posterior.features);
    const latentsAndLaw = () => ({
      z: new Float64Array(chains * latents),
      outputs: new Float32Array(chains * size), // of the decoder
      mean: new Float64Array(chains * size), // E[x|z]
      constant: new Float64Array(chains), // of log p(x|z)
    });
    this.current = latentsAndLaw();
    this.proposal = latentsAndLaw();
    this.logJoint = new Float64Array(chains);
    this.logRatio = new Float64Array(chains);
    this.logU = new Float64Array(chains);
    this.accepted = new Uint8Array(chains);
    this.acceptances = new Float64Array(chains); // since the warm-up
    this.sum = new Float64Array(size); // of E[x|z]
    this.iteration = -1; // counter of the stream; no problem yet
  }

  /** Observe `picture` where `observed` is 1. Running chains continue; `restart` starts them again,
   *  from uniform noise in the hidden pixels. */
  observe(picture, observed, restart = false) {
    const { size } = this.model;
    const first = restart || this.iteration < 0;
    Object.assign(this, { picture, observed, since: 0 });
    if (first) this.iteration = 0;
    for (let b = 0; b < this.chains; b += 1) {
      if (first) this.stream.uniforms(this.noise, size, b, 0, PIXELS);
      for (let i = 0; i < size; i += 1) {
        if (observed[i]) this.x[b * size + i] = picture[i];
        else if (first) this.x[b * size + i] = this.noise[i];
      }
    }
    if (first) {
      for (const network of this.propose()) network.run();
      for (let b = 0; b < this.chains; b += 1) this.take(b);
    }
    for (let b = 0; b < this.chains; b += 1) this.logJoint[b] = this.jointDensity(b);
    this.resetMeans();
  }

  resetMeans() {
    this.counted = 0;
    this.sum.fill(0);
    this.acceptances.fill(0);
  }

  get warmingUp() {
    return this.since < this.warmup;
  }

  /** One iteration. */
  step() {
    for (const network of this.advance()) network.run();
  }

  /** The same; `pass(network)` runs a network and may return a promise. */
  async stepWith(pass) {
    for (const network of this.advance()) await pass(network);
  }

  /** One iteration, which stops at each network that has to run. */
  *advance() {
    const { chains, warmup, exact } = this;
    if (this.since === warmup) this.resetMeans();
    this.since += 1;
    this.iteration += 1;
    yield* this.propose();
    const always = !exact || this.since <= warmup;
    for (let b = 0; b < chains; b += 1) {
      this.accepted[b] = always || this.accepts(b) ? 1 : 0;
      if (this.accepted[b]) this.take(b);
      this.acceptances[b] += this.accepted[b];
      this.redraw(b);
    }
    this.addMeans();
  }

  /** z' ~ q(z|x) and p(x|z') of all chains. */
  *propose() {
    const { model, chains, features, noise, proposal } = this;
    const { encoder, decoder, posterior, likelihood, latents } = model;
    encoder.write(this.x);
    yield encoder;
    encoder.read(features);
    for (let b = 0; b < chains; b += 1) {
      this.stream.normals(noise, latents, b, this.iteration, LATENTS);
      posterior.draw(features, b * posterior.features, noise, proposal.z, b * latents);
    }
    decoder.write(proposal.z);
    yield decoder;
    decoder.read(proposal.outputs);
    for (let b = 0; b < chains; b += 1) likelihood.prepare(proposal, b);
  }

  accepts(b) {
    const { model, features, noise } = this;
    const { posterior, latents } = model;
    const density = ({ z }) =>
      posterior.logDensity(features, b * posterior.features, z, b * latents);
    this.logRatio[b] =
      this.jointDensity(b, this.proposal) -
      density(this.proposal) -
      (this.logJoint[b] - density(this.current));
    this.stream.uniforms(noise, 1, b, this.iteration, ACCEPTANCE);
    this.logU[b] = Math.log1p(-noise[0]);
    return this.logU[b] < this.logRatio[b]; // a ratio that is not a number is rejected
  }

  /** Move chain b to its proposal. */
  take(b) {
    for (const name in this.current) {
      const [to, from] = [this.current[name], this.proposal[name]];
      const width = to.length / this.chains;
      for (let i = b * width; i < (b + 1) * width; i += 1) to[i] = from[i];
    }
  }

  /** x_hidden ~ p(x_hidden | z), and log p(x, z) at the new x. */
  redraw(b) {
    const { model, x, noise, observed } = this;
    const { likelihood, size } = model;
    const { mean } = this.current;
    this.stream[likelihood.noise](noise, size, b, this.iteration, PIXELS);
    for (let i = 0, at = b * size; i < size; i += 1, at += 1) {
      if (!observed[i]) x[at] = likelihood.draw(mean[at], i, noise[i]);
    }
    this.logJoint[b] = this.jointDensity(b);
  }

  /** log p(x, z) of chain b. */
  jointDensity(b, at = this.current) {
    const { likelihood, latents } = this.model;
    return likelihood.logDensity(at, b, this.x) + logPrior(at.z, b * latents, latents);
  }

  addMeans() {
    const { size } = this.model;
    for (let b = 0; b < this.chains; b += 1)
      for (let i = 0; i < size; i += 1) this.sum[i] += this.current.mean[b * size + i];
    this.counted += 1;
  }

  /** Mean of E[x|z] over chains and iterations; the picture where it is observed. (D,) */
  posteriorMean() {
    const { sum, observed, picture, counted, chains } = this;
    const total = Math.max(1, counted * chains);
    const mean = new Float32Array(sum.length);
    for (let i = 0; i < mean.length; i += 1) mean[i] = observed[i] ? picture[i] : sum[i] / total;
    return mean;
  }

  /** Part of the proposals accepted since the warm-up (during it: 1), per chain. */
  acceptance() {
    return Float32Array.from(this.acceptances, (n) => n / Math.max(1, this.counted));
  }
}
