// A distribution, a point a that the visitor drags, and the costs W₁ and W₂ of moving it to a.

const ROWS = { point: 13, minimiser: 31, trueValue: 48 }; // baselines of the labels at the top
const [TOP, BOTTOM] = [58, 190]; // vertical range of the density
const RUG = 10; // height of the rug below the density
const [CEILING, FLOOR, HEIGHT] = [276, 424, 448]; // vertical range of the costs, lower edge
const [LEFT, RIGHT] = [34, 12]; // margins
const PATHS = 24; // equal parts of the mass, drawn as paths to a
const REST = 2800; // milliseconds after the last move at which the animation stops
const MINIMISER = { w1: "median", w2: "mean" };
const SIGN = { w1: "W₁", w2: "W₂" };
const COSTS = ["w1", "w2"];

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

class Transport {
  constructor(parent) {
    this.root = parent.querySelector(".transport");
    this.figure = this.find(".figure");
    this.handle = this.find(".handle");
    this.data = null;
    this.timer = 0; // stops the animation
    this.point = new SlidingPoint(this.figure, this.handle, {
      show: () => this.drawPoint(),
      settle: (at) => this.send(at),
    });
    for (const name of COSTS) {
      const button = this.find(`.costs .${name} button`);
      button.onclick = () => this.point.glide(this.data[MINIMISER[name]]);
    }
    for (const kind of [".paths", ".packets"]) {
      const paths = Array.from({ length: PATHS }, () => svg("path", { pathLength: 100 }));
      this.find(kind).append(...paths);
    }
    this.observer = new ResizeObserver(() => this.width !== this.root.clientWidth && this.draw());
    this.observer.observe(this.root);
  }

  dispose() {
    this.observer.disconnect();
    this.point.stop();
    clearTimeout(this.timer);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** New data or a new theme. The point changes only with a new revision. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.send = (at) => {
      this.find("[aria-live]").textContent = this.summaryAt(at);
      setStateValue("point", { rev: data.rev, at });
    };
    const sample = weightedSample(doublesOf(data.values), doublesOf(data.weights));
    this.sample = sample;
    this.cost = { w1: (a) => w1(sample, a), w2: (a) => w2(sample, a) };
    this.best = { w1: quantilesOf(sample, [0.5])[0], w2: meanOf(sample) };
    this.starts = quantilesOf(
      sample,
      Array.from({ length: PATHS }, (_, i) => (i + 0.5) / PATHS),
    );
    this.find("h4").textContent = data.title;
    if (last?.rev !== data.rev) this.point.start(data.at);
    this.point.value = clamp(this.point.value, data.low, data.high);
    this.draw();
  }

