// A frame of the run → the images on screen.

function show(player) {
  if (!player.theme) return;
  const at = player.frames.length > 0 ? available(player, shown(player)) : -1;
  const frame = at < 0 ? null : player.frames[at];
  const where = at < 0 ? "before the first frame" : `at iteration ${player.numbers[at]}`;
  player.rows.forEach((row, s) => showRow(player, row, s, frame, where));
  showCaptions(player);
  showPixel(player, frame);
  showPosition(player, at);
  moveCursor(player, at);
  dispatchIteration(player, at);
}

// Other components on the page follow the iteration of the player.
function dispatchIteration(player, at) {
  const iteration = at < 0 ? null : player.numbers[at];
  if (iteration === null || iteration === player.announced) return;
  player.announced = iteration;
  const detail = { run: player.run, iteration };
  document.dispatchEvent(new CustomEvent("dgm-iteration", { detail }));
}

const CAPTIONS = ["of the first chain", "of the draws so far"];

function showCaptions(player) {
  const shows = player.pressed ? "original" : player.difference.checked ? "difference" : "images";
  if (player.root.dataset.shows === shows) return;
  player.root.dataset.shows = shows;
  const compared = player.pressed ? `the ${player.noun}` : `minus the ${player.noun}`;
  for (const [i, caption] of player.captions.entries()) {
    caption.textContent = shows === "images" ? CAPTIONS[i] : compared;
  }
}

// The original and the observed pixels, which do not change during a run.
function showProblem(player) {
  for (const { tiles, name } of player.rows) {
    const [original, observed] = tiles;
    paint(original, player.message, player.original, player.theme.grey, 255);
    paintObserved(player, observed);
    original.setAttribute("aria-label", `${name}: ${player.noun}`);
    observed.setAttribute("aria-label", `${name}: ${TILE_NAMES.observed}`);
  }
}

function showRow(player, row, s, frame, where) {
  const [, , draw, mean, sd] = row.tiles;
  if (frame) {
    paintImage(player, draw, drawOf(player, frame, s, 0), 255);
    paintImage(player, mean, imageOf(player, frame, s, "mean"));
    if (player.pressed) paint(sd, player.message, player.original, player.theme.grey, 255);
    else paint(sd, player.message, imageOf(player, frame, s, "sd"), player.theme.sd);
    row.thumbs.forEach((thumb, c) => paintImage(player, thumb, drawOf(player, frame, s, c), 255));
  } else {
    for (const canvas of [draw, mean, sd, ...row.thumbs])
      blank(canvas, css(player.theme.ink, 0.06));
  }
  if (frame && player.outlined.checked) {
    const colour = css(player.theme.accent, 0.75);
    for (const canvas of [draw, mean]) outline(canvas, player.message, player.hidden, colour);
  }
  for (const canvas of [draw, mean, sd]) {
    const what = player.pressed ? player.noun : TILE_NAMES[canvas.dataset.tile];
    canvas.setAttribute("aria-label", `${row.name}: ${what} ${where}`);
  }
  const count = `${row.thumbs.length} independent draws, one per chain`;
  row.strip.setAttribute("aria-label", `${row.name}: ${count}, ${where}`);
}

// Values of a sampler, or their difference from the original, or the original while the button is pressed.
function paintImage(player, canvas, values, times = 1) {
  const { grey, difference } = player.theme;
  const { original } = player;
  if (player.pressed) return paint(canvas, player.message, original, grey, 255);
  if (!player.difference.checked) return paint(canvas, player.message, values, grey, times);
  const levels = values.map((value, i) =>
    Math.round((value * times - 255 * original[i] + 255) / 2),
  );
  return paint(canvas, player.message, levels, difference);
}

// The input of the samplers: observed pixels as they are, hidden ones hatched.
function paintObserved(player, canvas) {
  paint(canvas, player.message, player.original, player.theme.grey, 255);
  hatch(canvas, player.hidden, player.message.width, player.message.height);
}

function showPosition(player, at) {
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
  player.positionText.replaceChildren(text, " · ", word);
}
