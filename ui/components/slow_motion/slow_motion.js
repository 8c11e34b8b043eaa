// Slow motion: a window of iterations, each in five stages. A position is (step, stage); later
// stages of the step are not shown yet.

const STAGES = 5;
const DECIDE = 3;
const PAUSES = [3.5, 4.5, 6.5, 4.5, 3.5]; // seconds for each stage while playing
const LARGEST_TILE = 168;
const ICONS = { yes: "M4.5 10.5 8.5 14.5 15.5 6", no: "M5.5 5.5 14.5 14.5M14.5 5.5 5.5 14.5" };
const LABELS = {
  x: ["the completed image x", 0], // and the first stage in which the image is shown
  mean: ["mean image given z", 0],
  mean_new: ["mean image given the proposal z′", 1],
  difference: ["mean image given z′ minus the one given z", 1],
  kept: ["mean image given the current z", STAGES - 1],
  x_new: ["the redrawn image x with its changes marked", STAGES - 1],
};

class SlowMotion {
  constructor(parent) {
    this.root = parent.querySelector(".slow");
    this.sentence = this.find(".sentence");
    this.strip = this.find(".strip");
    this.select = this.find("select");
    this.stages = [...this.root.querySelectorAll(".stage")];
    this.tiles = Object.fromEntries(
      [...this.root.querySelectorAll("canvas")].map((canvas) => [canvas.dataset.tile, canvas]),
    );
    this.terms = buildRows(this.find(".terms"), TERMS);
    this.pairs = buildRows(this.find(".pairs"), PAIRS);
    this.threshold = element("p", { class: "threshold" });
    this.parts = element("p", { class: "parts" });
    this.find(".pairs").append(this.threshold, this.parts);
    this.data = null;
    this.timer = 0; // 0: paused
    this.listen();
  }

