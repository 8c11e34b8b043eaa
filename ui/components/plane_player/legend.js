// The legend of the plane.

const ENTRIES = [
  ["heat", "exact p(z|x_obs), with its 95 %"],
  ["solid", "exact p(z|x)"],
  ["dotted", "encoder q(z|x)"],
  ["dash-dot", "q(z|x_obs, 0)"],
  ["dashed", "average proposal q̄"],
  ["ellipse", "current proposal"],
  ["accepted", "accepted"],
  ["rejected", "rejected"],
];

function legendEntries() {
  return ENTRIES.map(([kind, text]) => element("span", {}, swatch(kind), text));
}

function swatch(kind) {
  const parts = {
    heat: ["rect", { x: 2, y: 1, width: 20, height: 10, rx: 5 }],
    ellipse: ["ellipse", { cx: 12, cy: 6, rx: 10, ry: 4.5 }],
    accepted: ["circle", { cx: 12, cy: 6, r: 4.5 }],
    rejected: ["path", { d: "M8 2l8 8M8 10l8-8" }],
  };
  const part = svg(...(parts[kind] ?? ["line", { x1: 1, x2: 23, y1: 6, y2: 6 }]));
  return svg("svg", { viewBox: "0 0 24 12", class: kind, "aria-hidden": "true" }, part);
}
