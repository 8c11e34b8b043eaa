// Slow motion: a window of iterations, each in five stages. A position is (step, stage); later
// stages of the step are not shown yet.

const STAGES = 5;
const DECIDE = 3;
const PAUSES = [3.5, 4.5, 6.5, 4.5, 3.5]; // seconds for each stage while playing
const LARGEST_TILE = 168;
const ICONS = { yes: "M4.5 10.5 8.5 14.5 15.5 6", no: "M5.5 5.5 14.5 14.5M14.5 5.5 5.5 14.5" };

export default component({
  create,
  update: (slow, { data }) => receive(slow, data),
  destroy: (slow) => {
    pause(slow);
    slow.observer.disconnect();
  },
});

// ---------------------------------------------------------------- creation and messages

function create(host) {
  const root = host.querySelector(".slow");
  const find = (selector) => root.querySelector(selector);
  const slow = {
    root,
    sentence: find(".sentence"),
    strip: find(".strip"),
    select: find("select"),
    stages: [...root.querySelectorAll(".stage")],
    tiles: Object.fromEntries(
      [...root.querySelectorAll("canvas")].map((canvas) => [canvas.dataset.tile, canvas]),
    ),
    terms: buildRows(find(".terms"), TERMS),
    pairs: buildRows(find(".pairs"), PAIRS),
    find,
    run: null,
    timer: 0,
  };
  slow.parts = element("p", { class: "parts" });
  slow.threshold = element("p", { class: "threshold" });
  find(".pairs").append(slow.threshold, slow.parts);
  listen(slow);
  slow.observer = new ResizeObserver(() => layout(slow));
  slow.observer.observe(root);
  return slow;
}

function receive(slow, message) {
  if (message.run !== slow.run) {
    pause(slow);
    Object.assign(slow, { run: message.run, at: message.opening, stage: DECIDE });
  }
  slow.message = message;
  slow.hidden = unpack(bytesOf(message.hidden), message.height * message.width);
  slow.images = imagesOf(message);
  slow.at = Math.min(slow.at, message.steps.length - 1);
  buildChooser(slow);
  layout(slow);
}

function imagesOf({ pictures, height, width, steps }) {
  const bytes = bytesOf(pictures);
  const cells = height * width;
  const bits = (cells + 7) >> 3;
  return steps.map((_, i) => {
    const from = i * 2 * (bits + cells);
    const means = from + 2 * bits;
    return {
      x: unpack(bytes.subarray(from, from + bits), cells),
      x_new: unpack(bytes.subarray(from + bits, means), cells),
      mean: bytes.subarray(means, means + cells),
      mean_new: bytes.subarray(means + cells, means + 2 * cells),
    };
  });
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

function buildChooser(slow) {
  const { steps } = slow.message;
  slow.select.replaceChildren(
    ...steps.map((step, i) =>
      element("option", { value: i }, `iteration ${step.number} · ${verdict(step)}`),
    ),
  );
  slow.strip.replaceChildren(
    ...steps.map((step, i) => {
      const title = `iteration ${step.number}: ${verdict(step)}`;
      const kind = verdictKind(step);
      return element("i", { class: kind, title, "data-at": i });
    }),
  );
}

// ---------------------------------------------------------------- position

function go(slow, at, stage) {
  slow.at = Math.min(Math.max(at, 0), slow.message.steps.length - 1);
  slow.stage = Math.min(Math.max(stage, 0), STAGES - 1);
  show(slow);
}

const isLast = (slow) => slow.stage === STAGES - 1 && slow.at === slow.message.steps.length - 1;

function next(slow) {
  if (isLast(slow)) return;
  if (slow.stage < STAGES - 1) go(slow, slow.at, slow.stage + 1);
  else go(slow, slow.at + 1, 0);
}

function previous(slow) {
  if (slow.stage > 0) go(slow, slow.at, slow.stage - 1);
  else if (slow.at > 0) go(slow, slow.at - 1, STAGES - 1);
}

function play(slow) {
  if (isLast(slow)) go(slow, 0, 0);
  slow.buttons.show(true);
  wait(slow);
}

function wait(slow) {
  slow.timer = setTimeout(() => {
    next(slow);
    if (isLast(slow)) pause(slow);
    else wait(slow);
  }, PAUSES[slow.stage] * 1000);
}

function pause(slow) {
  clearTimeout(slow.timer);
  slow.timer = 0;
  slow.buttons.show(false);
}

// ---------------------------------------------------------------- input

function listen(slow) {
  const { root, strip, select, stages } = slow;
  const by = (action) => () => {
    pause(slow);
    action();
  };
  const actions = {
    " ": () => (slow.timer ? pause(slow) : play(slow)),
    ArrowLeft: by(() => previous(slow)),
    ArrowRight: by(() => next(slow)),
    PageUp: by(() => go(slow, slow.at - 1, slow.stage)),
    PageDown: by(() => go(slow, slow.at + 1, slow.stage)),
    Home: by(() => go(slow, 0, 0)),
    End: by(() => go(slow, Infinity, STAGES - 1)),
  };
  slow.buttons = playButtons(root, {
    previous: actions.ArrowLeft,
    toggle: actions[" "],
    next: actions.ArrowRight,
  });
  select.onchange = by(() => go(slow, Number(select.value), slow.stage));
  strip.onclick = (event) => {
    const at = event.target.dataset.at;
    if (at !== undefined) by(() => go(slow, Number(at), slow.stage))();
  };
  stages.forEach((stage, i) => {
    stage.querySelector(".title").onclick = by(() => go(slow, slow.at, i));
  });
  root.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !slow.message) return;
    const action = actions[event.key];
    if (!action || event.target.tagName === "SELECT") return;
    event.stopPropagation();
    if (event.key === " " && event.target.tagName === "BUTTON") return; // the browser clicks it
    event.preventDefault();
    action();
  };
}

