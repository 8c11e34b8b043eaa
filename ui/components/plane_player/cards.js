// The images of the player: a card per sampler, the problem, and a tile per chain.

function samplerCard(name, s) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const summary = element("small");
  const attributes = { type: "button", role: "radio", "data-number": s, "aria-label": name };
  const button = element("button", attributes, element("span", {}, name), canvas, summary);
  return { canvas, summary, button };
}

function problemImage(title) {
  const canvas = element("canvas", { role: "img", "aria-label": title });
  return { canvas, figure: element("figure", {}, canvas, element("figcaption", {}, title)) };
}

function chainTile(chain) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const attributes = { type: "button", role: "radio", "aria-label": `Chain ${chain + 1}` };
  return { canvas, button: element("button", { ...attributes, "data-number": chain }, canvas) };
}
