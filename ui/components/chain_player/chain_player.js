// Chain player: stores the frames of one run and shows one of them at a time.
//
// update → (queue) store → show. A player is "following" (shows the newest frame), "playing" (at
// the chosen speed) or "paused"; see `Clock`. At every change of the iteration it dispatches the
// event "dgm-iteration" {run, iteration} on the document.

const TILE_NAMES = {
  observed: "observed pixels",
  draw: "current draw",
  mean: "posterior mean",
  sd: "standard deviation",
};
const STATE_WORDS = {
  running: "running",
  finished: "finished",
  stopped: "stopped early",
  failed: "failed",
};
const CAPTIONS = ["of the first chain", "of the draws so far"];
const WIDE = 960; // px; in a wider player the numbers are beside the tiles
const SIDE = 232; // px for the numbers
const LARGEST_TILE = 168;
const LARGEST_THUMB = 56;

class ChainPlayer {
  constructor(parent) {
    this.root = parent.querySelector(".player");
    this.cards = this.find(".cards");
    this.key = this.find(".key");
    this.scrub = this.find(".scrub");
    this.speed = this.find(".speed select");
    this.outlined = this.find(".outlined input");
    this.difference = this.find(".difference input");
    this.hold = this.find(".hold");
    this.captions = [this.find(".draw-caption"), this.find(".mean-caption")];
    this.run = null;
    this.data = null; // the newest message that has been stored
    this.queue = Promise.resolve();
    this.pressed = false;
    this.theme = null;
    this.clock = new Clock(this);
    this.plot = new ScorePlot(this);
    this.pointer = new PixelPointer(this);
    this.listen();
  }

