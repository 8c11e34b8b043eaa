// Marks over the points of a plane: the unfinished outline, the cursor of the keyboard, a ring.

function paintOutline(context, appearance, outline) {
  context.beginPath();
  for (let j = 0; j < outline.length; j += 2) context.lineTo(outline[j], outline[j + 1]);
  context.fillStyle = appearance.accent;
  context.globalAlpha = 0.1;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = appearance.accent;
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.stroke();
  context.beginPath();
  context.setLineDash([4, 4]); // the line that closes the outline
  context.moveTo(outline.at(-2), outline.at(-1));
  context.lineTo(outline[0], outline[1]);
  context.stroke();
  context.setLineDash([]);
}

/** A cross, and the circle around the points that Enter or Space selects. */
function paintCursor(context, { appearance, pixels, input }) {
  const [x, y] = input.cursorPosition();
  const last = nearestPoints(pixels, x, y, KEY_COUNT).at(-1);
  const radius = Math.hypot(pixels[2 * last] - x, pixels[2 * last + 1] - y) + 4;
  for (const [colour, width] of [
    [appearance.paper, 4],
    [appearance.accent, 1.75],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    for (const [dx, dy] of [
      [8, 0],
      [0, 8],
    ]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    context.stroke();
  }
}

function paintRing(context, { appearance, pixels, radius }, i) {
  const circle = (size) => {
    context.beginPath();
    context.arc(pixels[2 * i], pixels[2 * i + 1], size, 0, 2 * Math.PI);
  };
  circle(radius + 5);
  context.strokeStyle = appearance.paper;
  context.lineWidth = 5;
  context.stroke();
  context.strokeStyle = appearance.ink;
  context.lineWidth = 2;
  context.stroke();
  circle(radius + 1);
  context.fillStyle = appearance.colours[appearance.slots[i]];
  context.fill();
}
