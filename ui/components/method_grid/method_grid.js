// Method grid: one card per method, one view for all cards, and the table of scores.
//
// Each message contains all results so far: receive → decode new images → paint. Errors,
// differences and colours are computed here. While an image is being decoded, the previous one
// stays.

const PROBLEM = ":problem";
const ORIGINAL = ":original";
const METHOD = "method";
const VIEW_NAMES = {
  mean: "posterior mean",
  draws: "draws",
  uncertainty: "standard deviation",
  error: "error",
  difference: "difference",
  factors: "factors",
};
const LEVELS = { uncertainty: "sequential", error: "sequential", difference: "diverging" };
const LIMITS = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1]; // ends of a colour scale
const COVERED = 0.99; // fraction of the hidden pixels of a method that a scale should cover
const ENDED = {
  finished: "has finished",
  stopped: "has been stopped",
  unavailable: "is not available",
};
const STOP_TIMEOUT = 4000; // ms after which Stop can be pressed again
const MOSAIC = 16; // largest number of images on a card

export default component({
  create,
  update(grid, { data, setTriggerValue }) {
    grid.send = setTriggerValue;
    receive(grid, data);
  },
  destroy,
});

// ---------------------------------------------------------------- creation

function create(host) {
  const root = host.querySelector(".methods");
  const find = (selector) => root.querySelector(selector);
  const grid = {
    root,
    list: find(".grid"),
    hold: find(".hold"),
    about: find(".about"),
    reference: find(".reference"),
    select: find("select"),
    scale: find(".scale"),
    outlined: find(".outlined input"),
    scores: find(".scores"),
    tip: find(".tip"),
    dialog: find("dialog"),
    live: find("[aria-live]"),
    views: find(".views"),
    error: find("[data-view=error]"),
    view: "mean",
    cards: new Map(), // name → its elements
    pixels: new Map(), // data URL → ImageData, or a promise of it
    stopping: new Map(), // name → timer
    sorted: null, // {name, down}
    held: false,
    large: null, // name of the method shown large
  };
  listen(grid);
  grid.observer = new ResizeObserver(() => paint(grid));
  grid.observer.observe(root);
  return grid;
}

function destroy(grid) {
  grid.observer.disconnect();
  grid.removeListeners();
  for (const timer of grid.stopping.values()) clearTimeout(timer);
  grid.message = null;
}

function receive(grid, message) {
  const before = grid.message;
  grid.message = message;
  if (before?.run !== message.run) reset(grid);
  else announce(grid, before);
  grid.noun = message.originalTitle.toLowerCase();
  for (const word of grid.root.querySelectorAll(".noun")) write(word, grid.noun);
  offerErrors(grid);
  const problem = message.original + message.hidden;
  if (grid.problem !== problem) readProblem(grid, problem);
  deleteOldPixels(grid);
  readTheme(grid);
  writeCards(grid);
  writeReference(grid);
  writeTable(grid);
  if (grid.large !== null) writeLarge(grid);
  refresh(grid);
  decodeAll(grid).then(() => {
    if (grid.message === message) refresh(grid);
  });
}

// Without an original there are no errors to show.
function offerErrors(grid) {
  const { scored } = grid.message;
  if (!scored) {
    grid.error.remove();
    if (grid.view === "error") grid.view = "mean";
  } else if (!grid.error.isConnected) {
    grid.views.querySelector("[data-view=difference]").before(grid.error);
  }
}

function reset(grid) {
  for (const timer of grid.stopping.values()) clearTimeout(timer);
  grid.stopping.clear();
  grid.live.textContent = "";
  setHeld(grid, false);
}

function readProblem(grid, problem) {
  const { height, width, hidden } = grid.message;
  grid.problem = problem;
  for (const { canvas } of grid.cards.values()) canvas.width = 0; // clears the canvas
  grid.hidden = unpack(bytesOf(hidden), height * width);
  grid.hiddenPixels = [...grid.hidden.keys()].filter((i) => grid.hidden[i]); // their indices
  const lines = [...border(isSetIn(grid.hidden, width, height), 0, 0, width, height)];
  grid.border = lines.map(([x, y, toX, toY]) => `M${x} ${y}L${toX} ${toY}`).join("");
  const scattered = lines.length > grid.hiddenPixels.length; // the outline would cover the image
  grid.root.classList.toggle("scattered", scattered);
  if (!grid.outlineChosen) grid.outlined.checked = !scattered;
}

