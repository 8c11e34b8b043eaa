// The chains' paths in the plane of two latents, on a canvas.

const TRAIL = 25; // number of the latest points, which are drawn stronger
const PRIOR_RADIUS = 2;

/** Half the side of the square around the circle of the prior and the points after the warm-up. */
function reachOf(kept, samplers, pair, latents, warmup) {
  let reach = PRIOR_RADIUS * 1.1;
  for (const iteration of kept.numbers) {
    if (iteration < warmup) continue;
    for (let s = 0; s < samplers; s += 1) {
      const { z } = kept.points.get(iteration)[s];
      for (let i = 0; i < z.length; i += latents) {
        reach = Math.max(reach, Math.abs(z[i + pair[0]]), Math.abs(z[i + pair[1]]));
      }
    }
  }
  return Math.min(reach * 1.06, 6);
}

/** The 2 × 2 marginal of a Gaussian given by its standard deviations and correlations:
 *  {x, y, l11, l21, l22}, of one chain. */
function marginalOf({ mean, sd, correlation }, chain, [a, b], latents) {
  const [i, j] = a > b ? [a, b] : [b, a]; // row i > column j of the triangle
  const pairs = (latents * (latents - 1)) / 2;
  const rho = a === b ? 1 : correlation[chain * pairs + (i * (i - 1)) / 2 + j];
  const [sa, sb] = [sd[chain * latents + a], sd[chain * latents + b]];
  return {
    x: mean[chain * latents + a],
    y: mean[chain * latents + b],
    l11: sa,
    l21: rho * sb,
    l22: sb * Math.sqrt(Math.max(1 - rho * rho, 0)),
  };
}

/** Positions [x, y] of the chains of a sampler at an iteration, in CSS pixels. */
function positionsAt({ z }, [a, b], latents, frame) {
  return Array.from({ length: z.length / latents }, (_, c) => [
    frame.x(z[c * latents + a]),
    frame.y(z[c * latents + b]),
  ]);
}

function frameFor(size, reach) {
  return {
    unit: size / (2 * reach),
    size,
    reach,
    x: (value) => (size * (value + reach)) / (2 * reach),
    y: (value) => (size * (reach - value)) / (2 * reach),
  };
}

/** Draw one sampler's paths up to point `last` of `kept.numbers`. */
function drawPaths(canvas, { kept, s, pair, latents, last, proposal, chain, colours, frame }) {
  const pixel = devicePixelRatio || 1;
  const context = canvas.getContext("2d");
  context.setTransform(pixel, 0, 0, pixel, 0, 0);
  context.clearRect(0, 0, frame.size, frame.size);
  drawBackground(context, frame, colours);
  if (last < 0) return;
  const steps = kept.numbers
    .slice(0, last + 1)
    .map((n) => positionsAt(kept.points.get(n)[s], pair, latents, frame));
  const others = steps[0].map((_, c) => c).filter((c) => c !== chain);
  for (const c of others) {
    trace(context, steps, c, 0, css(colours.line, 0.16), 0.75);
    trace(context, steps, c, Math.max(last - TRAIL, 0), css(colours.line, 0.4), 1);
  }
  if (chain < steps[0].length) {
    trace(context, steps, chain, 0, css(colours.line, 0.45), 1);
    trace(context, steps, chain, Math.max(last - TRAIL, 0), css(colours.line, 1), 1.75);
    if (proposal) drawProposal(context, frame, proposal, colours);
  }
  for (const c of others) drawPoint(context, steps.at(-1)[c], c, colours, false);
  if (chain < steps[0].length) drawPoint(context, steps.at(-1)[chain], chain, colours, true);
}

function drawBackground(context, frame, { ink }) {
  const { x, y, unit, size, reach } = frame;
  context.lineWidth = 1;
  context.strokeStyle = css(ink, 0.13);
  context.beginPath();
  context.moveTo(x(0), 0);
  context.lineTo(x(0), size);
  context.moveTo(0, y(0));
  context.lineTo(size, y(0));
  context.stroke();
  context.strokeStyle = css(ink, 0.5);
  context.setLineDash([4, 4]);
  context.beginPath();
  context.arc(x(0), y(0), PRIOR_RADIUS * unit, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = css(ink, 0.6);
  context.font = "11px sans-serif";
  context.textAlign = "center";
  for (const value of [-4, -2, 2, 4].filter((v) => Math.abs(v) < reach * 0.95)) {
    const out = 10 * Math.sign(value); // beside the circle
    context.fillText(numberText(value, 0), x(value) + out, y(0) + 13);
    context.fillText(numberText(value, 0), x(0) - 10, y(value) - out + 4);
  }
}

function trace(context, steps, chain, from, style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  for (let i = from; i < steps.length; i += 1) context.lineTo(...steps[i][chain]);
  context.stroke();
}

// One and two standard deviations.
function drawProposal(context, { x, y, unit }, proposal, { ink, paper }) {
  for (const radius of [2, 1]) {
    context.beginPath();
    for (let i = 0; i <= 64; i += 1) {
      const [c, s] = [Math.cos((Math.PI * i) / 32), Math.sin((Math.PI * i) / 32)];
      context.lineTo(
        x(proposal.x) + radius * unit * proposal.l11 * c,
        y(proposal.y) - radius * unit * (proposal.l21 * c + proposal.l22 * s),
      );
    }
    context.closePath();
    context.fillStyle = css(ink, 0.07);
    context.fill();
    context.strokeStyle = css(paper, 0.9);
    context.lineWidth = 3.5;
    context.stroke();
    context.strokeStyle = css(ink, 0.9);
    context.lineWidth = 1.5;
    context.stroke();
  }
}

function drawPoint(context, [x, y], chain, { line, paper }, followed) {
  context.beginPath();
  context.arc(x, y, followed ? 9 : 8, 0, 2 * Math.PI);
  context.fillStyle = css(followed ? line : paper);
  context.fill();
  context.strokeStyle = css(followed ? paper : line);
  context.lineWidth = 1.5;
  context.stroke();
  context.fillStyle = css(followed ? paper : line);
  context.font = "600 11px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(String(chain + 1), x, y + 0.5);
  context.textBaseline = "alphabetic";
}
