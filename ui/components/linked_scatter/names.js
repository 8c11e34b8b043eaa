// Ellipses over the points of a plane, and the names of what is seen.

const LINE = 15; // height of a name
const FONTS = { category: "600 13px ", ellipse: "500 12px " };
const MOST_DASHES = 20; // ellipses longer than so many planes are solid

/** Middle, half axes and angle on the screen, at two standard deviations. */
function ellipseOnScreen({ mean, covariance: [a, b, d] }, plane) {
  const spread = Math.hypot((a - d) / 2, b);
  const half = [(a + d) / 2 + spread, (a + d) / 2 - spread].map(
    (square) => 2 * plane.scale * Math.sqrt(Math.max(square, 0)),
  );
  const angle = -Math.atan2(2 * b, a - d) / 2;
  return { x: plane.x(mean[0]), y: plane.y(mean[1]), half, angle };
}

function paintEllipses(context, plane) {
  const { look } = plane;
  for (const ellipse of plane.now.ellipses) {
    const own = look.ownEllipse(ellipse.name);
    const { x, y, half, angle } = ellipseOnScreen(ellipse, plane);
    const visible = look.isFaded(ellipse.name) ? 0.25 : 1;
    context.beginPath();
    context.ellipse(x, y, ...half, angle, 0, 2 * Math.PI);
    context.globalAlpha = own ? visible : visible / 2;
    context.strokeStyle = look.paper;
    context.lineWidth = ellipse.bold ? 6 : 3.5;
    context.stroke();
    context.globalAlpha = visible;
    const neutral = ellipse.bold ? look.ink : look.muted;
    context.strokeStyle = own ? ellipse.colour : neutral;
    context.lineWidth = ellipse.bold ? 2.5 : own ? 1.75 : 1.25;
    if (!own && !ellipse.bold && half[0] < MOST_DASHES * plane.width) context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }
  context.globalAlpha = 1;
}

/** The name of each category at the middle of its points, those of neutral ellipses on top of
 *  them, all moved off each other. */
function paintNames(context, plane) {
  const { font, paper } = plane.look;
  const labels = [...categoryLabels(plane), ...ellipseLabels(plane)];
  for (const label of labels) {
    context.font = FONTS[label.kind] + font;
    label.width = context.measureText(label.text).width + 6;
  }
  spreadOut(labels, LINE, plane.width, plane.height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = paper;
  for (const { kind, text, x, y, colour, faded } of labels) {
    context.globalAlpha = faded ? 0.4 : 1;
    context.font = FONTS[kind] + font;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
  context.globalAlpha = 1;
}

function categoryLabels(plane) {
  const { look, now } = plane;
  const { names } = look.colouring;
  if (!names) return [];
  return medians(now.places, look.colouring).flatMap((middle, k) => {
    if (!middle || look.isFaded(names[k])) return [];
    const [x, y] = [plane.x(middle[0]), plane.y(middle[1])];
    const faded = look.selected?.[k] === 0;
    return [{ kind: "category", text: names[k], x, y, colour: look.inks[k], faded }];
  });
}

function ellipseLabels(plane) {
  const { look } = plane;
  return plane.now.ellipses.flatMap((ellipse) => {
    if (look.ownEllipse(ellipse.name) || look.isFaded(ellipse.name)) return [];
    const { x, y, half, angle } = ellipseOnScreen(ellipse, plane);
    const top = Math.hypot(half[0] * Math.sin(angle), half[1] * Math.cos(angle));
    const [kind, colour] = ellipse.bold ? ["category", look.ink] : ["ellipse", look.muted];
    return [{ kind, text: ellipse.name, x, y: y - top - 9, colour }];
  });
}

/** Move labels {x, y, width} of one height apart, upwards and downwards, and into the picture. */
function spreadOut(labels, height, pictureWidth, pictureHeight) {
  for (let round = 0; round < 12; round += 1) {
    for (const [i, one] of labels.entries()) {
      for (const other of labels.slice(i + 1)) {
        const overlap = height - Math.abs(one.y - other.y);
        if (overlap <= 0 || Math.abs(one.x - other.x) >= (one.width + other.width) / 2) continue;
        const push = (one.y <= other.y ? -overlap : overlap) / 2;
        one.y += push;
        other.y -= push;
      }
    }
  }
  for (const label of labels) {
    const half = label.width / 2;
    label.x = Math.min(pictureWidth - half, Math.max(half, label.x));
    label.y = Math.min(pictureHeight - height / 2, Math.max(height / 2, label.y));
  }
}
