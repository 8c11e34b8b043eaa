// Chain player: stores the frames of one run and shows one of them at a time.
//
// receive → (queue) decode, store, follow → tick → show → paint. A player is "following" (shows
// the newest frame), "playing" (at the chosen speed) or "paused". At every change of the iteration
// it dispatches the event "dgm-iteration" {run, iteration} on the document.

const TILES = ["original", "observed", "draw", "mean", "sd"];
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
const WIDE = 960; // px; in a wider player the numbers are beside the tiles
const SIDE = 232; // px for the numbers
const LARGEST_TILE = 168;
const LARGEST_THUMB = 56;
const FOLLOW_DELAY = 0.4; // seconds in which waiting frames are played while following
const RHAT_WARNING = 1.05;

const NUMBERS = [
  {
    name: "acceptance",
    label: "Acceptance",
    define: "Acceptance: fraction of the proposals accepted after the warm-up.",
    format: (value) => value.toFixed(2),
  },
  {
    name: "stuck",
    label: "Stuck chains",
    define: "Stuck chains: chains that accepted no proposal since the warm-up.",
    format: (value) => String(value),
    after: (player) => `of ${player.message.chains}`,
    warns: (value) => value > 0,
  },
  {
    name: "rhat",
    label: "Split R-hat",
    format: (value) => (value < 100 ? value.toFixed(value < 10 ? 3 : 1) : "> 100"),
    warns: (value) => value > RHAT_WARNING,
  },
  {
    name: "ess",
    label: "ESS",
    format: (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")),
  },
  {
    name: "f1_mean",
    label: "F1 of mean",
    format: (value) => value.toFixed(2),
  },
];

// Without an original there are no scores.
const numbersOf = ({ message }) =>
  NUMBERS.filter(({ name }) => message.scored !== false || !name.startsWith("f1"));

export default component({
  create,
  update: (player, { data }) => receive(player, data),
  destroy,
});

// ---------------------------------------------------------------- creation

function create(host) {
  const root = host.querySelector(".player");
  const player = { root };
  const own = (selector) => find(player, selector);
  Object.assign(player, {
    cards: own(".cards"),
    plot: own(".plot"),
    key: own(".key"),
    scrub: own(".scrub"),
    positionText: own(".position"),
    speed: own(".speed select"),
    outlined: own(".outlined input"),
    difference: own(".difference input"),
    captions: [own(".draw-caption"), own(".mean-caption")],
    pressed: false,
    pixel: null, // {row, column} under the pointer
    live: own("[aria-live]"),
    run: null,
    queue: Promise.resolve(),
    request: 0,
  });
  listen(player);
  player.observer = new ResizeObserver(() => {
    if (player.size !== sizeOf(root)) layout(player);
  });
  player.observer.observe(root);
  return player;
}

const find = (player, selector) => player.root.querySelector(selector);

function destroy(player) {
  cancelAnimationFrame(player.request);
  player.observer.disconnect();
  player.removeListeners();
  player.run = null;
}

function reset(player, message) {
  cancelAnimationFrame(player.request);
  Object.assign(player, {
    run: message.run,
    message,
    frames: [], // decoded bytes of frame i; undefined where a chunk is missing
    numbers: [], // iteration number of frame i
    curves: message.samplers.map(() => ({ draw: [], mean: [] })),
    started: false,
    mode: "paused",
    position: 0, // a fraction while the clock runs
    request: 0,
    lastFrames: null,
    announced: null, // iteration of the last event
    original: unpack(bytesOf(message.original), message.height * message.width),
    hidden: unpack(bytesOf(message.hidden), message.height * message.width),
  });
  find(player, ".scores h4").title = message.definitions.f1_mean;
  player.noun = message.originalTitle.toLowerCase();
  find(player, ".original-title").textContent = message.originalTitle;
  for (const word of player.root.querySelectorAll(".noun")) word.textContent = player.noun;
  find(player, ".scores").hidden = message.scored === false;
  delete player.root.dataset.shows; // the captions name the image
  find(player, ".original-note").textContent = message.originalNote;
  player.strokes = message.samplers.map(strokeOf);
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
  if (message.run !== player.run) return; // another run has started meanwhile
  if (bytes) addFrames(player, message, bytes);
  const previous = player.started ? player.message.state : null;
  player.message = message;
  if (message.state !== previous) announce(player, message.state);
  if (!player.started && player.frames.length > 0) begin(player);
  else if (player.mode === "following") follow(player);
  writeNumbers(player);
  showProblem(player);
  drawPlot(player);
  show(player);
}

function addFrames(player, message, bytes) {
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

// Bytes of one frame: for each sampler the draws as bits, the mean and the standard deviation.

const bitBytes = ({ height, width }) => Math.ceil((height * width) / 8);
const samplerSize = (m) => m.chains * bitBytes(m) + 2 * m.height * m.width;
const frameSize = (m) => m.samplers.length * samplerSize(m);

function drawOf(player, frame, sampler, chain) {
  const m = player.message;
  const at = sampler * samplerSize(m) + chain * bitBytes(m);
  return unpack(frame.subarray(at, at + bitBytes(m)), m.height * m.width);
}

function imageOf(player, frame, sampler, which) {
  const m = player.message;
  const pixels = m.height * m.width;
  const at = sampler * samplerSize(m) + m.chains * bitBytes(m) + (which === "sd" ? pixels : 0);
  return frame.subarray(at, at + pixels);
}

// ---------------------------------------------------------------- input

function listen(player) {
  const { root, scrub, plot } = player;
  player.buttons = playButtons(root, {
    previous: () => step(player, -1),
    toggle: () => toggle(player),
    next: () => step(player, 1),
  });
  player.outlined.onchange = () => show(player);
  player.difference.onchange = () => show(player);
  const hold = root.querySelector(".hold");
  player.removeListeners = holding(hold, "o", (pressed) => setPressed(player, pressed));
  point(player);
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
    d: () => player.difference.click(),
    s: () => save(player),
    "<": () => changeSpeed(player, -1),
    ">": () => changeSpeed(player, 1),
  };
  const action = actions[event.key];
  if (!action) return;
  event.stopPropagation();
  const clicks = target === "BUTTON" || event.target.type === "checkbox";
  if (event.key === " " && clicks) return; // the browser clicks it
  event.preventDefault();
  action();
}

function setPressed(player, pressed) {
  if (player.pressed === pressed || (pressed && !player.run)) return;
  player.pressed = pressed;
  player.root.querySelector(".hold").setAttribute("aria-pressed", pressed);
  if (player.run) show(player);
}

function changeSpeed(player, by) {
  const { options, selectedIndex } = player.speed;
  player.speed.selectedIndex = Math.min(Math.max(selectedIndex + by, 0), options.length - 1);
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

// ---------------------------------------------------------------- layout

// The layout depends on these values only; heights are computed from them.
const sizeOf = (root) => `${root.clientWidth} ${devicePixelRatio}`;

function layout(player) {
  const width = player.root.clientWidth;
  player.size = sizeOf(player.root);
  if (!player.run || !width) return;
  player.root.classList.toggle("wide", width >= WIDE);
  player.theme = readTheme(player);
  sizeTiles(player, width);
  sizeThumbs(player);
  showProblem(player);
  drawPlot(player);
  show(player);
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

// The smallest number of rows that keeps the small images readable.
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
