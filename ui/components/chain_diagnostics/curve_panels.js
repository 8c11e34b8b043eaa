// The panels of traces and acceptance: one per sampler, one curve per chain.

const FIELD = ["logJoint", "ink", "height"];
const UNIT = [" nats", " pixels", " px from the top"];
const DECIMALS = [1, 0, 1];

/** A panel of curves: `axes` and `curves` are those of `linePlot`; `read(position, plot)` moves its
 *  cursor and returns its values as text; `rows(at)` are the values of the chains at an
 *  iteration. */
class CurvePanel {
  constructor(charts, { title, definition, stroke, label, axes, curves, read, rows }) {
    Object.assign(this, { charts, title, definition, stroke, label, axes, curves, read, rows });
  }

  draw(drawn, width) {
    const height = this.charts.width > WIDE ? 210 : 180;
    this.plot = linePlot({ width, height, curves: this.curves, ...this.axes });
    drawn.replaceChildren(this.plot.drawing);
  }

  /** The iteration and the chain at a position in pixels; chain −1: none. */
  find(x, y) {
    const at = this.plot.iterationAt(x);
    const distances = (this.rows?.(at) ?? []).map((value) => Math.abs(this.plot.top(value) - y));
    return { at, chain: distances.length ? distances.indexOf(Math.min(...distances)) : -1 };
  }

  /** Move the cursor. → the values there as text */
  move(position) {
    return this.read(position, this.plot);
  }
}

/** The axis of iterations. */
const alongIterations = ({ data }) => ({
  x: [0, data.iterations],
  warmup: data.warmup,
  xName: "iteration",
});

function chainCurves({ strokes, data, followed }, numbers, s, valueAt) {
  const curves = Array.from({ length: data.chains }, (_, c) => ({
    colour: strokes[s].colour,
    kind: c === followed ? "followed" : "thin",
    points: numbers.map((n) => [n, valueAt(n, c)]),
  }));
  const [own] = curves.splice(followed, 1);
  return [...curves, own]; // drawn last, on top
}

function tracePanels(charts) {
  const { data, kept, strokes } = charts;
  const q = charts.quantity;
  const valuesAt = (n, s) => kept.points.get(n)[s][FIELD[q]];
  const after = kept.numbers.filter((n) => n > data.warmup);
  const counted = after.length > 4 ? after : kept.numbers;
  const all = counted.flatMap((n) => data.samplers.flatMap((_, s) => [...valuesAt(n, s)]));
  return data.samplers.map(
    (title, s) =>
      new CurvePanel(charts, {
        title,
        stroke: strokes[s],
        label: `Traces of ${data.quantities[q]}, ${title}. ${data.sentences[s][0]}`,
        axes: { ...alongIterations(charts), ...rangeOf(all, { least: 1 }) },
        curves: chainCurves(charts, kept.numbers, s, (n, c) => valuesAt(n, s)[c]),
        rows: (at) => [...valuesAt(kept.numbers[lastUpTo(kept.numbers, at)], s)],
        read: ({ number }, plot) => {
          const chain = charts.shownChain;
          const value = valuesAt(number, s)[chain];
          plot.move(number, [{ value, colour: strokes[s].colour }]);
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
  const { data, kept, strokes } = charts;
  const counted = kept.frameNumbers.filter((n) => n >= data.warmup + 20);
  const percent = (value) => `${(100 * value).toFixed(value < 0.095 ? 1 : 0)} %`;
  return data.samplers.map((title, s) => {
    const ratesAt = (n) => kept.frames.get(n)[s].acceptance;
    const values = counted.flatMap((n) => [...ratesAt(n)]);
    const largest = values.length ? Math.max(...values) : 1;
    const high = [0.1, 0.2, 0.4, 0.6, 0.8, 1].find((end) => largest <= end + 1e-3) ?? 1;
    const { colour } = strokes[s];
    return new CurvePanel(charts, {
      title,
      stroke: strokes[s],
      label: `Acceptance over time, ${title}. ${data.sentences[s][0]}`,
      axes: {
        ...alongIterations(charts),
        y: [0, high * 1.03],
        ticksUp: [0, 0.25, 0.5, 0.75, 1].map((fraction) => ({
          value: fraction * high,
          text: `${+(100 * fraction * high).toFixed(1)} %`,
        })),
      },
      curves: [
        ...chainCurves(charts, kept.frameNumbers, s, (n, c) => ratesAt(n)[c]),
        { points: kept.frameNumbers.map((n) => [n, meanOf(ratesAt(n))]), colour, kind: "bold" },
      ],
      rows: (at) => [...ratesAt(kept.frameNumbers[lastUpTo(kept.frameNumbers, at)])],
      read: ({ frame }, plot) => {
        const chain = charts.shownChain;
        const mean = meanOf(ratesAt(frame));
        plot.move(frame, [{ value: mean, colour }]);
        return (
          `iteration ${frame}: mean ${percent(mean)}; chain ${chain + 1} ` +
          `${percent(ratesAt(frame)[chain])}${unmovedText(kept.frames.get(frame)[s], chain)}`
        );
      },
    });
  });
}
