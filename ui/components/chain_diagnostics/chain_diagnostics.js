// Chain diagnostics: sentences, and five figures of the chains of each sampler.
//
// update → (queue) store → after the next frame of the browser: writeTexts → render (the chosen
// figure) → move (the cursor). The cursor is at the iteration of the player, else at the newest
// one; while the pointer is on a figure, the cursor is at the pointer.

const WIDE = 640; // px; in a wider component the samplers are side by side

// The chosen figure is kept here, because the component may be removed between two runs.
globalThis[Symbol.for("chain diagnostics")] ??= { view: "traces" };
const REMEMBERED = globalThis[Symbol.for("chain diagnostics")];

class ChainDiagnostics {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".chain-diagnostics");
    this.sentences = find(".sentences");
    this.views = find(".views");
    this.about = find(".about");
    this.container = find(".panels");
    this.reading = find(".reading");
    this.selects = Object.fromEntries(
      ["quantity", "across", "up", "chain"].map((name) => [name, find(`.${name} select`)]),
    );
    this.data = null;
    this.queue = Promise.resolve();
    this.kept = null; // the iterations of the run
    this.view = REMEMBERED.view;
    this.chain = null; // null: not chosen by the visitor
    this.axes = null; // ids of two latents; null: not chosen
    this.cursor = null; // iteration; null: the newest
    this.pointer = null; // {at: iteration or lag, chain: −1 for none}; null: not on a figure
    this.panels = []; // of the chosen figure
    this.figures = []; // the elements of each panel
    this.gone = false;
    this.listen();
  }

  dispose() {
    document.removeEventListener("dgm-iteration", this.onIteration);
    this.observer.disconnect();
    this.gone = true;
  }

  /** A new chunk, or a new theme. */
  update({ data }) {
    if (!data?.run) return;
    this.queue = this.queue
      .then(() => this.store(data))
      .catch((error) => console.error("chain diagnostics: a chunk could not be read", error));
  }

  async store(data) {
    if (this.gone) return;
    const before = this.data;
    const sameLatents = String(before?.latents) === String(data.latents);
    const changed = before?.run !== data.run || !sameLatents;
    const kept = changed ? new Iterations() : this.kept;
    if (before?.data !== data.data || changed) await kept.add(data);
    await nextFrame(); // so that the player is drawn first
    if (this.gone) return;
    if (before?.run !== data.run) this.chain = this.cursor = null;
    this.data = data;
    this.kept = kept;
    this.root.dataset.state = data.state;
    this.writeTexts();
    this.render();
  }

  // --- Sentences and choices

  writeTexts() {
    const { data, selects } = this;
    this.strokes = data.samplers.map(strokeOf);
    const sections = data.samplers.map((name, s) => {
      const sentences = data.sentences[s].map((sentence) => element("li", {}, sentence));
      const title = element("h4", {}, swatch(this.strokes[s]), name);
      const names = { "data-sampler": s, "aria-label": name };
      return element("section", names, title, element("ul", {}, ...sentences));
    });
    this.sentences.replaceChildren(...sections);
    const definitions = Object.values(data.definitions).join("\n\n");
    this.root.querySelector("[data-view=rhat]").title = definitions;
    const chains = Array.from({ length: data.chains }, (_, c) => `chain ${c + 1}`);
    const latents = data.latents.map((latent) => [latent, `z${latent + 1}`]);
    writeOptions(selects.quantity, Object.entries(data.quantities));
    writeOptions(selects.chain, Object.entries(chains));
    writeOptions(selects.across, latents);
    writeOptions(selects.up, latents);
  }

  /** Index of the quantity in the traces. */
  get quantity() {
    return Number(this.selects.quantity.value || 0);
  }

  /** Indices of the two chosen latents among those sent; by default the first two. */
  get pair() {
    const { latents } = this.data;
    const indices = (this.axes ?? []).map((latent) => latents.indexOf(latent));
    if (indices.length === 2 && !indices.includes(-1)) return indices;
    return [0, Math.min(1, latents.length - 1)];
  }

  /** The chain to follow: the chosen one, else the one that has been unmoved for longest. */
  chainToFollow() {
    const { chain, data, kept } = this;
    if (chain !== null && chain < data.chains) return chain;
    const totals = Array(data.chains).fill(0);
    const last = kept.frames.get(kept.frameNumbers.at(-1));
    for (const { unmoved } of last) for (const [c, count] of unmoved.entries()) totals[c] += count;
    return totals.indexOf(Math.max(...totals));
  }

  follow(chain) {
    this.chain = chain;
    this.render();
  }

  // --- The chosen figure

  render() {
    const { root, data, selects, views, view } = this;
    this.width = root.clientWidth;
    if (!data || !this.width) return;
    const figure = FIGURES[view];
    markChosen(views, views.querySelector(`[data-view=${view}]`));
    for (const [name, select] of Object.entries(selects)) {
      select.parentElement.hidden = !figure.shows.includes(name);
    }
    this.followed = this.chainToFollow();
    selects.chain.value = this.followed;
    [selects.across.value, selects.up.value] = this.pair.map((i) => data.latents[i]);
    this.about.textContent = figure.about;
    root.dataset.view = view;
    const focused = this.figures.findIndex((each) => each.figure.matches(":focus"));
    this.panels = figure.build(this);
    this.buildFigures();
    const { length } = this.panels;
    this.container.classList.toggle("single", length === 1);
    const width = this.width > WIDE && length > 1 ? (this.width - 24) / 2 : this.width;
    this.panels.forEach((panel, i) => panel.draw(this.figures[i].drawn, width));
    this.figures[focused]?.figure.focus({ preventScroll: true });
    this.move();
  }

  /** The figures are reused while their kind and number are the same, so that the pointer stays on
   *  one. */
  buildFigures() {
    const kind = `${this.view} ${this.panels.length}`;
    if (this.kind !== kind) {
      this.kind = kind;
      this.figures = this.panels.map((_, i) => this.buildFigure(i));
      this.container.replaceChildren(...this.figures.map(({ figure }) => figure));
    }
    this.panels.forEach(({ title, stroke, label, definition }, i) => {
      const { figure, name } = this.figures[i];
      name.replaceChildren(...(stroke ? [swatch(stroke)] : []), title);
      name.title = definition ?? "";
      figure.setAttribute("aria-label", label);
    });
  }

  buildFigure(i) {
    const name = element("h4");
    const output = element("output", { "aria-live": "off" });
    const drawn =
      this.view === "paths"
        ? element("canvas", { class: "paths", "aria-hidden": "true" })
        : element("div", { class: "plot" });
    const caption = element("figcaption", {}, name, output);
    const figure = element("figure", { tabindex: 0, role: "group" }, caption, drawn);
    drawn.onpointermove = (event) => this.point(i, event);
    drawn.onpointerleave = figure.onblur = () => {
      this.pointer = null;
      this.move();
    };
    drawn.onclick = (event) => {
      this.point(i, event);
      if (this.pointer?.chain >= 0) this.follow(this.pointer.chain);
    };
    return { figure, name, output, drawn };
  }

  point(i, event) {
    const box = this.figures[i].drawn.getBoundingClientRect();
    this.pointer = this.panels[i].find(event.clientX - box.left, event.clientY - box.top);
    this.move();
  }

  /** The chain under the pointer, else the one that is followed. */
  get shownChain() {
    return this.pointer?.chain >= 0 ? this.pointer.chain : this.followed;
  }

  /** The position of the cursor: index and number of the point, and the number of the frame.
   *
   *  `pointed`: the iteration at the pointer; null: none. */
  position(pointed = this.pointer?.at ?? null) {
    const { numbers, frameNumbers } = this.kept;
    const newest = numbers.at(-1);
    const at = Math.min(pointed ?? this.cursor ?? newest, newest);
    const index = lastUpTo(numbers, at);
    return { index, number: numbers[index], frame: frameNumbers[lastUpTo(frameNumbers, at)] };
  }

  move() {
    if (!this.panels.length) return;
    const position = this.position();
    this.root.dataset.iteration = position.number;
    this.panels.forEach((panel, i) => {
      this.figures[i].output.textContent = panel.move(position);
    });
  }

  // --- Input

  listen() {
    const { root, selects } = this;
    const { quantity, chain, across, up } = selects;
    radioGroup(this.views, (button) => {
      this.view = REMEMBERED.view = button.dataset.view;
      this.pointer = null;
      this.render();
    });
    quantity.onchange = () => this.render();
    chain.onchange = () => this.follow(Number(chain.value));
    across.onchange = up.onchange = () => {
      this.axes = [Number(across.value), Number(up.value)];
      this.render();
    };
    root.onkeydown = (event) => this.onKey(event);
    this.onIteration = ({ detail }) => {
      if (!detail || detail.run !== this.data?.run) return;
      this.cursor = detail.iteration;
      this.move();
    };
    document.addEventListener("dgm-iteration", this.onIteration);
    this.observer = new ResizeObserver(() => this.width !== root.clientWidth && this.render());
    this.observer.observe(root);
  }

  onKey(event) {
    const i = this.figures.findIndex(({ figure }) => figure === event.target);
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const chain = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (i < 0 || !(along || chain) || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.target.closest("[role=radio], select, summary")) event.stopPropagation();
      return;
    }
    event.stopPropagation();
    event.preventDefault();
    const { chains } = this.data;
    if (chain) this.follow((this.followed + chain + chains) % chains);
    else {
      const { numbers } = this.kept;
      const to = Math.min(Math.max(this.position().index + along, 0), numbers.length - 1);
      this.pointer = this.panels[i].step?.(along) ?? { at: numbers[to], chain: -1 };
      this.move();
    }
    this.reading.textContent = this.figures[i].output.textContent;
  }
}

/** A promise of the next frame; fulfilled at once on a hidden page, which draws no frames. */
function nextFrame() {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** Set the options [value, text] of a select; the chosen one stays chosen if it exists. */
function writeOptions(select, wanted) {
  const key = JSON.stringify(wanted);
  if (select.dataset.key === key) return;
  const before = select.value;
  select.replaceChildren(...wanted.map(([value, text]) => element("option", { value }, text)));
  if (wanted.some(([value]) => String(value) === before)) select.value = before;
  select.dataset.key = key;
}

export default component(ChainDiagnostics);