  dispose() {
    this.pause();
    this.observer.disconnect();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** New iterations, or a new theme. */
  update({ data }) {
    if (data.run !== this.data?.run) {
      this.pause();
      this.at = data.opening;
      this.stage = DECIDE;
    }
    this.data = data;
    this.hidden = unpack(bytesOf(data.hidden), data.height * data.width);
    this.images = imagesOf(data);
    this.at = Math.min(this.at, data.steps.length - 1);
    this.buildChooser();
    this.layout();
  }

  buildChooser() {
    const { steps } = this.data;
    this.select.replaceChildren(
      ...steps.map((step, i) =>
        element("option", { value: i }, `iteration ${step.number} · ${verdict(step)}`),
      ),
    );
    this.strip.replaceChildren(
      ...steps.map((step, i) => {
        const title = `iteration ${step.number}: ${verdict(step)}`;
        return element("i", { class: verdictKind(step), title, "data-at": i });
      }),
    );
  }

  // --- Position

  go(at, stage) {
    this.at = Math.min(Math.max(at, 0), this.data.steps.length - 1);
    this.stage = Math.min(Math.max(stage, 0), STAGES - 1);
    this.show();
  }

  get isLast() {
    return this.stage === STAGES - 1 && this.at === this.data.steps.length - 1;
  }

  next() {
    if (this.isLast) return;
    if (this.stage < STAGES - 1) this.go(this.at, this.stage + 1);
    else this.go(this.at + 1, 0);
  }

  previous() {
    if (this.stage > 0) this.go(this.at, this.stage - 1);
    else if (this.at > 0) this.go(this.at - 1, STAGES - 1);
  }

  play() {
    if (this.isLast) this.go(0, 0);
    this.buttons.show(true);
    this.wait();
  }

  wait() {
    this.timer = setTimeout(() => {
      this.next();
      if (this.isLast) this.pause();
      else this.wait();
    }, PAUSES[this.stage] * 1000);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.buttons.show(false);
  }

  // --- Input

  listen() {
    const { root, strip, select } = this;
    const by = (action) => () => {
      this.pause();
      action();
    };
    const actions = {
      " ": () => (this.timer ? this.pause() : this.play()),
      ArrowLeft: by(() => this.previous()),
      ArrowRight: by(() => this.next()),
      PageUp: by(() => this.go(this.at - 1, this.stage)),
      PageDown: by(() => this.go(this.at + 1, this.stage)),
      Home: by(() => this.go(0, 0)),
      End: by(() => this.go(Infinity, STAGES - 1)),
    };
    this.buttons = playButtons(root, {
      previous: actions.ArrowLeft,
      toggle: actions[" "],
      next: actions.ArrowRight,
    });
    select.onchange = by(() => this.go(Number(select.value), this.stage));
    strip.onclick = (event) => {
      const at = event.target.dataset.at;
      if (at !== undefined) by(() => this.go(Number(at), this.stage))();
    };
    this.stages.forEach((stage, i) => {
      stage.querySelector(".title").onclick = by(() => this.go(this.at, i));
    });
    root.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
      const action = actions[event.key];
      if (!action || event.target.tagName === "SELECT") return;
      event.stopPropagation();
      if (event.key === " " && event.target.tagName === "BUTTON") return; // the browser clicks it
      event.preventDefault();
      action();
    };
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  // --- Layout

  layout() {
    const { root, data, stages } = this;
    if (!data || !root.clientWidth) return;
    const [accent, more, less, ink] = ["accent", "painted-more", "painted-less", "ink"].map(
      (name) => readColour(root, `var(--${name})`),
    );
    this.colours = { outline: css(accent, 0.75), blank: css(ink, 0.06), more, less };
    this.signs = signedRamp(less, more);
    const padding = parseFloat(getComputedStyle(stages[0]).paddingLeft);
    const inner = stages[0].clientWidth - 2 * padding;
    const wanted = Math.max(Math.min((inner - 16) / 2, LARGEST_TILE), 56);
    const tile = snap(wanted, data.width, 0.12);
    root.style.setProperty("--tile", `${tile}px`);
    for (const canvas of Object.values(this.tiles)) sizeCanvas(canvas, tile);
    this.show();
  }

  // --- Showing

  show() {
    const { root, at, stage, sentence, buttons } = this;
    const step = this.data.steps[at];
    root.dataset.at = step.number;
    root.dataset.stage = stage;
    root.dataset.verdict = verdictKind(step);
    this.select.value = at;
    for (const [i, mark] of [...this.strip.children].entries()) {
      mark.classList.toggle("here", i === at);
    }
    this.stages.forEach((each, i) => {
      each.classList.toggle("ahead", i > stage);
      each.classList.toggle("here", i === stage);
      const title = each.querySelector(".title");
      if (i === stage) title.setAttribute("aria-current", "step");
      else title.removeAttribute("aria-current");
      each.querySelector(".body").inert = i > stage;
    });
    buttons.previous.disabled = at === 0 && stage === 0;
    buttons.next.disabled = this.isLast;
    if (sentence.textContent !== step.sentences[stage]) {
      sentence.textContent = step.sentences[stage];
    }
    this.showImages(step);
    this.showSums(step);
    this.showDecision(step);
  }

  showImages(step) {
    const { data, tiles, hidden, stage, colours, signs } = this;
    const { x, x_new, mean, mean_new } = this.images[this.at];
    const level = (name, values, times = 1, table = GREY) => {
      paint(tiles[name], data, values, table, times);
      outline(tiles[name], data, hidden, colours.outline);
    };
    const cover = (...names) => names.forEach((name) => blank(tiles[name], colours.blank));
    level("x", x, 255);
    level("mean", mean);
    if (stage >= 1) {
      const difference = Uint8Array.from(mean_new, (value, i) => 127.5 + (value - mean[i]) / 2);
      level("mean_new", mean_new);
      level("difference", difference, 1, signs);
    } else {
      cover("mean_new", "difference");
    }
    if (stage === STAGES - 1) {
      level("kept", step.accepted ? mean_new : mean);
      level("x_new", x_new, 255);
      markChanges(tiles.x_new, data, x, x_new, colours);
    } else {
      cover("kept");
      paint(tiles.x_new, data, x, GREY, 255);
      hatch(tiles.x_new, hidden, data.width, data.height);
    }
    for (const [name, [what, from]] of Object.entries(LABELS)) {
      const later = stage < from ? ", not available yet" : ` of iteration ${step.number}`;
      tiles[name].setAttribute("aria-label", what + later);
    }
  }

  showSums(step) {
    const [a, b, c, d] = step.terms;
    const terms = { new: [0, a], now: [0, b], reverse: [0, c], forward: [0, d] };
    const reach = reachOf(Object.values(terms));
    fillRows(this.terms, terms, reach);
    const pairs = {
      fit: [0, step.fit],
      proposal: [step.fit, step.log_ratio],
      ratio: [0, step.log_ratio],
    };
    const near = reachOf(Object.values(pairs), step.tested ? [step.log_u] : []);
    const percent = fillRows(this.pairs, pairs, near);
    const times = (reach.high - reach.low) / (near.high - near.low);
    this.find(".scale").textContent = `enlarged ${times.toFixed(times < 10 ? 1 : 0)} times`;
    const line = step.tested ? `${percent(step.log_u)}%` : "-100%";
    this.find(".pairs").style.setProperty("--threshold", line);
    this.threshold.textContent = step.tested
      ? `Accepted if log ρ lies to the right of the dashed line, log u = ${signed(step.log_u)}.`
      : "No threshold: every z′ is accepted.";
    const parts = step.at_new.map((value, i) => signed(value - step.at_now[i]));
    this.parts.textContent = `Parts of the fit: observed pixels ${parts[0]}, hidden pixels ${parts[1]}, prior ${parts[2]}.`;
    const note = step.warming_up && !step.tested ? "warm-up: not used" : "computed, but not used";
    this.find(".weigh .note").textContent = step.tested ? "" : note;
    const split = ([observed, hidden, prior]) =>
      `log p(x_obs | z) ${signed(observed)}, log p(x_mis | z) ${signed(hidden)}, log p(z) ${signed(prior)}`;
    this.terms.new.row.title = `At z′: ${split(step.at_new)}`;
    this.terms.now.row.title = `At z: ${split(step.at_now)}`;
  }

  showDecision(step) {
    const mark = svg("path", { d: step.accepted ? ICONS.yes : ICONS.no });
    this.find(".icon").replaceChildren(svg("svg", { viewBox: "0 0 20 20" }, mark));
    const word = verdict(step);
    this.find(".verdict strong").textContent = word[0].toUpperCase() + word.slice(1);
    const unit = this.find(".unit");
    unit.style.setProperty("--probability", `${100 * Math.exp(Math.min(step.log_ratio, 0))}%`);
    unit.style.setProperty("--draw", step.tested ? `${100 * Math.exp(step.log_u)}%` : "-100%");
    this.find(".probability").textContent = `min(1, ρ) = ${step.probability}`;
    this.find(".draw").textContent = step.tested
      ? `random draw u = ${step.draw}`
      : "no random draw: accepted without a test";
  }
}

function verdict({ tested, accepted }) {
  if (!tested) return "accepted without a test";
  return accepted ? "accepted" : "rejected";
}

/** The verdict as the style sheet names it. */
function verdictKind({ tested, accepted }) {
  if (!tested) return "untested";
  return accepted ? "yes" : "no";
}

export default component(SlowMotion);
