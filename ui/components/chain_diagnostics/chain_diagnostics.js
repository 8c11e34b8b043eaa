// Chain diagnostics: sentences, and five figures of the chains of each sampler.
//
// receive → (queue) store → after the next frame of the browser: writeTexts → render (the chosen
// figure) → move (the cursor). The cursor is at the iteration of the player, else at the newest
// one; while the pointer is on a figure, the cursor is at the pointer.

const WIDE = 640; // px; in a wider component the samplers are side by side
const ENOUGH = 400; // effective sample size
const CONVERGED = 1.01; // R-hat
const SMALLEST_EXCESS = 0.001; // smallest R-hat − 1 that is drawn
const FIELD = ["logJoint", "ink", "height"];
const UNIT = [" nats", " pixels", " px from the top"];
const DECIMALS = [1, 0, 1];
const FIGURES = {
  traces: {
    about:
      "One line per chain. Chains that have converged wander over the same range and " +
      "overlap. A flat line is a chain that does not move.",
    shows: ["quantity", "chain"],
    build: tracePanels,
  },
  autocorrelation: {
    about:
      "Correlation of a chain with itself so many iterations later, averaged over the " +
      "chains. The longer it stays above 0, the smaller the effective sample size.",
    shows: ["quantity"],
    build: autocorrelationPanel,
  },
  rhat: {
    about:
      "The worst of three traces, computed every 50 iterations after the warm-up. R-hat " +
      "should fall below 1.01. The effective sample size should grow linearly.",
    shows: [],
    build: diagnosisPanels,
  },
  acceptance: {
    about:
      "Fraction of the last 50 proposals that were accepted. Thin lines: one per chain. " +
      "Thick line: their mean. During the warm-up, Metropolis runs as pseudo-Gibbs, which " +
      "accepts every proposal.",
    shows: ["chain"],
    build: acceptancePanels,
  },
  paths: {
    about:
      "Path of each chain in two latent dimensions. Dashed circle: radius 2 of the prior. The " +
      "ellipses are 1 and 2 standard deviations of the encoder's proposal for the followed " +
      "chain. Its next proposal comes from there.",
    shows: ["across", "up", "chain"],
    build: pathPanels,
  },
};

// The chosen figure is kept here, because the component may be removed between two runs.
globalThis[Symbol.for("chain diagnostics")] ??= { view: "traces" };
const REMEMBERED = globalThis[Symbol.for("chain diagnostics")];

export default component({
  create,
  update: (charts, { data }) => data?.run && receive(charts, data),
  destroy,
});

// ---------------------------------------------------------------- creation

function create(host) {
  const root = host.querySelector(".chain-diagnostics");
  const find = (selector) => root.querySelector(selector);
  const select = (name) => find(`.${name} select`);
  const charts = {
    root,
    sentences: find(".sentences"),
    views: find(".views"),
    about: find(".about"),
    container: find(".panels"),
    reading: find(".reading"),
    selects: {
      quantity: select("quantity"),
      across: select("across"),
      up: select("up"),
      chain: select("chain"),
    },
    queue: Promise.resolve(),
    message: null,
    kept: null,
    view: REMEMBERED.view,
    chain: null, // null: not chosen by the visitor
    axes: null, // ids of two latents; null: not chosen
    cursor: null, // iteration; null: the newest
    pointer: null, // {panel, at, chain}
    panels: [],
  };
  radioGroup(charts.views, (button) => {
    charts.view = REMEMBERED.view = button.dataset.view;
    charts.pointer = null;
    render(charts);
  });
  const { quantity, chain, across, up } = charts.selects;
  quantity.onchange = () => render(charts);
  chain.onchange = () => follow(charts, Number(chain.value));
  across.onchange = up.onchange = () => {
    charts.axes = [Number(across.value), Number(up.value)];
    render(charts);
  };
  root.onkeydown = (event) => onKey(charts, event);
  charts.onIteration = ({ detail }) => {
    if (!detail || detail.run !== charts.message?.run) return;
    charts.cursor = detail.iteration;
    move(charts);
  };
  document.addEventListener("dgm-iteration", charts.onIteration);
  charts.observer = new ResizeObserver(() => {
    if (charts.width !== root.clientWidth) render(charts);
  });
  charts.observer.observe(root);
  return charts;
}

