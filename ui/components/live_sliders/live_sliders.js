// Sliders that send their values while they are dragged. While a message waits for its answer, no
// other is sent; then the newest values follow.

const ANSWER_TIMEOUT = 3000; // milliseconds
const RESET_ICON = "M4.5 3.5v4h4M4.9 7.3a6 6 0 1 1-.6 4.2"; // a circular arrow

class LiveSliders {
  constructor(parent) {
    this.root = parent.querySelector(".live-sliders");
    this.list = parent.querySelector(".sliders");
    this.resetAll = parent.querySelector(".reset-all");
    this.data = null;
    this.rows = []; // one Row per slider
    this.sent = 0; // the number of the last message
    this.waiting = 0; // timer; 0 unless a message waits for its answer
    this.changedSince = false; // the values have changed since that message
    this.listen();
  }

  dispose() {
    clearTimeout(this.waiting);
  }

  /** New data or a new theme. The values change only with a new revision or other sliders. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.setStateValue = setStateValue;
    this.root.setAttribute("aria-label", data.label);
    this.root.querySelector(".title").textContent = data.label;
    this.root.classList.toggle("compact", data.compact);
    const newSliders = JSON.stringify(last?.sliders) !== JSON.stringify(data.sliders);
    if (newSliders) {
      this.rows = data.sliders.map((slider, i) => new Row(slider, i));
      this.list.replaceChildren(...this.rows.map((row) => row.root));
    }
    if (!last) this.sent = data.answered; // Python may have messages from before a remount
    if (newSliders || last.rev !== data.rev) {
      this.changedSince = false;
      this.stopWaiting();
      this.rows.forEach((row, i) => row.set(data.values[i], data.defaults[i]));
      this.showReset();
    } else if (this.waiting && data.answered >= this.sent) this.answered();
  }

  // --- Messages

  changed() {
    this.showReset();
    if (this.waiting) this.changedSince = true;
    else this.post();
  }

  post() {
    this.changedSince = false;
    this.sent += 1;
    this.waiting = setTimeout(() => this.answered(), ANSWER_TIMEOUT);
    const values = Object.fromEntries(this.rows.map((row) => [row.name, row.value]));
    this.setStateValue("moved", { rev: this.data.rev, number: this.sent, values });
  }

  answered() {
    this.stopWaiting();
    if (this.changedSince) this.post();
  }

  stopWaiting() {
    clearTimeout(this.waiting);
    this.waiting = 0;
  }

  // --- Input

  listen() {
    this.list.oninput = (e) => {
      this.rowOf(e).show();
      this.changed();
    };
    this.list.ondblclick = (e) => {
      if (e.target.matches("input")) this.reset([this.rowOf(e)]);
    };
    this.list.onclick = (e) => {
      if (!e.target.closest("button")) return;
      const row = this.rowOf(e);
      this.reset([row]);
      row.input.focus({ focusVisible: e.detail === 0 }); // the button is now hidden
    };
    this.resetAll.onclick = () => {
      this.reset(this.rows);
      this.rows[0].input.focus({ preventScroll: true, focusVisible: false });
    };
    // Other keys stay in the component, because the page has its own hotkeys (R reruns).
    this.root.onkeydown = (e) => e.key === "Tab" || e.key === "Escape" || e.stopPropagation();
  }

  rowOf(event) {
    return this.rows.find((row) => row.root.contains(event.target));
  }

  reset(rows) {
    if (rows.every((row) => row.isDefault)) return;
    rows.forEach((row) => row.set(row.defaultValue));
    this.changed();
  }

  showReset() {
    this.resetAll.classList.toggle(
      "idle",
      this.rows.every((row) => row.isDefault),
    );
  }
}

/** One slider with its label, its value and its reset button. */
class Row {
  constructor({ name, label, low, high, step, unit, decimals, help }, i) {
    Object.assign(this, { name, low, high, decimals, unit, defaultValue: low });
    const id = `slider-${i}`;
    const limits = { min: low, max: high, step };
    this.input = element("input", { id, type: "range", "aria-label": label, ...limits });
    this.shown = element("span", { class: "value", "aria-hidden": "true" });
    const icon = svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
    icon.append(svg("path", { d: RESET_ICON }));
    this.button = element("button", { type: "button", "aria-label": `Reset ${label}` }, icon);
    const title = element("label", { for: id, ...(help && { title: help }) }, label);
    this.root = element("div", { class: "slider" }, title, this.button, this.shown, this.input);
    if (!help) return;
    this.root.append(element("small", { id: `${id}-help` }, help));
    this.input.setAttribute("aria-describedby", `${id}-help`);
  }

  get value() {
    return this.input.valueAsNumber;
  }

  get isDefault() {
    return this.value === this.defaultValue;
  }

  set(value, defaultValue = this.defaultValue) {
    this.defaultValue = defaultValue;
    this.input.value = value;
    this.button.title = `Back to ${this.textOf(defaultValue)}`;
    this.show();
  }

  textOf(value) {
    const number = numberText(value, this.decimals);
    return this.unit ? `${number} ${this.unit}` : number;
  }

  /** Show the number, and fill the track from zero, or the end next to zero, to the thumb. */
  show() {
    const text = this.textOf(this.value);
    this.shown.textContent = text;
    this.input.setAttribute("aria-valuetext", text);
    const fraction = (value) => (value - this.low) / (this.high - this.low);
    const origin = Math.min(Math.max(0, this.low), this.high);
    const ends = [fraction(origin), fraction(this.value)].sort((a, b) => a - b);
    this.input.style.setProperty("--from", ends[0] || -1); // −1 fills the end of the track, too
    this.input.style.setProperty("--to", ends[1]);
    this.root.classList.toggle("moved", !this.isDefault);
  }
}

export default component(LiveSliders);
