// Plane player: stores the iterations of several samplers and plays them with one clock.
//
// receive → (queue) read → layout → show; each tick of the clock shows again. `t` is the iteration
// shown, counted from 0, or −1 before the first; `phase` goes from 0 to 1 during its moves.

const STATES = { running: "running", stopped: "stopped early", failed: "failed" };
const CLOSEST = 0.35; // half the side of the closest view

export default component({
  create,
  update: (player, { data }) => receive(player, data),
  destroy,
});

// ---------------------------------------------------------------- creation and messages

function create(host) {
  const root = host.querySelector(".plane-player");
  const find = (selector) => root.querySelector(selector);
  const player = {
    root,
    main: find(".main"),
    plane: find(".plane"),
    name: find(".name"),
    zoom: find(".zoom"),
    key: find(".key"),
    images: find(".images"),
    chains: find(".chains"),
    step: find(".step"),
    figures: find(".figures"),
    multiples: find(".multiples"),
    scrub: find(".scrub"),
    positionText: find(".position"),
    speed: find(".speed select"),
    distance: find(".distance"),
    logPosterior: find(".log-posterior"),
    live: find("[aria-live]"),
    queue: Promise.resolve(),
    message: null,
    near: true,
    sampler: 1,
    chain: 0,
    request: 0,
  };
  listen(player);
  player.observer = new ResizeObserver(() => layout(player));
  player.observer.observe(root);
  return player;
}

function destroy(player) {
  cancelAnimationFrame(player.request);
  player.observer.disconnect();
  player.gone = true;
}

function receive(player, message) {
  player.queue = player.queue
    .then(() => read(player, message))
    .catch((error) => console.error("plane player: a message could not be read", error));
}

async function read(player, message) {
  const fresh = player.message?.run !== message.run;
  const changed = fresh || player.message.tracks !== message.tracks;
  const tracks = changed ? await tracksOf(message) : player.tracks;
  if (player.gone) return;
  const before = fresh ? null : player.message.state;
  player.message = message;
  player.tracks = tracks;
  if (fresh) reset(player);
  if (changed) player.rates = tracks.map((track) => runningMean(track.acceptance, message.warmup));
  if (message.state !== before) {
    player.root.dataset.state = message.state;
    player.live.textContent = `Chains ${STATES[message.state] ?? "finished"}`;
  }
  if (tracks.length !== player.cards.length) build(player);
  layout(player);
  if (!player.started && message.count) begin(player);
  else if (player.playing) start(player);
}

function reset(player) {
  const { message } = player;
  cancelAnimationFrame(player.request);
  const pixels = message.height * message.width;
  Object.assign(player, {
    original: unpack(bytesOf(message.original), pixels),
    hidden: unpack(bytesOf(message.hidden), pixels),
    posterior: densityOf(message.posterior),
    cards: [],
    started: false,
    playing: false,
    t: -1,
    phase: 1,
    request: 0,
  });
  const contourOf = (density) => contour(density, density.levels[0]);
  player.lines = {
    posterior: contourOf(player.posterior),
    originalPosterior: contourOf(densityOf(message.originalPosterior)),
    averageProposal: contourOf(densityOf(message.averageProposal)),
    encodedOriginal: ellipsePath(message.encodedOriginal),
    encodedZeros: ellipsePath(message.encodedZeros),
  };
  if (player.chain >= message.chains) player.chain = 0;
  build(player);
}

/** Running mean: at each index, the mean of the values from `first` to there; NaN before. */
function runningMean(values, first) {
  let sum = 0;
  return Array.from(values, (value, i) => {
    if (i < first) return NaN;
    sum += value;
    return sum / (i - first + 1);
  });
}

// ---------------------------------------------------------------- clock

const newest = (player) => player.message.count - 1;
const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function begin(player) {
  player.started = true;
  if (reducedMotion()) return seek(player, newest(player));
  play(player);
}

function play(player) {
  if (!player.message?.count) return;
  if (player.t >= newest(player) && player.message.state !== "running") {
    player.t = -1;
    player.phase = 1;
  }
  setPlaying(player, true);
  start(player);
}

