// The plane of two latents on a canvas: densities, ellipses, chains and proposals.

const RADIUS = Math.sqrt(-2 * Math.log(0.05)); // of the ellipse that contains 95 % of a Gaussian

/** Draw the plane of one sampler at iteration t; `phase` (0 to 1) is the time within its moves. */
function drawPlane(player, canvas, track, { t, phase, large }) {
  const context = canvas.getContext("2d");
  const pixel = devicePixelRatio || 1;
  const frame = frameOf(player.view, canvas, pixel);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawBackground(player, context, frame, large);
  if (track && t >= 0) {
    drawTrail(player, context, frame, track, t, large ? 2 : 1.4);
    drawProposals(player, context, frame, track, t, large);
  }
  if (track) drawChains(player, context, frame, track, t, phase, large);
  if (large) drawAxes(player, context, frame);
}

/** The scale of a canvas: pixels per unit of the plane, and the coordinates of its left and top
 *  edges. */
function frameOf([left, right, , top], canvas, pixel) {
  return { left, top, pixel, unit: canvas.width / (right - left), size: canvas.width };
}

const pixelX = (frame, x) => (x - frame.left) * frame.unit;
const pixelY = (frame, y) => (frame.top - y) * frame.unit;

function drawBackground(player, context, frame, large) {
  const { posterior, theme, lines, data } = player;
  const [x, y] = [pixelX(frame, posterior.across[0]), pixelY(frame, posterior.up[1])];
  const [right, bottom] = [pixelX(frame, posterior.across[1]), pixelY(frame, posterior.up[0])];
  context.imageSmoothingEnabled = true;
  context.drawImage(heatOf(posterior, theme.accent, data.depth), x, y, right - x, bottom - y);
  const stroke = (...how) => strokeInPlane(context, frame, ...how);
  stroke(lines.posterior, css(theme.accent), large ? 1.5 : 1);
  if (!large) return;
  stroke(lines.averageProposal, css(theme.ink, 0.7), 1.25, [5, 4]);
  stroke(lines.originalPosterior, css(theme.ink, 0.7), 1.25);
  stroke(lines.encodedOriginal, css(theme.ink, 0.55), 1.25, [1.5, 3]);
  stroke(lines.encodedZeros, css(theme.ink, 0.55), 1.25, [8, 3, 1.5, 3]);
}

/** Stroke a path given in coordinates of the plane; width and dashes are in CSS pixels. */
function strokeInPlane(context, { unit, left, top, pixel }, path, style, width, dash = []) {
  context.save();
  context.setTransform(unit, 0, 0, -unit, -left * unit, top * unit);
  context.strokeStyle = style;
  context.lineWidth = (width * pixel) / unit;
  context.setLineDash(dash.map((length) => (length * pixel) / unit));
  context.stroke(path);
  context.restore();
}

/** The ellipse that contains 95 % of the Gaussian [x, y, l11, l21, l22], in the plane. */
function ellipsePath([x, y, l11, l21, l22]) {
  const path = new Path2D();
  for (let i = 0; i < 60; i += 1) {
    const [c, s] = [Math.cos((Math.PI * i) / 30), Math.sin((Math.PI * i) / 30)];
    path.lineTo(x + RADIUS * l11 * c, y + RADIUS * (l21 * c + l22 * s));
  }
  path.closePath();
  return path;
}

function drawTrail(player, context, frame, track, t, size) {
  const { chains, warmup } = player.data;
  const side = size * frame.pixel;
  context.fillStyle = css(player.theme.ink, 0.28);
  for (let i = warmup * chains; i < (t + 1) * chains; i += 1) {
    const x = pixelX(frame, track.after[2 * i]);
    const y = pixelY(frame, track.after[2 * i + 1]);
    context.fillRect(x - side / 2, y - side / 2, side, side);
  }
}

function drawProposals(player, context, frame, track, t, large) {
  const { chains } = player.data;
  for (let chain = 0; chain < chains; chain += 1) {
    const at = t * chains + chain;
    const gaussian = [
      ...track.mean.subarray(2 * at, 2 * at + 2),
      ...track.factor.subarray(3 * at, 3 * at + 3),
    ];
    const followed = large && chain === player.chain;
    const style = css(player.theme.ink, followed ? 0.95 : 0.35);
    strokeInPlane(context, frame, ellipsePath(gaussian), style, followed ? 2 : 1);
  }
  if (!large) return;
  for (let p = 0; p < track.proposals; p += 1) drawProposed(player, context, frame, track, t, p);
}

