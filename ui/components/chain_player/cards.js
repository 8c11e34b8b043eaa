// One card per sampler: its images, its numbers, its chains.

const TILES_GROUP = {
  class: "tiles",
  tabindex: 0,
  role: "group",
  "aria-label": "Images; arrow keys move from pixel to pixel",
};

function swatch(stroke) {
  const line = svg("line", {
    x1: 1,
    x2: 23,
    y1: 5,
    y2: 5,
    style: `stroke:${stroke.colour};stroke-dasharray:${stroke.dash}`,
  });
  return svg("svg", { class: "swatch", viewBox: "0 0 24 10", "aria-hidden": "true" }, line);
}

function tile(kind, attributes) {
  return element("canvas", { "data-tile": kind, ...attributes });
}

function buildCards(player) {
  player.rows = player.message.samplers.map((name, s) => buildCard(player, name, s));
  player.cards.replaceChildren(...player.rows.map((row) => row.card));
}

function buildCard(player, name, s) {
  const tiles = TILES.map((kind) => tile(kind, { role: "img" }));
  const thumbs = Array.from({ length: player.message.chains }, () =>
    tile("chain", { "aria-hidden": "true" }),
  );
  const when = element("small");
  const numbers = element("dl", { class: "numbers" });
  const strip = element("div", { role: "img" }, ...thumbs);
  const card = element(
    "article",
    { class: "card", "data-sampler": s, "aria-label": name },
    element("header", {}, swatch(player.strokes[s]), element("h4", {}, name), when),
    element("div", TILES_GROUP, ...tiles),
    numbers,
    element("div", { class: "strip" }, element("p", {}, stripCaption(thumbs.length)), strip),
  );
  return { card, name, tiles, thumbs, strip, numbers, when, numbersAt: "" };
}

function stripCaption(chains) {
  if (chains === 1) return "One draw per chain (this run has one chain)";
  return "One draw per chain; the first is the current draw above";
}

function buildKey(player) {
  player.readouts = player.message.samplers.map(() => element("em"));
  const entries = player.message.samplers.map((name, s) =>
    element("span", {}, swatch(player.strokes[s]), name, player.readouts[s]),
  );
  player.key.replaceChildren(...entries);
}

function writeNumbers(player) {
  const last = newest(player);
  player.rows.forEach((row, s) => {
    const values = player.message.diagnostics[s] ?? {};
    row.numbersAt = last < 0 ? "" : `numbers at iteration ${player.numbers[last]}`;
    row.numbers.replaceChildren(
      ...numbersOf(player).map((number) => numberItem(player, number, values)),
    );
  });
}

function numberItem(player, number, values) {
  const value = values[number.name] ?? null;
  const error = values[`${number.name}_error`] ?? null;
  const text = element("dd", {}, value === null ? "–" : number.format(value));
  if (value !== null && number.warns?.(value)) text.append(warningMark());
  if (value !== null && error !== null) {
    text.append(" ", element("small", {}, `± ${error.toFixed(2)}`));
  }
  if (value !== null && number.after) {
    text.append(" ", element("small", {}, number.after(player)));
  }
  const title = number.define ?? player.message.definitions[number.name];
  const item = element("div", { title, "data-number": number.name });
  item.append(element("dt", {}, number.label), text);
  return item;
}

function warningMark() {
  const mark = svg("svg", { class: "warn", viewBox: "0 0 16 16", role: "img" });
  mark.setAttribute("aria-label", "warning");
  const triangle = "M8 1.8 15 14H1z";
  mark.append(
    svg("path", {
      d: triangle,
      style: "fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round",
    }),
    svg("path", {
      d: "M8 6v3.6M8 11.7v.3",
      style: "stroke:currentColor;stroke-width:1.6;stroke-linecap:round",
    }),
  );
  return mark;
}