function pause(player) {
  setPlaying(player, false);
  cancelAnimationFrame(player.request);
  player.request = 0;
  player.phase = 1;
  show(player);
}

function setPlaying(player, playing) {
  player.playing = playing;
  player.buttons.show(playing);
}

function start(player) {
  if (player.request) return;
  player.clock = performance.now();
  player.request = requestAnimationFrame((now) => tick(player, now));
}

function tick(player, now) {
  player.request = 0;
  if (player.gone) return;
  const seconds = Math.min(Math.max(now - player.clock, 0) / 1000, 0.25);
  player.clock = now;
  const before = player.t;
  player.phase += seconds * Number(player.speed.value);
  const steps = Math.min(Math.floor(player.phase), newest(player) - player.t);
  player.t += steps;
  player.phase = Math.min(player.phase - steps, 1);
  if (player.t === newest(player) && player.phase >= 1) {
    show(player);
    if (player.message.state === "running") return; // wait for more iterations
    return pause(player);
  }
  if (player.t !== before) show(player);
  else drawMain(player);
  player.request = requestAnimationFrame((time) => tick(player, time));
}

function seek(player, t) {
  if (!player.message?.count) return;
  player.t = Math.min(Math.max(Math.round(t), -1), newest(player));
  pause(player);
}

// ---------------------------------------------------------------- input

function listen(player) {
  const { root, scrub } = player;
  player.buttons = playButtons(root, {
    previous: () => seek(player, player.t - 1),
    toggle: () => (player.playing ? pause(player) : play(player)),
    next: () => seek(player, player.t + 1),
  });
  scrub.oninput = () => seek(player, Number(scrub.value) - 1);
  root.onkeydown = (event) => onKey(player, event);
  player.zoom.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    player.near = button.dataset.view === "near";
    layout(player);
  };
  radioGroup(player.multiples, (button) => {
    player.sampler = Number(button.dataset.number);
    layout(player);
  });
  radioGroup(player.chains, (button) => {
    player.chain = Number(button.dataset.number);
    layout(player);
  });
  for (const plot of [player.distance, player.logPosterior]) {
    const follow = (event) => {
      const x = event.clientX - plot.getBoundingClientRect().left;
      seek(player, player.scales[0].iterationAt(x) - 1);
    };
    plot.onpointerdown = (event) => {
      if (!event.isPrimary || event.button > 0 || !player.scales) return;
      plot.setPointerCapture(event.pointerId);
      follow(event);
    };
    plot.onpointermove = (event) => plot.hasPointerCapture(event.pointerId) && follow(event);
  }
}

function onKey(player, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { tagName, role } = event.target;
  if (tagName === "SELECT") return;
  const actions = {
    " ": () => player.buttons.toggle.click(),
    ArrowLeft: () => seek(player, player.t - 1),
    ArrowRight: () => seek(player, player.t + 1),
    Home: () => seek(player, 0),
    End: () => seek(player, newest(player)),
  };
  const action = actions[event.key];
  if (!action || role === "radio") return;
  event.stopPropagation();
  if (event.key === " " && tagName === "BUTTON") return; // the browser clicks it
  event.preventDefault();
  action();
}

// ---------------------------------------------------------------- building

function build(player) {
  const { message } = player;
  player.cards = message.samplers.map((name, s) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const summary = element("small");
    const button = element(
      "button",
      { type: "button", role: "radio", "data-number": s, "aria-label": name },
      element("span", {}, name),
      canvas,
      summary,
    );
    return { canvas, summary, button };
  });
  player.multiples.replaceChildren(...player.cards.map((card) => card.button));
  player.fixed = ["Original", "Observed", "Exact mean"].map((title) => {
    const canvas = element("canvas", { role: "img", "aria-label": title });
    return { canvas, figure: element("figure", {}, canvas, element("figcaption", {}, title)) };
  });
  player.images.replaceChildren(...player.fixed.map(({ figure }) => figure));
  player.tiles = Array.from({ length: message.chains }, (_, chain) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const attributes = { type: "button", role: "radio", "aria-label": `Chain ${chain + 1}` };
    return { canvas, button: element("button", { ...attributes, "data-number": chain }, canvas) };
  });
  player.chains.replaceChildren(...player.tiles.map(({ button }) => button));
  player.chains.style.setProperty("--columns", Math.min(message.chains, 4));
  const entries = [
    ["heat", "exact p(z|x_obs), with its 95 %"],
    ["solid", "exact p(z|x)"],
    ["dotted", "encoder q(z|x)"],
    ["dash-dot", "q(z|x_obs, 0)"],
    ["dashed", "average proposal q̄"],
    ["ellipse", "current proposal"],
    ["accepted", "accepted"],
    ["rejected", "rejected"],
  ];
  player.key.replaceChildren(
    ...entries.map(([kind, text]) => element("span", {}, swatch(kind), text)),
  );
}