function announce(grid, before) {
  const states = new Map(before.methods.map((method) => [method.name, method.state]));
  const announcements = grid.message.methods
    .filter(({ name, state }) => ENDED[state] && states.get(name) !== state)
    .map(({ title, state }) => `${title} ${ENDED[state]}.`);
  if (announcements.length) grid.live.textContent = announcements.join(" ");
}

const methodOf = (grid, name) => grid.message?.methods.find((each) => each.name === name);

// ---------------------------------------------------------------- pixels

function urls(grid) {
  const { original, methods } = grid.message;
  const of = (method) => [
    method.mean,
    method.sd,
    method.draws?.strip,
    ...(method.parts ?? []).map((part) => part.strip),
  ];
  return [original, ...methods.flatMap(of)].filter(Boolean);
}

function deleteOldPixels(grid) {
  const wanted = new Set(urls(grid));
  for (const url of grid.pixels.keys()) if (!wanted.has(url)) grid.pixels.delete(url);
}

function decodeAll(grid) {
  return Promise.all(
    urls(grid).map((url) => {
      if (!grid.pixels.has(url)) {
        const reading = decode(url).then(
          (image) => grid.pixels.has(url) && grid.pixels.set(url, image),
          (error) => console.error("method grid: an image could not be read", error),
        );
        grid.pixels.set(url, reading);
      }
      return grid.pixels.get(url);
    }),
  );
}

