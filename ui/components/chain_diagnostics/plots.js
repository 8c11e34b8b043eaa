// Plots of curves against iterations or lags, as SVG.

const MARGIN = { left: 42, right: 10, top: 8, bottom: 22 };

/** The plot of one panel.
 *
 *  x: [low, high]; y: [low, high]; ticksUp: [{value, text}]; xName; warmup: iterations shaded;
 *  threshold: {value, text}; curves: [{points: [x, y], colour, dash, kind}].
 *  → {drawing, iterationAt(pixel), top(value) in pixels, move(x, marked)}. `move` sets the cursor,
 *  hidden for x = null, with dots at `marked` = [{value, colour}]. */
function linePlot({ width, height, x, y, ticksUp, xName, warmup, threshold, curves }) {
  const [first, last] = [MARGIN.left, width - MARGIN.right];
  const [ceiling, floor] = [MARGIN.top, height - MARGIN.bottom];
  const left = (value) => first + ((last - first) * (value - x[0])) / Math.max(x[1] - x[0], 1);
  const top = (value) => floor - ((floor - ceiling) * (value - y[0])) / (y[1] - y[0]);
  const inside = (value) => Math.min(Math.max(top(value), ceiling - 4), floor + 4);
  const drawing = svg("svg", { width, height, "aria-hidden": "true" });
  if (warmup > x[0]) {
    const end = left(Math.min(warmup, x[1]));
    const area = { x: first, y: ceiling, width: end - first, height: floor - ceiling };
    drawing.append(
      svg(
        "rect",
        { class: "warmup", ...area },
        svg(
          "title",
          {},
          `Warm-up: the first ${warmup} iterations are left out of the diagnostics.`,
        ),
      ),
    );
    if (end - first > 56) {
      drawing.append(svg("text", { x: first + 4, y: floor - 5 }, "warm-up"));
    }
  }
  for (const { value, text } of ticksUp) {
    drawing.append(
      svg("line", { class: "grid", x1: first, x2: last, y1: top(value), y2: top(value) }),
      svg("text", { x: first - 6, y: top(value) + 4, "text-anchor": "end" }, text),
    );
  }
  const along = ticks(x[0], x[1], width > 380 ? 5 : 3).values;
  along.forEach((value, i) => {
    const end = i === along.length - 1 && left(value) > last - 30;
    const at = { x: end ? last : left(value), y: height - 5 };
    drawing.append(
      svg(
        "text",
        { ...at, "text-anchor": end ? "end" : "middle" },
        i === 0 && xName ? `${xName} ${value}` : String(value),
      ),
    );
  });
  for (const { points, colour, dash, kind } of curves) {
    const d = lineThrough(points.map(([at, value]) => [left(at), inside(value)]));
    const style = `stroke:${colour};stroke-dasharray:${dash ?? "none"}`;
    if (points.length) drawing.append(svg("path", { class: `line ${kind ?? ""}`, d, style }));
  }
  if (threshold && threshold.value >= y[0] && threshold.value <= y[1]) {
    const at = top(threshold.value);
    drawing.append(
      svg("line", { class: "threshold", x1: first, x2: last, y1: at, y2: at }),
      svg(
        "text",
        { class: "label", x: last - 2, y: at - 4, "text-anchor": "end" },
        threshold.text,
      ),
    );
  }
  const cursor = svg("line", { class: "cursor", y1: ceiling, y2: floor });
  const dots = svg("g");
  drawing.append(cursor, dots);
  return {
    drawing,
    iterationAt: (pixel) => x[0] + ((pixel - first) / (last - first)) * (x[1] - x[0]),
    top: inside,
    move(at, marked) {
      const pixel = left(Math.min(Math.max(at ?? x[0], x[0]), x[1]));
      fill(cursor, { x1: pixel, x2: pixel, opacity: at === null ? 0 : 1 });
      const shown = marked.filter(({ value }) => Number.isFinite(value));
      dots.replaceChildren(
        ...shown.map(({ value, colour }) =>
          svg("circle", {
            class: "dot",
            cx: pixel,
            cy: inside(value),
            r: 4,
            style: `fill:${colour}`,
          }),
        ),
      );
    },
  };
}

/** The range of an axis with a small margin around the values, and its ticks. */
function rangeOf(values, { least = 0, wanted = 4 } = {}) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  const room = Math.max(0.04 * (high - low), (least - (high - low)) / 2, 1e-6);
  const y = [low - room, high + room];
  const up = ticks(...y, wanted);
  const ticksUp = up.values.map((value) => ({ value, text: numberText(value, up.decimals) }));
  return { y, ticksUp };
}
