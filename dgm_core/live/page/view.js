// The live view: the board, the samplers beside it, and their controls, in one element.
//
//   const view = new LiveView(element, { weights, pictures, state, changed });
//   view.show({ picture, hidden, seed });   view.close();
//
// `weights`: an ArrayBuffer, or a promise of one; `pictures`: arrays of 784 bits to choose from;
// `state`: picture, hidden and seed at the start; `changed(state)` is called after each change. It
// needs `client.js`, `board.js`, `panels.js` and `view.css`, which reads --ink, --paper, --accent,
// --line and --muted.

const LIVE_MASKS = {
  "Top half": ({ y }) => y < 14,
  "Left half": ({ x }) => x < 14,
  "Random half": ({ draw }) => draw() < 0.5,
  Everything: () => true,
  Nothing: () => false,
};

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
  constructor(root, { weights, pictures, state = {}, changed = () => {} }) {
    Object.assign(this, { root, pictures, onChange: changed });
    root.classList.add("live");
    this.panels = new LivePanels({
      weights,
      seed: state.seed,
      computing: (kernels) => root.setAttribute("data-kernels", kernels),
    });
    this.board = this.makeBoard();
    root.replaceChildren(
      liveElement("div", { class: "live-board" }, ...this.boardParts()),
      ...this.panels.nodes,
      liveElement("div", { class: "live-controls" }, ...this.controls()),
    );
    this.showTool();
    const { picture = pictures[0], hidden = this.maskOf("Top half") } = state;
    this.board.set({ picture, hidden }, { remember: false });
  }

  close() {
    this.panels.close();
    this.board.dispose();
  }

  get seed() {
    return this.panels.seed;
  }

  get state() {
    const { picture, hidden } = this.board;
    return { picture, hidden, seed: this.seed };
  }

  /** Show a picture, a mask and a seed; what is not given stays. */
  show({ picture, hidden, seed = this.seed }) {
    if (seed !== this.seed) this.panels.restart(seed);
    this.board.set({ picture, hidden });
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
    this.panels.observe(this.board.picture, this.board.hidden);
    this.onChange(this.state);
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
    return [
      liveElement("div", { class: "live-row" }, liveElement("span", {}, "Hide"), ...masks),
      liveElement("div", { class: "live-pictures" }, ...this.pictures.map(this.thumbnail, this)),
      liveSteering(this.panels, (seed) => this.show({ seed })),
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
}
