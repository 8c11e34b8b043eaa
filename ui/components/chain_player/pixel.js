// The pixel under the pointer: marked in all images, and described as text.

function point(player) {
  const { cards } = player;
  const pixelAt = (event) => {
    const canvas = event.composedPath().find((node) => node.tagName === "CANVAS");
    player.canvasAt = canvas;
    if (!canvas || !player.run) return null;
    const { x, y } = positionIn(canvas, event, player.message);
    return inside(player, { row: Math.floor(y), column: Math.floor(x) });
  };
  const follow = (event) => setPixel(player, pixelAt(event));
  cards.onpointermove = follow;
  cards.onpointerdown = follow;
  cards.onpointerleave = (event) => {
    if (event.pointerType === "mouse") setPixel(player, null);
  };
  cards.onkeydown = (event) => movePixel(player, event);
  cards.addEventListener("focusout", () => setPixel(player, null));
}

function inside(player, { row, column }) {
  const { height, width } = player.message;
  const clamp = (value, end) => Math.min(Math.max(value, 0), end - 1);
  return { row: clamp(row, height), column: clamp(column, width) };
}

// While the images have the focus, arrow keys move from pixel to pixel instead of iterations.
function movePixel(player, event) {
  if (!player.run || hasModifier(event) || !event.target.classList.contains("tiles")) return;
  const { height, width } = player.message;
  const { row, column } = player.pixel ?? { row: height >> 1, column: width >> 1 };
  const [right, down] = ARROWS[event.key] ?? [0, 0];
  if (event.key === "Escape") setPixel(player, null);
  else if (event.key in ARROWS) {
    setPixel(player, inside(player, { row: row + down, column: column + right }));
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function setPixel(player, pixel) {
  const same = pixel?.row === player.pixel?.row && pixel?.column === player.pixel?.column;
  if (same) return;
  player.pixel = pixel;
  if (!player.run) return;
  showProblem(player);
  show(player);
}

function showPixel(player, frame) {
  player.root.classList.toggle("pointing", Boolean(player.pixel));
  player.rows.forEach((row, s) => {
    row.when.textContent = player.pixel ? pixelText(player, s, frame) : row.numbersAt;
    if (player.pixel) for (const canvas of [...row.tiles, ...row.thumbs]) mark(player, canvas);
  });
}

function pixelText(player, s, frame) {
  const { width, chains } = player.message;
  const { row, column } = player.pixel;
  const at = row * width + column;
  const colour = player.original[at] ? "ink" : "no ink";
  const where = `row ${row + 1}, column ${column + 1}`;
  if (!player.hidden[at]) return `${where}: observed, ${colour}`;
  if (!frame) return `${where}: hidden; ${player.noun}: ${colour}`;
  const p = imageOf(player, frame, s, "mean")[at] / 255;
  let inked = 0;
  for (let chain = 0; chain < chains; chain += 1) inked += drawOf(player, frame, s, chain)[at];
  const draws = `ink in ${inked} of ${chains} draws`;
  return `${where}: ink with probability ${p.toFixed(2)}, ${draws}; ${player.noun}: ${colour}`;
}

function mark({ pixel, message }, canvas) {
  const context = canvas.getContext("2d");
  const [w, h] = [canvas.width / message.width, canvas.height / message.height];
  const unit = devicePixelRatio || 1;
  const box = [pixel.column * w, pixel.row * h, w, h].map(Math.round);
  for (const [colour, thick] of [
    ["rgb(0 0 0)", 3],
    ["rgb(255 255 255)", 1.25],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = thick * unit;
    context.strokeRect(...box);
  }
}
