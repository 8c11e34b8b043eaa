// The engine in a worker: messages in, frames out; `dgm_core.live` describes both.

const post = (message, transfer = []) => self.postMessage(message, transfer);
const channel = new MessageChannel(); // messages arrive between two iterations
let turn = Promise.resolve(); // one message or iteration at a time, also while a pass is awaited
let chains = null;
let passes = null;
let settings = {};
let running = false;
let left = 0; // iterations until the chains stop
let problem = 0; // number of the last problem
let framed = { at: 0, iterations: 0, problem: 0 };
let speed = 0;

const acts = {
  async init({ weights, kernels = "", ...others }) {
    const started = performance.now();
    settings = { chains: 8, seed: 0, sampler: "Metropolis-within-Gibbs", warmup: 20, ...others };
    settings = { framesPerSecond: 20, ...settings };
    const model = makeModel(weights, settings.chains, kernels === "JavaScript");
    weights.transfer?.(0); // frees them at once; the kernels have their own copy
    chains = new Chains(model, settings);
    passes = new Passes(model.kernels, (name) => post({ type: "kernels", kernels: name }));
    running = false;
    if (kernels === "WebGPU") passes.use(await Card.open(model, true), true);
    post({
      type: "ready",
      kernels: passes.name,
      about: model.about,
      milliseconds: performance.now() - started,
    });
    if (!kernels) Card.open(model).then((card) => inTurn(() => passes.use(card)));
  },

  problem({ picture, observed, number, restart = false }) {
    chains.observe(Float64Array.from(picture), observed, restart);
    problem = number;
  },

  run({ iterations = Number.POSITIVE_INFINITY }) {
    if (chains.iteration < 0) throw new Error("expected a problem before run");
    left = iterations;
    if (running) return;
    running = true;
    framed = { at: performance.now(), iterations: 0, problem: null };
    channel.port2.postMessage(null);
  },

  stop() {
    if (!running) return;
    running = false;
    frame();
  },
};

function inTurn(act) {
  turn = turn.then(act).catch(({ message }) => {
    running = false;
    post({ type: "error", message });
  });
}

self.onmessage = ({ data }) => inTurn(() => acts[data.type](data));
channel.port1.onmessage = () => inTurn(iterate);

async function iterate() {
  if (!running) return;
  await chains.stepWith((network) => passes.run(network));
  left -= 1;
  framed.iterations += 1;
  running = left > 0;
  const waited = performance.now() - framed.at;
  const due = waited >= 1000 / settings.framesPerSecond;
  if (!running || problem !== framed.problem || due) frame();
  if (running) channel.port2.postMessage(null);
}

function frame() {
  const now = performance.now();
  const seconds = (now - framed.at) / 1000;
  const current = framed.iterations / Math.max(seconds, 1e-6);
  if (framed.iterations) speed = speed ? 0.8 * speed + 0.2 * current : current;
  framed = { at: now, iterations: 0, problem };
  const mean = chains.posteriorMean();
  const draws = new Uint8ClampedArray(chains.x.length);
  for (let i = 0; i < draws.length; i += 1) draws[i] = 255 * chains.x[i];
  const acceptance = chains.acceptance();
  const message = {
    type: "frame",
    problem,
    running,
    iteration: chains.since,
    warmingUp: chains.since <= chains.warmup,
    mean,
    draws,
    acceptance,
    speed,
  };
  post(message, [mean.buffer, draws.buffer, acceptance.buffer]);
}
