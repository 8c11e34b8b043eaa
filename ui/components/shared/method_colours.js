// The colour and dash of each method's curves, from `method_colours.json`.

const OTHER_METHOD = { light: "var(--muted)", dark: "var(--muted)", dash: "none" };

/** Colour and dash of a method's curves; `name` is as in the catalogue, or capitalised. */
function strokeOf(name) {
  const known = Object.keys(METHOD_COLOURS).find(
    (each) => each.toLowerCase() === name.toLowerCase(),
  );
  const { light, dark, dash } = METHOD_COLOURS[known] ?? OTHER_METHOD;
  const accent = light === "accent";
  return { colour: accent ? "var(--accent)" : `light-dark(${light}, ${dark})`, dash };
}

/** A short piece of a curve, for titles and legends. */
function swatch({ colour, dash }) {
  const line = { x1: 1, x2: 23, y1: 5, y2: 5, style: `stroke:${colour};stroke-dasharray:${dash}` };
  const size = { class: "swatch", viewBox: "0 0 24 10", "aria-hidden": "true" };
  return svg("svg", size, svg("line", line));
}