async function decode(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function pixelsOf(grid, url) {
  const found = url && grid.pixels.get(url);
  return found instanceof ImageData ? found.data : null;
}

// Row of a strip → level of each hidden pixel, as RGBA.
function stripRow(grid, url, row) {
  const size = 4 * grid.hiddenPixels.length;
  return pixelsOf(grid, url)?.subarray(row * size, (row + 1) * size) ?? null;
}

// ---------------------------------------------------------------- what a card shows

// {tiles: images as RGBA, in their own size} or {words}; null while an image is being decoded.
function contentOf(grid, name, view) {
  const original = pixelsOf(grid, grid.message.original);
  if (!original) return null;
  if (grid.held || name === ORIGINAL) return { tiles: [original] };
  if (name === PROBLEM) return { tiles: [original], hatched: true };
  const method = methodOf(grid, name);
  if (method.state === "waiting") return { words: "waiting" };
  if (!method.mean) {
    return {
      words: method.state === "stopped" ? "stopped before its first result" : method.state,
    };
  }
  if (view === "mean") return tilesOr(pixelsOf(grid, method.mean));
  if (view === "draws") return drawsOf(grid, method, original, MOSAIC);
  if (view === "factors") return factorsOf(grid, method, MOSAIC);
  return levelsOf(grid, method, view);
}

const tilesOr = (...tiles) => (tiles.every(Boolean) ? { tiles } : null);

function drawsOf(grid, method, original, limit) {
  if (method.state === "running") return { words: "draws appear at the end" };
  if (!grid.hiddenPixels.length) return { words: "no pixel is hidden" };
  if (!method.draws) return { words: "one completion, no draws" };
  const { strip, count } = method.draws;
  const tiles = Array.from({ length: Math.min(count, limit) }, (_, row) => {
    const levels = stripRow(grid, strip, row);
    return levels && withHidden(grid, levels, Uint8ClampedArray.from(original));
  });
  return tilesOr(...tiles);
}

// Write the levels of the hidden pixels into an image.
function withHidden(grid, levels, image) {
  grid.hiddenPixels.forEach((pixel, k) => {
    for (let c = 0; c < 3; c += 1) image[4 * pixel + c] = levels[4 * k + c];
  });
  return image;
}

function factorsOf(grid, method, limit) {
  if (method.state === "running") return { words: "appears at the end" };
  if (!method.parts?.length) return { words: "no factors" };
  const last = method.parts.slice(1).reduce((sum, part) => sum + Math.min(part.count, 1), 0);
  const tiles = method.parts.flatMap((part, i) =>
    partTiles(grid, part, i === 0 ? limit - last : 1),
  );
  return tilesOr(...tiles);
}

// Grey levels are shown in colours of a scale, colour images as they are sent.
function partTiles(grid, part, limit) {
  const { colour, zero } = grid.message;
  const table = part.signed ? grid.theme.diverging : grid.theme.sequential;
  return Array.from({ length: Math.min(part.count, limit) }, (_, row) => {
    const levels = stripRow(grid, part.strip, row);
    if (!levels) return null;
    if (colour) return withHidden(grid, levels, neutral(grid));
    const image = neutral(grid);
    grid.hiddenPixels.forEach((pixel, k) => {
      const level = part.signed ? Math.round((levels[4 * k] / zero) * 127.5) : levels[4 * k];
      image.set(table.subarray(4 * level, 4 * level + 4), 4 * pixel);
    });
    return image;
  });
}

function neutral(grid) {
  const image = new Uint8ClampedArray(4 * grid.hidden.length);
  for (let at = 0; at < image.length; at += 4) image.set(grid.theme.faint, at);
  return image;
}

// Hidden pixels in colours of a scale that is the same on all cards; observed pixels are neutral.
function levelsOf(grid, method, view) {
  const values = valuesOf(grid, method, view);
  if (values === null || typeof values === "string") return values && { words: values };
  const diverging = LEVELS[view] === "diverging";
  const table = grid.theme[LEVELS[view]];
  const image = neutral(grid);
  grid.hiddenPixels.forEach((pixel, k) => {
    const part = Math.min(Math.max(values[k] / grid.limit, -1), 1);
    const level = Math.round(255 * (diverging ? (part + 1) / 2 : part));
    image.set(table.subarray(4 * level, 4 * level + 4), 4 * pixel);
  });
  return { tiles: [image] };
}

// A number for each hidden pixel, averaged over colours; a text if there are no numbers.
function valuesOf(grid, method, view) {
  const mean = pixelsOf(grid, method.mean);
  if (view === "uncertainty") {
    if (!method.sd) return "one completion, no uncertainty";
    const sd = pixelsOf(grid, method.sd);
    return sd && grid.hiddenPixels.map((pixel) => (sd[4 * pixel] / 255) * grid.message.sdMax);
  }
  const chosen = view === "difference" ? referenceOf(grid) : grid.message.original;
  const other = pixelsOf(grid, chosen);
  if (!chosen) return "the reference has no mean yet";
  if (!mean || !other) return null;
  const sign = view === "error" ? Math.abs : (value) => value;
  return grid.hiddenPixels.map((pixel) => {
    let sum = 0;
    for (let c = 4 * pixel; c < 4 * pixel + 3; c += 1) sum += sign(mean[c] - other[c]);
    return sum / 3 / 255;
  });
}

function referenceOf(grid) {
  const name = grid.select.value;
  return name === ORIGINAL ? grid.message.original : methodOf(grid, name)?.mean;
}

// The end of the colour scale of a view: a round number that covers nearly all pixels.
function findLimit(grid) {
  let [needed, largest] = [0, 0];
  for (const method of grid.message.methods) {
    const values = method.mean && valuesOf(grid, method, grid.view);
    if (!Array.isArray(values) || !values.length) continue;
    const sizes = values.map(Math.abs).sort((a, b) => a - b);
    needed = Math.max(needed, sizes[Math.floor(COVERED * (sizes.length - 1))]);
    largest = Math.max(largest, sizes[sizes.length - 1]);
  }
  grid.limit = LIMITS.find((limit) => limit >= needed - 1e-9) ?? 1;
  grid.exceeded = largest > grid.limit + 0.5 / 255;
}

// ---------------------------------------------------------------- painting

function refresh(grid) {
  if (LEVELS[grid.view]) findLimit(grid);
  writeKey(grid);
  paint(grid);
}

function paint(grid) {
  if (!grid.message || !grid.theme || !grid.root.clientWidth) return;
  for (const [name, card] of grid.cards) {
    show(grid, name, card, grid.view);
    const shown = card.words.textContent || (grid.held ? grid.noun : VIEW_NAMES[grid.view]);
    const what = methodOf(grid, name) ? `: ${shown}` : "";
    card.image.setAttribute("aria-label", `${card.title.textContent}${what}. Enlarge`);
  }
  if (grid.large !== null) paintLarge(grid);
}

function show(grid, name, { canvas, outline, words }, view) {
  const content = contentOf(grid, name, view);
  if (!content) return;
  words.textContent = content.words ?? "";
  const single = content.tiles?.length === 1 && !content.hatched;
  outline.toggleAttribute("hidden", !single || !grid.outlined.checked);
  outline.setAttribute("viewBox", `0 0 ${grid.message.width} ${grid.message.height}`);
  outline.firstChild.setAttribute("d", grid.border);
  if (content.tiles) mosaic(grid, canvas, content.tiles);
  if (content.hatched) hatch(canvas, grid.hidden, grid.message.width, grid.message.height);
}

// Images side by side in a square of the size of the canvas on screen.
function mosaic(grid, canvas, tiles) {
  const context = fit(canvas);
  const side = canvas.width;
  const across = Math.ceil(Math.sqrt(tiles.length));
  const gap = across > 1 ? Math.round(devicePixelRatio || 1) : 0;
  const size = Math.floor((side - gap * (across - 1)) / across);
  const at = (k) => (across > 1 ? Math.round((k * (side - size)) / (across - 1)) : 0);
  context.clearRect(0, 0, side, side);
  tiles.forEach((tile, i) => {
    enlarge(grid, context, tile, at(i % across), at(Math.floor(i / across)), size);
  });
}

function fit(canvas) {
  const side = Math.max(Math.round(canvas.clientWidth * (devicePixelRatio || 1)), 1);
  if (canvas.width !== side || canvas.height !== side) {
    canvas.width = side;
    canvas.height = side;
  }
  return canvas.getContext("2d");
}

// Enlarged by an integer without smoothing, then smoothly to size: cells are equal and almost
// sharp.
function enlarge(grid, context, image, x, y, size) {
  const { height, width, pixelated } = grid.message;
  let source = scratch("own", width, height);
  source.getContext("2d").putImageData(new ImageData(image, width, height), 0, 0);
  if (pixelated && size !== width) {
    const times = Math.ceil(size / width);
    const larger = scratch("larger", width * times, height * times);
    const within = larger.getContext("2d");
    within.imageSmoothingEnabled = false;
    within.drawImage(source, 0, 0, larger.width, larger.height);
    source = larger;
  }
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, x, y, size, size);
}

