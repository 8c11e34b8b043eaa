// F1 against iteration, with a cursor at the frame on screen.

class ScorePlot {
  constructor(player) {
    this.player = player;
    this.root = player.find(".plot");
    this.scale = null; // of the plot as drawn
    const seek = (event) => {
      if (!this.scale) return;
      const x = event.clientX - this.root.getBoundingClientRect().left;
      const nearest = player.frames.nearest(this.scale.iterationAt(x));
      if (nearest >= 0) player.clock.seek(nearest);
    };
    this.root.onpointerdown = (event) => {
      if (!event.isPrimary || event.button > 0) return;
      this.root.setPointerCapture(event.pointerId);
      seek(event);
    };
    this.root.onpointermove = (event) => {
      if (this.root.hasPointerCapture(event.pointerId)) seek(event);
    };
  }

  draw() {
    const { player } = this;
    const width = this.root.clientWidth;
    if (!width || !player.run) return;
    const { data, frames, strokes } = player;
    const scale = scaleOf(data, frames, width);
    const { top, bottom, height } = scale;
    const label = "F1 on hidden pixels against iteration, one line per sampler";
    const drawing = svg("svg", { width, height, role: "img", "aria-label": label });
    const curves = frames.curves
      .flatMap((curve, s) =>
        ["draw", "mean"].map((kind) => ({
          ...strokes[s],
          kind,
          text: scale.wide ? `${data.samplers[s]}, ${kind}` : kind,
          points: pointsOf(curve[kind], frames.numbers, scale),
        })),
      )
      .filter(({ points }) => points.length > 0);
    drawing.append(...warmupRegion(data, scale), ...axes(scale));
    drawing.append(...curves.map(band), ...curves.map(line));
    if (frames.newest >= 0 && curves.length === 0) drawing.append(noScore(scale));
    this.veil = svg("rect", { class: "veil", y: top, height: bottom - top });
    this.cursor = svg("line", { class: "cursor", y1: top, y2: bottom });
    this.dots = svg("g");
    drawing.append(this.veil, ...labels(scale, curves), this.cursor, this.dots);
    this.scale = scale;
    this.root.replaceChildren(drawing);
  }

  /** Move the cursor to frame `at`; −1: there is none. */
  moveCursor(at) {
    if (!this.scale) return;
    const { scale } = this;
    const { frames, strokes } = this.player;
    const x = at < 0 ? scale.left : scale.x(frames.numbers[at]);
    const end = frames.newest < 0 ? x : scale.x(frames.numbers[frames.newest]);
    fill(this.cursor, { x1: x, x2: x, opacity: at < 0 ? 0 : 1 });
    fill(this.veil, { x, width: Math.max(end - x, 0) });
    const dots = frames.curves.flatMap((curve, s) =>
      ["draw", "mean"].flatMap((kind) => {
        if (!curve[kind][at]) return [];
        const place = { cx: x, cy: scale.y(curve[kind][at][1]), r: kind === "mean" ? 4.5 : 3.5 };
        return svg("circle", { class: "dot", ...place, style: `fill:${strokes[s].colour}` });
      }),
    );
    this.dots.replaceChildren(...dots);
  }
}

/** The points of a curve with a score, in pixels: {x, low, mid, high}. */
function pointsOf(scores, numbers, { x, y }) {
  return scores.flatMap((score, i) => {
    if (!score) return [];
    const [low, mid, high] = score.map(y);
    return [{ x: x(numbers[i]), low, mid, high }];
  });
}

function scaleOf({ iterations, samplers }, { curves }, width) {
  const wide = width >= 640;
  const longest = Math.max(...samplers.map((name) => name.length));
  const right = width - (wide ? 14 + (longest + 6) * 5.4 : 44);
  const [left, top, height] = [28, 8, wide ? 200 : 168];
  const bottom = height - 24;
  const end = Math.max(iterations, 1);
  const scores = curves.flatMap(({ draw, mean }) => [...draw, ...mean].filter((score) => score));
  const lowest = scores.length > 0 ? Math.min(0.8, ...scores.map(([low]) => low)) : 0;
  const floor = Math.floor(lowest * 5 + 1e-9) / 5;
  return {
    ...{ wide, width, left, right, top, bottom, height, floor, end },
    x: (iteration) => left + ((right - left) * iteration) / end,
    y: (score) => bottom - ((bottom - top) * (score - floor)) / (1 - floor),
    iterationAt: (x) => ((x - left) / (right - left)) * end,
  };
}

function warmupRegion({ warmup }, { left, top, bottom, end, x }) {
  if (!(warmup > 0)) return [];
  const width = x(Math.min(warmup, end)) - left;
  const place = { class: "warmup", x: left, y: top, width, height: bottom - top };
  const note = `Warm-up: the first ${warmup} iterations are left out of the mean.`;
  const region = svg("rect", place, svg("title", {}, note));
  const text = svg("text", { x: left + 6, y: bottom - 6 }, "warm-up");
  return width > 54 ? [region, text] : [region];
}

function axes({ left, right, bottom, floor, end, wide, x, y }) {
  const parts = [];
  const rows = Math.round((1 - floor) * 5);
  for (let i = rows; i >= 0; i -= rows > 3 ? 2 : 1) {
    const value = floor + i / 5;
    const at = y(value);
    const tick = { x: left - 6, y: at + 4, "text-anchor": "end" };
    parts.push(svg("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
    parts.push(svg("text", tick, value.toFixed(1)));
  }
  for (const iteration of ticks(0, end, wide ? 6 : 4).values.filter(Number.isInteger)) {
    const at = { x: x(iteration), y: bottom + 16, "text-anchor": "middle" };
    parts.push(svg("text", at, String(iteration)));
  }
  if (wide) parts.push(svg("text", { x: right + 24, y: bottom + 16 }, "iteration"));
  return parts;
}

function band({ colour, kind, points }) {
  const upper = lineThrough(points.map(({ x, high }) => [x, high]));
  const lower = lineThrough(points.map(({ x, low }) => [x, low]).reverse()).replace("M", "L");
  const style = `fill:${colour}`;
  return svg("path", { class: `band ${kind}`, d: `${upper}${lower}Z`, style });
}

function line({ colour, dash, kind, points }) {
  const d = lineThrough(points.map(({ x, mid }) => [x, mid]));
  const style = `stroke:${colour};stroke-dasharray:${dash}`;
  return svg("path", { class: `line ${kind}`, d, style });
}

// Each line has its name at its end; overlapping names are moved apart.
function labels({ top, bottom }, curves) {
  const placed = curves.map(({ colour, kind, text, points }) => {
    const { x, mid } = points.at(-1);
    return { kind, text, x: x + 8, y: mid + 4, style: `fill:${colour}` };
  });
  placed.sort((a, b) => a.y - b.y);
  spread(placed, 14, top + 8, bottom);
  return placed.map(({ kind, text, ...at }) =>
    svg("text", { class: `label ${kind}`, ...at }, text),
  );
}

function noScore({ left, right, top, bottom }) {
  const at = { x: (left + right) / 2, y: (top + bottom) / 2 };
  return svg("text", { ...at, "text-anchor": "middle" }, "no score: no pixel is hidden");
}
