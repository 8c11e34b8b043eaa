// Points and colourings, decoded from the messages of Python.

const LEVELS = 64; // colours of a ramp

/** Steps of 1/65535 of the range of each axis → Float32Array; x and y alternate. */
function positionsOf({ xy, low, span }) {
  const steps = new Uint16Array(bytesOf(xy).buffer);
  return Float32Array.from(steps, (step, i) => low[i & 1] + (step / 65535) * span[i & 1]);
}

/** A colouring. `slots` are indices of the points into `colours`; a point without a value has the
 *  index after the last colour.
 *
 *  Only categories have `names` and `counts`. `textOf(i)` is the value of point i as text, null if
 *  it has none. */
function colouringOf(message) {
  return message.names ? categoriesOf(message) : rampOf(message);
}

function categoriesOf({ name, codes, names, colours }) {
  const none = names.length;
  const slots = bytesOf(codes).map((code) => Math.min(code, none));
  const counts = new Array(none + 1).fill(0);
  for (const slot of slots) counts[slot] += 1;
  return { name, names, colours, slots, counts, textOf: (i) => names[slots[i]] ?? null };
}

function rampOf({ name, values, low, high, lowLabel, highLabel, colours }) {
  const exact = new Float32Array(bytesOf(values).buffer);
  const scale = (LEVELS - 1) / (high - low || 1);
  const slots = Uint8Array.from(exact, (value) =>
    Number.isFinite(value) ? Math.round((value - low) * scale) : LEVELS,
  );
  return {
    name,
    colours: Array.from({ length: LEVELS }, (_, i) => colourAt(colours, i / (LEVELS - 1))),
    slots,
    ends: [`${shortNumber(low)} ${lowLabel}`.trim(), `${shortNumber(high)} ${highLabel}`.trim()],
    textOf: (i) => (Number.isFinite(exact[i]) ? shortNumber(exact[i]) : null),
  };
}

/** The colour at a fraction t of a list of colours #rrggbb, interpolated. */
function colourAt(colours, t) {
  const at = t * (colours.length - 1);
  const k = Math.min(Math.floor(at), colours.length - 2);
  const levels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const [one, other] = [levels(colours[k]), levels(colours[k + 1])];
  const mixed = one.map((level, i) => Math.round(level + (at - k) * (other[i] - level)));
  return `rgb(${mixed.join(" ")})`;
}

/** A number with three significant digits. */
function shortNumber(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** The points in a mixed order, so that no category covers the others. */
function mixedOrder(count) {
  const order = new Uint16Array(count);
  let step = Math.max(1, Math.round(count * 0.618));
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  while (gcd(count, step) > 1) step += 1;
  for (let i = 0, at = 0; i < count; i += 1, at = (at + step) % count) order[i] = at;
  return order;
}

/** Median position [x, y] of each category; null if it has no point. */
function medians(positions, { names, slots, counts }) {
  const coordinates = names.map((_, k) => [
    new Float32Array(counts[k]),
    new Float32Array(counts[k]),
  ]);
  const filled = new Array(names.length).fill(0);
  slots.forEach((k, i) => {
    if (k >= names.length) return;
    coordinates[k][0][filled[k]] = positions[2 * i];
    coordinates[k][1][filled[k]] = positions[2 * i + 1];
    filled[k] += 1;
  });
  const median = (values) => values.sort()[values.length >> 1];
  return coordinates.map(([x, y]) => (x.length ? [median(x), median(y)] : null));
}
