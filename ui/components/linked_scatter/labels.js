// Ellipses over the points of a plane, and the names of categories and ellipses.

const LINE = 15; // height of a name in pixels
const FONTS = { category: "600 13px ", ellipse: "500 12px " };
const DASHED_LENGTH = 20; // ellipses with a longer half axis, in widths of the plane, are solid

/** Centre, half axes and angle on the screen of the ellipse of two standard deviations. */
function ellipseOnScreen({ mean, covariance: [a, b, d] }, plane) {
  const spread = Math.hypot((a - d) / 2, b);
  const half = [(a + d) / 2 + spread, (a + d) / 2 - spread].map(
    (square) => 2 * plane.scale * Math.sqrt(Math.max(square, 0)),
  );
  const angle = -Math.atan2(2 * b, a - d) / 2;
  return { x: plane.x(mean[0]), y: plane.y(mean[1]), half, angle };
}

function paintEllipses(context, plane) {
  const { appearance } = plane;
  for (const ellipse of plane.current.ellipses) {
    const isCategory = appearance.isCategory(ellipse.name);
    const { x, y, half, angle } = ellipseOnScreen(ellipse, plane);
    const visible = appearance.isFaded(ellipse.name) ? 0.25 : 1;
    context.beginPath();
    context.ellipse(x, y, ...half, angle, 0, 2 * Math.PI);
    context.globalAlpha = isCategory ? visible : visible / 2;
    context.strokeStyle = appearance.paper;
    context.lineWidth = ellipse.bold ? 6 : 3.5;
    context.stroke();
    context.globalAlpha = visible;
    const neutral = ellipse.bold ? appearance.ink : appearance.muted;
    context.strokeStyle = isCategory ? ellipse.colour : neutral;
    context.lineWidth = ellipse.bold ? 2.5 : isCategory ? 1.75 : 1.25;
    if (!isCategory && !ellipse.bold && half[0] < DASHED_LENGTH * plane.width)
      context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }
  context.globalAlpha = 1;
}

/** Write the name of each category at the median of its points, and the name of each other ellipse
 *  above it. Overlapping names are moved apart. */
function paintNames(context, plane) {
  const { font, paper } = plane.appearance;
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
  const { appearance, current } = plane;
  const { names } = appearance.colouring;
  if (!names) return [];
  return medians(current.positions, appearance.colouring).flatMap((median, k) => {
    if (!median || appearance.isFaded(names[k])) return [];
    const [x, y] = [plane.x(median[0]), plane.y(median[1])];
    const faded = appearance.selected?.[k] === 0;
    return [{ kind: "category", text: names[k], x, y, colour: appearance.inks[k], faded }];
  });
}

function ellipseLabels(plane) {
  const { appearance } = plane;
  return plane.current.ellipses.flatMap((ellipse) => {
    if (appearance.isCategory(ellipse.name) || appearance.isFaded(ellipse.name)) return [];
    const { x, y, half, angle } = ellipseOnScreen(ellipse, plane);
    const top = Math.hypot(half[0] * Math.sin(angle), half[1] * Math.cos(angle));
    const [kind, colour] = ellipse.bold
      ? ["category", appearance.ink]
      : ["ellipse", appearance.muted];
    return [{ kind, text: ellipse.name, x, y: y - top - 9, colour }];
  });
}

/** Move overlapping labels {x, y, width} of one height apart, and all into the plane. */
function spreadOut(labels, height, planeWidth, planeHeight) {
  for (let pass = 0; pass < 12; pass += 1) {
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
    label.x = Math.min(planeWidth - half, Math.max(half, label.x));
    label.y = Math.min(planeHeight - height / 2, Math.max(height / 2, label.y));
  }
}
