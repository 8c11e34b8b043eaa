// The part of the plane that is shown.

const CLOSEST = 0.35; // half the side of the closest view

/** All of the plane, or a square around the posterior and the chains. → [left, right, bottom, top] */
function viewOf({ data, tracks, posterior, near }) {
  const { reach } = data;
  if (!near) return [-reach, reach, -reach, reach];
  const box = boxAbove(posterior, posterior.levels[0]);
  const include = (x, y) => {
    box[0] = Math.min(box[0], x);
    box[1] = Math.max(box[1], x);
    box[2] = Math.min(box[2], y);
    box[3] = Math.max(box[3], y);
  };
  include(data.encodedOriginal[0], data.encodedOriginal[1]);
  include(data.encodedZeros[0], data.encodedZeros[1]);
  for (const { after } of tracks) {
    for (let i = 2 * data.warmup * data.chains; i < after.length; i += 2) {
      include(after[i], after[i + 1]);
    }
  }
  const middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const half = Math.min(
    Math.max(0.56 * (box[1] - box[0]), 0.56 * (box[3] - box[2]), CLOSEST),
    reach,
  );
  const [x, y] = middle.map((at) => Math.min(Math.max(at, half - reach), reach - half));
  return [x - half, x + half, y - half, y + half];
}
