// Chain story: sentences, and five pictures of the chains of each sampler.
//
// receive → (queue) keep → after the player's picture: write (sentences, choices) → render (the
// chosen picture) → move (what follows the cursor). The cursor is where a player's clock stands, else at the newest iteration;
// while a pointer is on a picture, it is there.

const WIDE = 640; // px from which the samplers stand side by side
const ENOUGH = 400;
const MET = 1.01;
const LATEST = 0.001; // least R-hat - 1 that is drawn
const FIELD = ["logJoint", "ink", "height"];
const UNIT = [" nats", " pixels", " px from the top"];
const DECIMALS = [1, 0, 1];
const PICTURES = {
  traces: {
    about:
      "One line a chain. Chains that have met wander over the same range, like one tangle; " +
      "flat lines are chains that stay where they are.",
    shows: ["quantity", "chain"],
    build: tracePanels,
  },
  autocorrelation: {
    about:
      "How much a chain remembers of itself so many iterations later, averaged over the " +
      "chains. The longer it stays above 0, the fewer independent draws there are.",
    shows: ["quantity"],
    build: autocorrelationPanel,
  },
  rhat: {
    about:
      "The worst of three traces, anew every 50 iterations after the warm-up. R-hat should " +
      "fall below 1.01, the effective sample size grow in a straight line.",
    shows: [],
    build: diagnosisPanels,
  },
  acceptance: {
    about:
      "Share of the last 50 proposals that were accepted: thin lines each chain, the strong " +
      "one their mean. Metropolis warms up as pseudo-Gibbs, which accepts all.",
    shows: ["chain"],
    build: acceptancePanels,
  },
  paths: {
    about:
      "Where each chain has been in two latents. Dashed: radius 2 of the prior. The ellipses " +
      "are 1 and 2 standard deviations of the encoder's proposal for the chain that is followed: " +
      "there it will try to go next.",
    shows: ["across", "up", "chain"],
    build: pathPanels,
  },
};

// What is looked at stays so from run to run, between which the component may have gone.
globalThis[Symbol.for("chain story")] ??= { view: "traces" };
const REMEMBERED = globalThis[Symbol.for("chain story")];

export default component({
  create,
  update: (story, { data }) => data?.run && receive(story, data),
  destroy,
});

// ---------------------------------------------------------------- life