// ---------------------------------------------------------------- layout

function layout(slow) {
  const width = slow.root.clientWidth;
  if (!slow.message || !width) return;
  const accent = readColour(slow.root, "var(--accent)");
  const more = readColour(slow.root, "var(--painted-more)");
  const less = readColour(slow.root, "var(--painted-less)");
  const ink = readColour(slow.root, "var(--ink)");
  slow.colours = { outline: css(accent, 0.75), blank: css(ink, 0.06), more, less };
  // Colours of the values −1 … 1 at indices 0 … 255: darker, the same, brighter.
  slow.signs = ramp((t) => {
    const [colour, strength] = t < 0.5 ? [less, 1 - 2 * t] : [more, 2 * t - 1];
    return colour.slice(0, 3).map((value) => value * strength);
  });
  const style = getComputedStyle(slow.stages[0]);
  const inner = slow.stages[0].clientWidth - 2 * parseFloat(style.paddingLeft);
  const wanted = Math.max(Math.min((inner - 16) / 2, LARGEST_TILE), 56);
  const tile = snap(wanted, slow.message.width, 0.12);
  slow.root.style.setProperty("--tile", `${tile}px`);
  for (const canvas of Object.values(slow.tiles)) sizeCanvas(canvas, tile);
  show(slow);
}

// ---------------------------------------------------------------- showing

function show(slow) {
  const step = slow.message.steps[slow.at];
  const { root } = slow;
  root.dataset.at = step.number;
  root.dataset.stage = slow.stage;
  root.dataset.verdict = verdictKind(step);
  slow.select.value = slow.at;
  for (const [i, mark] of [...slow.strip.children].entries()) {
    mark.classList.toggle("here", i === slow.at);
  }
  slow.stages.forEach((stage, i) => {
    stage.classList.toggle("ahead", i > slow.stage);
    stage.classList.toggle("here", i === slow.stage);
    const title = stage.querySelector(".title");
    if (i === slow.stage) title.setAttribute("aria-current", "step");
    else title.removeAttribute("aria-current");
    stage.querySelector(".body").inert = i > slow.stage;
  });
  slow.buttons.previous.disabled = slow.at === 0 && slow.stage === 0;
  slow.buttons.next.disabled = isLast(slow);
  if (slow.sentence.textContent !== step.sentences[slow.stage]) {
    slow.sentence.textContent = step.sentences[slow.stage];
  }
  showImages(slow, step);
  showSums(slow, step);
  showDecision(slow, step);
}

function showImages(slow, step) {
  const { message, tiles, hidden, stage, colours, signs } = slow;
  const { x, x_new, mean, mean_new } = slow.images[slow.at];
  const level = (name, values, times = 1, table = GREY) => {
    paint(tiles[name], message, values, table, times);
    outline(tiles[name], message, hidden, colours.outline);
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
    markChanges(slow, x, x_new);
  } else {
    cover("kept");
    paint(tiles.x_new, message, x, GREY, 255);
    hatch(tiles.x_new, hidden, message.width, message.height);
  }
  describe(slow, step);
}

