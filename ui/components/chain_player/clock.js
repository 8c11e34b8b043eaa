// The position in time: following the newest frame, playing at a chosen speed, or paused.

const newest = (player) => player.frames.length - 1;
const shown = (player) => Math.floor(player.position);
const running = (player) => player.message.state === "running";
const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function begin(player) {
  player.started = true;
  if (running(player)) {
    player.position = player.frames.findIndex((frame) => frame);
    setMode(player, "following");
  } else if (player.message.autoplay && !reducedMotion()) {
    player.position = 0;
    setMode(player, "playing");
  } else {
    player.position = newest(player);
    setMode(player, "paused");
  }
}

function setMode(player, mode) {
  player.mode = mode;
  player.root.dataset.mode = mode;
  player.buttons.show(mode !== "paused");
  if (mode === "following") follow(player);
  else if (mode === "playing") start(player);
  else cancel(player);
}

function follow(player) {
  if (reducedMotion()) player.position = newest(player);
  if (player.position >= newest(player)) stopAtNewest(player);
  else start(player);
}

// Wait for more frames while the chains run, else pause.
function stopAtNewest(player) {
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
  if (player.position >= newest(player)) stopAtNewest(player);
  else player.request = requestAnimationFrame((time) => tick(player, time));
}

// Frames per second. While following, the waiting frames are played evenly in `FOLLOW_DELAY`, at
// most at the chosen speed, unless the player is more than half a second late.
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

// The frame at an index; if missing, the nearest earlier one, else the first one available.
function available(player, index) {
  for (let i = index; i >= 0; i -= 1) if (player.frames[i]) return i;
  return player.frames.findIndex((frame) => frame);
}
