// What lies over the points of a plane: an outline being drawn, the keyboard's cursor, a ring.

function paintOutline(context, look, outline) {
  context.beginPath();
  for (let j = 0; j < outline.length; j += 2) context.lineTo(outline[j], outline[j + 1]);
  context.fillStyle = look.accent;
  context.globalAlpha = 0.1;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = look.accent;
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.stroke();
  context.beginPath();
  context.setLineDash([4, 4]); // how it will be closed
  context.moveTo(outline.at(-2), outline.at(-1));
  context.lineTo(outline[0], outline[1]);
  context.stroke();
  context.setLineDash([]);
}

/** A cross, and around it the circle that the nearest points lie in. */
function paintCursor(context, { look, pixels, hand }) {
  const [x, y] = hand.cursorAt();
  const last = nearestPoints(pixels, x, y, HANDFUL).at(-1);
  const reach = Math.hypot(pixels[2 * last] - x, pixels[2 * last + 1] - y) + 4;
  for (const [colour, width] of [
    [look.paper, 4],
    [look.accent, 1.75],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, reach, 0, 2 * Math.PI);
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

function paintRing(context, { look, pixels, radius }, i) {
  const circle = (around) => {
    context.beginPath();
    context.arc(pixels[2 * i], pixels[2 * i + 1], around, 0, 2 * Math.PI);
  };
  circle(radius + 5);
  context.strokeStyle = look.paper;
  context.lineWidth = 5;
  context.stroke();
  context.strokeStyle = look.ink;
  context.lineWidth = 2;
  context.stroke();
  circle(radius + 1);
  context.fillStyle = look.colours[look.slots[i]];
  context.fill();
}