function swatch(kind) {
  const drawing = svg("svg", { viewBox: "0 0 24 12", class: kind, "aria-hidden": "true" });
  const line = { x1: 1, x2: 23, y1: 6, y2: 6 };
  const parts = {
    heat: () => svg("rect", { x: 2, y: 1, width: 20, height: 10, rx: 5 }),
    ellipse: () => svg("ellipse", { cx: 12, cy: 6, rx: 10, ry: 4.5 }),
    accepted: () => svg("circle", { cx: 12, cy: 6, r: 4.5 }),
    rejected: () => svg("path", { d: "M8 2l8 8M8 10l8-8" }),
  };
  drawing.append(parts[kind]?.() ?? svg("line", line));
  return drawing;
}

// ---------------------------------------------------------------- layout and theme

function layout(player) {
  if (!player.message) return;
  const { root, message } = player;
  player.theme = {
    ink: readColour(root, "var(--ink)"),
    paper: readColour(root, "var(--paper)"),
    accent: readColour(root, "var(--accent)"),
  };
  player.view = viewOf(player);
  for (const button of player.zoom.children) {
    button.setAttribute("aria-pressed", String((button.dataset.view === "near") === player.near));
  }
  if (player.tracks.length) player.sampler = Math.min(player.sampler, player.tracks.length - 1);
  markChosen(player.multiples, player.multiples.children[player.sampler]);
  markChosen(player.chains, player.chains.children[player.chain]);
  const canvases = [
    player.plane,
    ...player.cards.map((card) => card.canvas),
    ...player.fixed.map((each) => each.canvas),
    ...player.tiles.map((tile) => tile.canvas),
  ];
  const sizes = canvases.map((canvas) => canvas.clientWidth);
  canvases.forEach((canvas, i) => sizeCanvas(canvas, sizes[i]));
  showFixed(player);
  drawPlots(player);
  show(player);
}

function sizeCanvas(canvas, size) {
  const pixels = Math.max(1, Math.round(size * (devicePixelRatio || 1)));
  if (canvas.width === pixels && canvas.height === pixels) return;
  canvas.width = pixels;
  canvas.height = pixels;
}

/** The part of the plane that is shown: all of it, or a square around the posterior and the
 *  chains. → [left, right, bottom, top] */
function viewOf(player) {
  const { message, tracks } = player;
  const { reach } = message;
  if (!player.near) return [-reach, reach, -reach, reach];
  const box = boxAbove(player.posterior, player.posterior.levels[0]);
  const include = (x, y) => {
    box[0] = Math.min(box[0], x);
    box[1] = Math.max(box[1], x);
    box[2] = Math.min(box[2], y);
    box[3] = Math.max(box[3], y);
  };
  include(message.encodedOriginal[0], message.encodedOriginal[1]);
  include(message.encodedZeros[0], message.encodedZeros[1]);
  for (const { after } of tracks) {
    for (let i = 2 * message.warmup * message.chains; i < after.length; i += 2) {
      include(after[i], after[i + 1]);
    }
  }
  const middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const half = Math.min(
    Math.max(0.56 * (box[1] - box[0]), 0.56 * (box[3] - box[2]), CLOSEST),
    reach,
  );
  const [x, y] = middle.map((at) => Math.min(Math.max(at, half - reach), reach - half));
  return [x - half, x + half, y - half, y + half];
}

// ---------------------------------------------------------------- showing

