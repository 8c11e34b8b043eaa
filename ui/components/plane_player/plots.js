// Curves below the planes, with a cursor at the iteration shown.

const PLOT = { height: 150, left: 34, top: 8, bottom: 20 };

const styleOf = (chosen) => (chosen ? "stroke:var(--accent)" : "stroke:var(--muted)");

/** The total variation of all samplers; the chosen one is in the accent colour. */
function distancePlot({ tracks, sampler, data, t }, width) {
  const curves = tracks.map(({ name, distance }, s) => ({
    points: distance,
    label: name,
    style: styleOf(s === sampler),
  }));
  const label = "Total variation by iterations";
  return plotOf(width, data.iterations, [0, 1], curves, t + 1, label);
}

/** The log posterior of the chains of the chosen sampler; the followed one is on top. */
function posteriorPlot({ tracks, sampler, chain, data, t }, width) {
  const { chains, count, iterations, warmup } = data;
  const track = tracks[sampler];
  const curves = Array.from({ length: track ? chains : 0 }, (_, c) => ({
    points: Array.from({ length: count }, (__, i) => [i + 1, track.logPosterior[i * chains + c]]),
    style: styleOf(c === chain),
  }));
  curves.push(...curves.splice(chain, 1));
  const range = [lowest(curves, warmup), 8];
  const label = "Log posterior of the chains by iterations";
  return plotOf(width, iterations, range, curves, t + 1, label);
}

/** Lower end of the axis of log posteriors: below 99 % of the values after the warm-up. */
function lowest(curves, warmup) {
  const values = curves.flatMap(({ points }) => points.slice(warmup).map((point) => point[1]));
  if (!values.length) return -10;
  values.sort((a, b) => a - b);
  return Math.min(-10, Math.max(values[Math.floor(0.01 * values.length)], -60));
}

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
  spread(placed, 12, PLOT.top + 8, PLOT.height - PLOT.bottom - 3);
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
