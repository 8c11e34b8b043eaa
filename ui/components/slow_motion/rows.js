// The bars of stage 3: one row per term; all rows of a table share one zero.

const TERMS = [
  { name: "new", label: ["+ log p(", "x, z′", ")"] },
  { name: "now", label: ["− log p(", "x, z", ")"] },
  { name: "reverse", label: ["+ log q(", "z | x", ")"] },
  { name: "forward", label: ["− log q(", "z′ | x", ")"] },
];
const PAIRS = [
  { name: "fit", label: ["fit"], title: "log p(x, z′) − log p(x, z)" },
  { name: "proposal", label: ["proposal ratio"], title: "log q(z | x) − log q(z′ | x)" },
  { name: "ratio", label: ["log ρ"], title: "log ρ = fit + proposal ratio" },
];

/** Append a table of empty rows to `container`; → its rows by name. */
function buildRows(container, rows) {
  return Object.fromEntries(
    rows.map(({ name, label, title = "" }) => {
      const text = label.map((part, i) => (i % 2 ? element("i", {}, part) : part));
      const bar = element("i", { class: "amount" });
      const track = element("div", { class: "track" }, element("i", { class: "zero" }), bar);
      const number = element("output", { "data-number": name });
      const row = element("div", { class: `row ${name}`, title });
      row.append(element("span", { class: "label" }, ...text), track, number);
      container.append(row);
      return [name, { row, track, bar, number }];
    }),
  );
}

/** The range of the rows' ends, zero and `others`, with a small margin. */
function reachOf(ends, others = []) {
  const all = [0, ...ends.flat(), ...others];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = (high - low || 1) * 0.03;
  return { low: low - margin, high: high + margin };
}

/** Draw each row's bar [from, to] on the scale {low, high}, and write its number. */
function fillRows(rows, amounts, { low, high }) {
  const percent = (value) => (100 * (value - low)) / (high - low);
  for (const [name, [from, to]] of Object.entries(amounts)) {
    const { row, track, bar, number } = rows[name];
    row.classList.toggle("against", to < from);
    track.style.setProperty("--zero", `${percent(0)}%`);
    bar.style.left = `${percent(Math.min(from, to))}%`;
    bar.style.width = `${Math.abs(percent(to) - percent(from))}%`;
    number.textContent = signed(to - from);
  }
  return percent;
}

function signed(value) {
  const text = numberText(value, 1);
  return /^[−0]/.test(text) && (text.startsWith("−") || Number(text) === 0) ? text : `+${text}`;
}