const scratches = {};

function scratch(name, width, height) {
  scratches[name] ??= element("canvas");
  const canvas = scratches[name];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return canvas;
}

// ---------------------------------------------------------------- theme

function readTheme(grid) {
  const [r, g, b] = readColour(grid.root, "var(--paper)");
  const dark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
  grid.root.classList.toggle("dark", dark);
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
  grid.theme = { faint: readColour(grid.root, "var(--faint)"), stops };
  for (const [name, list] of Object.entries(stops)) {
    grid.theme[name] = ramp(list.map((each) => readColour(grid.root, each)));
  }
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

// ---------------------------------------------------------------- building

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function writeCards(grid) {
  const { methods, originalTitle, originalNote } = grid.message;
  const fixed = [
    { name: PROBLEM, title: "Observed", state: "fixed", line: "hatched = hidden" },
    { name: ORIGINAL, title: originalTitle, state: "fixed", line: originalNote },
  ];
  const wanted = [...fixed, ...methods];
  for (const [name, card] of grid.cards) {
    if (wanted.some((each) => each.name === name)) continue;
    card.item.remove();
    grid.cards.delete(name);
  }
  wanted.forEach((method, i) => {
    if (!grid.cards.has(method.name)) grid.cards.set(method.name, createCard(grid, method.name));
    const card = grid.cards.get(method.name);
    const next = grid.list.children[i] ?? null;
    if (next !== card.item) grid.list.insertBefore(card.item, next);
    writeCard(grid, card, method);
  });
}

function createCard(grid, name) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const outline = svg("svg", { class: "outline", "aria-hidden": "true" }, svg("path"));
  const words = element("span", { class: "words" });
  const image = element("button", { type: "button", class: "image" }, canvas, outline, words);
  const bar = element("i");
  const progress = element(
    "div",
    { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
    bar,
  );
  const stop = element("button", { type: "button", class: "stop" });
  const frame = element("div", { class: "frame" }, image, progress, stop);
  const [title, note] = [element("h4"), element("p")];
  const item = element("li", { class: "card", "data-method": name }, frame, title, note);
  image.onclick = () => openLarge(grid, name);
  stop.onclick = () => requestStop(grid, name);
  return { item, canvas, outline, words, image, progress, bar, stop, title, note };
}

function writeCard(grid, card, method) {
  const running = method.state === "running";
  card.item.dataset.state = method.state;
  write(card.title, method.title);
  write(card.note, method.line ?? lineOf(method));
  card.progress.hidden = !running;
  card.stop.hidden = !running;
  const stopping = grid.stopping.has(method.name);
  card.stop.disabled = stopping;
  write(card.stop, stopping ? "Stopping …" : "Stop");
  card.stop.setAttribute("aria-label", `${stopping ? "Stopping" : "Stop"} ${method.title}`);
  if (running) {
    const percent = Math.round(100 * method.done);
    card.bar.style.width = `${percent}%`;
    card.progress.setAttribute("aria-valuenow", percent);
    card.progress.setAttribute("aria-label", `Progress of ${method.title}`);
  }
}

function lineOf(method) {
  const state = ["running", "stopped"].includes(method.state) ? method.state : "";
  return [method.seconds, state, method.note].filter(Boolean).join(" · ");
}

function writeReference(grid) {
  const before = grid.select.value || ORIGINAL;
  const options = [
    [ORIGINAL, grid.message.originalTitle],
    ...grid.message.methods.map((m) => [m.name, m.title]),
  ];
  const names = JSON.stringify(options);
  if (grid.select.dataset.names === names) return;
  grid.select.dataset.names = names;
  const items = options.map(([value, text]) => element("option", { value }, text));
  grid.select.replaceChildren(...items);
  grid.select.value = options.some(([value]) => value === before) ? before : ORIGINAL;
}

function writeKey(grid) {
  const { view, message } = grid;
  const averaged = message.colour ? ", averaged over colours" : "";
  write(
    grid.about,
    {
      mean: "Posterior mean of each method; observed pixels are unchanged",
      draws: `At most ${MOSAIC} draws of each method; enlarge a card to see more`,
      uncertainty: `Standard deviation of hidden pixels${averaged}`,
      error: `|mean − original| of hidden pixels${averaged}`,
      difference: "Mean minus",
      factors: "Factors of the model, with zero in the middle of the scale; last, the noise",
    }[view],
  );
  markChosen(grid.views, grid.views.querySelector(`[data-view=${view}]`));
  grid.root.dataset.shown = view;
  grid.reference.hidden = view !== "difference";
  writeScale(grid);
}

function writeScale(grid) {
  const kind = LEVELS[grid.view];
  grid.scale.hidden = !kind;
  if (!kind) return;
  const [low, bar, high] = grid.scale.children;
  const ends = scaleEnds(grid);
  write(low, ends[0]);
  write(high, ends[1]);
  bar.style.background = `linear-gradient(to right, ${grid.theme.stops[kind].join()})`;
}

function scaleEnds(grid) {
  const signed = LEVELS[grid.view] === "diverging";
  const more = grid.exceeded ? " or more" : "";
  return [signed ? `−${grid.limit}` : "0", `${signed ? "+" : ""}${grid.limit}${more}`];
}

// ---------------------------------------------------------------- one method, large

function openLarge(grid, name) {
  grid.large = name;
  writeLarge(grid);
  grid.dialog.showModal();
  grid.dialog.scrollTop = 0;
  paint(grid);
}

function writeLarge(grid) {
  const { dialog, large: name } = grid;
  const card = grid.cards.get(name);
  if (!card) {
    grid.large = null; // the new run does not have this method
    dialog.close();
    return;
  }
  const method = methodOf(grid, name);
  write(dialog.querySelector(".title"), card.title.textContent);
  write(dialog.querySelector(".note"), card.note.textContent);
  const written = JSON.stringify([name, method?.diagnostics, method?.draws, method?.parts]);
  if (grid.written === written) return;
  grid.written = written;
  const items = (method?.diagnostics ?? []).map(diagnosticItem);
  dialog.querySelector("dl").replaceChildren(...items);
  const sets = [];
  if (method?.draws) sets.push(setOf("draws", counted(method.draws.count, "draw"), ""));
  for (const part of method?.parts ?? []) {
    const scale = `${part.signed ? "±" : "0 to"} ${Number(part.limit.toPrecision(2))}`;
    sets.push(setOf("part", part.name[0].toUpperCase() + part.name.slice(1), scale));
  }
  dialog.querySelector(".sets").replaceChildren(...sets);
}

function largeCaption(grid, name, view) {
  if (grid.held) return grid.noun;
  if (!methodOf(grid, name)) return "";
  const scale = LEVELS[view] ? `, ${scaleEnds(grid).join(" to ")}` : "";
  return `${VIEW_NAMES[view]}${scale}`;
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function setOf(kind, title, scale) {
  const heading = element("h5", {}, title);
  if (scale) heading.append(element("small", {}, scale));
  const images = element("div", { class: "set", role: "img", "aria-label": title });
  return element("section", { "data-set": kind }, heading, images);
}

function diagnosticItem({ label: name, text, error, warn, about }) {
  const value = element("dd", warn ? { class: "warn" } : {}, warn ? "⚠\uFE0E " : "", text);
  if (warn) value.append(element("span", { class: "visually-hidden" }, " (warning)"));
  if (error) value.append(" ", element("small", {}, error));
  const meaning = element("dd", { class: "about" }, about);
  return element("div", {}, element("dt", {}, name), value, meaning);
}

function paintLarge(grid) {
  const { dialog, large: name } = grid;
  const method = methodOf(grid, name);
  const canvas = dialog.querySelector(".frame canvas");
  const view = ["draws", "factors"].includes(grid.view) ? "mean" : grid.view;
  write(dialog.querySelector("h4 small"), largeCaption(grid, name, view));
  canvas.setAttribute("aria-label", dialog.querySelector("h4").textContent.trim());
  const [outline, words] = [".outline", ".words"].map((name) => dialog.querySelector(name));
  show(grid, name, { canvas, outline, words }, view);
  if (!method) return;
  const original = pixelsOf(grid, grid.message.original);
  const sets = [...dialog.querySelectorAll(".set")];
  const tiles = [
    ...(method.draws && original ? [drawsOf(grid, method, original, Infinity)?.tiles] : []),
    ...(method.parts ?? []).map((part) => partTiles(grid, part, Infinity)),
  ];
  sets.forEach((set, i) => paintSet(grid, set, (tiles[i] ?? []).filter(Boolean)));
}

function paintSet(grid, set, tiles) {
  while (set.children.length > tiles.length) set.lastChild.remove();
  while (set.children.length < tiles.length) set.append(element("canvas"));
  tiles.forEach((tile, i) => mosaic(grid, set.children[i], [tile]));
}

// ---------------------------------------------------------------- scores

function writeTable(grid) {
  const { columns } = grid.message;
  grid.scores.hidden = columns.length === 0;
  const head = grid.scores.querySelector("thead tr");
  const names = JSON.stringify(columns.map(({ name, definition }) => [name, definition]));
  if (head.dataset.names !== names) {
    head.dataset.names = names;
    const all = [{ name: METHOD, definition: "" }, ...columns];
    head.replaceChildren(...all.map((column, i) => heading(grid, column, i)));
  }
  if (!columns.some(({ name }) => name === grid.sorted?.name) && grid.sorted?.name !== METHOD) {
    grid.sorted = null;
  }
  for (const th of head.children) {
    th.setAttribute("aria-sort", sortWord(grid, th.dataset.column));
  }
  const rows = inOrder(grid).map((method) => tableRow(grid, method));
  grid.scores.querySelector("tbody").replaceChildren(...rows);
}

function heading(grid, { name, definition }, i) {
  const text = name[0].toUpperCase() + name.slice(1);
  const button = element("button", { type: "button" }, text);
  const th = element("th", { scope: "col", "data-column": name }, button);
  if (definition) {
    const id = `method-grid-definition-${i}`;
    th.append(element("span", { id, class: "visually-hidden" }, definition));
    button.setAttribute("aria-describedby", id);
    button.onpointerenter = () => showTip(grid, button, definition);
    button.onfocus = () => showTip(grid, button, definition);
    button.onpointerleave = (event) => event.pointerType === "mouse" && hideTip(grid);
    button.onblur = () => hideTip(grid);
  }
  button.onclick = () => sort(grid, name);
  return th;
}

// The first click sorts from the best, the second from the worst; the third restores the order.
function sort(grid, name) {
  const column = grid.message.columns.find((each) => each.name === name);
  const first = column?.high ?? false;
  const same = grid.sorted?.name === name;
  if (!same) grid.sorted = { name, down: first };
  else grid.sorted = grid.sorted.down === first ? { name, down: !first } : null;
  writeTable(grid);
}

function sortWord(grid, name) {
  if (grid.sorted?.name !== name) return "none";
  return grid.sorted.down ? "descending" : "ascending";
}

function inOrder(grid) {
  const { methods, columns } = grid.message;
  if (!grid.sorted) return methods;
  const { name, down } = grid.sorted;
  const sign = down ? -1 : 1;
  if (name === METHOD) return [...methods].sort((a, b) => sign * a.title.localeCompare(b.title));
  const { cells } = columns.find((column) => column.name === name);
  const value = (method) => cells[method.name]?.value ?? null;
  return [...methods].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null); // no score: last
    return sign * (x - y);
  });
}

