// Sliders that send while they are dragged: one message on its way, then the newest values.

const PATIENCE = 3000; // milliseconds after which an answer is no longer waited for
const BACK = "M4.5 3.5v4h4M4.9 7.3a6 6 0 1 1-.6 4.2"; // an arrow that turns back

export default component({
  create: (parent) => new LiveSliders(parent),
  update: (sliders, { data, setStateValue }) => sliders.update(data, setStateValue),
  destroy: (sliders) => sliders.dispose(),
});

class LiveSliders {
  constructor(parent) {
    this.root = parent.querySelector(".live-sliders");
    this.list = parent.querySelector(".sliders");
    this.all = parent.querySelector(".all");
    this.data = null;
    this.rows = []; // a slider's elements and how to show and read it
    this.sent = 0; // the number of the last message
    this.waiting = 0; // timer that runs until the message is answered
    this.newer = false; // the values have changed since that message
    this.listen();
  }

  dispose() {
    clearTimeout(this.waiting);
  }

  /** New data or a new theme. The values follow only a new revision, or other sliders. */
  update(data, setStateValue) {
    const last = this.data;
    this.data = data;
    this.setStateValue = setStateValue;
    this.root.setAttribute("aria-label", data.label);
    this.root.querySelector(".title").textContent = data.label;
    this.root.classList.toggle("compact", data.compact);
    const others = JSON.stringify(last?.sliders) !== JSON.stringify(data.sliders);
    if (others) {
      this.rows = data.sliders.map((slider, i) => new Row(slider, i));
      this.list.replaceChildren(...this.rows.map((row) => row.root));
    }
    if (!last) this.sent = data.answered; // Python may know messages from before a remount
    if (others || last.rev !== data.rev) {
      this.newer = false;
      this.rest();
      this.rows.forEach((row, i) => row.put(data.values[i], data.defaults[i]));
      this.showReset();
    } else if (this.waiting && data.answered >= this.sent) this.answered();
  }

  // --- Messages

  changed() {
    this.showReset();
    if (this.waiting) this.newer = true;
    else this.post();
  }

  post() {
    this.newer = false;
    this.sent += 1;
    this.waiting = setTimeout(() => this.answered(), PATIENCE);
    const values = Object.fromEntries(this.rows.map((row) => [row.name, row.value]));
    this.setStateValue("moved", { rev: this.data.rev, number: this.sent, values });
  }

  answered() {
    this.rest();
    if (this.newer) this.post();
  }

  rest() {
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
      row.input.focus({ focusVisible: e.detail === 0 }); // the button has gone
    };
    this.all.onclick = () => {
      this.reset(this.rows);
      this.rows[0].input.focus({ preventScroll: true, focusVisible: false });
    };
    // The page around has hotkeys of its own (R reruns, C clears caches).
    this.root.onkeydown = (e) => e.key === "Tab" || e.key === "Escape" || e.stopPropagation();
  }

  rowOf(event) {
    return this.rows.find((row) => row.root.contains(event.target));
  }

  reset(rows) {
    if (rows.every((row) => row.isDefault)) return;
    rows.forEach((row) => row.put(row.home));
    this.changed();
  }

  showReset() {
    this.all.classList.toggle(
      "idle",
      this.rows.every((row) => row.isDefault),
    );
  }
}

/** One slider on screen. `home` is where its reset leads. */
class Row {
  constructor({ name, label, low, high, step, unit, decimals, help }, i) {
    Object.assign(this, { name, low, high, decimals, unit, home: low });
    const id = `slider-${i}`;
    const limits = { min: low, max: high, step };
    this.input = element("input", { id, type: "range", "aria-label": label, ...limits });
    this.shown = element("span", { class: "value", "aria-hidden": "true" });
    const icon = svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
    icon.append(svg("path", { d: BACK }));
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
    return this.value === this.home;
  }

  put(value, home = this.home) {
    this.home = home;
    this.input.value = value;
    this.button.title = `Back to ${this.written(home)}`;
    this.show();
  }

  written(value) {
    const number = numberText(value, this.decimals);
    return this.unit ? `${number} ${this.unit}` : number;
  }

  /** The number, and the track filled from zero (or the lower end) to the thumb. */
  show() {
    const text = this.written(this.value);
    this.shown.textContent = text;
    this.input.setAttribute("aria-valuetext", text);
    const share = (value) => (value - this.low) / (this.high - this.low);
    const origin = Math.min(Math.max(0, this.low), this.high);
    const ends = [share(origin), share(this.value)].sort((a, b) => a - b);
    this.input.style.setProperty("--from", ends[0] || -1); // from the very end of the track
    this.input.style.setProperty("--to", ends[1]);
    this.root.classList.toggle("moved", !this.isDefault);
  }
}
