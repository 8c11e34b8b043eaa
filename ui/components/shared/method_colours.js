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