function tableRow(grid, method) {
  const name = element("th", { scope: "row" }, method.title);
  if (method.state !== "finished") name.append(element("small", {}, method.state));
  const cells = grid.message.columns.map((column) => scoreCell(column.cells[method.name]));
  const names = { "data-method": method.name, "data-state": method.state };
  return element("tr", names, name, ...cells);
}

function scoreCell(cell) {
  if (!cell) return element("td", { class: "none" }, "–");
  const text = element(cell.best ? "b" : "span", {}, cell.text);
  const td = element("td", {}, text);
  if (cell.best) td.append(element("span", { class: "visually-hidden" }, " (best or tied)"));
  if (cell.error) td.append(element("small", {}, cell.error));
  return td;
}

function showTip(grid, button, text) {
  write(grid.tip, text);
  grid.tip.hidden = false;
  const [outer, at] = [grid.root, button].map((each) => each.getBoundingClientRect());
  const { offsetWidth: width, offsetHeight: height } = grid.tip;
  const middle = at.left + at.width / 2 - outer.left - width / 2;
  const left = Math.max(Math.min(middle, outer.width - width), 0);
  grid.tip.style.left = `${left}px`;
  grid.tip.style.top = `${at.top - outer.top - height - 6}px`;
}

function hideTip(grid) {
  grid.tip.hidden = true;
}

