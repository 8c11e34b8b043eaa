// Chain player: keeps the frames of one run and shows them under one clock.
//
// receive → (queue) decode, store, follow → tick → show → paint.  A player is "following" (keeps
// up with the newest frame), "playing" (from where it is, at the chosen speed) or "paused".

const TILES = ["truth", "observed", "draw", "mean", "sd"];
const TILE_NAMES = {
  truth: "truth",
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
const WIDE = 960; // px: from here on the numbers stand beside the tiles
const SIDE = 232; // px kept for them
const LARGEST_TILE = 168;
const LARGEST_THUMB = 56;
const FOLLOW_DELAY = 0.4; // seconds over which a backlog is played while following
const RHAT_WARNING = 1.05;

const NUMBERS = [
  {
    name: "acceptance",
    label: "Acceptance",
    define: "Acceptance: share of proposals accepted after warm-up.",
    format: (value) => value.toFixed(2),
  },
  {
    name: "stuck",
    label: "Stuck chains",
    define: "Stuck chains: chains that accepted nothing since warm-up.",
    format: (value) => String(value),
    after: (player) => `of ${player.message.chains}`,
    warns: (value) => value > 0,
  },
  {
    name: "rhat",
    label: "Split R-hat",
    define: "Split R-hat: near 1 the chains agree; above 1.01 they have not met yet.",
    format: (value) => (value < 100 ? value.toFixed(value < 10 ? 3 : 1) : "> 100"),
    warns: (value) => value > RHAT_WARNING,
  },
  {
    name: "ess",
    label: "ESS",
    define: "ESS (effective sample size): how many independent draws the chains are worth.",
    format: (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")),
  },
  {
    name: "f1_mean",
    label: "F1 of mean",
    define: "F1 of the posterior mean = 2TP / (2TP + FP + FN), over hidden pixels only.",
    format: (value) => value.toFixed(2),
  },
];

export default component({
  create,
  update: (player, { data }) => receive(player, data),
  destroy,
});

// ---------------------------------------------------------------- life of a player

function create(host) {
  const root = host.querySelector(".player");
  const find = (selector) => root.querySelector(selector);
  const player = {
    root,
    cards: find(".cards"),
    plot: find(".plot"),
    key: find(".key"),
    scrub: find(".scrub"),
    place: find(".place"),
    toggle: find(".toggle"),
    speed: find(".speed select"),
    outlined: find(".outlined input"),
    live: find("[aria-live]"),
    run: null,
    queue: Promise.resolve(),
    request: 0,
  };
  listen(player);
  player.observer = new ResizeObserver(() => {
    if (player.size !== sizeOf(root)) layout(player);
  });
  player.observer.observe(root);
  return player;
}

function destroy(player) {
  cancelAnimationFrame(player.request);
  player.observer.disconnect();
  player.run = null;
}

function reset(player, message) {
  cancelAnimationFrame(player.request);
  Object.assign(player, {
    run: message.run,
    message,
    frames: [], // decoded bytes of frame i; holes where a chunk is missing
    numbers: [], // iteration number of frame i
    curves: message.samplers.map(() => ({ draw: [], mean: [] })),
    begun: false,
    mode: "paused",
    position: 0, // a fraction while the clock runs
    request: 0,
    lastFrames: null,
    truth: unpack(bytesOf(message.truth), message.height * message.width),
    hidden: unpack(bytesOf(message.hidden), message.height * message.width),
  });
  player.strokes = strokesFor(message.samplers);
  buildCards(player);
  buildKey(player);
}

// ---------------------------------------------------------------- messages

function receive(player, message) {
  if (player.run !== message.run) reset(player, message);
  player.queue = player.queue
    .then(() => store(player, message))
    .catch((error) => console.error("chain player: a chunk could not be read", error));
  layout(player); // the theme may have changed
}

async function store(player, message) {
  if (message.run !== player.run) return;
  const fresh = message.count > 0 && message.frames !== player.lastFrames;
  const bytes = fresh ? await inflate(message.frames) : null;
  if (message.run !== player.run) return; // replaced while it was being read
  if (bytes) keep(player, message, bytes);
  const previous = player.begun ? player.message.state : null;
  player.message = message;
  if (message.state !== previous) announce(player, message.state);
  if (!player.begun && player.frames.length > 0) begin(player);
  else if (player.mode === "following") follow(player);
  writeNumbers(player);
  drawPlot(player);
  show(player);
}

function keep(player, message, bytes) {
  const size = frameSize(message);
  if (bytes.length !== size * message.count) {
    throw new RangeError(`expected ${size * message.count} bytes, got ${bytes.length}`);
  }
  player.lastFrames = message.frames;
  for (let i = 0; i < message.count; i += 1) {
    const index = message.start + i;
    player.frames[index] = bytes.subarray(i * size, (i + 1) * size);
    player.numbers[index] = message.numbers[i];
    message.curves.forEach((curve, s) => {
      player.curves[s].draw[index] = curve.draw[i];
      player.curves[s].mean[index] = curve.mean[i];
    });
  }
}

function announce(player, state) {
  player.root.dataset.state = state;
  player.live.textContent = `Chains ${STATE_WORDS[state] ?? state}`;
}

async function inflate(text) {
  const stream = new Blob([bytesOf(text)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Bytes of one frame: for each sampler, draws as bits, then mean, then standard deviation.

const bitBytes = ({ height, width }) => Math.ceil((height * width) / 8);
const samplerSize = (m) => m.chains * bitBytes(m) + 2 * m.height * m.width;
const frameSize = (m) => m.samplers.length * samplerSize(m);

function drawOf(player, frame, sampler, chain) {
  const m = player.message;
  const at = sampler * samplerSize(m) + chain * bitBytes(m);
  return unpack(frame.subarray(at, at + bitBytes(m)), m.height * m.width);
}

function pictureOf(player, frame, sampler, which) {
  const m = player.message;
  const pixels = m.height * m.width;
  const at = sampler * samplerSize(m) + m.chains * bitBytes(m) + (which === "sd" ? pixels : 0);
  return frame.subarray(at, at + pixels);
}

// ---------------------------------------------------------------- clock

const newest = (player) => player.frames.length - 1;
const shown = (player) => Math.floor(player.position);
const running = (player) => player.message.state === "running";
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function begin(player) {
  player.begun = true;
  if (running(player)) {
    player.position = player.frames.findIndex((frame) => frame);
    setMode(player, "following");
  } else if (player.message.autoplay && !still()) {
    player.position = 0;
    setMode(player, "playing");
  } else {
    player.position = newest(player);
    setMode(player, "paused");
  }
}

function setMode(player, mode) {
  player.mode = mode;
  player.root.classList.toggle("moving", mode !== "paused");
  player.root.dataset.mode = mode;
  const word = mode === "paused" ? "Play" : "Pause";
  player.toggle.setAttribute("aria-label", word);
  player.toggle.title = `${word} (Space)`;
  if (mode === "following") follow(player);
  else if (mode === "playing") start(player);
  else cancel(player);
}

function follow(player) {
  if (still()) player.position = newest(player);
  if (player.position >= newest(player)) arrive(player);
  else start(player);
}

// The newest frame is reached: wait for more while the chains run, else stop here.
function arrive(player) {
  cancel(player);
  if (!running(player)) return setMode(player, "paused");
  player.mode = "following";
  player.root.dataset.mode = player.mode;
}

function start(player) {
  if (player.request) return;
  player.clock = performance.now();
  player.request = requestAnimationFrame((now) => tick(player, now));
}

function cancel(player) {
  cancelAnimationFrame(player.request);
  player.request = 0;
}

function tick(player, now) {
  player.request = 0;
  const seconds = Math.min(Math.max(now - player.clock, 0) / 1000, 0.25);
  player.clock = now;
  const before = shown(player);
  player.position = Math.min(player.position + seconds * pace(player), newest(player));
  if (shown(player) !== before) show(player);
  if (player.position >= newest(player)) arrive(player);
  else player.request = requestAnimationFrame((time) => tick(player, time));
}

// Pictures a second.  Following spreads what has arrived evenly over the time until more comes, at
// most at the chosen speed, unless it is more than half a second behind.
function pace(player) {
  const speed = Number(player.speed.value);
  if (player.mode !== "following") return speed;
  const backlog = newest(player) - player.position;
  const even = Math.max(backlog / FOLLOW_DELAY, 4);
  return backlog > speed / 2 ? even : Math.min(even, speed);
}

function play(player) {
  if (player.frames.length === 0) return;
  if (player.position >= newest(player)) {
    if (running(player)) return setMode(player, "following");
    player.position = 0;
    show(player);
  }
  setMode(player, "playing");
}

function seek(player, index) {
  if (player.frames.length === 0) return;
  player.position = Math.min(Math.max(index, 0), newest(player));
  setMode(player, "paused");
  show(player);
}

const step = (player, by) => seek(player, shown(player) + by);
const toggle = (player) => (player.mode === "paused" ? play(player) : setMode(player, "paused"));

// The frame at an index, or the nearest earlier one there is (else the nearest later one).
function available(player, index) {
  for (let i = index; i >= 0; i -= 1) if (player.frames[i]) return i;
  return player.frames.findIndex((frame) => frame);
}

// ---------------------------------------------------------------- what a person does

function listen(player) {
  const { root, scrub, plot } = player;
  root.querySelector(".back").onclick = () => step(player, -1);
  root.querySelector(".forward").onclick = () => step(player, 1);
  player.toggle.onclick = () => toggle(player);
  player.outlined.onchange = () => show(player);
  scrub.oninput = () => seek(player, Number(scrub.value));
  root.onkeydown = (event) => onKey(player, event);
  plot.onpointerdown = (event) => {
    if (!event.isPrimary || event.button > 0) return;
    plot.setPointerCapture(event.pointerId);
    seekAt(player, event);
  };
  plot.onpointermove = (event) => {
    if (plot.hasPointerCapture(event.pointerId)) seekAt(player, event);
  };
}

function onKey(player, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !player.message) return;
  const target = event.target.tagName;
  if (target === "SELECT") return;
  const actions = {
    " ": () => toggle(player),
    ArrowLeft: () => step(player, -1),
    ArrowRight: () => step(player, 1),
    Home: () => seek(player, 0),
    End: () => seek(player, newest(player)),
  };
  const action = actions[event.key];
  if (!action) return;
  event.stopPropagation();
  const pressesItself = target === "BUTTON" || event.target.type === "checkbox";
  if (event.key === " " && pressesItself) return; // the browser's own click follows
  event.preventDefault();
  action();
}

function seekAt(player, event) {
  if (!player.scale) return;
  const x = event.clientX - player.plot.getBoundingClientRect().left;
  const number = player.scale.iterationAt(x);
  let best = -1;
  player.numbers.forEach((candidate, i) => {
    const closer = Math.abs(candidate - number) < Math.abs(player.numbers[best] - number);
    if (best < 0 || closer) best = i;
  });
  if (best >= 0) seek(player, best);
}

// ---------------------------------------------------------------- building

// The approximate sampler is neutral and dashed; the others take the accent, then further colours.
function strokesFor(names) {
  const colours = ["var(--accent)", "var(--third)", "var(--fourth)"];
  const dashes = ["none", "2 3", "9 3 2 3"];
  let next = 0;
  return names.map((name) => {
    if (/pseudo/i.test(name)) return { colour: "var(--neutral)", dash: "7 3" };
    const i = next++ % colours.length;
    return { colour: colours[i], dash: dashes[i] };
  });
}

function swatch(stroke) {
  const line = svg("line", {
    x1: 1,
    x2: 23,
    y1: 5,
    y2: 5,
    style: `stroke:${stroke.colour};stroke-dasharray:${stroke.dash}`,
  });
  return svg("svg", { class: "swatch", viewBox: "0 0 24 10", "aria-hidden": "true" }, line);
}

function picture(kind, attributes) {
  return element("canvas", { "data-tile": kind, ...attributes });
}

function buildCards(player) {
  player.rows = player.message.samplers.map((name, s) => buildCard(player, name, s));
  player.cards.replaceChildren(...player.rows.map((row) => row.card));
}

function buildCard(player, name, s) {
  const tiles = TILES.map((kind) => picture(kind, { role: "img" }));
  const thumbs = Array.from({ length: player.message.chains }, () =>
    picture("chain", { "aria-hidden": "true" }),
  );
  const when = element("small");
  const numbers = element("dl", { class: "numbers" });
  const strip = element("div", { role: "img" }, ...thumbs);
  const card = element(
    "article",
    { class: "card", "data-sampler": s, "aria-label": name },
    element("header", {}, swatch(player.strokes[s]), element("h4", {}, name), when),
    element("div", { class: "tiles" }, ...tiles),
    numbers,
    element("div", { class: "strip" }, element("p", {}, stripCaption(thumbs.length)), strip),
  );
  return { card, name, tiles, thumbs, strip, numbers, when };
}

function stripCaption(chains) {
  if (chains === 1) return "Independent draws, one a chain (one chain here)";
  return "Independent draws, one a chain; the first is the current draw above";
}

function buildKey(player) {
  player.readouts = player.message.samplers.map(() => element("em"));
  const entries = player.message.samplers.map((name, s) =>
    element("span", {}, swatch(player.strokes[s]), name, player.readouts[s]),
  );
  player.key.replaceChildren(...entries);
}

function writeNumbers(player) {
  const last = newest(player);
  player.rows.forEach((row, s) => {
    const values = player.message.diagnostics[s] ?? {};
    row.when.textContent = last < 0 ? "" : `numbers at iteration ${player.numbers[last]}`;
    row.numbers.replaceChildren(...NUMBERS.map((number) => numberItem(player, number, values)));
  });
}

function numberItem(player, number, values) {
  const value = values[number.name] ?? null;
  const error = values[`${number.name}_error`] ?? null;
  const text = element("dd", {}, value === null ? "–" : number.format(value));
  if (value !== null && number.warns?.(value)) text.append(warningMark());
  if (value !== null && error !== null) {
    text.append(" ", element("small", {}, `± ${error.toFixed(2)}`));
  }
  if (value !== null && number.after) {
    text.append(" ", element("small", {}, number.after(player)));
  }
  const item = element("div", { title: number.define, "data-number": number.name });
  item.append(element("dt", {}, number.label), text);
  return item;
}

function warningMark() {
  const mark = svg("svg", { class: "warn", viewBox: "0 0 16 16", role: "img" });
  mark.setAttribute("aria-label", "warning");
  const triangle = "M8 1.8 15 14H1z";
  mark.append(
    svg("path", {
      d: triangle,
      style: "fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round",
    }),
    svg("path", {
      d: "M8 6v3.6M8 11.7v.3",
      style: "stroke:currentColor;stroke-width:1.6;stroke-linecap:round",
    }),
  );
  return mark;
}

// ---------------------------------------------------------------- layout and theme

// What the layout depends on; heights follow from it.
const sizeOf = (root) => `${root.clientWidth} ${devicePixelRatio}`;

function layout(player) {
  const width = player.root.clientWidth;
  player.size = sizeOf(player.root);
  if (!player.run || !width) return;
  player.root.classList.toggle("wide", width >= WIDE);
  player.theme = readTheme(player);
  sizeTiles(player, width);
  sizeThumbs(player);
  showGiven(player);
  drawPlot(player);
  show(player);
}

// Whole device pixels a cell where that costs little, so that all cells are equally large.
function snap(size, cells, loss) {
  const ratio = devicePixelRatio || 1;
  const whole = (Math.floor((size * ratio) / cells) * cells) / ratio;
  return whole >= size * (1 - loss) ? whole : Math.floor(size * ratio) / ratio;
}

function sizeTiles(player, width) {
  const { root, rows, message } = player;
  const style = getComputedStyle(rows[0].card);
  const inner = rows[0].card.clientWidth - parseFloat(style.paddingLeft) * 2;
  const wide = width >= WIDE;
  const gap = wide ? 12 : width > 560 ? 8 : 4;
  const space = (inner - (wide ? SIDE + 32 : 0) - 4 * gap) / 5;
  const tile = snap(Math.max(Math.min(space, LARGEST_TILE), 28), message.width, 0.12);
  root.style.setProperty("--gap", `${gap}px`);
  root.style.setProperty("--tile", `${tile}px`);
  for (const row of rows) for (const canvas of row.tiles) sizeCanvas(canvas, tile);
  player.strip = inner;
}

// As few rows as keep the small pictures readable.
function sizeThumbs(player) {
  const { root, rows, message, strip } = player;
  const gap = 5;
  let columns = 0;
  let size = 0;
  for (let lines = 1; lines <= message.chains && size < 36; lines += 1) {
    columns = Math.ceil(message.chains / lines);
    const space = (strip - gap * (columns - 1)) / columns;
    size = snap(Math.min(space, LARGEST_THUMB), message.width, 0.15);
  }
  root.style.setProperty("--thumb", `${size}px`);
  root.style.setProperty("--thumb-columns", columns);
  for (const row of rows) for (const canvas of row.thumbs) sizeCanvas(canvas, size);
}

function sizeCanvas(canvas, size) {
  const pixels = Math.round(size * (devicePixelRatio || 1));
  if (canvas.width === pixels && canvas.height === pixels) return;
  canvas.width = pixels;
  canvas.height = pixels;
}

function readTheme(player) {
  const ink = readColour(player.root, "var(--ink)");
  const accent = readColour(player.root, "var(--accent)");
  const theme = { ink, accent, grey: GREY, sd: sdRamp(accent) };
  const stops = [0, 64, 128, 192, 255].map((i) => css(theme.sd.subarray(i * 4, i * 4 + 3)));
  player.root.style.setProperty("--sd-ramp", `linear-gradient(to right, ${stops.join()})`);
  return theme;
}

const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

function ramp(colourAt) {
  const table = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i += 1) table.set([...colourAt(i / 255), 255], i * 4);
  return table;
}

// Digits are white on black in both themes, as everywhere in the lab.
const GREY = ramp((t) => [255 * t, 255 * t, 255 * t]);

// One hue, that of the accent; lightness grows evenly from dark to bright in OKLab.
function sdRamp(accent) {
  const [, a, b] = toOklab(accent);
  const chroma = Math.hypot(a, b) || 1;
  return ramp((t) => {
    const strength = (0.03 + 0.13 * Math.sin(Math.PI * Math.min(t * 1.05, 1))) / chroma;
    return fromOklab([0.16 + 0.81 * t, a * strength, b * strength]);
  });
}

function toOklab(rgb) {
  const [r, g, b] = rgb.map((v) =>
    v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const linear = Math.min(Math.max(v, 0), 1);
    return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
  });
}

// ---------------------------------------------------------------- painting pictures

function show(player) {
  if (!player.theme) return;
  const at = player.frames.length > 0 ? available(player, shown(player)) : -1;
  const frame = at < 0 ? null : player.frames[at];
  const where = at < 0 ? "before the first frame" : `at iteration ${player.numbers[at]}`;
  player.rows.forEach((row, s) => showRow(player, row, s, frame, where));
  showPlace(player, at);
  moveCursor(player, at);
}

// The pictures that stay the same through a run.
function showGiven(player) {
  for (const { tiles, name } of player.rows) {
    const [truth, observed] = tiles;
    if (player.message.truth_known) paint(player, truth, player.truth, player.theme.grey, 255);
    else paintObserved(player, truth);
    paintObserved(player, observed);
    truth.setAttribute("aria-label", `${name}: ${TILE_NAMES.truth}`);
    observed.setAttribute("aria-label", `${name}: ${TILE_NAMES.observed}`);
  }
}

function showRow(player, row, s, frame, where) {
  const [, , draw, mean, sd] = row.tiles;
  const { grey, sd: sdTable } = player.theme;
  if (frame) {
    paint(player, draw, drawOf(player, frame, s, 0), grey, 255);
    paint(player, mean, pictureOf(player, frame, s, "mean"), grey);
    paint(player, sd, pictureOf(player, frame, s, "sd"), sdTable);
    row.thumbs.forEach((thumb, c) => paint(player, thumb, drawOf(player, frame, s, c), grey, 255));
  } else {
    for (const canvas of [draw, mean, sd, ...row.thumbs]) blank(player, canvas);
  }
  if (frame && player.outlined.checked) {
    for (const canvas of [draw, mean]) outline(player, canvas);
  }
  for (const canvas of [draw, mean, sd]) {
    const what = TILE_NAMES[canvas.dataset.tile];
    canvas.setAttribute("aria-label", `${row.name}: ${what} ${where}`);
  }
  const count = `${row.thumbs.length} independent draws, one a chain`;
  row.strip.setAttribute("aria-label", `${row.name}: ${count}, ${where}`);
}

const scratches = new Map();

function scratch(width, height) {
  const name = `${width}x${height}`;
  if (!scratches.has(name)) {
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    scratches.set(name, { canvas, context, image: context.createImageData(width, height) });
  }
  return scratches.get(name);
}

// Values through a table of colours, enlarged without smoothing.
function paint(player, target, values, table, times = 1) {
  const { height, width } = player.message;
  const { canvas, context, image } = scratch(width, height);
  for (let i = 0; i < values.length; i += 1) {
    const at = values[i] * times * 4;
    image.data[i * 4] = table[at];
    image.data[i * 4 + 1] = table[at + 1];
    image.data[i * 4 + 2] = table[at + 2];
    image.data[i * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  const screen = target.getContext("2d");
  screen.imageSmoothingEnabled = false;
  screen.drawImage(canvas, 0, 0, target.width, target.height);
}

function blank(player, canvas) {
  const context = canvas.getContext("2d");
  context.fillStyle = css(player.theme.ink, 0.06);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillRect(0, 0, canvas.width, canvas.height);
}

// What the samplers see: observed pixels as they are, hidden ones hatched.
function paintObserved(player, canvas) {
  paint(player, canvas, player.truth, player.theme.grey, 255);
  hatch(canvas, player.hidden, player.message.width, player.message.height);
}

// The border between hidden and observed pixels, and where hidden ones meet the edge.
function outline(player, canvas) {
  const { height, width } = player.message;
  const context = canvas.getContext("2d");
  const hidden = isSetIn(player.hidden, width, height);
  const x = (column) => Math.round((column * canvas.width) / width);
  const y = (row) => Math.round((row * canvas.height) / height);
  context.beginPath();
  for (const [left, top, right, bottom] of border(hidden, 0, 0, width, height)) {
    context.moveTo(x(left), y(top));
    context.lineTo(x(right), y(bottom));
  }
  context.strokeStyle = css(player.theme.accent, 0.75);
  context.lineWidth = 1.25 * (devicePixelRatio || 1);
  context.stroke();
}

function showPlace(player, at) {
  const { iterations, total, state } = player.message;
  const last = newest(player);
  const end = Math.max(state === "running" ? total - 1 : last, last, 1);
  const index = Math.max(shown(player), 0);
  const text = at < 0 ? "waiting for frames" : `iteration ${player.numbers[at]} of ${iterations}`;
  player.root.dataset.frame = at;
  player.scrub.max = end;
  player.scrub.value = index;
  player.scrub.setAttribute("aria-valuetext", text);
  player.scrub.style.setProperty("--played", `${(index / end) * 100}%`);
  player.scrub.style.setProperty("--loaded", `${(Math.max(last, 0) / end) * 100}%`);
  const word = element("em", {}, STATE_WORDS[state] ?? state);
  player.place.replaceChildren(text, " · ", word);
}

// ---------------------------------------------------------------- plot

function drawPlot(player) {
  const width = player.plot.clientWidth;
  if (!width || !player.run) return;
  const scale = (player.scale = plotScale(player, width));
  const drawing = svg("svg", {
    width,
    height: scale.height,
    role: "img",
    "aria-label": "F1 on hidden pixels against iteration, one line a sampler",
  });
  drawing.append(...warmupRegion(player, scale), ...axes(scale));
  const curves = player.curves.flatMap((_, s) =>
    ["draw", "mean"].map((kind) => ({ s, kind, points: pointsOf(player, s, kind) })),
  );
  const drawn = curves.filter((curve) => curve.points.length > 0);
  drawing.append(...drawn.map((curve) => band(player, scale, curve)));
  drawing.append(...drawn.map((curve) => line(player, scale, curve)));
  if (player.frames.length > 0 && drawn.length === 0) drawing.append(nothingToScore(scale));
  player.veil = svg("rect", { class: "veil", y: scale.top, height: scale.bottom - scale.top });
  player.cursor = svg("line", { class: "cursor", y1: scale.top, y2: scale.bottom });
  player.dots = svg("g");
  drawing.append(player.veil, ...labels(player, scale, drawn), player.cursor, player.dots);
  player.plot.replaceChildren(drawing);
}

function pointsOf(player, s, kind) {
  const points = [];
  player.curves[s][kind].forEach((score, i) => {
    if (score) points.push({ x: player.numbers[i], low: score[0], mid: score[1], high: score[2] });
  });
  return points;
}

function plotScale(player, width) {
  const { iterations, samplers } = player.message;
  const wide = width >= 640;
  const longest = Math.max(...samplers.map((name) => name.length));
  const right = width - (wide ? 14 + (longest + 6) * 5.4 : 44);
  const [left, top, height] = [28, 8, wide ? 200 : 168];
  const bottom = height - 24;
  const end = Math.max(iterations, 1);
  const lows = player.curves.flatMap(({ draw, mean }) =>
    [...draw, ...mean].filter((score) => score).map((score) => score[0]),
  );
  const lowest = lows.length > 0 ? Math.min(0.8, ...lows) : 0;
  const floor = Math.floor(lowest * 5 + 1e-9) / 5;
  return {
    ...{ wide, width, left, right, top, bottom, height, floor, end },
    x: (iteration) => left + ((right - left) * iteration) / end,
    y: (score) => bottom - ((bottom - top) * (score - floor)) / (1 - floor),
    iterationAt: (x) => ((x - left) / (right - left)) * end,
  };
}

function warmupRegion(player, scale) {
  const { warmup } = player.message;
  if (!(warmup > 0)) return [];
  const width = scale.x(Math.min(warmup, scale.end)) - scale.left;
  const region = svg("rect", {
    class: "warmup",
    x: scale.left,
    y: scale.top,
    width,
    height: scale.bottom - scale.top,
  });
  region.append(svg("title", {}, `Warm-up: the first ${warmup} iterations are not counted.`));
  const text = svg("text", { x: scale.left + 6, y: scale.bottom - 6 }, "warm-up");
  return width > 54 ? [region, text] : [region];
}

function axes(scale) {
  const parts = [];
  const rows = Math.round((1 - scale.floor) * 5);
  const every = rows > 3 ? 2 : 1;
  for (let i = rows; i >= 0; i -= every) {
    const value = scale.floor + i / 5;
    const y = scale.y(value);
    const tick = { x: scale.left - 6, y: y + 4, "text-anchor": "end" };
    parts.push(svg("line", { class: "grid", x1: scale.left, x2: scale.right, y1: y, y2: y }));
    parts.push(svg("text", tick, value.toFixed(1)));
  }
  for (const iteration of ticks(scale.end, scale.wide ? 6 : 4)) {
    const at = { x: scale.x(iteration), y: scale.bottom + 16, "text-anchor": "middle" };
    parts.push(svg("text", at, String(iteration)));
  }
  if (scale.wide) {
    const at = { x: scale.right + 24, y: scale.bottom + 16 };
    parts.push(svg("text", at, "iteration"));
  }
  return parts;
}

function ticks(end, wanted) {
  const rough = end / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = Math.max(1, power * [1, 2, 5, 10].find((m) => m * power >= rough));
  return Array.from({ length: Math.floor(end / size) + 1 }, (_, i) => i * size);
}

function path(points, x, y) {
  return points.map((p, i) => `${i ? "L" : "M"}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join("");
}

function band(player, scale, { s, kind, points }) {
  const x = (p) => scale.x(p.x);
  const upper = path(points, x, (p) => scale.y(p.high));
  const lower = path([...points].reverse(), x, (p) => scale.y(p.low)).replace("M", "L");
  const style = `fill:${player.strokes[s].colour}`;
  return svg("path", { class: `band ${kind}`, d: `${upper}${lower}Z`, style });
}

function line(player, scale, { s, kind, points }) {
  const d = path(
    points,
    (p) => scale.x(p.x),
    (p) => scale.y(p.mid),
  );
  const { colour: stroke, dash } = player.strokes[s];
  const style = `stroke:${stroke};stroke-dasharray:${dash}`;
  return svg("path", { class: `line ${kind}`, d, style });
}

// Each line is named where it ends; names that would overlap are moved apart.
function labels(player, scale, drawn) {
  const placed = drawn.map(({ s, kind, points }) => {
    const last = points[points.length - 1];
    const text = scale.wide ? `${player.rows[s].name}, ${kind}` : kind;
    return { s, kind, text, x: scale.x(last.x) + 8, y: scale.y(last.mid) + 4 };
  });
  placed.sort((a, b) => a.y - b.y);
  spread(placed, 14, scale.top + 8, scale.bottom);
  return placed.map(({ s, kind, text, x, y }) =>
    svg("text", { class: `label ${kind}`, x, y, style: `fill:${player.strokes[s].colour}` }, text),
  );
}

function spread(items, gap, top, bottom) {
  items.forEach((item, i) => {
    item.y = Math.max(item.y, i ? items[i - 1].y + gap : top);
  });
  for (let i = items.length - 1, limit = bottom; i >= 0; i -= 1, limit -= gap) {
    items[i].y = Math.min(items[i].y, limit);
    limit = items[i].y;
  }
}

function nothingToScore(scale) {
  const at = { x: (scale.left + scale.right) / 2, y: (scale.top + scale.bottom) / 2 };
  return svg("text", { ...at, "text-anchor": "middle" }, "nothing to score in the hidden pixels");
}

function moveCursor(player, at) {
  if (!player.cursor || !player.scale) return;
  const { scale } = player;
  const x = at < 0 ? scale.left : scale.x(player.numbers[at]);
  const last = newest(player);
  const end = last < 0 ? x : scale.x(player.numbers[last]);
  fill(player.cursor, { x1: x, x2: x, opacity: at < 0 ? 0 : 1 });
  fill(player.veil, { x, width: Math.max(end - x, 0) });
  player.dots.replaceChildren(...(at < 0 ? [] : dotsAt(player, scale, x, at)));
  player.readouts.forEach((readout, s) => {
    const value = (kind) => player.curves[s][kind][at]?.[1].toFixed(2) ?? "–";
    readout.textContent = `mean ${value("mean")}, draw ${value("draw")}`;
  });
}

function dotsAt(player, scale, x, at) {
  return player.curves.flatMap((curve, s) =>
    ["draw", "mean"]
      .filter((kind) => curve[kind][at])
      .map((kind) =>
        svg("circle", {
          class: "dot",
          cx: x,
          cy: scale.y(curve[kind][at][1]),
          r: kind === "mean" ? 4.5 : 3.5,
          style: `fill:${player.strokes[s].colour}`,
        }),
      ),
  );
}
