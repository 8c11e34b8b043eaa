// Curves below the planes, with a cursor at the iteration shown.

const PLOT = { height: 150, left: 34, top: 8, bottom: 20 };

/** Draw curves {points [iteration, value], label, style} as an SVG.
 *
 *  → {drawing, move(iteration) of the cursor, iterationAt(pixel)} */
function plotOf(width, end, [low, high], curves, at, label) {
  const { height, left, top, bottom } = PLOT;
  const right = width - 8;
  const x = (iteration) => left + ((right - left) * iteration) / Math.max(end, 1);
  const y = (value) => height - bottom - ((height - top - bottom) * (value - low)) / (high - low);
  const drawing = svg("svg", { width, height, role: "img", "aria-label": label });
  const up = ticks(low, high, 4);
  for (const value of up.values) {
    drawing.append(
      svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      svg(
        "text",
        { x: left - 5, y: y(value) + 4, "text-anchor": "end" },
        numberText(value, up.decimals),
      ),
    );
  }
  for (const value of ticks(0, end, width > 380 ? 5 : 3).values) {
    const attributes = { x: x(value), y: height - 5, "text-anchor": "middle" };
    drawing.append(svg("text", attributes, String(value)));
  }
  for (const { points, style } of curves) {
    const inside = points.map(([i, value]) => [x(i), y(Math.max(value, low))]);
    if (inside.length)
      drawing.append(svg("path", { class: "line", d: lineThrough(inside), style }));
  }
  drawing.append(
    ...endLabels(
      curves.filter((curve) => curve.label && curve.points.length),
      x,
      y,
    ),
  );
  const cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom });
  drawing.append(cursor);
  const scale = {
    drawing,
    move: (iteration) => fill(cursor, { x1: x(iteration), x2: x(iteration) }),
    iterationAt: (pixel) => ((pixel - left) / (right - left)) * end,
  };
  scale.move(at);
  return scale;
}

// Each label is at the end of its curve; overlapping labels are moved apart.
function endLabels(curves, x, y) {
  const placed = curves.map(({ points, label, style }) => {
    const [iteration, value] = points.at(-1);
    const early = x(iteration) < PLOT.left + 170;
    const side = early ? "start" : "end";
    return {
      label,
      style,
      side,
      x: x(iteration) + (early ? 5 : -4),
      y: y(value) + (value > 0.8 && value <= 1 ? 13 : -5),
    };
  });
  placed.sort((a, b) => a.y - b.y);
  placed.forEach((each, i) => {
    each.y = Math.max(each.y, i ? placed[i - 1].y + 12 : PLOT.top + 8);
  });
  for (let i = placed.length - 1, limit = PLOT.height - PLOT.bottom - 3; i >= 0; i -= 1) {
    placed[i].y = Math.min(placed[i].y, limit);
    limit = placed[i].y - 12;
  }
  return placed.map(({ label, side, x: left, y: top, style }) =>
    svg(
      "text",
      {
        class: "label",
        x: left,
        y: top,
        "text-anchor": side,
        style: style.replace("stroke:", "fill:"),
      },
      label,
    ),
  );
}
