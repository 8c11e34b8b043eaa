// Tables of 256 colours for the levels of an image.

/** Colours, and tables for standard deviations and differences. */
function readTheme(root) {
  const ink = readColour(root, "var(--ink)");
  const accent = readColour(root, "var(--accent)");
  return { ink, accent, sd: sdRamp(accent), difference: differenceRamp(root) };
}

/** A table of colours as a CSS gradient. */
function gradientOf(table) {
  const stops = [0, 64, 128, 192, 255].map((i) => css(table.subarray(i * 4, i * 4 + 3)));
  return `linear-gradient(to right, ${stops.join()})`;
}

// Blue for missing ink, black for a correct value, red for too much ink.
function differenceRamp(root) {
  const names = ["var(--missing)", "var(--correct)", "var(--too-much)"];
  const [missing, correct, tooMuch] = names.map((name) => readColour(root, name));
  return ramp((t) => {
    const [end, strength] = t < 0.5 ? [missing, 1 - 2 * t] : [tooMuch, 2 * t - 1];
    return [0, 1, 2].map((i) => correct[i] + strength * (end[i] - correct[i]));
  });
}

// The hue of the accent colour; lightness grows evenly in OKLab.
function sdRamp(accent) {
  const [, a, b] = toOklab(accent);
  const chroma = Math.hypot(a, b) || 1;
  return ramp((t) => {
    const strength = (0.03 + 0.13 * Math.sin(Math.PI * Math.min(t * 1.05, 1))) / chroma;
    return fromOklab([0.16 + 0.81 * t, a * strength, b * strength]);
  });
}

function toOklab(rgb) {
  const [r, g, b] = rgb.map((v) =>
    v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const linear = Math.min(Math.max(v, 0), 1);
    return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
  });
}
