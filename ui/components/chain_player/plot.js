// F1 against iteration, with a cursor at the frame on screen.

function drawPlot(player) {
  const width = player.plot.clientWidth;
  if (!width || !player.run) return;
  const scale = plotScale(player, width);
  player.scale = scale;
  const drawing = svg("svg", {
    width,
    height: scale.height,
    role: "img",
    "aria-label": "F1 on hidden pixels against iteration, one line per sampler",
  });
  drawing.append(...warmupRegion(player, scale), ...axes(scale));
  const curves = player.curves.flatMap((_, s) =>
    ["draw", "mean"].map((kind) => ({ s, kind, points: pointsOf(player, s, kind) })),
  );
  const drawn = curves.filter((curve) => curve.points.length > 0);
  drawing.append(...drawn.map((curve) => band(player, scale, curve)));
  drawing.append(...drawn.map((curve) => line(player, scale, curve)));
  if (player.frames.length > 0 && drawn.length === 0) drawing.append(noScore(scale));
  player.veil = svg("rect", { class: "veil", y: scale.top, height: scale.bottom - scale.top });
  player.cursor = svg("line", { class: "cursor", y1: scale.top, y2: scale.bottom });
  player.dots = svg("g");
  drawing.append(player.veil, ...labels(player, scale, drawn), player.cursor, player.dots);
  player.plot.replaceChildren(drawing);
}

function pointsOf(player, s, kind) {
  const points = [];
  player.curves[s][kind].forEach((score, i) => {
    if (score) points.push({ x: player.numbers[i], low: score[0], mid: score[1], high: score[2] });
  });
  return points;
}

function plotScale(player, width) {
  const { iterations, samplers } = player.message;
  const wide = width >= 640;
  const longest = Math.max(...samplers.map((name) => name.length));
  const right = width - (wide ? 14 + (longest + 6) * 5.4 : 44);
  const [left, top, height] = [28, 8, wide ? 200 : 168];
  const bottom = height - 24;
  const end = Math.max(iterations, 1);
  const lows = player.curves.flatMap(({ draw, mean }) =>
    [...draw, ...mean].filter((score) => score).map((score) => score[0]),
  );
  const lowest = lows.length > 0 ? Math.min(0.8, ...lows) : 0;
  const floor = Math.floor(lowest * 5 + 1e-9) / 5;
  return {
    ...{ wide, width, left, right, top, bottom, height, floor, end },
    x: (iteration) => left + ((right - left) * iteration) / end,
    y: (score) => bottom - ((bottom - top) * (score - floor)) / (1 - floor),
    iterationAt: (x) => ((x - left) / (right - left)) * end,
  };
}

function warmupRegion(player, scale) {
  const { warmup } = player.message;
  if (!(warmup > 0)) return [];
  const width = scale.x(Math.min(warmup, scale.end)) - scale.left;
  const region = svg("rect", {
    class: "warmup",
    x: scale.left,
    y: scale.top,
    width,
    height: scale.bottom - scale.top,
  });
  region.append(
    svg("title", {}, `Warm-up: the first ${warmup} iterations are left out of the mean.`),
  );
  const text = svg("text", { x: scale.left + 6, y: scale.bottom - 6 }, "warm-up");
  return width > 54 ? [region, text] : [region];
}

function axes(scale) {
  const parts = [];
  const rows = Math.round((1 - scale.floor) * 5);
  const every = rows > 3 ? 2 : 1;
  for (let i = rows; i >= 0; i -= every) {
    const value = scale.floor + i / 5;
    const y = scale.y(value);
    const tick = { x: scale.left - 6, y: y + 4, "text-anchor": "end" };
    parts.push(svg("line", { class: "grid", x1: scale.left, x2: scale.right, y1: y, y2: y }));
    parts.push(svg("text", tick, value.toFixed(1)));
  }
  for (const iteration of ticks(scale.end, scale.wide ? 6 : 4)) {
    const at = { x: scale.x(iteration), y: scale.bottom + 16, "text-anchor": "middle" };
    parts.push(svg("text", at, String(iteration)));
  }
  if (scale.wide) {
    const at = { x: scale.right + 24, y: scale.bottom + 16 };
    parts.push(svg("text", at, "iteration"));
  }
  return parts;
}

