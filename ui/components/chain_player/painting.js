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
  for (const [i, about] of player.abouts.entries()) about.textContent = ABOUT[look][i];
}

// The pictures that stay the same through a run.
function showGiven(player) {
  for (const { tiles, name } of player.rows) {
    const [truth, observed] = tiles;
    if (player.message.truth_known)
      paint(truth, player.message, player.truth, player.theme.grey, 255);
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
    if (player.held) paint(sd, player.message, player.truth, player.theme.grey, 255);
    else paint(sd, player.message, pictureOf(player, frame, s, "sd"), player.theme.sd);
    row.thumbs.forEach((thumb, c) => paintGuess(player, thumb, drawOf(player, frame, s, c), 255));
  } else {
    for (const canvas of [draw, mean, sd, ...row.thumbs])
      blank(canvas, css(player.theme.ink, 0.06));
  }
  if (frame && player.outlined.checked) {
    const colour = css(player.theme.accent, 0.75);
    for (const canvas of [draw, mean]) outline(canvas, player.message, player.hidden, colour);
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
  if (player.held) return paint(canvas, player.message, truth, grey, 255);
  if (!player.difference.checked) return paint(canvas, player.message, values, grey, times);
  const levels = values.map((value, i) => Math.round((value * times - 255 * truth[i] + 255) / 2));
  return paint(canvas, player.message, levels, difference);
}

// What the samplers see: observed pixels as they are, hidden ones hatched.
function paintObserved(player, canvas) {
  paint(canvas, player.message, player.truth, player.theme.grey, 255);
  hatch(canvas, player.hidden, player.message.width, player.message.height);
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
