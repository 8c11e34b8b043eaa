// A frame of the run → the pictures on screen.

function show(player) {
  if (!player.theme) return;
  const at = player.frames.length > 0 ? available(player, shown(player)) : -1;
  const frame = at < 0 ? null : player.frames[at];
  const where = at < 0 ? "before the first frame" : `at iteration ${player.numbers[at]}`;
  player.rows.forEach((row, s) => showRow(player, row, s, frame, where));
  showLook(player);
  showPixel(player, frame);
  showPlace(player, at);
  moveCursor(player, at);
  tell(player, at);
}

// Other components on the page follow the clock.
function tell(player, at) {
  const iteration = at < 0 ? null : player.numbers[at];
  if (iteration === null || iteration === player.told) return;
  player.told = iteration;
  const detail = { run: player.run, iteration };
  document.dispatchEvent(new CustomEvent("dgm-iteration", { detail }));
}

const ABOUT = {
  pictures: ["of the first chain", "of the draws so far"],
  difference: ["minus the truth", "minus the truth"],
  held: ["held: the truth", "held: the truth"],
};

function showLook(player) {
  const look = player.held ? "held" : player.difference.checked ? "difference" : "pictures";
  if (player.root.dataset.look === look) return;
  player.root.dataset.look = look;
  player.abouts.forEach((about, i) => (about.textContent = ABOUT[look][i]));
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
  if (frame) {
    paintGuess(player, draw, drawOf(player, frame, s, 0), 255);
    paintGuess(player, mean, pictureOf(player, frame, s, "mean"));
    if (player.held) paint(player, sd, player.truth, player.theme.grey, 255);
    else paint(player, sd, pictureOf(player, frame, s, "sd"), player.theme.sd);
    row.thumbs.forEach((thumb, c) => paintGuess(player, thumb, drawOf(player, frame, s, c), 255));
  } else {
    for (const canvas of [draw, mean, sd, ...row.thumbs]) blank(player, canvas);
  }
  if (frame && player.outlined.checked) {
    for (const canvas of [draw, mean]) outline(player, canvas);
  }
  for (const canvas of [draw, mean, sd]) {
    const what = player.held ? TILE_NAMES.truth : TILE_NAMES[canvas.dataset.tile];
    canvas.setAttribute("aria-label", `${row.name}: ${what} ${where}`);
  }
  const count = `${row.thumbs.length} independent draws, one a chain`;
  row.strip.setAttribute("aria-label", `${row.name}: ${count}, ${where}`);
}

// What a sampler says of the pixels; or how it differs from the truth; or, while held, the truth.
function paintGuess(player, canvas, values, times = 1) {
  const { grey, difference } = player.theme;
  const { truth } = player;
  if (player.held) return paint(player, canvas, truth, grey, 255);
  if (!player.difference.checked) return paint(player, canvas, values, grey, times);
  const levels = values.map((value, i) => Math.round((value * times - 255 * truth[i] + 255) / 2));
  return paint(player, canvas, levels, difference);
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