function show(player) {
  const { message, tracks, t } = player;
  drawMain(player);
  player.cards.forEach((card, s) => {
    drawPlane(player, card.canvas, tracks[s], { t, phase: 1, large: false });
    const distance = numberOf(distanceAt(tracks[s], t), 2);
    card.summary.textContent = `TV ${distance}, ${acceptanceText(player, s)}`;
  });
  showCompletions(player);
  showStep(player);
  const text =
    t < 0
      ? `before the first of ${message.iterations}`
      : `iteration ${t + 1} of ${message.iterations}`;
  player.positionText.textContent =
    message.state in STATES ? `${text} · ${STATES[message.state]}` : text;
  player.root.dataset.iteration = t + 1;
  const last = message.state === "running" ? message.iterations : message.count;
  player.scrub.max = String(last);
  player.scrub.value = String(t + 1);
  player.scrub.setAttribute("aria-valuetext", text);
  player.scrub.style.setProperty("--played", `${(100 * (t + 1)) / Math.max(last, 1)}%`);
  player.scrub.style.setProperty("--loaded", `${(100 * message.count) / Math.max(last, 1)}%`);
  for (const scale of player.scales ?? []) scale.move(t + 1);
}

function drawMain(player) {
  const track = player.tracks[player.sampler];
  const { t, phase } = player;
  player.name.textContent = track?.name ?? "Plane of two latents";
  player.plane.setAttribute(
    "aria-label",
    track
      ? `Latent plane: ${track.name} after iteration ${t + 1}`
      : "Latent plane before any chain",
  );
  drawPlane(player, player.plane, track, { t, phase, large: true });
}

// The images that stay the same at all iterations.
function showFixed(player) {
  const [original, observed, mean] = player.fixed.map(({ canvas }) => canvas);
  paint(player, original, player.original, 255);
  paint(player, observed, player.original, 255);
  hatch(observed, player.hidden, player.message.width, player.message.height);
  paint(player, mean, bytesOf(player.message.mean));
  outline(player, mean);
}

function showCompletions(player) {
  const { message, tracks, t } = player;
  const track = tracks[player.sampler];
  player.tiles.forEach(({ canvas }, chain) => {
    if (!track || t < 0) {
      const context = canvas.getContext("2d");
      context.fillStyle = css(player.theme.ink, 0.08);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.fillRect(0, 0, canvas.width, canvas.height);
      return;
    }
    const image = completionOf(track, message, player.original, player.hidden, t, chain);
    paint(player, canvas, image, 255);
    outline(player, canvas);
  });
}

// Grey levels, enlarged without smoothing; digits are white on black in both themes.
function paint(player, target, values, times = 1) {
  const { height, width } = player.message;
  player.scratch ??= new OffscreenCanvas(1, 1);
  player.scratch.width = width;
  player.scratch.height = height;
  const context = player.scratch.getContext("2d");
  const image = context.createImageData(width, height);
  values.forEach((value, i) =>
    image.data.set([value * times, value * times, value * times, 255], 4 * i),
  );
  context.putImageData(image, 0, 0);
  const screen = target.getContext("2d");
  screen.imageSmoothingEnabled = false;
  screen.drawImage(player.scratch, 0, 0, target.width, target.height);
}

function outline(player, canvas) {
  const { height, width } = player.message;
  const context = canvas.getContext("2d");
  context.beginPath();
  for (const [x, y, right, bottom] of border(
    isSetIn(player.hidden, width, height),
    0,
    0,
    width,
    height,
  )) {
    context.moveTo((x * canvas.width) / width, (y * canvas.height) / height);
    context.lineTo((right * canvas.width) / width, (bottom * canvas.height) / height);
  }
  context.strokeStyle = css(player.theme.accent, 0.8);
  context.lineWidth = devicePixelRatio || 1;
  context.stroke();
}

function distanceAt(track, t) {
  let value = NaN;
  for (const [iteration, distance] of track.distance) if (iteration <= t + 1) value = distance;
  return value;
}

const numberOf = (value, decimals) => (Number.isFinite(value) ? numberText(value, decimals) : "–");
const percent = (value) => (Number.isFinite(value) ? `${Math.round(100 * value)} %` : "–");