function destroy(charts) {
  document.removeEventListener("dgm-iteration", charts.onIteration);
  charts.observer.disconnect();
  charts.gone = true;
}

function receive(charts, message) {
  charts.queue = charts.queue
    .then(() => store(charts, message))
    .catch((error) => console.error("chain diagnostics: a chunk could not be read", error));
}

async function store(charts, message) {
  if (charts.gone) return;
  const before = charts.message;
  const sameLatents = String(before?.latents) === String(message.latents);
  const changed = before?.run !== message.run || !sameLatents;
  const kept = changed ? { points: new Map(), frames: new Map() } : charts.kept;
  if (before?.data !== message.data || changed) await keepChunk(kept, message);
  await nextFrame(); // so that the player is drawn first
  if (charts.gone) return;
  if (before?.run !== message.run) Object.assign(charts, { chain: null, cursor: null });
  Object.assign(charts, { message, kept });
  charts.root.dataset.state = message.state;
  writeTexts(charts);
  render(charts);
}

/** A promise of the next frame; fulfilled at once on a hidden page, which draws no frames. */
function nextFrame() {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

// ---------------------------------------------------------------- sentences and choices

function writeTexts(charts) {
  const { message, selects } = charts;
  charts.strokes = message.samplers.map(strokeOf);
  charts.sentences.replaceChildren(
    ...message.samplers.map((name, s) =>
      element(
        "section",
        { "data-sampler": s, "aria-label": name },
        element("h4", {}, swatch(charts.strokes[s]), name),
        element("ul", {}, ...message.sentences[s].map((sentence) => element("li", {}, sentence))),
      ),
    ),
  );
  charts.root.querySelector("[data-view=rhat]").title = Object.values(message.definitions).join(
    "\n\n",
  );
  options(
    selects.quantity,
    message.quantities.map((name, q) => [q, name]),
  );
  options(
    selects.chain,
    Array.from({ length: message.chains }, (_, c) => [c, `chain ${c + 1}`]),
  );
  const latents = message.latents.map((latent) => [latent, `z${latent + 1}`]);
  options(selects.across, latents);
  options(selects.up, latents);
}

/** Set the options [value, text] of a select; the chosen one stays chosen if it exists. */
function options(select, wanted) {
  const key = JSON.stringify(wanted);
  if (select.dataset.key === key) return;
  const before = select.value;
  select.replaceChildren(...wanted.map(([value, text]) => element("option", { value }, text)));
  if (wanted.some(([value]) => String(value) === before)) select.value = before;
  select.dataset.key = key;
}

/** The chain to follow: the chosen one, else the one that has been unmoved for longest. */
function followed({ chain, message, kept }) {
  if (chain !== null && chain < message.chains) return chain;
  const totals = Array(message.chains).fill(0);
  const last = kept.frames.get(kept.frameNumbers.at(-1));
  for (const { unmoved } of last) for (const [c, count] of unmoved.entries()) totals[c] += count;
  return totals.indexOf(Math.max(...totals));
}

function follow(charts, chain) {
  charts.chain = chain;
  render(charts);
}

/** Indices of the two chosen latents among those sent; by default the first two. */
function pairOf({ axes, message }) {
  const indices = (axes ?? []).map((latent) => message.latents.indexOf(latent));
  if (indices.length === 2 && !indices.includes(-1)) return indices;
  return [0, Math.min(1, message.latents.length - 1)];
}

function swatch({ colour, dash }) {
  const line = { x1: 1, x2: 23, y1: 5, y2: 5, style: `stroke:${colour};stroke-dasharray:${dash}` };
  return svg(
    "svg",
    { class: "swatch", viewBox: "0 0 24 10", "aria-hidden": "true" },
    svg("line", line),
  );
}

// ---------------------------------------------------------------- the chosen figure

function render(charts) {
  const { root, message, selects, views } = charts;
  charts.width = root.clientWidth;
  if (!message || !charts.kept || !charts.width) return;
  const figure = FIGURES[charts.view];
  markChosen(views, views.querySelector(`[data-view=${charts.view}]`));
  for (const [name, select] of Object.entries(selects)) {
    select.parentElement.hidden = !figure.shows.includes(name);
  }
  charts.followed = followed(charts);
  selects.chain.value = charts.followed;
  const pair = pairOf(charts);
  selects.across.value = message.latents[pair[0]];
  selects.up.value = message.latents[pair[1]];
  charts.about.textContent = figure.about;
  root.dataset.view = charts.view;
  const focused = charts.panels.findIndex(({ figure }) => figure.matches(":focus"));
  const panels = figure.build(charts);
  charts.container.classList.toggle("single", panels.length === 1);
  const beside = charts.width > WIDE && panels.length > 1;
  const width = beside ? (charts.width - 24) / 2 : charts.width;
  reuse(charts, panels);
  charts.panels.forEach((panel) => panel.draw(panel, width));
  charts.panels[focused]?.figure.focus({ preventScroll: true });
  move(charts);
}

// Figures are reused while their kind and number are the same, so that the pointer stays on one.
function reuse(charts, panels) {
  const kind = `${charts.view} ${panels.length}`;
  if (charts.kind !== kind) {
    charts.kind = kind;
    charts.figures = panels.map((_, i) => buildFigure(charts, i));
    charts.container.replaceChildren(...charts.figures.map(({ figure }) => figure));
  }
  charts.panels = panels.map((panel, i) => ({ ...charts.figures[i], ...panel }));
  charts.panels.forEach(({ figure, title, stroke, name, label, definition }) => {
    name.replaceChildren(...(stroke ? [swatch(stroke)] : []), title);
    name.title = definition ?? "";
    figure.setAttribute("aria-label", label);
  });
}

function buildFigure(charts, i) {
  const name = element("h4");
  const output = element("output", { "aria-live": "off" });
  const drawn =
    charts.view === "paths"
      ? element("canvas", { class: "paths", "aria-hidden": "true" })
      : element("div", { class: "plot" });
  const figure = element(
    "figure",
    { tabindex: 0, role: "group" },
    element("figcaption", {}, name, output),
    drawn,
  );
  drawn.onpointermove = (event) => point(charts, i, event);
  drawn.onpointerleave = figure.onblur = () => {
    charts.pointer = null;
    move(charts);
  };
  drawn.onclick = (event) => {
    point(charts, i, event);
    if (charts.pointer?.chain >= 0) follow(charts, charts.pointer.chain);
  };
  return { figure, name, output, drawn };
}

function point(charts, i, event) {
  const panel = charts.panels[i];
  const box = panel.drawn.getBoundingClientRect();
  charts.pointer = { panel: i, ...panel.find(event.clientX - box.left, event.clientY - box.top) };
  move(charts);
}

/** The position of the cursor: index and number of the point, and the number of the frame. */
function cursorPosition(charts) {
  const { kept, pointer, cursor } = charts;
  const newest = kept.numbers.at(-1);
  const at = Math.min(pointer?.at ?? cursor ?? newest, newest);
  const index = lastUpTo(kept.numbers, at);
  return {
    index,
    number: kept.numbers[index],
    frame: kept.frameNumbers[lastUpTo(kept.frameNumbers, at)],
  };
}

function move(charts) {
  if (!charts.kept || !charts.panels.length) return;
  const position = cursorPosition(charts);
  charts.root.dataset.iteration = position.number;
  for (const panel of charts.panels) panel.output.textContent = panel.move(position) ?? "";
}

function onKey(charts, event) {
  const i = charts.panels.findIndex(({ figure }) => figure === event.target);
  const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const chain = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (i < 0 || !(along || chain) || event.ctrlKey || event.metaKey || event.altKey) {
    if (event.target.closest("[role=radio], select, summary")) event.stopPropagation();
    return;
  }
  event.stopPropagation();
  event.preventDefault();
  const { chains } = charts.message;
  if (chain) follow(charts, (charts.followed + chain + chains) % chains);
  const { numbers } = charts.kept;
  const from = cursorPosition(charts).index;
  const to = numbers[Math.min(Math.max(from + (along ?? 0), 0), numbers.length - 1)];
  charts.pointer = along
    ? (charts.panels[i].step?.(along) ?? { panel: i, at: to, chain: -1 })
    : charts.pointer;
  move(charts);
  charts.reading.textContent = charts.panels[i].output.textContent;
}

// ---------------------------------------------------------------- traces, acceptance

function heightOf(charts) {
  return charts.width > WIDE ? 210 : 180;
}

/** A panel of curves: `build(width)` makes the plot, `read(position, plot)` moves its cursor and
 *  returns its values as text; `rows(at)` are the values of the chains at an iteration. */
function curvePanel({ title, definition, stroke, label, build, read, rows }) {
  return {
    title,
    definition,
    stroke,
    label,
    draw(panel, width) {
      panel.plot = build(width);
      panel.drawn.replaceChildren(panel.plot.drawing);
      panel.find = (x, y) => {
        const at = panel.plot.iterationAt(x);
        const distances = (rows?.(at) ?? []).map((value) => Math.abs(panel.plot.top(value) - y));
        return { at, chain: distances.length ? distances.indexOf(Math.min(...distances)) : -1 };
      };
      panel.move = (position) => read(position, panel.plot);
    },
  };
}

function chainCurves(charts, numbers, s, valueAt) {
  const colour = charts.strokes[s].colour;
  const curves = Array.from({ length: charts.message.chains }, (_, c) => ({
    colour,
    kind: c === charts.followed ? "followed" : "thin",
    points: numbers.map((n) => [n, valueAt(n, c)]),
  }));
  const [own] = curves.splice(charts.followed, 1);
  return [...curves, own]; // drawn last, on top
}

function tracePanels(charts) {
  const { message, kept, selects } = charts;
  const q = Number(selects.quantity.value || 0);
  const valueAt = (n, s, c) => kept.points.get(n)[s][FIELD[q]][c];
  const after = kept.numbers.filter((n) => n > message.warmup);
  const counted = after.length > 4 ? after : kept.numbers;
  const { y, ticksUp } = rangeOf(
    counted.flatMap((n) =>
      message.samplers.flatMap((_, s) => [...kept.points.get(n)[s][FIELD[q]]]),
    ),
    { least: 1 },
  );
  return message.samplers.map((title, s) =>
    curvePanel({
      title,
      stroke: charts.strokes[s],
      label: `Traces of ${message.quantities[q]}, ${title}. ${message.sentences[s][0]}`,
      rows: (at) => [...kept.points.get(kept.numbers[lastUpTo(kept.numbers, at)])[s][FIELD[q]]],
      build: (width) =>
        linePlot({
          width,
          height: heightOf(charts),
          x: [0, message.iterations],
          y,
          ticksUp,
          warmup: message.warmup,
          xName: "iteration",
          curves: chainCurves(charts, kept.numbers, s, (n, c) => valueAt(n, s, c)),
        }),
      read: ({ number }, plot) => {
        const chain = charts.pointer?.chain >= 0 ? charts.pointer.chain : charts.followed;
        const value = valueAt(number, s, chain);
        plot.move(number, [{ value, colour: charts.strokes[s].colour }]);
        return `iteration ${number}, chain ${chain + 1}: ${numberText(value, DECIMALS[q])}${UNIT[q]}`;
      },
    }),
  );
}

function unmovedText({ unmoved }, chain) {
  return unmoved[chain] > 1 ? `, unmoved for ${unmoved[chain]}` : "";
}

const meanOf = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

function acceptancePanels(charts) {
  const { message, kept } = charts;
  const valueAt = (n, s, c) => kept.frames.get(n)[s].acceptance[c];
  return message.samplers.map((title, s) => {
    const counted = kept.frameNumbers.filter((n) => n >= message.warmup + 20);
    const values = counted.flatMap((n) => [...kept.frames.get(n)[s].acceptance]);
    const largest = values.length ? Math.max(...values) : 1;
    const high = [0.1, 0.2, 0.4, 0.6, 0.8, 1].find((end) => largest <= end + 1e-3) ?? 1;
    const means = kept.frameNumbers.map((n) => [n, meanOf(kept.frames.get(n)[s].acceptance)]);
    const colour = charts.strokes[s].colour;
    const percent = (value) => `${(100 * value).toFixed(value < 0.095 ? 1 : 0)} %`;
    return curvePanel({
      title,
      stroke: charts.strokes[s],
      label: `Acceptance over time, ${title}. ${message.sentences[s][0]}`,
      rows: (at) => [
        ...kept.frames.get(kept.frameNumbers[lastUpTo(kept.frameNumbers, at)])[s].acceptance,
      ],
      build: (width) =>
        linePlot({
          width,
          height: heightOf(charts),
          x: [0, message.iterations],
          y: [0, high * 1.03],
          ticksUp: [0, 0.25, 0.5, 0.75, 1].map((fraction) => ({
            value: fraction * high,
            text: `${+(100 * fraction * high).toFixed(1)} %`,
          })),
          warmup: message.warmup,
          xName: "iteration",
          curves: [
            ...chainCurves(charts, kept.frameNumbers, s, (n, c) => valueAt(n, s, c)),
            { points: means, colour, kind: "bold" },
          ],
        }),
      read: ({ frame }, plot) => {
        const chain = charts.pointer?.chain >= 0 ? charts.pointer.chain : charts.followed;
        const mean = meanOf(kept.frames.get(frame)[s].acceptance);
        plot.move(frame, [{ value: mean, colour }]);
        return (
          `iteration ${frame}: mean ${percent(mean)}; chain ${chain + 1} ` +
          `${percent(valueAt(frame, s, chain))}${unmovedText(kept.frames.get(frame)[s], chain)}`
        );
      },
    });
  });
}

// ---------------------------------------------------------------- autocorrelation, R-hat, ESS

function autocorrelationPanel(charts) {
  const { message, selects, strokes } = charts;
  const q = Number(selects.quantity.value || 0);
  const curves = message.autocorrelation.map((functions, s) => ({
    ...strokes[s],
    kind: "bold",
    points: functions[q].flatMap((value, lag) => (value === null ? [] : [[lag, value]])),
  }));
  const lags = Math.max(20, ...curves.map(({ points }) => points.length));
  const lowest = Math.min(0, ...curves.flatMap(({ points }) => points.map(([, v]) => v)));
  const low = lowest < -0.1 ? Math.max(-1, Math.floor(lowest * 5) / 5) : -0.1;
  const sampled = message.history.map((records) => records.at(-1)?.[0] ?? 0);
  const known = curves.some(({ points }) => points.length);
  let lag = 1; // chosen by keys or pointer
  const panel = curvePanel({
    title: `Autocorrelation of ${message.quantities[q]}`,
    label:
      `Autocorrelation of ${message.quantities[q]} against the lag. ` +
      message.sentences.map((all, s) => `${message.samplers[s]}: ${all[0]}`).join(" "),
    build: (width) =>
      linePlot({
        width,
        height: heightOf(charts),
        x: [0, lags],
        y: [low, 1.02],
        ticksUp: [0, 0.25, 0.5, 0.75, 1].map((value) => ({ value, text: value.toFixed(2) })),
        xName: "lag",
        curves,
      }),
    read: (_, plot) => {
      if (!known) return "not available yet";
      if (charts.pointer) lag = Math.min(Math.max(Math.round(charts.pointer.at), 0), lags - 1);
      const values = message.autocorrelation.map((functions) => functions[q][lag] ?? NaN);
      plot.move(
        lag,
        values.map((value, s) => ({ value, colour: strokes[s].colour })),
      );
      const texts = values.map(
        (value, s) =>
          `${short(message.samplers[s])} ${Number.isNaN(value) ? "–" : numberText(value, 2)}`,
      );
      return `lag ${lag}: ${texts.join(", ")} (up to iteration ${Math.max(...sampled)})`;
    },
  });
  panel.step = (by) => ({ panel: 0, at: lag + by, chain: -1 });
  return [panel];
}

/** The short name "Metropolis" for narrow columns. */
const short = (name) => name.replace("-within-Gibbs", "");

function diagnosisPanels(charts) {
  const { message, strokes } = charts;
  const worst = (values, choose) => {
    const known = values.filter((value) => value !== null);
    return known.length ? choose(...known) : null;
  };
  const curvesOf = (k, choose, scale) =>
    message.history.map((records, s) => ({
      ...strokes[s],
      kind: "bold",
      points: records.flatMap((record) => {
        const value = worst(record[k], choose);
        return value === null ? [] : [[record[0], scale(value)]];
      }),
    }));
  const log = (rhat) => Math.log10(Math.max(rhat - 1, SMALLEST_EXCESS));
  const rhats = curvesOf(1, Math.max, log);
  const sizes = curvesOf(2, Math.min, (value) => value);
  const top = Math.max(0, ...rhats.flatMap(({ points }) => points.map(([, v]) => v)));
  const largest = rangeOf([0, 100, ...sizes.flatMap(({ points }) => points.map(([, v]) => v))]);
  const common = { x: [0, message.iterations], warmup: message.warmup, xName: "iteration" };
  const reader =
    (k, choose, scale, text) =>
    ({ number }, plot) => {
      const values = message.history.map((records) => {
        const past = records.filter(([iteration]) => iteration <= number);
        return past.length ? worst(past.at(-1)[k], choose) : null;
      });
      plot.move(
        number,
        values.map((value, s) => ({
          value: value === null ? NaN : scale(value),
          colour: strokes[s].colour,
        })),
      );
      return values
        .map((value, s) => `${short(message.samplers[s])} ${value === null ? "–" : text(value)}`)
        .join(", ");
    };
  const diagnoses = message.sentences
    .map((all, s) => `${message.samplers[s]}: ${all[0]}`)
    .join(" ");
  return [
    curvePanel({
      title: "R-hat",
      definition: message.definitions.rhat,
      label: `R-hat over time. ${diagnoses}`,
      build: (width) =>
        linePlot({
          ...common,
          width,
          height: heightOf(charts),
          y: [-3, top + 0.1],
          curves: rhats,
          ticksUp: [1.001, 1.01, 1.1, 2].map((rhat) => ({ value: log(rhat), text: String(rhat) })),
          threshold: { value: log(CONVERGED), text: "target: below 1.01" },
        }),
      read: reader(1, Math.max, log, (value) => value.toFixed(value < 1.02 ? 3 : 2)),
    }),
    curvePanel({
      title: "Effective sample size",
      definition: message.definitions.ess,
      label: `Effective sample size over time. ${diagnoses}`,
      build: (width) =>
        linePlot({
          ...common,
          width,
          height: heightOf(charts),
          ...largest,
          curves: sizes,
          threshold: { value: ENOUGH, text: "target: 400" },
        }),
      read: reader(
        2,
        Math.min,
        (value) => value,
        (value) =>
          `${value < 10 ? value.toFixed(1) : Math.round(value)} of ` +
          `${(
            Math.max(0, cursorPosition(charts).number - message.warmup) * message.chains
          ).toLocaleString("en")}`,
      ),
    }),
  ];
}

// ---------------------------------------------------------------- paths

function pathPanels(charts) {
  const { message, kept, root } = charts;
  const latents = message.latents.length;
  const pair = pairOf(charts);
  const names = pair.map((position) => `z${message.latents[position] + 1}`);
  const reach = reachOf(kept, message.samplers.length, pair, latents, message.warmup);
  const [ink, paper] = [readColour(root, "var(--ink)"), readColour(root, "var(--paper)")];
  return message.samplers.map((title, s) => ({
    title,
    stroke: charts.strokes[s],
    label: `Paths of ${title} in latents ${names.join(" and ")}. ${message.sentences[s][0]}`,
    draw(panel, width) {
      const size = Math.floor(width);
      const pixels = Math.round(size * (devicePixelRatio || 1));
      if (panel.drawn.width !== pixels) panel.drawn.width = panel.drawn.height = pixels;
      const frame = frameFor(size, reach);
      const colours = { ink, paper, line: readColour(root, charts.strokes[s].colour) };
      panel.find = (x, y) => {
        const { number, index } = cursorPosition({ ...charts, pointer: null });
        const points = positionsAt(kept.points.get(number)[s], pair, latents, frame);
        const distances = points.map(([left, top]) => Math.hypot(left - x, top - y));
        const nearest = Math.min(...distances);
        const chain = nearest < 24 ? distances.indexOf(nearest) : -1;
        return { at: kept.numbers[index], chain };
      };
      panel.move = ({ index, number, frame: frameNumber }) => {
        const chain = charts.pointer?.chain >= 0 ? charts.pointer.chain : charts.followed;
        const proposal = marginalOf(kept.frames.get(frameNumber)[s], chain, pair, latents);
        drawPaths(panel.drawn, {
          kept,
          s,
          pair,
          latents,
          last: index,
          proposal,
          chain,
          colours,
          frame,
        });
        const { z } = kept.points.get(number)[s];
        const at = pair.map(
          (position, i) => `${names[i]} ${numberText(z[chain * latents + position], 2)}`,
        );
        const unmoved = unmovedText(kept.frames.get(frameNumber)[s], chain);
        return `iteration ${number}, chain ${chain + 1}: ${at.join(", ")}${unmoved}`;
      };
    },
  }));
}