function ticks(end, wanted) {
  const rough = end / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = Math.max(1, power * [1, 2, 5, 10].find((m) => m * power >= rough));
  return Array.from({ length: Math.floor(end / size) + 1 }, (_, i) => i * size);
}

function path(points, x, y) {
  return points.map((p, i) => `${i ? "L" : "M"}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join("");
}

function band(player, scale, { s, kind, points }) {
  const x = (p) => scale.x(p.x);
  const upper = path(points, x, (p) => scale.y(p.high));
  const lower = path([...points].reverse(), x, (p) => scale.y(p.low)).replace("M", "L");
  const style = `fill:${player.strokes[s].colour}`;
  return svg("path", { class: `band ${kind}`, d: `${upper}${lower}Z`, style });
}

function line(player, scale, { s, kind, points }) {
  const d = path(
    points,
    (p) => scale.x(p.x),
    (p) => scale.y(p.mid),
  );
  const { colour: stroke, dash } = player.strokes[s];
  const style = `stroke:${stroke};stroke-dasharray:${dash}`;
  return svg("path", { class: `line ${kind}`, d, style });
}

// Each line has its name at its end; overlapping names are moved apart.
function labels(player, scale, drawn) {
  const placed = drawn.map(({ s, kind, points }) => {
    const last = points[points.length - 1];
    const text = scale.wide ? `${player.rows[s].name}, ${kind}` : kind;
    return { s, kind, text, x: scale.x(last.x) + 8, y: scale.y(last.mid) + 4 };
  });
  placed.sort((a, b) => a.y - b.y);
  spread(placed, 14, scale.top + 8, scale.bottom);
  return placed.map(({ s, kind, text, x, y }) =>
    svg("text", { class: `label ${kind}`, x, y, style: `fill:${player.strokes[s].colour}` }, text),
  );
}

function spread(items, gap, top, bottom) {
  items.forEach((item, i) => {
    item.y = Math.max(item.y, i ? items[i - 1].y + gap : top);
  });
  for (let i = items.length - 1, limit = bottom; i >= 0; i -= 1, limit -= gap) {
    items[i].y = Math.min(items[i].y, limit);
    limit = items[i].y;
  }
}

function noScore(scale) {
  const at = { x: (scale.left + scale.right) / 2, y: (scale.top + scale.bottom) / 2 };
  return svg("text", { ...at, "text-anchor": "middle" }, "no score: no pixel is hidden");
}

function moveCursor(player, at) {
  if (!player.cursor || !player.scale) return;
  const { scale } = player;
  const x = at < 0 ? scale.left : scale.x(player.numbers[at]);
  const last = newest(player);
  const end = last < 0 ? x : scale.x(player.numbers[last]);
  fill(player.cursor, { x1: x, x2: x, opacity: at < 0 ? 0 : 1 });
  fill(player.veil, { x, width: Math.max(end - x, 0) });
  player.dots.replaceChildren(...(at < 0 ? [] : dotsAt(player, scale, x, at)));
  player.readouts.forEach((readout, s) => {
    const value = (kind) => player.curves[s][kind][at]?.[1].toFixed(2) ?? "–";
    readout.textContent = `mean ${value("mean")}, draw ${value("draw")}`;
  });
}

function dotsAt(player, scale, x, at) {
  return player.curves.flatMap((curve, s) =>
    ["draw", "mean"]
      .filter((kind) => curve[kind][at])
      .map((kind) =>
        svg("circle", {
          class: "dot",
          cx: x,
          cy: scale.y(curve[kind][at][1]),
          r: kind === "mean" ? 4.5 : 3.5,
          style: `fill:${player.strokes[s].colour}`,
        }),
      ),
  );
}
