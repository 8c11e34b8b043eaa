// The panels that compare the samplers: autocorrelation, R-hat and effective sample size.

const ENOUGH = 400; // effective sample size
const CONVERGED = 1.01; // R-hat
const SMALLEST_EXCESS = 0.001; // smallest R-hat − 1 that is drawn

/** The short name "Metropolis" for narrow columns. */
const short = (name) => name.replace("-within-Gibbs", "");

const diagnosesOf = ({ sentences, samplers }) =>
  sentences.map((all, s) => `${samplers[s]}: ${all[0]}`).join(" ");

/** Move the cursor of a plot, with a dot at each value that is not null. → the values as text */
function readSamplers({ data, strokes }, plot, at, values, text, scale = (value) => value) {
  const marked = values.map((value, s) => ({
    value: value === null ? NaN : scale(value),
    colour: strokes[s].colour,
  }));
  plot.move(at, marked);
  return values
    .map((value, s) => `${short(data.samplers[s])} ${value === null ? "–" : text(value)}`)
    .join(", ");
}

/** A panel with lags instead of iterations. */
class LagPanel extends CurvePanel {
  lag = 1; // chosen by keys or pointer

  move(position) {
    const { pointer } = this.charts;
    const last = this.axes.x[1] - 1;
    if (pointer) this.lag = Math.min(Math.max(Math.round(pointer.at), 0), last);
    return super.move(position);
  }

  step(by) {
    return { at: this.lag + by, chain: -1 };
  }
}

function autocorrelationPanel(charts) {
  const { data, strokes } = charts;
  const q = charts.quantity;
  const curves = data.autocorrelation.map((functions, s) => ({
    ...strokes[s],
    kind: "bold",
    points: functions[q].flatMap((value, lag) => (value === null ? [] : [[lag, value]])),
  }));
  const lags = Math.max(20, ...curves.map(({ points }) => points.length));
  const lowest = Math.min(0, ...curves.flatMap(({ points }) => points.map(([, v]) => v)));
  const low = lowest < -0.1 ? Math.max(-1, Math.floor(lowest * 5) / 5) : -0.1;
  const sampled = data.history.map((records) => records.at(-1)?.[0] ?? 0);
  const known = curves.some(({ points }) => points.length);
  const panel = new LagPanel(charts, {
    title: `Autocorrelation of ${data.quantities[q]}`,
    label: `Autocorrelation of ${data.quantities[q]} against the lag. ${diagnosesOf(data)}`,
    axes: {
      x: [0, lags],
      y: [low, 1.02],
      ticksUp: [0, 0.25, 0.5, 0.75, 1].map((value) => ({ value, text: value.toFixed(2) })),
      xName: "lag",
    },
    curves,
    read: (_, plot) => {
      if (!known) return "not available yet";
      const { lag } = panel;
      const values = data.autocorrelation.map((functions) => functions[q][lag] ?? null);
      const texts = readSamplers(charts, plot, lag, values, (value) => numberText(value, 2));
      return `lag ${lag}: ${texts} (up to iteration ${Math.max(...sampled)})`;
    },
  });
  return [panel];
}

function diagnosisPanels(charts) {
  const { data, strokes } = charts;
  const worst = (values, choose) => {
    const known = values.filter((value) => value !== null);
    return known.length ? choose(...known) : null;
  };
  const curvesOf = (k, choose, scale = (value) => value) =>
    data.history.map((records, s) => ({
      ...strokes[s],
      kind: "bold",
      points: records.flatMap((record) => {
        const value = worst(record[k], choose);
        return value === null ? [] : [[record[0], scale(value)]];
      }),
    }));
  const log = (rhat) => Math.log10(Math.max(rhat - 1, SMALLEST_EXCESS));
  const rhats = curvesOf(1, Math.max, log);
  const sizes = curvesOf(2, Math.min);
  const heightsOf = (curves) => curves.flatMap(({ points }) => points.map(([, v]) => v));
  const latest = (k, choose, number) =>
    data.history.map((records) => {
      const past = records.filter(([iteration]) => iteration <= number);
      return past.length ? worst(past.at(-1)[k], choose) : null;
    });
  const rhatText = (value) => value.toFixed(value < 1.02 ? 3 : 2);
  return [
    new CurvePanel(charts, {
      title: "R-hat",
      definition: data.definitions.rhat,
      label: `R-hat over time. ${diagnosesOf(data)}`,
      axes: {
        ...alongIterations(charts),
        y: [-3, Math.max(0, ...heightsOf(rhats)) + 0.1],
        ticksUp: [1.001, 1.01, 1.1, 2].map((rhat) => ({ value: log(rhat), text: String(rhat) })),
        threshold: { value: log(CONVERGED), text: "target: below 1.01" },
      },
      curves: rhats,
      read: ({ number }, plot) =>
        readSamplers(charts, plot, number, latest(1, Math.max, number), rhatText, log),
    }),
    new CurvePanel(charts, {
      title: "Effective sample size",
      definition: data.definitions.ess,
      label: `Effective sample size over time. ${diagnosesOf(data)}`,
      axes: {
        ...alongIterations(charts),
        ...rangeOf([0, 100, ...heightsOf(sizes)]),
        threshold: { value: ENOUGH, text: "target: 400" },
      },
      curves: sizes,
      read: ({ number }, plot) => {
        const drawn = Math.max(0, number - data.warmup) * data.chains;
        const text = (value) =>
          `${value < 10 ? value.toFixed(1) : Math.round(value)} of ${drawn.toLocaleString("en")}`;
        return readSamplers(charts, plot, number, latest(2, Math.min, number), text);
      },
    }),
  ];
}
