// The live view: the board, the samplers beside it, and their controls, in one element.
//
//   const view = new LiveView(element, { weights, pictures, state, changed });
//   view.show({ picture, hidden, seed });   view.close();
//
// `weights`: an ArrayBuffer; `pictures`: arrays of 784 bits to choose from; `state`: picture,
// hidden and seed at the start; `changed(state)` is called after each change. It needs
// `client.js`, `board.js` and `view.css`, which reads --ink, --paper, --accent, --line and --muted.

const LIVE_SAMPLERS = {
  "pseudo-Gibbs": { title: "Pseudo-Gibbs", note: "Accepts every proposal. Fast, and biased." },
  "Metropolis-within-Gibbs": {
    title: "Metropolis-within-Gibbs",
    note: "Accepts or rejects. Exact in the limit.",
  },
};
const LIVE_CHAINS = 8;
const LIVE_MOST = 20000; // iterations after the last change: an unused page computes nothing
const LIVE_MASKS = {
  "Top half": ({ y }) => y < 14,
  "Left half": ({ x }) => x < 14,
  "Random half": ({ draw }) => draw() < 0.5,
  Everything: () => true,
  Nothing: () => false,
};

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

/** Numbers from a seed, for masks drawn by a button (mulberry32). */
function liveRandom(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class LiveView {
  /** @param plain without WebAssembly */
  constructor(root, { weights, pictures, state = {}, changed = () => {}, plain = false }) {
    Object.assign(this, { root, weights, pictures, plain, seed: state.seed ?? 0, told: changed });
    this.running = true;
    this.hiddenTab = document.hidden;
    this.waits = []; // times from a change to its picture, ms
    root.classList.add("live");
    this.board = this.makeBoard();
    this.panels = Object.entries(LIVE_SAMPLERS).map(([name, words]) =>
      this.makePanel(name, words),
    );
    root.replaceChildren(
      liveElement("div", { class: "live-board" }, ...this.boardParts()),
      ...this.panels.map(({ node }) => node),
      liveElement("div", { class: "live-controls" }, ...this.controls()),
    );
    this.showTool();
    this.onvisible = () => this.steer(document.hidden);
    document.addEventListener("visibilitychange", this.onvisible);
    const { picture = pictures[0], hidden = this.maskOf("Top half") } = state;
    this.board.set({ picture, hidden }, { remember: false });
    this.start();
  }

  close() {
    document.removeEventListener("visibilitychange", this.onvisible);
    for (const { live } of this.panels) live?.close();
    this.board.dispose();
  }

  get state() {
    const { picture, hidden } = this.board;
    return { picture, hidden, seed: this.seed };
  }

  /** Show a picture, a mask and a seed; what is not given stays. */
  show({ picture, hidden, seed = this.seed }) {
    const anew = seed !== this.seed;
    this.seed = seed;
    this.board.set({ picture, hidden });
    if (anew) this.start();
  }

  // --- The samplers

  /** Start new chains of both samplers, with the current seed. */
  start() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const panel of this.panels) {
      panel.live?.close();
      const { weights, seed, plain } = this;
      const settings = { weights, seed, plain, chains: LIVE_CHAINS, sampler: panel.name };
      panel.live = new LiveChains(
        { ...settings, framesPerSecond: calm ? 1 : 20 },
        {
          ready: ({ kernels }) => this.root.setAttribute("data-kernels", kernels),
          frame: (frame) => this.showFrame(panel, frame),
          error: ({ message }) => this.fail(panel, message),
        },
      );
    }
    this.observe();
  }

  /** Send the picture and the mask to the samplers, and let them run. */
  observe() {
    const { picture, hidden } = this.board;
    const observed = hidden.map((bit) => 1 - bit);
    for (const panel of this.panels) {
      if (!panel.live) continue;
      panel.live.observe(picture, observed);
      panel.changedAt ??= performance.now();
      panel.live.run(this.running && !this.hiddenTab ? LIVE_MOST : 1);
    }
  }

  steer(hiddenTab) {
    this.hiddenTab = hiddenTab;
    for (const { live } of this.panels) {
      if (hiddenTab || !this.running) live?.stop();
      else live?.run(LIVE_MOST);
    }
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
    if (frame.current && panel.changedAt !== null && panel.changedAt !== undefined) {
      this.waits.push(performance.now() - panel.changedAt);
      if (this.waits.length > 1000) this.waits.shift();
      panel.changedAt = null;
    }
  }

  fail(panel, message) {
    panel.facts.accepted.textContent = `This browser cannot run the sampler: ${message}`;
  }

  // --- Parts of the page

  makeBoard() {
    this.canvas = liveElement("canvas", {
      tabindex: "0",
      role: "application",
      "aria-label":
        "Picture of 28 by 28 pixels. Arrow keys move the brush, Space paints, H, S, D and E choose a tool.",
    });
    this.status = liveElement("p", { class: "live-status", role: "status" });
    return new LiveBoard(this.canvas, {
      change: () => this.changed(),
      tool: () => this.showTool(),
      say: (sentence) => {
        this.status.textContent = sentence;
      },
    });
  }

  changed() {
    this.count.textContent = this.board.summary;
    this.observe();
    this.told(this.state);
  }

  boardParts() {
    this.count = liveElement("span", { class: "live-count" });
    this.tools = Object.entries(LIVE_TOOLS).map(([name, { label, key }]) =>
      liveButton(label, () => this.board.choose(name), {
        "data-tool": name,
        title: `${label} (${key.toUpperCase()})`,
      }),
    );
    this.slider = liveElement("input", {
      type: "range",
      min: "1",
      max: "9",
      "aria-label": "Size of the brush",
    });
    this.slider.oninput = () => this.board.resize(this.slider.valueAsNumber);
    const tools = liveElement("div", { class: "live-group", role: "group" }, ...this.tools);
    tools.setAttribute("aria-label", "Tool");
    return [
      liveElement("h2", {}, "What the samplers see"),
      liveElement("p", { class: "live-note" }, "Hatched pixels are hidden. Paint to change them."),
      this.canvas,
      this.count,
      this.status,
      liveElement(
        "div",
        { class: "live-tools" },
        tools,
        liveElement("label", { class: "live-size" }, "Brush", this.slider),
        liveButton("Undo", () => this.board.undo(), { title: "Undo (U)" }),
      ),
    ];
  }

  controls() {
    const masks = Object.keys(LIVE_MASKS).map((name) =>
      liveButton(name, () => this.board.set({ hidden: this.maskOf(name) })),
    );
    this.pause = liveButton("Pause", () => this.toggle(), { class: "live-main" });
    const anew = liveButton("New chains", () => this.show({ seed: this.seed + 1 }));
    const row = (...parts) => liveElement("div", { class: "live-row" }, ...parts);
    return [
      row(liveElement("span", {}, "Hide"), ...masks),
      liveElement("div", { class: "live-pictures" }, ...this.pictures.map(this.thumbnail, this)),
      row(this.pause, anew),
    ];
  }

  thumbnail(bits, i) {
    const canvas = liveElement("canvas", { width: LIVE_SIDE, height: LIVE_SIDE });
    liveLevels(canvas, bits);
    const button = liveButton("", () => this.board.set({ picture: bits }), {
      "aria-label": `Picture ${i + 1}`,
    });
    button.append(canvas);
    return button;
  }

  makePanel(name, { title, note }) {
    const canvas = (label, width, height) =>
      liveElement("canvas", { role: "img", "aria-label": label, width, height });
    const mean = canvas(`Posterior mean of ${title}`, LIVE_SIDE, LIVE_SIDE);
    const draws = canvas(`Eight draws of ${title}, one per chain`, 4 * 29 - 1, 2 * 29 - 1);
    const facts = Object.fromEntries(
      ["accepted", "count", "speed"].map((each) => [each, liveElement("span")]),
    );
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
    return { name, node, mean, draws, facts };
  }

  maskOf(name) {
    const draw = liveRandom(this.seed + 1);
    const inside = LIVE_MASKS[name];
    return Uint8Array.from({ length: LIVE_PIXELS }, (_, i) =>
      inside({ x: i % LIVE_SIDE, y: Math.floor(i / LIVE_SIDE), draw }) ? 1 : 0,
    );
  }

  showTool() {
    if (!this.tools) return;
    for (const button of this.tools) {
      button.setAttribute("aria-pressed", button.dataset.tool === this.board.tool);
    }
    this.slider.value = this.board.size;
  }

  toggle() {
    this.running = !this.running;
    this.pause.textContent = this.running ? "Pause" : "Run";
    this.steer(this.hiddenTab);
  }
}