function create(host) {
  const root = host.querySelector(".chain-story");
  const find = (selector) => root.querySelector(selector);
  const select = (name) => find(`.${name} select`);
  const story = {
    root,
    words: find(".words"),
    views: find(".views"),
    about: find(".about"),
    place: find(".panels"),
    told: find(".told"),
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
  radioGroup(story.views, (button) => {
    story.view = REMEMBERED.view = button.dataset.view;
    story.pointer = null;
    render(story);
  });
  const { quantity, chain, across, up } = story.selects;
  quantity.onchange = () => render(story);
  chain.onchange = () => follow(story, Number(chain.value));
  across.onchange = up.onchange = () => {
    story.axes = [Number(across.value), Number(up.value)];
    render(story);
  };
  root.onkeydown = (event) => onKey(story, event);
  story.onIteration = ({ detail }) => {
    if (!detail || detail.run !== story.message?.run) return;
    story.cursor = detail.iteration;
    move(story);
  };
  document.addEventListener("dgm-iteration", story.onIteration);
  story.observer = new ResizeObserver(() => {
    if (story.width !== root.clientWidth) render(story);
  });
  story.observer.observe(root);
  return story;
}

function destroy(story) {
  document.removeEventListener("dgm-iteration", story.onIteration);
  story.observer.disconnect();
  story.gone = true;
}

function receive(story, message) {
  story.queue = story.queue
    .then(() => take(story, message))
    .catch((error) => console.error("chain story: a chunk could not be read", error));
}

async function take(story, message) {
  if (story.gone) return;
  const before = story.message;
  const other = before?.run !== message.run || String(before.latents) !== String(message.latents);
  const kept = other ? { points: new Map(), frames: new Map() } : story.kept;
  if (before?.data !== message.data || other) await keepChunk(kept, message);
  await nextFrame(); // the player's picture first
  if (story.gone) return;
  if (before?.run !== message.run) Object.assign(story, { chain: null, cursor: null });
  Object.assign(story, { message, kept });
  story.root.dataset.state = message.state;
  write(story);
  render(story);
}

/** When the browser has drawn what stands ready; a page out of sight draws nothing. */
function nextFrame() {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

// ---------------------------------------------------------------- sentences and choices

function write(story) {
  const { message, selects } = story;
  story.strokes = message.samplers.map(strokeOf);
  story.words.replaceChildren(
    ...message.samplers.map((name, s) =>
      element(
        "section",
        { "data-sampler": s, "aria-label": name },
        element("h4", {}, swatch(story.strokes[s]), name),
        element("ul", {}, ...message.words[s].map((said) => element("li", {}, said))),
      ),
    ),
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

/** Those of a select, [value, text]; what is chosen stays, if it is still there. */
function options(select, wanted) {
  const key = JSON.stringify(wanted);
  if (select.dataset.key === key) return;
  const before = select.value;
  select.replaceChildren(...wanted.map(([value, text]) => element("option", { value }, text)));
  if (wanted.some(([value]) => String(value) === before)) select.value = before;
  select.dataset.key = key;
}

/** The chain to follow: the visitor's, else the one that has stood still longest. */
function followed({ chain, message, kept }) {
  if (chain !== null && chain < message.chains) return chain;
  const still = Array(message.chains).fill(0);
  const last = kept.frames.get(kept.shots.at(-1));
  for (const { unmoved } of last) for (const [c, count] of unmoved.entries()) still[c] += count;
  return still.indexOf(Math.max(...still));
}

function follow(story, chain) {
  story.chain = chain;
  render(story);
}

/** Positions of the two chosen latents among those that were sent; at first the first two. */
function pairOf({ axes, message }) {
  const found = (axes ?? []).map((latent) => message.latents.indexOf(latent));
  if (found.length === 2 && !found.includes(-1)) return found;
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

// ---------------------------------------------------------------- the chosen picture

function render(story) {
  const { root, message, selects, views } = story;
  story.width = root.clientWidth;
  if (!message || !story.kept || !story.width) return;
  const picture = PICTURES[story.view];
  markChosen(views, views.querySelector(`[data-view=${story.view}]`));
  for (const [name, select] of Object.entries(selects)) {
    select.parentElement.hidden = !picture.shows.includes(name);
  }
  story.followed = followed(story);
  selects.chain.value = story.followed;
  const pair = pairOf(story);
  selects.across.value = message.latents[pair[0]];
  selects.up.value = message.latents[pair[1]];
  story.about.textContent = picture.about;
  root.dataset.view = story.view;
  const focused = story.panels.findIndex(({ figure }) => figure.matches(":focus"));
  const panels = picture.build(story);
  story.place.classList.toggle("single", panels.length === 1);
  const beside = story.width > WIDE && panels.length > 1;
  const width = beside ? (story.width - 24) / 2 : story.width;
  reuse(story, panels);
  story.panels.forEach((panel) => panel.draw(panel, width));
  story.panels[focused]?.figure.focus({ preventScroll: true });
  move(story);
}

// The figures stay while their number and kind do: a pointer over them shall not lose them.
function reuse(story, panels) {
  const kind = `${story.view} ${panels.length}`;
  if (story.kind !== kind) {
    story.kind = kind;
    story.figures = panels.map((_, i) => buildFigure(story, i));
    story.place.replaceChildren(...story.figures.map(({ figure }) => figure));
  }
  story.panels = panels.map((panel, i) => ({ ...story.figures[i], ...panel }));
  story.panels.forEach(({ figure, title, stroke, name, said }) => {
    name.replaceChildren(...(stroke ? [swatch(stroke)] : []), title);
    figure.setAttribute("aria-label", said);
  });
}

function buildFigure(story, i) {
  const name = element("h4");
  const output = element("output", { "aria-live": "off" });
  const drawn =
    story.view === "paths"
      ? element("canvas", { class: "paths", "aria-hidden": "true" })
      : element("div", { class: "plot" });
  const figure = element(
    "figure",
    { tabindex: 0, role: "group" },
    element("figcaption", {}, name, output),
    drawn,
  );
  drawn.onpointermove = (event) => point(story, i, event);
  drawn.onpointerleave = figure.onblur = () => {
    story.pointer = null;
    move(story);
  };
  drawn.onclick = (event) => {
    point(story, i, event);
    if (story.pointer?.chain >= 0) follow(story, story.pointer.chain);
  };
  return { figure, name, output, drawn };
}

function point(story, i, event) {
  const panel = story.panels[i];
  const box = panel.drawn.getBoundingClientRect();
  story.pointer = { panel: i, ...panel.find(event.clientX - box.left, event.clientY - box.top) };
  move(story);
}

/** Where all pictures stand: {at, index of the point, index of the frame}. */
function standing(story) {
  const { kept, pointer, cursor } = story;
  const newest = kept.numbers.at(-1);
  const at = Math.min(pointer?.at ?? cursor ?? newest, newest);
  const index = lastUpTo(kept.numbers, at);
  return { index, number: kept.numbers[index], shot: kept.shots[lastUpTo(kept.shots, at)] };
}

function move(story) {
  if (!story.kept || !story.panels.length) return;
  const here = standing(story);
  story.root.dataset.iteration = here.number;
  for (const panel of story.panels) panel.output.textContent = panel.move(here) ?? "";
}

function onKey(story, event) {
  const i = story.panels.findIndex(({ figure }) => figure === event.target);
  const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const chain = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (i < 0 || !(along || chain) || event.ctrlKey || event.metaKey || event.altKey) {
    if (event.target.closest("[role=radio], select, summary")) event.stopPropagation();
    return;
  }
  event.stopPropagation();
  event.preventDefault();
  const { chains } = story.message;
  if (chain) follow(story, (story.followed + chain + chains) % chains);
  const { numbers } = story.kept;
  const from = standing(story).index;
  const to = numbers[Math.min(Math.max(from + (along ?? 0), 0), numbers.length - 1)];
  story.pointer = along
    ? (story.panels[i].step?.(along) ?? { panel: i, at: to, chain: -1 })
    : story.pointer;
  move(story);
  story.told.textContent = story.panels[i].output.textContent;
}

// ---------------------------------------------------------------- pictures: traces, acceptance

function heightOf(story) {
  return story.width > WIDE ? 210 : 180;
}

/** A panel of curves, which `build(width)` makes; `read(here, plot)` moves it and says what is
 *  there; `rows(at)` are the values of the chains, of which a pointer finds the nearest. */
function curvePanel({ title, stroke, said, build, read, rows }) {
  return {
    title,
    stroke,
    said,
    draw(panel, width) {
      panel.plot = build(width);
      panel.drawn.replaceChildren(panel.plot.drawing);
      panel.find = (x, y) => {
        const at = panel.plot.iterationAt(x);
        const apart = (rows?.(at) ?? []).map((value) => Math.abs(panel.plot.top(value) - y));
        return { at, chain: apart.length ? apart.indexOf(Math.min(...apart)) : -1 };
      };
      panel.move = (here) => read(here, panel.plot);
    },
  };
}

function chainCurves(story, numbers, s, valueAt) {
  const colour = story.strokes[s].colour;
  const curves = Array.from({ length: story.message.chains }, (_, c) => ({
    colour,
    kind: c === story.followed ? "followed" : "thin",
    points: numbers.map((n) => [n, valueAt(n, c)]),
  }));
  const [own] = curves.splice(story.followed, 1);
  return [...curves, own]; // on top
}

function tracePanels(story) {
  const { message, kept, selects } = story;
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
      stroke: story.strokes[s],
      said: `Traces of ${message.quantities[q]}, ${title}. ${message.words[s][0]}`,
      rows: (at) => [...kept.points.get(kept.numbers[lastUpTo(kept.numbers, at)])[s][FIELD[q]]],
      build: (width) =>
        linePlot({
          width,
          height: heightOf(story),
          x: [0, message.iterations],
          y,
          ticksUp,
          warmup: message.warmup,
          xName: "iteration",
          curves: chainCurves(story, kept.numbers, s, (n, c) => valueAt(n, s, c)),
        }),
      read: ({ number }, plot) => {
        const chain = story.pointer?.chain >= 0 ? story.pointer.chain : story.followed;
        const value = valueAt(number, s, chain);
        plot.move(number, [{ value, colour: story.strokes[s].colour }]);
        return `iteration ${number}, chain ${chain + 1}: ${numberText(value, DECIMALS[q])}${UNIT[q]}`;
      },
    }),
  );
}

const meanOf = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

function acceptancePanels(story) {
  const { message, kept } = story;
  const valueAt = (n, s, c) => kept.frames.get(n)[s].acceptance[c];
  return message.samplers.map((title, s) => {
    const counted = kept.shots.filter((n) => n >= message.warmup + 20);
    const values = counted.flatMap((n) => [...kept.frames.get(n)[s].acceptance]);
    const most = values.length ? Math.max(...values) : 1;
    const high = [0.1, 0.2, 0.4, 0.6, 0.8, 1].find((end) => most <= end + 1e-3) ?? 1;
    const means = kept.shots.map((n) => [n, meanOf(kept.frames.get(n)[s].acceptance)]);
    const colour = story.strokes[s].colour;
    const percent = (value) => `${(100 * value).toFixed(value < 0.095 ? 1 : 0)} %`;
    return curvePanel({
      title,
      stroke: story.strokes[s],
      said: `Acceptance over time, ${title}. ${message.words[s][0]}`,
      rows: (at) => [...kept.frames.get(kept.shots[lastUpTo(kept.shots, at)])[s].acceptance],
      build: (width) =>
        linePlot({
          width,
          height: heightOf(story),
          x: [0, message.iterations],
          y: [0, high * 1.03],
          ticksUp: [0, 0.25, 0.5, 0.75, 1].map((share) => ({
            value: share * high,
            text: `${+(100 * share * high).toFixed(1)} %`,
          })),
          warmup: message.warmup,
          xName: "iteration",
          curves: [
            ...chainCurves(story, kept.shots, s, (n, c) => valueAt(n, s, c)),
            { points: means, colour, kind: "bold" },
          ],
        }),
      read: ({ shot }, plot) => {
        const chain = story.pointer?.chain >= 0 ? story.pointer.chain : story.followed;
        const mean = meanOf(kept.frames.get(shot)[s].acceptance);
        plot.move(shot, [{ value: mean, colour }]);
        const still = kept.frames.get(shot)[s].unmoved[chain];
        const rests = still > 1 ? `, unmoved for ${still}` : "";
        return (
          `iteration ${shot}: mean ${percent(mean)}; chain ${chain + 1} ` +
          `${percent(valueAt(shot, s, chain))}${rests}`
        );
      },
    });
  });
}

// ---------------------------------------------------------------- autocorrelation, R-hat, ESS

function autocorrelationPanel(story) {
  const { message, selects, strokes } = story;
  const q = Number(selects.quantity.value || 0);
  const curves = message.autocorrelation.map((of, s) => ({
    ...strokes[s],
    kind: "bold",
    points: of[q].flatMap((value, lag) => (value === null ? [] : [[lag, value]])),
  }));
  const lags = Math.max(20, ...curves.map(({ points }) => points.length));
  const lowest = Math.min(0, ...curves.flatMap(({ points }) => points.map(([, v]) => v)));
  const low = lowest < -0.1 ? Math.max(-1, Math.floor(lowest * 5) / 5) : -0.1;
  const sampled = message.history.map((of) => of.at(-1)?.[0] ?? 0);
  const known = curves.some(({ points }) => points.length);
  let lag = 1; // where the keys or the pointer stand
  const panel = curvePanel({
    title: `Autocorrelation of ${message.quantities[q]}`,
    said:
      `Autocorrelation of ${message.quantities[q]} against the lag. ` +
      message.words.map((words, s) => `${message.samplers[s]}: ${words[0]}`).join(" "),
    build: (width) =>
      linePlot({
        width,
        height: heightOf(story),
        x: [0, lags],
        y: [low, 1.02],
        ticksUp: [0, 0.25, 0.5, 0.75, 1].map((value) => ({ value, text: value.toFixed(2) })),
        xName: "lag",
        curves,
      }),
    read: (_, plot) => {
      if (!known) return "not known yet";
      if (story.pointer) lag = Math.min(Math.max(Math.round(story.pointer.at), 0), lags - 1);
      const values = message.autocorrelation.map((of) => of[q][lag] ?? NaN);
      plot.move(
        lag,
        values.map((value, s) => ({ value, colour: strokes[s].colour })),
      );
      const read = values.map(
        (value, s) =>
          `${short(message.samplers[s])} ${Number.isNaN(value) ? "–" : numberText(value, 2)}`,
      );
      return `lag ${lag}: ${read.join(", ")} (up to iteration ${Math.max(...sampled)})`;
    },
  });
  panel.step = (by) => ({ panel: 0, at: lag + by, chain: -1 });
  return [panel];
}

/** "Metropolis" is enough where the names stand close. */
const short = (name) => name.replace("-within-Gibbs", "");

function diagnosisPanels(story) {
  const { message, strokes } = story;
  const worst = (values, choose) => {
    const known = values.filter((value) => value !== null);
    return known.length ? choose(...known) : null;
  };
  const curvesOf = (k, choose, scale) =>
    message.history.map((of, s) => ({
      ...strokes[s],
      kind: "bold",
      points: of.flatMap((each) => {
        const value = worst(each[k], choose);
        return value === null ? [] : [[each[0], scale(value)]];
      }),
    }));
  const log = (rhat) => Math.log10(Math.max(rhat - 1, LATEST));
  const rhats = curvesOf(1, Math.max, log);
  const sizes = curvesOf(2, Math.min, (value) => value);
  const top = Math.max(0, ...rhats.flatMap(({ points }) => points.map(([, v]) => v)));
  const largest = rangeOf([0, 100, ...sizes.flatMap(({ points }) => points.map(([, v]) => v))]);
  const common = { x: [0, message.iterations], warmup: message.warmup, xName: "iteration" };
  const reader =
    (k, choose, scale, text) =>
    ({ number }, plot) => {
      const found = message.history.map((of) => {
        const until = of.filter(([iteration]) => iteration <= number);
        return until.length ? worst(until.at(-1)[k], choose) : null;
      });
      plot.move(
        number,
        found.map((value, s) => ({
          value: value === null ? NaN : scale(value),
          colour: strokes[s].colour,
        })),
      );
      return found
        .map((value, s) => `${short(message.samplers[s])} ${value === null ? "–" : text(value)}`)
        .join(", ");
    };
  const said = message.words.map((words, s) => `${message.samplers[s]}: ${words[0]}`).join(" ");
  return [
    curvePanel({
      title: "R-hat",
      said: `R-hat over time. ${said}`,
      build: (width) =>
        linePlot({
          ...common,
          width,
          height: heightOf(story),
          y: [-3, top + 0.1],
          curves: rhats,
          ticksUp: [1.001, 1.01, 1.1, 2].map((rhat) => ({ value: log(rhat), text: String(rhat) })),
          threshold: { value: log(MET), text: "met: below 1.01" },
        }),
      read: reader(1, Math.max, log, (value) => value.toFixed(value < 1.02 ? 3 : 2)),
    }),
    curvePanel({
      title: "Effective sample size",
      said: `Effective sample size over time. ${said}`,
      build: (width) =>
        linePlot({
          ...common,
          width,
          height: heightOf(story),
          ...largest,
          curves: sizes,
          threshold: { value: ENOUGH, text: "400: enough" },
        }),
      read: reader(
        2,
        Math.min,
        (value) => value,
        (value) =>
          `${value < 10 ? value.toFixed(1) : Math.round(value)} of ` +
          `${(
            Math.max(0, standing(story).number - message.warmup) * message.chains
          ).toLocaleString("en")}`,
      ),
    }),
  ];
}

// ---------------------------------------------------------------- paths

function pathPanels(story) {
  const { message, kept, root } = story;
  const latents = message.latents.length;
  const pair = pairOf(story);
  const names = pair.map((position) => `z${message.latents[position] + 1}`);
  const reach = reachOf(kept, message.samplers.length, pair, latents, message.warmup);
  const [ink, paper] = [readColour(root, "var(--ink)"), readColour(root, "var(--paper)")];
  return message.samplers.map((title, s) => ({
    title,
    stroke: story.strokes[s],
    said: `Paths of ${title} in latents ${names.join(" and ")}. ${message.words[s][0]}`,
    draw(panel, width) {
      const size = Math.floor(width);
      const pixels = Math.round(size * (devicePixelRatio || 1));
      if (panel.drawn.width !== pixels) panel.drawn.width = panel.drawn.height = pixels;
      const frame = frameFor(size, reach);
      const colours = { ink, paper, line: readColour(root, story.strokes[s].colour) };
      panel.find = (x, y) => {
        const { number, index } = standing({ ...story, pointer: null });
        const places = placesAt(kept.points.get(number)[s], pair, latents, frame);
        const apart = places.map(([left, top]) => Math.hypot(left - x, top - y));
        const nearest = Math.min(...apart);
        return { at: kept.numbers[index], chain: nearest < 24 ? apart.indexOf(nearest) : -1 };
      };
      panel.move = ({ index, number, shot }) => {
        const chain = story.pointer?.chain >= 0 ? story.pointer.chain : story.followed;
        const law = marginalOf(kept.frames.get(shot)[s], chain, pair, latents);
        drawPaths(panel.drawn, {
          kept,
          s,
          pair,
          latents,
          last: index,
          law,
          chain,
          colours,
          frame,
        });
        const { z } = kept.points.get(number)[s];
        const at = pair.map(
          (position, i) => `${names[i]} ${numberText(z[chain * latents + position], 2)}`,
        );
        const still = kept.frames.get(shot)[s].unmoved[chain];
        const rests = still > 1 ? `, unmoved for ${still}` : "";
        return `iteration ${number}, chain ${chain + 1}: ${at.join(", ")}${rests}`;
      };
    },
  }));
}
