// The dialog with one card, large.

/** Shows the image of one card, and the diagnostics, the draws and the parts of its method. */
class Enlarged {
  constructor(grid) {
    this.grid = grid;
    this.dialog = grid.root.querySelector("dialog");
    this.name = null; // of the method; null: the dialog is closed
    this.written = "";
    const { dialog } = this;
    dialog.querySelector(".close").onclick = () => dialog.close();
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    dialog.onclose = () => {
      grid.cards.get(this.name)?.image.focus();
      this.name = null;
    };
  }

  open(name) {
    this.name = name;
    this.update();
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.paint();
  }

  /** New data. */
  update() {
    const { dialog, grid, name } = this;
    if (name === null) return;
    const card = grid.cards.get(name);
    if (!card) {
      this.name = null; // the new run does not have this method
      dialog.close();
      return;
    }
    const method = grid.methodNamed(name);
    write(dialog.querySelector(".title"), card.title.textContent);
    write(dialog.querySelector(".note"), card.note.textContent);
    const written = JSON.stringify([name, method?.diagnostics, method?.draws, method?.parts]);
    if (this.written === written) return;
    this.written = written;
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

  paint() {
    const { dialog, grid, name } = this;
    if (name === null) return;
    const method = grid.methodNamed(name);
    const canvas = dialog.querySelector(".frame canvas");
    const view = ["draws", "factors"].includes(grid.view) ? "mean" : grid.view;
    write(dialog.querySelector("h4 small"), this.caption(method, view));
    canvas.setAttribute("aria-label", dialog.querySelector("h4").textContent.trim());
    const [outline, words] = [".outline", ".words"].map((each) => dialog.querySelector(each));
    grid.show(name, { canvas, outline, words }, view);
    if (!method) return;
    const tiles = [
      ...(method.draws && grid.pixels.of(grid.data.original)
        ? [drawsOf(grid, method, Infinity)?.tiles]
        : []),
      ...(method.parts ?? []).map((part) => partTiles(grid, part, Infinity)),
    ];
    dialog.querySelectorAll(".set").forEach((set, i) => {
      paintSet(set, (tiles[i] ?? []).filter(Boolean), grid.data);
    });
  }

  caption(method, view) {
    const { grid } = this;
    if (grid.pressed) return grid.noun;
    if (!method) return "";
    const scale = SCALES[view] ? `, ${scaleEnds(grid).join(" to ")}` : "";
    return `${VIEW_NAMES[view]}${scale}`;
  }
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

function paintSet(set, tiles, size) {
  while (set.children.length > tiles.length) set.lastChild.remove();
  while (set.children.length < tiles.length) set.append(element("canvas"));
  tiles.forEach((tile, i) => paintMosaic(set.children[i], [tile], size));
}