// An accepted proposal is a ring, a rejected one a cross. The ring of LAIR grows with the weight.
function drawProposed(player, context, frame, track, t, p) {
  const at = t * track.proposals + p;
  const [x, y] = [track.proposed[2 * at], track.proposed[2 * at + 1]];
  if (Number.isNaN(x)) return;
  const [left, top] = [pixelX(frame, x), pixelY(frame, y)];
  const weighted = isWeighted(player, track, t);
  const bold = weighted || p === player.chain;
  const unit = frame.pixel * (bold ? 1 : 0.7);
  context.strokeStyle = css(player.theme.ink, bold ? 1 : 0.45);
  context.lineWidth = 1.75 * unit;
  if (!weighted) drawMove(player, context, frame, track, t, p, bold);
  context.beginPath();
  if (track.accepted[at]) {
    const radius = weighted ? 3 + 9 * Math.sqrt(Math.exp(track.logRatio[at])) : 7;
    context.arc(left, top, radius * unit, 0, 2 * Math.PI);
  } else {
    const half = 4.5 * unit;
    context.moveTo(left - half, top - half);
    context.lineTo(left + half, top + half);
    context.moveTo(left - half, top + half);
    context.lineTo(left + half, top - half);
  }
  context.stroke();
}

// A dashed line from the chain to its proposal.
function drawMove(player, context, frame, track, t, p, bold) {
  if (!bold) return;
  const [x, y] = positionAfter(track, player.data.chains, t - 1, p);
  const at = 2 * (t * track.proposals + p);
  context.save();
  context.setLineDash([3 * frame.pixel, 3 * frame.pixel]);
  context.lineWidth = frame.pixel;
  context.beginPath();
  context.moveTo(pixelX(frame, x), pixelY(frame, y));
  context.lineTo(pixelX(frame, track.proposed[at]), pixelY(frame, track.proposed[at + 1]));
  context.stroke();
  context.restore();
}

function drawChains(player, context, frame, track, t, phase, large) {
  const { chains } = player.data;
  const progress = ease(phase);
  for (let chain = 0; chain < chains; chain += 1) {
    const from = positionAfter(track, chains, Math.max(t - 1, -1), chain);
    const to = positionAfter(track, chains, t, chain);
    const x = pixelX(frame, from[0] + progress * (to[0] - from[0]));
    const y = pixelY(frame, from[1] + progress * (to[1] - from[1]));
    const followed = large && chain === player.chain;
    context.beginPath();
    context.arc(x, y, (large ? (followed ? 5.5 : 4) : 3) * frame.pixel, 0, 2 * Math.PI);
    context.fillStyle = css(player.theme.ink);
    context.strokeStyle = css(player.theme.paper);
    context.lineWidth = 1.5 * frame.pixel;
    context.fill();
    context.stroke();
  }
}

/** Progress of a move at a phase: 0 while the proposal is shown, then smoothly to 1. */
function ease(phase) {
  const t = Math.min(Math.max(2 * phase - 0.8, 0), 1);
  return t * t * (3 - 2 * t);
}

function drawAxes(player, context, frame) {
  const [left, right, bottom, top] = player.view;
  const { pixel, size } = frame;
  context.fillStyle = css(player.theme.ink, 0.6);
  context.font = `${10 * pixel}px sans-serif`;
  const below = ticks(left, right, 5);
  context.textAlign = "center";
  below.values.forEach((value) => {
    const x = pixelX(frame, value);
    if (x < 24 * pixel || x > size - 24 * pixel) return;
    context.fillRect(x, size - 4 * pixel, pixel, 4 * pixel);
    context.fillText(numberText(value, below.decimals), x, size - 7 * pixel);
  });
  const beside = ticks(bottom, top, 5);
  context.textAlign = "left";
  beside.values.forEach((value) => {
    const y = pixelY(frame, value);
    if (y < 14 * pixel || y > size - 24 * pixel) return;
    context.fillRect(0, y, 4 * pixel, pixel);
    context.fillText(numberText(value, beside.decimals), 7 * pixel, y + 3.5 * pixel);
  });
}

/** Does the sampler weight its proposals instead of accepting or rejecting each? */
function isWeighted(player, track, t) {
  return track.name === "LAIR" && t >= player.data.warmup;
}