const liveGrey = (level) => (0xff000000 | (Math.round(level) * 0x010101)) >>> 0;

/** One level from 0 to 1 per pixel, on a canvas of 28×28. */
function liveLevels(canvas, values) {
  const image = new ImageData(LIVE_SIDE, LIVE_SIDE);
  const colours = new Uint32Array(image.data.buffer);
  for (let i = 0; i < LIVE_PIXELS; i += 1) colours[i] = liveGrey(255 * values[i]);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draws (8 × 784 levels from 0 to 255) as two rows of four pictures. */
function liveSheet(canvas, draws) {
  const { width, height } = canvas;
  const image = new ImageData(width, height);
  const colours = new Uint32Array(image.data.buffer);
  for (let i = 0; i < draws.length; i += 1) {
    const [chain, pixel] = [Math.floor(i / LIVE_PIXELS), i % LIVE_PIXELS];
    const x = 29 * (chain % 4) + (pixel % LIVE_SIDE);
    const y = 29 * Math.floor(chain / 4) + Math.floor(pixel / LIVE_SIDE);
    colours[y * width + x] = liveGrey(draws[i]);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A part as a percentage, with one digit after the point below 10 %. */
function livePercent(part) {
  const percent = 100 * part;
  return `${percent > 0 && percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}\u00a0%`;
}