  // --- Drawing of the parts that do not depend on a

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.data) return;
    const { low, high, mean, median } = this.data;
    this.right = this.width - RIGHT;
    this.most = 1.04 * Math.max(this.cost.w2(low), this.cost.w2(high));
    const x = (value) => LEFT + ((this.right - LEFT) * (value - low)) / (high - low);
    const valueAt = (pixel) => low + ((pixel - LEFT) / (this.right - LEFT)) * (high - low);
    Object.assign(this, { x, valueAt });
    this.point.axis = { low, high, stops: [mean, median], pixel: x, value: valueAt };
    this.y = (cost) => FLOOR - ((FLOOR - CEILING) * cost) / this.most;
    fill(this.figure, { width: this.width, height: HEIGHT });
    fill(this.handle, { "aria-valuemin": low, "aria-valuemax": high });
    this.drawAxes();
    this.drawDistribution();
    this.drawTrueValue();
    for (const name of COSTS) this.drawCost(name);
    this.drawPoint();
  }

  drawAxes() {
    const text = (at, value, { decimals }) => svg("text", at, numberText(value, decimals));
    const up = ticks(0, this.most, 4);
    const across = ticks(this.data.low, this.data.high, this.width / 90);
    this.find(".axes").replaceChildren(
      ...up.values.map((v) => svg("path", { d: `M${LEFT} ${this.y(v)}H${this.right}` })),
      ...up.values.map((v) => text({ class: "end", x: LEFT - 7, y: this.y(v) + 4 }, v, up)),
      ...across.values.map((v) => text({ x: this.x(v), y: FLOOR + 19 }, v, across)),
    );
    fill(this.find(".baseline"), { d: `M${LEFT} ${BOTTOM}H${this.right}` });
  }

  /** Draw the density, and the sample as a rug; the opacity of each tick shows its mass. */
  drawDistribution() {
    const { low, high } = this.data;
    const [grid, density] = [doublesOf(this.data.grid), doublesOf(this.data.density)];
    const highest = density.reduce((a, b) => Math.max(a, b)) || 1;
    const points = Array.from(grid, (value, i) => [value, density[i] / highest])
      .filter(([value]) => value >= low && value <= high)
      .map(([value, height]) => [this.x(value), BOTTOM - (BOTTOM - TOP) * height]);
    const ends = [points.at(-1), points[0]].map((point) => [point?.[0] ?? LEFT, BOTTOM]);
    fill(this.find(".mass"), { d: lineThrough([...points, ...ends]) });
    fill(this.find(".outline"), { d: lineThrough(points) });
    const masses = new Map();
    this.sample.x.forEach((value, k) => {
      const x = 1.5 * Math.round(this.x(value) / 1.5);
      if (x < LEFT || x > this.right) return;
      masses.set(x, (masses.get(x) ?? 0) + this.sample.w[k]);
    });
    const heaviest = Math.max(...masses.values());
    const opacity = (mass) => (0.1 + 0.9 * Math.sqrt(mass / heaviest)).toFixed(2);
    const rug = [...masses].map(([x, mass]) =>
      svg("path", {
        d: `M${x} ${BOTTOM + 3}V${BOTTOM + RUG}`,
        style: `opacity: ${opacity(mass)}`,
      }),
    );
    this.find(".rug").replaceChildren(...rug);
  }

  drawTrueValue() {
    const { trueValue, low, high } = this.data;
    const shown = trueValue !== null && trueValue >= low && trueValue <= high;
    this.find(".true-value").style.display = shown ? "" : "none";
    if (!shown) return;
    const x = this.x(trueValue);
    fill(this.find(".true-value path"), { d: `M${x} ${ROWS.trueValue + 5}V${BOTTOM}` });
    fill(this.find(".true-value text"), {
      x: clamp(x, LEFT + 16, this.right - 16),
      y: ROWS.trueValue,
    });
  }

  /** Draw a cost as a curve with its name on the steeper side, its minimum, and its minimiser. */
  drawCost(name) {
    const part = (kind) => this.find(`g.${name} .${kind}`);
    const { mean, median, low, high } = this.data;
    const [cost, best] = [this.cost[name], this.best[name]];
    const points = [];
    for (let x = LEFT; x <= this.right; x += 2) points.push([x, this.y(cost(this.valueAt(x)))]);
    fill(part("curve"), { d: lineThrough(points) });
    for (const kind of ["minimum", "halo"]) {
      fill(part(kind), { cx: this.x(best), cy: this.y(cost(best)) });
    }
    // W₂ ≥ W₁: the name of W₂ is above its curve, that of W₁ below.
    const isW2 = name === "w2";
    const falling = this.cost.w2(low) > this.cost.w2(high);
    const arm = low + (falling ? 0.14 : 0.86) * (high - low);
    const shift = isW2 === falling ? 8 : -8;
    fill(part("sign"), { x: this.x(arm) + shift, y: this.y(cost(arm)) + (isW2 ? -4 : 13) });
    part("sign").classList.toggle("end", shift < 0);
    // The left label ends at its line, the right label begins at its line.
    const at = this.data[MINIMISER[name]];
    const toLeft = isW2 ? mean < median : median <= mean;
    const x = toLeft ? Math.max(this.x(at) - 6, 48) : Math.min(this.x(at) + 6, this.width - 46);
    fill(part("label"), { x, y: ROWS.minimiser });
    part("label").classList.toggle("end", toLeft);
    fill(part("minimiser"), { d: `M${this.x(at)} ${ROWS.minimiser - 9}V${FLOOR}` });
  }

  // --- Drawing of the parts that depend on a

  drawPoint() {
    const at = this.point.value;
    const x = this.x(at);
    const label = { x: clamp(x, LEFT + 40, this.right - 40), y: ROWS.point };
    fill(this.find(".name"), label).textContent = `a = ${this.textOf(at)}`;
    fill(this.find(".stem"), { d: `M${x} ${ROWS.point + 6}V${FLOOR}` });
    fill(this.handle, { transform: `translate(${x} ${BOTTOM})`, "aria-valuenow": at });
    this.handle.setAttribute("aria-valuetext", this.summaryAt(at));
    this.starts.forEach((start, i) => {
      const from = this.x(start);
      const depth = BOTTOM + RUG + Math.min(0.6 * Math.abs(x - from), 126);
      const d = `M${from} ${BOTTOM + RUG}Q${(from + x) / 2} ${depth} ${x} ${BOTTOM}`;
      for (const kind of [".paths", ".packets"]) fill(this.find(kind).children[i], { d });
    });
    for (const name of COSTS) {
      fill(this.find(`.dot.${name}`), { cx: x, cy: this.y(this.cost[name](at)) });
      const { text, note, smallest } = this.costAt(name, at);
      this.root.classList.toggle(`least-${name}`, smallest);
      this.find(`.costs .${name} b`).textContent = text;
      this.find(`.costs .${name} span`).textContent = note;
    }
    this.root.classList.add("moving");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.root.classList.remove("moving"), REST);
  }

  textOf(value) {
    const number = numberText(value, this.data.decimals);
    return this.data.unit ? `${number} ${this.data.unit}` : number;
  }

  costAt(name, at) {
    const [to, cost] = [MINIMISER[name], this.cost[name]];
    const smallest = Math.abs(this.x(at) - this.x(this.data[to])) < 0.5;
    const text = `${SIGN[name]} = ${this.textOf(cost(at))}`;
    if (smallest) return { smallest, text, note: `, the smallest: a is the ${to}` };
    const least = numberText(cost(this.best[name]), this.data.decimals);
    return { smallest, text, note: `; the smallest is ${least}, at the ${to}` };
  }

  /** All values as text, for screen readers. */
  summaryAt(at) {
    const costs = COSTS.map((name) => this.costAt(name, at)).map(({ text, note }) => text + note);
    return [`a = ${this.textOf(at)}`, ...costs].join("; ");
  }
}

export default component(Transport);
