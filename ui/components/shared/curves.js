// Paths of curves for SVG, ticks of axes, and labels of curves.

/** Points [x, y] in pixels → path data of the line through them. */
function lineThrough(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** About `wanted` round numbers from low to high, and the number of decimals that they need. */
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  const values = Array.from({ length: count }, (_, i) => (first + i) * step);
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** Move labels {y, …}, sorted by y, at least `gap` apart and between `top` and `bottom`. */
function spread(labels, gap, top, bottom) {
  labels.forEach((label, i) => {
    label.y = Math.max(label.y, i ? labels[i - 1].y + gap : top);
  });
  for (let i = labels.length - 1, limit = bottom; i >= 0; i -= 1, limit -= gap) {
    labels[i].y = Math.min(labels[i].y, limit);
    limit = labels[i].y;
  }
}
