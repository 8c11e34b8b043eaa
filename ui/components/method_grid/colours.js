// Colours of the scales, in the light and the dark theme.

/** {faint: the colour of observed pixels, stops: name of a scale → its colours in CSS}, and for
 *  each scale a table of 256 colours. The class "dark" of `root` is set first. */
function readTheme(root) {
  const [r, g, b] = readColour(root, "var(--paper)");
  const dark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
  root.classList.toggle("dark", dark);
  const endOf = (t) => (t < 0 ? "var(--below)" : "var(--above)");
  const stops = {
    // The hue is that of the accent. The lightness moves evenly away from that of the page, so
    // that large values are visible even at single pixels.
    sequential: Array.from({ length: 9 }, (_, i) => {
      const lightness = dark ? 0.14 + (0.83 * i) / 8 : 0.97 - (0.75 * i) / 8;
      const chroma = 0.005 + 0.16 * Math.sin((Math.PI * i) / 9);
      return `oklch(from var(--accent) ${lightness} ${chroma} h)`;
    }),
    diverging: Array.from({ length: 17 }, (_, i) => {
      const t = (i - 8) / 8;
      return `color-mix(in oklab, ${endOf(t)} ${100 * Math.abs(t)}%, var(--zero))`;
    }),
  };
  const theme = { faint: readColour(root, "var(--faint)"), stops };
  for (const [name, list] of Object.entries(stops)) {
    theme[name] = ramp(list.map((each) => readColour(root, each)));
  }
  return theme;
}

function ramp(stops) {
  const table = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i += 1) {
    const at = (i / 255) * (stops.length - 1);
    const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]];
    for (let c = 0; c < 4; c += 1) table[4 * i + c] = low[c] + (at % 1) * (high[c] - low[c]);
  }
  return table;
}
