// Method grid: one card per method, one view for all cards, and the table of scores.
//
// Each message contains all results so far: update → decode new images → paint. Errors,
// differences and colours are computed here. While an image is being decoded, the previous one
// stays.

const VIEW_NAMES = {
  mean: "posterior mean",
  draws: "draws",
  uncertainty: "standard deviation",
  error: "error",
  difference: "difference",
  factors: "factors",
};
const ENDED = {
  finished: "has finished",
  stopped: "has been stopped",
  unavailable: "is not available",
};
const STOP_TIMEOUT = 4000; // ms after which Stop can be pressed again

class MethodGrid {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".methods");
    this.list = find(".grid");
    this.hold = find(".hold");
    this.about = find(".about");
    this.select = find("select");
    this.scale = find(".scale");
    this.outlined = find(".outlined input");
    this.live = find("[aria-live]");
    this.views = find(".views");
    this.error = find("[data-view=error]");
    this.data = null;
    this.theme = null;
    this.view = "mean";
    this.cards = new Map(); // name → its elements
    this.stopping = new Map(); // name → timer
    this.pressed = false;
    this.pixels = new Pixels();
    this.table = new ScoreTable(this.root);
    this.enlarged = new Enlarged(this);
    this.listen();
  }

  dispose() {
    this.observer.disconnect();
    this.release();
    this.stopWaiting();
    this.data = null;
  }

  /** New results or a new theme. */
  update({ data, setTriggerValue }) {
    const before = this.data;
    this.data = data;
    this.send = setTriggerValue;
    if (before?.run !== data.run) this.reset();
    else this.announce(before);
    this.noun = data.originalTitle.toLowerCase();
    for (const word of this.root.querySelectorAll(".noun")) write(word, this.noun);
    this.offerErrors();
    this.readProblem();
    this.theme = readTheme(this.root);
    this.writeCards();
    this.writeReference();
    this.table.update(data);
    this.enlarged.update();
    this.refresh();
    this.pixels.load(urlsOf(data)).then(() => this.data === data && this.refresh());
  }

  reset() {
    this.stopWaiting();
    this.live.textContent = "";
    this.setPressed(false);
  }

  announce(before) {
    const states = new Map(before.methods.map((method) => [method.name, method.state]));
    const announcements = this.data.methods
      .filter(({ name, state }) => ENDED[state] && states.get(name) !== state)
      .map(({ title, state }) => `${title} ${ENDED[state]}.`);
    if (announcements.length) this.live.textContent = announcements.join(" ");
  }

  /** Without an original there are no errors to show. */
  offerErrors() {
    if (!this.data.scored) {
      this.error.remove();
      if (this.view === "error") this.view = "mean";
    } else if (!this.error.isConnected) {
      this.views.querySelector("[data-view=difference]").before(this.error);
    }
  }

  readProblem() {
    const { height, width, hidden, original } = this.data;
    const problem = original + hidden;
    if (this.problem === problem) return;
    this.problem = problem;
    for (const { canvas } of this.cards.values()) canvas.width = 0; // clears the canvas
    this.hidden = unpack(bytesOf(hidden), height * width);
    this.hiddenPixels = [...this.hidden.keys()].filter((i) => this.hidden[i]); // their indices
    const lines = [...border(isSetIn(this.hidden, width, height), 0, 0, width, height)];
    this.border = lines.map(([x, y, toX, toY]) => `M${x} ${y}L${toX} ${toY}`).join("");
    const scattered = lines.length > this.hiddenPixels.length; // the outline would cover the image
    this.root.classList.toggle("scattered", scattered);
    if (!this.outlineChosen) this.outlined.checked = !scattered;
  }

  methodNamed(name) {
    return this.data?.methods.find((each) => each.name === name);
  }

  /** The image from which the means are subtracted; undefined if it has no mean yet. */
  get reference() {
    const name = this.select.value;
    return name === ORIGINAL ? this.data.original : this.methodNamed(name)?.mean;
  }

  // --- Cards

  writeCards() {
    const { methods, originalTitle, originalNote } = this.data;
    const wanted = [
      { name: PROBLEM, title: "Observed", state: "fixed", line: "hatched = hidden" },
      { name: ORIGINAL, title: originalTitle, state: "fixed", line: originalNote },
      ...methods,
    ];
    for (const [name, card] of this.cards) {
      if (wanted.some((each) => each.name === name)) continue;
      card.item.remove();
      this.cards.delete(name);
    }
    wanted.forEach((method, i) => {
      const { name } = method;
      if (!this.cards.has(name)) {
        const enlarge = () => this.enlarged.open(name);
        this.cards.set(
          name,
          createCard(name, enlarge, () => this.requestStop(name)),
        );
      }
      const card = this.cards.get(name);
      const next = this.list.children[i] ?? null;
      if (next !== card.item) this.list.insertBefore(card.item, next);
      writeCard(card, method, this.stopping.has(name));
    });
  }

  writeReference() {
    const before = this.select.value || ORIGINAL;
    const { originalTitle, methods } = this.data;
    const options = [[ORIGINAL, originalTitle], ...methods.map((m) => [m.name, m.title])];
    const names = JSON.stringify(options);
    if (this.select.dataset.names === names) return;
    this.select.dataset.names = names;
    const items = options.map(([value, text]) => element("option", { value }, text));
    this.select.replaceChildren(...items);
    this.select.value = options.some(([value]) => value === before) ? before : ORIGINAL;
  }

  // --- The view

  refresh() {
    if (SCALES[this.view]) Object.assign(this, limitOf(this));
    this.writeKey();
    this.paint();
  }

  writeKey() {
    const { view, views } = this;
    const averaged = this.data.colour ? ", averaged over colours" : "";
    const sentences = {
      mean: "Posterior mean of each method; observed pixels are unchanged",
      draws: `At most ${MOSAIC} draws of each method; enlarge a card to see more`,
      uncertainty: `Standard deviation of hidden pixels${averaged}`,
      error: `|mean − original| of hidden pixels${averaged}`,
      difference: "Mean minus",
      factors: "Factors of the model, with zero in the middle of the scale; last, the noise",
    };
    write(this.about, sentences[view]);
    markChosen(views, views.querySelector(`[data-view=${view}]`));
    this.root.dataset.shown = view;
    this.select.parentElement.hidden = view !== "difference";
    this.scale.hidden = !SCALES[view];
    if (!SCALES[view]) return;
    const [low, bar, high] = this.scale.children;
    const ends = scaleEnds(this);
    write(low, ends[0]);
    write(high, ends[1]);
    bar.style.background = `linear-gradient(to right, ${this.theme.stops[SCALES[view]].join()})`;
  }

  paint() {
    if (!this.data || !this.theme || !this.root.clientWidth) return;
    for (const [name, card] of this.cards) {
      this.show(name, card, this.view);
      const shown = card.words.textContent || (this.pressed ? this.noun : VIEW_NAMES[this.view]);
      const what = this.methodNamed(name) ? `: ${shown}` : "";
      card.image.setAttribute("aria-label", `${card.title.textContent}${what}. Enlarge`);
    }
    this.enlarged.paint();
  }

  /** Show a view of a method in the elements of its card, or of the dialog. */
  show(name, { canvas, outline, words }, view) {
    const content = contentOf(this, name, view);
    if (!content) return;
    const { width, height } = this.data;
    words.textContent = content.words ?? "";
    const single = content.tiles?.length === 1 && !content.hatched;
    outline.toggleAttribute("hidden", !single || !this.outlined.checked);
    outline.setAttribute("viewBox", `0 0 ${width} ${height}`);
    outline.firstChild.setAttribute("d", this.border);
    if (content.tiles) paintMosaic(canvas, content.tiles, this.data);
    if (content.hatched) hatch(canvas, this.hidden, width, height);
  }

  // --- Input

  listen() {
    const { root } = this;
    radioGroup(this.views, (button) => {
      this.view = button.dataset.view;
      if (this.data) this.refresh();
    });
    root.onkeydown = (event) => {
      if (hasModifier(event)) return;
      event.stopPropagation(); // so that the page does not receive its hotkeys
      if (event.key === "Escape") this.table.hideTip();
    };
    this.select.onchange = () => this.refresh();
    this.outlined.onchange = () => {
      this.outlineChosen = true;
      this.paint();
    };
    this.release = holding(this.hold, "o", (pressed) => this.setPressed(pressed));
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(root);
  }

  setPressed(pressed) {
    if (this.pressed === pressed || (pressed && !this.data)) return;
    this.pressed = pressed;
    this.hold.setAttribute("aria-pressed", pressed);
    if (this.data && this.theme) this.refresh();
  }

  /** The request is sent once. If the method still runs after a while, Stop can be pressed
   *  again. */
  requestStop(name) {
    const timer = setTimeout(() => {
      this.stopping.delete(name);
      if (this.data) this.writeCards();
    }, STOP_TIMEOUT);
    this.stopping.set(name, timer);
    this.send("stop", { run: this.data.run, method: name });
    this.writeCards();
  }

  stopWaiting() {
    for (const timer of this.stopping.values()) clearTimeout(timer);
    this.stopping.clear();
  }
}

export default component(MethodGrid);
