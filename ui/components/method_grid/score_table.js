// The table of scores: one row per method, sorted by a click on a heading.

const METHOD = "method";

class ScoreTable {
  constructor(outer) {
    this.outer = outer; // the tooltip is placed in it
    this.root = outer.querySelector(".scores");
    this.tip = outer.querySelector(".tip");
    this.data = null;
    this.sorted = null; // {name, down}
    this.root.onscroll = () => {
      this.hideTip();
      outer.classList.toggle("scrolled", this.root.scrollLeft > 0);
    };
  }

  update(data) {
    this.data = data;
    const { columns } = data;
    this.root.hidden = columns.length === 0;
    const head = this.root.querySelector("thead tr");
    const names = JSON.stringify(columns.map(({ name, definition }) => [name, definition]));
    if (head.dataset.names !== names) {
      head.dataset.names = names;
      const all = [{ name: METHOD, definition: "" }, ...columns];
      head.replaceChildren(...all.map((column, i) => this.heading(column, i)));
    }
    if (![METHOD, ...columns.map(({ name }) => name)].includes(this.sorted?.name)) {
      this.sorted = null;
    }
    for (const th of head.children) {
      th.setAttribute("aria-sort", sortWord(this.sorted, th.dataset.column));
    }
    const rows = inOrder(data, this.sorted).map((method) => tableRow(method, columns));
    this.root.querySelector("tbody").replaceChildren(...rows);
  }

  heading({ name, definition }, i) {
    const text = name[0].toUpperCase() + name.slice(1);
    const button = element("button", { type: "button" }, text);
    const th = element("th", { scope: "col", "data-column": name }, button);
    if (definition) {
      const id = `method-grid-definition-${i}`;
      th.append(element("span", { id, class: "visually-hidden" }, definition));
      button.setAttribute("aria-describedby", id);
      button.onpointerenter = button.onfocus = () => this.showTip(button, definition);
      button.onpointerleave = (event) => event.pointerType === "mouse" && this.hideTip();
      button.onblur = () => this.hideTip();
    }
    button.onclick = () => this.sort(name);
    return th;
  }

  /** The first click sorts from the best, the second from the worst; the third restores the
   *  order. */
  sort(name) {
    const first = this.data.columns.find((each) => each.name === name)?.high ?? false;
    const same = this.sorted?.name === name;
    if (!same) this.sorted = { name, down: first };
    else this.sorted = this.sorted.down === first ? { name, down: !first } : null;
    this.update(this.data);
  }

  showTip(button, text) {
    const { outer, tip } = this;
    write(tip, text);
    tip.hidden = false;
    const [around, at] = [outer, button].map((each) => each.getBoundingClientRect());
    const { offsetWidth: width, offsetHeight: height } = tip;
    const middle = at.left + at.width / 2 - around.left - width / 2;
    const left = Math.max(Math.min(middle, around.width - width), 0);
    tip.style.left = `${left}px`;
    tip.style.top = `${at.top - around.top - height - 6}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }
}

function sortWord(sorted, name) {
  if (sorted?.name !== name) return "none";
  return sorted.down ? "descending" : "ascending";
}

function inOrder({ methods, columns }, sorted) {
  if (!sorted) return methods;
  const { name, down } = sorted;
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

function tableRow(method, columns) {
  const name = element("th", { scope: "row" }, method.title);
  if (method.state !== "finished") name.append(element("small", {}, method.state));
  const cells = columns.map((column) => scoreCell(column.cells[method.name]));
  const names = { "data-method": method.name, "data-state": method.state };
  return element("tr", names, name, ...cells);
}

function scoreCell(cell) {
  if (!cell) return element("td", { class: "none" }, "–");
  const text = element(cell.best ? "b" : "span", {}, cell.text);
  const td = element("td", {}, text);
  if (cell.best)
    td.append(element("span", { class: "visually-hidden" }, " (best, or tied with it)"));
  if (cell.error) td.append(element("small", {}, cell.error));
  return td;
}
