// Both samplers side by side: what they show, and whether they run.
//
//   const panels = new LivePanels({ weights, seed, computing, steered });
//   element.append(...panels.nodes);
//   panels.observe(picture, hidden);   panels.toggle();   panels.restart(seed);   panels.close();
//
// `weights`: an ArrayBuffer, or a promise of one; `computing(kernels)`: the weights are read, and
// these kernels compute, or others do from now on; `steered(running)`: the samplers were started or
// paused, or have ended. `?kernels=WebGPU` (or WebAssembly, JavaScript) in the address of the page
// chooses the kernels. It needs `client.js`, `board.js` and `view.css`.

// Name → note below its title.
const LIVE_SAMPLERS = {
  "pseudo-Gibbs": "Accepts every proposal. Fast, and biased.",
  "Metropolis-within-Gibbs": "Accepts or rejects. Exact in the limit.",
};
const LIVE_CHAINS = 8;
const LIVE_MOST = 20000; // iterations after the last change; then an unused page stops computing

class LivePanels {
  constructor({ weights, seed = 0, computing = () => {}, steered = () => {} }) {
    Object.assign(this, { seed, on: { computing, steered } });
    this.running = true;
    this.closed = false;
    this.problem = null; // { picture, observed }
    this.panels = Object.entries(LIVE_SAMPLERS).map(([name, note]) => this.makePanel(name, note));
    this.onvisible = () => this.steer();
    document.addEventListener("visibilitychange", this.onvisible);
    Promise.resolve(weights).then(
      (bytes) => {
        this.weights = bytes;
        if (!this.closed) this.restart(this.seed);
      },
      ({ message }) => this.failAll(message),
    );
  }

  get nodes() {
    return this.panels.map(({ node }) => node);
  }

  close() {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.onvisible);
    for (const { live } of this.panels) live?.close();
  }

  /** Start new chains of both samplers. */
  restart(seed) {
    this.seed = seed;
    if (!this.weights) return;
    const kernels = liveKernels();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const panel of this.panels) {
      panel.live?.close();
      panel.failed = false;
      const { weights } = this;
      const settings = { weights, seed, kernels, chains: LIVE_CHAINS, sampler: panel.name };
      panel.live = new LiveChains(
        { ...settings, framesPerSecond: calm ? 1 : 20 },
        {
          ready: (message) => this.showKernels(panel, message),
          kernels: (message) => this.showKernels(panel, message),
          frame: (frame) => this.showFrame(panel, frame),
          error: ({ message }) => this.fail(panel, message),
        },
      );
    }
    this.send();
  }

  /** Let the samplers observe the pixels that are not hidden; their chains continue. */
  observe(picture, hidden) {
    this.problem = { picture, observed: hidden.map((bit) => 1 - bit) };
    this.send();
  }

  send() {
    if (!this.problem) return;
    const { picture, observed } = this.problem;
    for (const panel of this.panels) {
      if (!panel.live) continue;
      panel.live.observe(picture, observed);
      panel.ended = false;
      panel.live.run(this.active ? LIVE_MOST : 1);
    }
  }

  /** Whether the samplers should run: not while they are paused or the tab is hidden. */
  get active() {
    return this.running && !document.hidden;
  }

  toggle() {
    this.running = !this.running;
    this.on.steered(this.running);
    this.steer();
  }

  steer() {
    for (const panel of this.panels) {
      if (!this.active) panel.live?.stop();
      else if (this.problem) {
        panel.ended = false;
        panel.live?.run(LIVE_MOST);
      }
    }
  }

  // --- What they show

  showKernels(panel, { kernels }) {
    panel.kernels = kernels;
    const names = this.panels.flatMap((each) => each.kernels ?? []);
    this.on.computing([...new Set(names)].join(" and "));
  }

  showFrame(panel, frame) {
    const { node, mean, draws, facts } = panel;
    liveLevels(mean, frame.mean);
    liveSheet(draws, frame.draws);
    const part = frame.acceptance.reduce((sum, each) => sum + each, 0) / frame.acceptance.length;
    facts.accepted.textContent = frame.warmingUp ? "warm-up" : `${livePercent(part)} accepted`;
    facts.count.textContent = `${frame.iteration.toLocaleString("en")} iterations`;
    facts.speed.textContent = `${Math.round(frame.speed)} a second`;
    node.setAttribute("data-iteration", frame.iteration);
    panel.ended = !frame.running && frame.iteration >= LIVE_MOST;
    if (this.active && this.panels.every(({ ended }) => ended)) {
      this.running = false;
      this.on.steered(false);
    }
  }

  fail(panel, message) {
    if (panel.failed) return; // the first error is the cause of the others
    panel.failed = true;
    panel.facts.accepted.textContent = `This browser cannot run the sampler: ${message}`;
  }

  failAll(message) {
    for (const panel of this.panels) this.fail(panel, message);
  }

  makePanel(name, note) {
    const title = name[0].toUpperCase() + name.slice(1);
    const canvas = (label, width, height) =>
      liveElement("canvas", { role: "img", "aria-label": label, width, height });
    const mean = canvas(`Posterior mean of ${title}`, LIVE_SIDE, LIVE_SIDE);
    const draws = canvas(`Eight draws of ${title}, one per chain`, 4 * 29 - 1, 2 * 29 - 1);
    const facts = Object.fromEntries(
      ["accepted", "count", "speed"].map((each) => [each, liveElement("span")]),
    );
    facts.accepted.textContent = "loading …";
    const node = liveElement(
      "section",
      { class: "live-panel", "data-sampler": name },
      liveElement("h2", {}, title),
      liveElement("p", { class: "live-note" }, note),
      mean,
      liveElement("p", { class: "live-caption" }, "Mean over all chains"),
      draws,
      liveElement("p", { class: "live-caption" }, "The current draw of each chain"),
      liveElement("p", { class: "live-facts" }, ...Object.values(facts)),
    );
    return { name, node, mean, draws, facts, ended: false, failed: false };
  }
}

