// Points and colourings, from the form in which Python sends them.

const LEVELS = 64; // of a ramp

/** Steps of 1/65535 of the range of each axis → Float32Array of x and y by turns. */
function placesOf({ xy, low, span }) {
  const steps = new Uint16Array(bytesOf(xy).buffer);
  return Float32Array.from(steps, (step, i) => low[i & 1] + (step / 65535) * span[i & 1]);
}

/** A colouring with, for each point, its `slot` in `colours`; the last slot is of those without.
 *
 *  Categories have `names` and `counts`, ramps have none of them; `say(i)` is of point i, null
 *  where there is nothing to say. */
function colouringOf(sent) {
  return sent.names ? categoriesOf(sent) : rampOf(sent);
}

function categoriesOf({ name, codes, names, colours }) {
  const none = names.length;
  const slots = bytesOf(codes).map((code) => Math.min(code, none));
  const counts = new Array(none + 1).fill(0);
  for (const slot of slots) counts[slot] += 1;
  return { name, names, colours, slots, counts, say: (i) => names[slots[i]] ?? null };
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
    say: (i) => (Number.isFinite(exact[i]) ? shortNumber(exact[i]) : null),
  };
}

/** The colour at a share of the way along a list of #rrggbb. */
function colourAt(colours, share) {
  const at = share * (colours.length - 1);
  const k = Math.min(Math.floor(at), colours.length - 2);
  const levels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const [one, other] = [levels(colours[k]), levels(colours[k + 1])];
  const mixed = one.map((level, i) => Math.round(level + (at - k) * (other[i] - level)));
  return `rgb(${mixed.join(" ")})`;
}

/** Three digits that matter. */
function shortNumber(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** The points in an order that mixes what lies together, so that no kind covers the others. */
function mixedOrder(count) {
  const order = new Uint16Array(count);
  let step = Math.max(1, Math.round(count * 0.618));
  const divides = (a, b) => (b ? divides(b, a % b) : a);
  while (divides(count, step) > 1) step += 1;
  for (let i = 0, at = 0; i < count; i += 1, at = (at + step) % count) order[i] = at;
  return order;
}

/** Middles of the places of each category: [x, y], null where it has no point. */
function medians(places, { names, slots, counts }) {
  const of = names.map((_, k) => [new Float32Array(counts[k]), new Float32Array(counts[k])]);
  const filled = new Array(names.length).fill(0);
  slots.forEach((k, i) => {
    if (k >= names.length) return;
    of[k][0][filled[k]] = places[2 * i];
    of[k][1][filled[k]] = places[2 * i + 1];
    filled[k] += 1;
  });
  const median = (values) => values.sort()[values.length >> 1];
  return of.map(([x, y]) => (x.length ? [median(x), median(y)] : null));
}
