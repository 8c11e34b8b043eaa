// Sequences of images side by side: one clock, one slider, one canvas per track.

export default component({ create, update, destroy: pause });

function create(parent) {
  const root = parent.querySelector(".picture-player");
  const find = (selector) => root.querySelector(selector);
  const player = {
    root,
    tracks: find(".tracks"),
    scrub: find(".scrub"),
    positionText: find(".position"),
    at: 0,
    forwards: true,
    timer: 0,
  };
  const toggle = () => (player.timer ? pause(player) : play(player));
  player.buttons = playButtons(root, { toggle });
  player.scrub.oninput = () => {
    pause(player);
    show(player, Number(player.scrub.value));
  };
  root.onkeydown = (event) => {
    if (event.key !== " " || event.target === player.buttons.toggle) return;
    event.preventDefault();
    toggle();
  };
  return player;
}

function update(player, { data }) {
  const message = JSON.stringify(data);
  if (message === player.message) return;
  const sameRange = player.data?.count === data.count && player.data?.start === data.start;
  player.message = message;
  player.data = data;
  player.root.setAttribute("aria-label", data.label);
  player.tracks.style.setProperty("--width", `${data.width}px`);
  player.scrub.max = String(data.count - 1);
  player.shown = data.tracks.map((track) => {
    const canvas = element("canvas", {
      width: track.width,
      height: track.height,
      role: "img",
      "aria-label": track.title,
    });
    const caption = element("small");
    return { ...track, bytes: bytesOf(track.pictures), canvas, caption };
  });
  player.tracks.replaceChildren(
    ...player.shown.map((track) =>
      element("figure", {}, element("figcaption", {}, track.title), track.canvas, track.caption),
    ),
  );
  show(player, sameRange ? player.at : data.start);
  if (data.count === 1) pause(player);
}

function play(player) {
  const { count, seconds, backwards } = player.data;
  if (count === 1) return;
  if (!backwards && player.at === count - 1) show(player, 0);
  player.buttons.show(true);
  player.timer = setInterval(
    () => {
      const next = player.at + (player.forwards ? 1 : -1);
      if (next >= 0 && next < count) return show(player, next);
      if (!backwards) return pause(player);
      player.forwards = !player.forwards;
      show(player, player.at + (player.forwards ? 1 : -1));
    },
    (1000 * seconds) / count,
  );
}

function pause(player) {
  clearInterval(player.timer);
  player.timer = 0;
  player.forwards = true;
  player.buttons.show(false);
}

function show(player, at) {
  player.at = at;
  player.scrub.value = String(at);
  const played = at / Math.max(player.data.count - 1, 1);
  player.scrub.style.setProperty("--played", `${100 * played}%`);
  const position = player.data.positions[at] ?? `${at + 1} / ${player.data.count}`;
  player.positionText.textContent = position;
  player.scrub.setAttribute("aria-valuetext", position);
  for (const track of player.shown) {
    paint(track, at);
    track.caption.textContent = track.captions[at] ?? "";
    track.caption.hidden = !track.captions.length;
  }
}

function paint({ canvas, bytes, channels, height, width }, at) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const size = height * width;
  const from = at * channels * size;
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      image.data[4 * i + c] = bytes[from + (c % channels) * size + i];
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