/** Added ink in one colour, removed ink in the other. */
function markChanges({ tiles, message, colours }, x, x_new) {
  const canvas = tiles.x_new;
  const context = canvas.getContext("2d");
  const { width, height } = message;
  const left = (column) => Math.round((column * canvas.width) / width);
  const top = (row) => Math.round((row * canvas.height) / height);
  x_new.forEach((bit, i) => {
    if (bit === x[i]) return;
    const [column, row] = [i % width, Math.floor(i / width)];
    context.fillStyle = css(bit ? colours.more : colours.less);
    const [w, h] = [left(column + 1) - left(column), top(row + 1) - top(row)];
    context.fillRect(left(column), top(row), w, h);
  });
}

function describe({ tiles, stage }, step) {
  const labels = {
    x: ["the completed image x", 0],
    mean: ["mean image given z", 0],
    mean_new: ["mean image given the proposal z′", 1],
    difference: ["mean image given z′ minus the one given z", 1],
    kept: ["mean image given the current z", STAGES - 1],
    x_new: ["the redrawn image x with its changes marked", STAGES - 1],
  };
  for (const [name, [what, from]] of Object.entries(labels)) {
    const later = stage < from ? ", not available yet" : ` of iteration ${step.number}`;
    tiles[name].setAttribute("aria-label", what + later);
  }
}

function showSums(slow, step) {
  const [a, b, c, d] = step.terms;
  const terms = { new: [0, a], now: [0, b], reverse: [0, c], forward: [0, d] };
  const reach = reachOf(Object.values(terms));
  fillRows(slow.terms, terms, reach);
  const pairs = {
    fit: [0, step.fit],
    proposal: [step.fit, step.log_ratio],
    ratio: [0, step.log_ratio],
  };
  const near = reachOf(Object.values(pairs), step.tested ? [step.log_u] : []);
  const percent = fillRows(slow.pairs, pairs, near);
  const times = (reach.high - reach.low) / (near.high - near.low);
  slow.find(".scale").textContent = `enlarged ${times.toFixed(times < 10 ? 1 : 0)} times`;
  const line = step.tested ? `${percent(step.log_u)}%` : "-100%";
  slow.find(".pairs").style.setProperty("--threshold", line);
  slow.threshold.textContent = step.tested
    ? `Accepted if log ρ lies to the right of the dashed line, log u = ${signed(step.log_u)}.`
    : "No threshold: every z′ is accepted.";
  const parts = step.at_new.map((value, i) => signed(value - step.at_now[i]));
  slow.parts.textContent = `Parts of the fit: observed pixels ${parts[0]}, hidden pixels ${parts[1]}, prior ${parts[2]}.`;
  const note = step.warming_up && !step.tested ? "warm-up: not used" : "computed, but not used";
  slow.find(".weigh .note").textContent = step.tested ? "" : note;
  const split = ([observed, hidden, prior]) =>
    `log p(x_obs | z) ${signed(observed)}, log p(x_mis | z) ${signed(hidden)}, log p(z) ${signed(prior)}`;
  slow.terms.new.row.title = `At z′: ${split(step.at_new)}`;
  slow.terms.now.row.title = `At z: ${split(step.at_now)}`;
}

function showDecision(slow, step) {
  const icon = svg("svg", { viewBox: "0 0 20 20" });
  icon.append(svg("path", { d: step.accepted ? ICONS.yes : ICONS.no }));
  slow.find(".icon").replaceChildren(icon);
  const word = verdict(step);
  slow.find(".verdict strong").textContent = word[0].toUpperCase() + word.slice(1);
  const probability = Math.exp(Math.min(step.log_ratio, 0));
  const unit = slow.find(".unit");
  unit.style.setProperty("--probability", `${100 * probability}%`);
  unit.style.setProperty("--draw", step.tested ? `${100 * Math.exp(step.log_u)}%` : "-100%");
  slow.find(".probability").textContent = `min(1, ρ) = ${step.probability}`;
  slow.find(".draw").textContent = step.tested
    ? `random draw u = ${step.draw}`
    : "no random draw: accepted without a test";
}