/** The kernels that the address chooses. The app removes what it does not know from the address, so
 *  this is the address with which the page was opened. */
function liveKernels() {
  const [opened] = performance.getEntriesByType("navigation");
  return /[?&]kernels=(\w+)/.exec(opened?.name)?.[1] ?? "";
}

/** A button that pauses and continues the samplers, and one that starts new chains. */
function liveSteering(panels, restart) {
  const pause = liveButton("Pause", () => panels.toggle(), { class: "live-main" });
  panels.on.steered = (running) => {
    pause.textContent = running ? "Pause" : "Run";
  };
  return liveElement(
    "div",
    { class: "live-row" },
    pause,
    liveButton("New chains", () => restart(panels.seed + 1)),
  );
}

function liveElement(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function liveButton(label, act, attributes = {}) {
  const button = liveElement("button", { type: "button", ...attributes }, label);
  button.onclick = act;
  return button;
}

// Signed, because JavaScript allocates memory for each number above 2³⁰.
const liveGrey = (level) => (0xff000000 | (Math.round(level) * 0x010101)) >>> 0;

const liveImages = new WeakMap(); // canvas → its image; a new one for each frame fills the memory

/** Draw on a canvas what `fill(colours)` writes, one number per pixel. */
function livePaint(canvas, fill) {
  const { width, height } = canvas;
  if (!liveImages.has(canvas)) liveImages.set(canvas, new ImageData(width, height));
  const image = liveImages.get(canvas);
  fill(new Uint32Array(image.data.buffer));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** One level from 0 to 1 per pixel, on a canvas of 28×28. */
function liveLevels(canvas, values) {
  livePaint(canvas, (colours) => {
    for (let i = 0; i < LIVE_PIXELS; i += 1) colours[i] = liveGrey(255 * values[i]);
  });
}

/** Draws (8 × 784 levels from 0 to 255) as two rows of four pictures. */
function liveSheet(canvas, draws) {
  livePaint(canvas, (colours) => {
    for (let i = 0; i < draws.length; i += 1) {
      const chain = Math.floor(i / LIVE_PIXELS); // no [a, b] = …: it would fill the memory
      const pixel = i % LIVE_PIXELS;
      const x = 29 * (chain % 4) + (pixel % LIVE_SIDE);
      const y = 29 * Math.floor(chain / 4) + Math.floor(pixel / LIVE_SIDE);
      colours[y * canvas.width + x] = liveGrey(draws[i]);
    }
  });
}

/** A part as a percentage, with one digit after the point below 10 %. */
function livePercent(part) {
  const percent = 100 * part;
  return `${percent > 0 && percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}\u00a0%`;
}
