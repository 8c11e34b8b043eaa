// One card per sampler: its images, its numbers, its chains.

const TILES = ["original", "observed", "draw", "mean", "sd"];
const TILES_GROUP = {
  class: "tiles",
  tabindex: 0,
  role: "group",
  "aria-label": "Images; arrow keys move from pixel to pixel",
};

function tile(kind, attributes) {
  return element("canvas", { "data-tile": kind, ...attributes });
}

function buildCard(name, s, stroke, chains) {
  const tiles = TILES.map((kind) => tile(kind, { role: "img" }));
  const thumbs = Array.from({ length: chains }, () => tile("chain", { "aria-hidden": "true" }));
  const when = element("small");
  const numbers = element("dl", { class: "numbers" });
  const strip = element("div", { role: "img" }, ...thumbs);
  const card = element(
    "article",
    { class: "card", "data-sampler": s, "aria-label": name },
    element("header", {}, swatch(stroke), element("h4", {}, name), when),
    element("div", TILES_GROUP, ...tiles),
    numbers,
    element("div", { class: "strip" }, element("p", {}, stripCaption(chains)), strip),
  );
  return { card, name, tiles, thumbs, strip, numbers, when, numbersAt: "" };
}

function stripCaption(chains) {
  if (chains === 1) return "One draw per chain (this run has one chain)";
  return "One draw per chain; the first is the current draw above";
}
