// The numbers of a sampler.

const RHAT_WARNING = 1.05;

const NUMBERS = [
  {
    name: "acceptance",
    label: "Acceptance",
    define: "Acceptance: fraction of the proposals accepted after the warm-up.",
    format: (value) => value.toFixed(2),
  },
  {
    name: "stuck",
    label: "Stuck chains",
    define: "Stuck chains: chains that accepted no proposal since the warm-up.",
    format: (value) => String(value),
    after: ({ chains }) => `of ${chains}`,
    warns: (value) => value > 0,
  },
  {
    name: "rhat",
    label: "Split R-hat",
    format: (value) => (value < 100 ? value.toFixed(value < 10 ? 3 : 1) : "> 100"),
    warns: (value) => value > RHAT_WARNING,
  },
  {
    name: "ess",
    label: "ESS",
    format: (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")),
  },
  {
    name: "f1_mean",
    label: "F1 of mean",
    format: (value) => value.toFixed(2),
  },
];

/** The numbers of sampler s, with their errors and warnings. Without an original there are no
 *  scores. */
function numberItems(data, s) {
  const shown = ({ name }) => data.scored !== false || !name.startsWith("f1");
  return NUMBERS.filter(shown).map((number) =>
    numberItem(data, number, data.diagnostics[s] ?? {}),
  );
}

function numberItem(data, number, values) {
  const value = values[number.name] ?? null;
  const error = values[`${number.name}_error`] ?? null;
  const text = element("dd", {}, value === null ? "–" : number.format(value));
  if (value !== null && number.warns?.(value)) text.append(warningMark());
  if (value !== null && error !== null) {
    text.append(" ", element("small", {}, `± ${error.toFixed(2)}`));
  }
  if (value !== null && number.after) text.append(" ", element("small", {}, number.after(data)));
  const title = number.define ?? data.definitions[number.name];
  const name = element("dt", {}, number.label);
  return element("div", { title, "data-number": number.name }, name, text);
}

function warningMark() {
  const round = "stroke-linejoin:round;stroke-linecap:round";
  const style = `fill:none;stroke:currentColor;stroke-width:1.6;${round}`;
  const attributes = { class: "warn", viewBox: "0 0 16 16", role: "img", "aria-label": "warning" };
  return svg("svg", attributes, svg("path", { d: "M8 1.8 15 14H1zM8 6v3.6M8 11.7v.3", style }));
}