function acceptanceText(player, s) {
  const rate = percent(player.t < 0 ? NaN : player.rates[s][player.t]);
  return player.tracks[s].name === "LAIR" ? `ESS ${rate}` : `accepted ${rate}`;
}

function showStep(player) {
  const { message, tracks, t, chain } = player;
  const track = tracks[player.sampler];
  player.step.textContent = track ? sentence(player, track, t) : "The chains start …";
  if (!track) return player.figures.replaceChildren();
  const rate = player.t < 0 ? NaN : player.rates[player.sampler][t];
  const rows = [
    [track.name === "LAIR" ? "ESS of the proposals, so far" : "Accepted, so far", percent(rate)],
    ["Total variation, so far", numberOf(distanceAt(track, t), 2)],
    [
      "log p(z | x_obs) now",
      t < 0 ? "–" : numberText(track.logPosterior[t * message.chains + chain], 1),
    ],
  ];
  player.figures.replaceChildren(
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

function sentence(player, track, t) {
  const chain = player.chain;
  const who = `Chain ${chain + 1}`;
  if (t < 0) return "Before the first iteration: hidden pixels have their starting values.";
  if (t < player.message.warmup) return `Warm-up by pseudo-Gibbs. ${who} accepts every proposal.`;
  if (track.name === "LAIR") {
    const from = t * track.proposals;
    const weights = track.logRatio.subarray(from, from + track.proposals).map(Math.exp);
    const ess = 1 / weights.reduce((sum, w) => sum + w * w, 0);
    const accepted = track.accepted
      .subarray(from, from + track.proposals)
      .reduce((a, b) => a + b, 0);
    return (
      `${track.proposals} weighted proposals from all completions and the prior; effective ` +
      `sample size ${numberText(ess, 1)}. ${accepted} ${accepted === 1 ? "is" : "are"} drawn.`
    );
  }
  if (/pseudo/.test(track.name)) return `${who} accepts every proposal of its own completion.`;
  const at = t * track.proposals + chain;
  const source = /collapsed/.test(track.name)
    ? "an earlier completion or the prior"
    : "its own completion";
  const ratio = track.logRatio[at];
  const ratioText = ratio < -9999 ? "below −9999" : numberText(ratio, 1);
  const verdict = track.accepted[at] ? "accepted" : "rejected";
  return `${who}: proposal from ${source}. Log acceptance ratio ${ratioText}: ${verdict}.`;
}

// ---------------------------------------------------------------- curves

function drawPlots(player) {
  const { message, tracks, sampler } = player;
  const width = player.distance.clientWidth;
  if (!width) return;
  const style = (chosen) => (chosen ? "stroke:var(--accent)" : "stroke:var(--muted)");
  const distances = tracks.map((track, s) => ({
    points: track.distance,
    label: track.name,
    style: style(s === sampler),
  }));
  const end = message.iterations;
  const distancePlot = plotOf(
    width,
    end,
    [0, 1],
    distances,
    player.t + 1,
    "Total variation by iterations",
  );
  const chosen = tracks[sampler];
  const posteriors = chosen
    ? Array.from({ length: message.chains }, (_, chain) => ({
        points: Array.from({ length: message.count }, (__, t) => [
          t + 1,
          chosen.logPosterior[t * message.chains + chain],
        ]),
        label: "",
        style: style(chain === player.chain),
      }))
    : [];
  posteriors.push(...posteriors.splice(player.chain, 1)); // drawn last, on top
  const low = lowest(posteriors, message.warmup);
  const posteriorPlot = plotOf(
    width,
    end,
    [low, 8],
    posteriors,
    player.t + 1,
    "Log posterior of the chains by iterations",
  );
  player.distance.replaceChildren(distancePlot.drawing);
  player.logPosterior.replaceChildren(posteriorPlot.drawing);
  player.scales = [distancePlot, posteriorPlot];
}

/** Lower end of the axis of log posteriors: below 99 % of the values after the warm-up. */
function lowest(curves, warmup) {
  const values = curves.flatMap(({ points }) => points.slice(warmup).map((point) => point[1]));
  if (!values.length) return -10;
  values.sort((a, b) => a - b);
  return Math.min(-10, Math.max(values[Math.floor(0.01 * values.length)], -60));
}