// ---------------------------------------------------------------- input

function listen(grid) {
  const { root, hold, dialog } = grid;
  radioGroup(grid.views, (button) => setView(grid, button.dataset.view));
  root.onkeydown = (event) => onKey(grid, event);
  grid.select.onchange = () => refresh(grid);
  grid.outlined.onchange = () => {
    grid.outlineChosen = true;
    paint(grid);
  };
  grid.scores.onscroll = () => {
    hideTip(grid);
    root.classList.toggle("scrolled", grid.scores.scrollLeft > 0);
  };
  dialog.querySelector(".close").onclick = () => dialog.close();
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onclose = () => {
    grid.cards.get(grid.large)?.image.focus();
    grid.large = null;
  };
  grid.removeListeners = holding(hold, "o", (held) => setHeld(grid, held));
}

function onKey(grid, event) {
  if (hasModifier(event)) return;
  event.stopPropagation(); // so that the page does not receive its hotkeys
  if (event.key === "Escape") hideTip(grid);
}

function setHeld(grid, held) {
  if (grid.held === held || (held && !grid.message)) return;
  grid.held = held;
  grid.hold.setAttribute("aria-pressed", held);
  grid.root.classList.toggle("held", held);
  if (grid.message && grid.theme) refresh(grid);
}

function setView(grid, view) {
  grid.view = view;
  if (grid.message) refresh(grid);
}

// The request is sent once. If the method still runs after a while, Stop can be pressed again.
function requestStop(grid, name) {
  const timer = setTimeout(() => {
    grid.stopping.delete(name);
    if (grid.message) writeCards(grid);
  }, STOP_TIMEOUT);
  grid.stopping.set(name, timer);
  grid.send("stop", { run: grid.message.run, method: name });
  writeCards(grid);
}
