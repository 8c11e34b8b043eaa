// A weighted sample Σ α_k δ(x_k) on the line: the cost of moving it to one point, and quantiles.

/** Base64 of doubles → Float64Array. */
function doublesOf(base64) {
  return new Float64Array(bytesOf(base64).buffer);
}

/** Values x and weights α that sum to one → the sample {x, w}, in increasing order. */
function weightedSample(values, weights) {
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  return { x: order.map((i) => values[i]), w: order.map((i) => weights[i]) };
}

/** W1 distance to the point a: Σ α_k |x_k − a|. */
function w1({ x, w }, a) {
  return x.reduce((sum, value, k) => sum + w[k] * Math.abs(value - a), 0);
}

/** W2 distance to the point a: √Σ α_k (x_k − a)². */
function w2({ x, w }, a) {
  return Math.sqrt(x.reduce((sum, value, k) => sum + w[k] * (value - a) ** 2, 0));
}

function meanOf({ x, w }) {
  return x.reduce((sum, value, k) => sum + w[k] * value, 0);
}

/** Quantiles at increasing levels in (0, 1): the smallest values with at least this mass up to
 *  them. */
function quantilesOf({ x, w }, levels) {
  let [k, mass] = [0, w[0]];
  return levels.map((level) => {
    while (mass < level && k < x.length - 1) {
      k += 1;
      mass += w[k];
    }
    return x[k];
  });
}