  dispose() {
    this.clock.cancel();
    this.observer.disconnect();
    this.release();
    this.run = null;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** A new chunk, or a new theme. */
  update({ data }) {
    if (this.run !== data.run) this.reset(data);
    this.queue = this.queue
      .then(() => this.store(data))
      .catch((error) => console.error("chain player: a chunk could not be read", error));
    this.layout();
  }

  reset(data) {
    this.run = data.run;
    this.data = data;
    this.frames = new Frames(data);
    this.clock.reset();
    this.announced = null; // iteration of the last event
    this.original = unpack(bytesOf(data.original), data.height * data.width);
    this.hidden = unpack(bytesOf(data.hidden), data.height * data.width);
    this.noun = data.originalTitle.toLowerCase();
    this.find(".scores h4").title = data.definitions.f1_mean;
    this.find(".scores").hidden = data.scored === false;
    this.find(".original-title").textContent = data.originalTitle;
    this.find(".original-note").textContent = data.originalNote;
    for (const word of this.root.querySelectorAll(".noun")) word.textContent = this.noun;
    delete this.root.dataset.shows; // the captions name the image
    const { samplers, chains } = data;
    this.strokes = samplers.map(strokeOf);
    this.rows = samplers.map((name, s) => buildCard(name, s, this.strokes[s], chains));
    this.cards.replaceChildren(...this.rows.map(({ card }) => card));
    this.readouts = samplers.map(() => element("em"));
    this.key.replaceChildren(
      ...samplers.map((name, s) =>
        element("span", {}, swatch(this.strokes[s]), name, this.readouts[s]),
      ),
    );
  }

  async store(data) {
    if (data.run !== this.run) return;
    const fresh = data.count > 0 && data.frames !== this.frames.chunk;
    const bytes = fresh ? new Uint8Array(await inflate(data.frames)) : null;
    if (data.run !== this.run) return; // another run has started meanwhile
    if (bytes) this.frames.add(data, bytes);
    const previous = this.clock.started ? this.data.state : null;
    this.data = data;
    if (data.state !== previous) {
      this.root.dataset.state = data.state;
      this.find("[aria-live]").textContent = `Chains ${STATE_WORDS[data.state] ?? data.state}`;
    }
    this.clock.update();
    this.writeNumbers();
    this.showProblem();
    this.plot.draw();
    this.show();
  }

  writeNumbers() {
    const { newest, numbers } = this.frames;
    this.rows.forEach((row, s) => {
      row.numbersAt = newest < 0 ? "" : `numbers at iteration ${numbers[newest]}`;
      row.numbers.replaceChildren(...numberItems(this.data, s));
    });
  }

  // --- Input

  listen() {
    const { root, scrub, clock } = this;
    this.buttons = playButtons(root, {
      previous: () => clock.step(-1),
      toggle: () => clock.toggle(),
      next: () => clock.step(1),
    });
    this.outlined.onchange = this.difference.onchange = () => this.show();
    this.release = holding(this.hold, "o", (pressed) => this.setPressed(pressed));
    scrub.oninput = () => clock.seek(Number(scrub.value));
    root.onkeydown = (event) => this.onKey(event);
    this.observer = new ResizeObserver(() => this.size !== sizeOf(root) && this.layout());
    this.observer.observe(root);
  }

  onKey(event) {
    if (hasModifier(event) || !this.data) return;
    const { clock } = this;
    const target = event.target.tagName;
    const actions = {
      " ": () => clock.toggle(),
      ArrowLeft: () => clock.step(-1),
      ArrowRight: () => clock.step(1),
      Home: () => clock.seek(0),
      End: () => clock.seek(this.frames.newest),
      d: () => this.difference.click(),
      s: () => this.save(),
      "<": () => this.changeSpeed(-1),
      ">": () => this.changeSpeed(1),
    };
    const action = actions[event.key];
    if (!action || target === "SELECT") return;
    event.stopPropagation();
    const clicks = target === "BUTTON" || event.target.type === "checkbox";
    if (event.key === " " && clicks) return; // the browser clicks it
    event.preventDefault();
    action();
  }

  setPressed(pressed) {
    if (this.pressed === pressed || (pressed && !this.run)) return;
    this.pressed = pressed;
    this.hold.setAttribute("aria-pressed", pressed);
    if (this.run) this.show();
  }

  changeSpeed(by) {
    const { options, selectedIndex } = this.speed;
    this.speed.selectedIndex = Math.min(Math.max(selectedIndex + by, 0), options.length - 1);
  }

  /** Save all tiles of all samplers, or only the image under the pointer. */
  save() {
    const { pixel, canvas } = this.pointer;
    this.pointer.set(null); // removes the mark
    download(sheet(pixel && canvas ? [[canvas]] : this.rows.map(({ tiles }) => tiles)));
    this.pointer.set(pixel);
  }

  // --- Layout

  layout() {
    const { root } = this;
    const width = root.clientWidth;
    this.size = sizeOf(root);
    if (!this.run || !width) return;
    root.classList.toggle("wide", width >= WIDE);
    this.theme = readTheme(root);
    root.style.setProperty("--sd-ramp", gradientOf(this.theme.sd));
    this.sizeTiles(width);
    this.showProblem();
    this.plot.draw();
    this.show();
  }

  sizeTiles(width) {
    const { root, rows, data } = this;
    const style = getComputedStyle(rows[0].card);
    const inner = rows[0].card.clientWidth - parseFloat(style.paddingLeft) * 2;
    const wide = width >= WIDE;
    const gap = wide ? 12 : width > 560 ? 8 : 4;
    const space = (inner - (wide ? SIDE + 32 : 0) - 4 * gap) / 5;
    const tile = snap(Math.max(Math.min(space, LARGEST_TILE), 28), data.width, 0.12);
    const thumbs = sizeOfThumbs(data, inner);
    root.style.setProperty("--gap", `${gap}px`);
    root.style.setProperty("--tile", `${tile}px`);
    root.style.setProperty("--thumb", `${thumbs.size}px`);
    root.style.setProperty("--thumb-columns", thumbs.columns);
    for (const row of rows) {
      for (const canvas of row.tiles) sizeCanvas(canvas, tile);
      for (const canvas of row.thumbs) sizeCanvas(canvas, thumbs.size);
    }
  }

  // --- Showing

  show() {
    if (!this.theme) return;
    const { frames, clock } = this;
    const at = frames.newest < 0 ? -1 : frames.available(clock.shown);
    const where = at < 0 ? "before the first frame" : `at iteration ${frames.numbers[at]}`;
    this.rows.forEach((row, s) => this.showRow(row, s, at, where));
    this.showCaptions();
    this.pointer.show(at);
    this.showPosition(at);
    this.plot.moveCursor(at);
    this.dispatch(at);
  }

  /** Other components on the page follow the iteration of the player. */
  dispatch(at) {
    const iteration = this.frames.numbers[at];
    if (at < 0 || iteration === this.announced) return;
    this.announced = iteration;
    const detail = { run: this.run, iteration };
    document.dispatchEvent(new CustomEvent("dgm-iteration", { detail }));
  }

  showCaptions() {
    const { root, pressed, noun } = this;
    const shows = pressed ? "original" : this.difference.checked ? "difference" : "images";
    if (root.dataset.shows === shows) return;
    root.dataset.shows = shows;
    const compared = pressed ? `the ${noun}` : `minus the ${noun}`;
    this.captions.forEach((caption, i) => {
      caption.textContent = shows === "images" ? CAPTIONS[i] : compared;
    });
  }

  /** The original and the observed pixels, which do not change during a run. */
  showProblem() {
    const { data, hidden, noun } = this;
    for (const { tiles, name } of this.rows) {
      const [original, observed] = tiles;
      for (const canvas of [original, observed]) paint(canvas, data, this.original, GREY, 255);
      hatch(observed, hidden, data.width, data.height);
      original.setAttribute("aria-label", `${name}: ${noun}`);
      observed.setAttribute("aria-label", `${name}: ${TILE_NAMES.observed}`);
    }
  }

  showRow(row, s, at, where) {
    const { data, frames, theme } = this;
    const [, , draw, mean, sd] = row.tiles;
    if (at < 0) {
      for (const canvas of [draw, mean, sd, ...row.thumbs]) blank(canvas, css(theme.ink, 0.06));
    } else {
      this.paintImage(draw, frames.draw(at, s, 0), 255);
      this.paintImage(mean, frames.image(at, s, "mean"));
      if (this.pressed) paint(sd, data, this.original, GREY, 255);
      else paint(sd, data, frames.image(at, s, "sd"), theme.sd);
      row.thumbs.forEach((thumb, c) => this.paintImage(thumb, frames.draw(at, s, c), 255));
    }
    if (at >= 0 && this.outlined.checked) {
      const colour = css(theme.accent, 0.75);
      for (const canvas of [draw, mean]) outline(canvas, data, this.hidden, colour);
    }
    for (const canvas of [draw, mean, sd]) {
      const what = this.pressed ? this.noun : TILE_NAMES[canvas.dataset.tile];
      canvas.setAttribute("aria-label", `${row.name}: ${what} ${where}`);
    }
    const count = `${row.thumbs.length} independent draws, one per chain`;
    row.strip.setAttribute("aria-label", `${row.name}: ${count}, ${where}`);
    const value = (kind) => frames.curves[s][kind][at]?.[1].toFixed(2) ?? "–";
    this.readouts[s].textContent = `mean ${value("mean")}, draw ${value("draw")}`;
  }

  /** Values of a sampler, or their difference from the original, or the original while the button
   *  is pressed. */
  paintImage(canvas, values, times = 1) {
    const { original, data, theme } = this;
    if (this.pressed) return paint(canvas, data, original, GREY, 255);
    if (!this.difference.checked) return paint(canvas, data, values, GREY, times);
    const levels = values.map((value, i) =>
      Math.round((value * times - 255 * original[i] + 255) / 2),
    );
    paint(canvas, data, levels, theme.difference);
  }

  showPosition(at) {
    const { data, frames, clock, scrub } = this;
    const { iterations, total, state } = data;
    const { newest } = frames;
    const end = Math.max(state === "running" ? total - 1 : newest, newest, 1);
    const index = Math.max(clock.shown, 0);
    const text =
      at < 0 ? "waiting for frames" : `iteration ${frames.numbers[at]} of ${iterations}`;
    this.root.dataset.frame = at;
    scrub.max = end;
    scrub.value = index;
    scrub.setAttribute("aria-valuetext", text);
    scrub.style.setProperty("--played", `${(index / end) * 100}%`);
    scrub.style.setProperty("--loaded", `${(Math.max(newest, 0) / end) * 100}%`);
    const word = element("em", {}, STATE_WORDS[state] ?? state);
    this.find(".position").replaceChildren(text, " · ", word);
  }

  showMode(mode) {
    this.root.dataset.mode = mode;
    this.buttons.show(mode !== "paused");
  }
}

/** The layout depends on these values only; heights are computed from them. */
const sizeOf = (root) => `${root.clientWidth} ${devicePixelRatio}`;

/** The smallest number of rows that keeps the small images readable, as columns. */
function sizeOfThumbs({ chains, width }, space) {
  const gap = 5;
  let [columns, size] = [0, 0];
  for (let lines = 1; lines <= chains && size < 36; lines += 1) {
    columns = Math.ceil(chains / lines);
    size = snap(Math.min((space - gap * (columns - 1)) / columns, LARGEST_THUMB), width, 0.15);
  }
  return { columns, size };
}

export default component(ChainPlayer);
