// The iterations of the samplers, decoded from the bytes of `encode_tracks` in Python.

const NOWHERE = -32768; // code of a missing coordinate

/** The tracks of a message, one per sampler. */
async function tracksOf(data) {
  if (!data.tracks) return [];
  const buffer = await inflate(data.tracks);
  const { count, chains, proposals, unit } = data;
  const hidden = unpack(bytesOf(data.hidden), data.height * data.width);
  const bits = Math.ceil(hidden.reduce((sum, bit) => sum + bit, 0) / 8);
  let at = 0;
  const take = (Kind, length) => {
    const end = at + length * Kind.BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) {
      throw new RangeError(`expected at least ${end} bytes, got ${buffer.byteLength}`);
    }
    const part = new Kind(buffer.slice(at, end));
    at = end;
    return part;
  };
  const coordinates = (length) =>
    Float32Array.from(take(Int16Array, length), (n) => (n === NOWHERE ? NaN : n * unit));
  return data.samplers.map((name, s) => {
    const each = proposals[s];
    return {
      name,
      proposals: each,
      start: data.starts[s],
      distance: data.distances[s],
      logRatio: take(Float32Array, count * each),
      logPosterior: take(Float32Array, count * chains),
      acceptance: take(Float32Array, count),
      after: coordinates(2 * count * chains),
      proposed: coordinates(2 * count * each),
      mean: coordinates(2 * count * chains),
      factor: coordinates(3 * count * chains),
      accepted: take(Uint8Array, count * each),
      bits: take(Uint8Array, count * chains * bits),
      bitBytes: bits,
    };
  });
}

/** Position [x, y] of a chain after iteration t, counted from 0; its start for t = −1. */
function positionAfter(track, chains, t, chain) {
  if (t < 0) return track.start[chain];
  const at = 2 * (t * chains + chain);
  return [track.after[at], track.after[at + 1]];
}

/** The completed image of a chain after iteration t: one byte (0 or 1) per pixel. */
function completionOf(track, chains, original, hidden, t, chain) {
  const from = (t * chains + chain) * track.bitBytes;
  const drawn = unpack(track.bits.subarray(from, from + track.bitBytes), 8 * track.bitBytes);
  let next = 0;
  return original.map((bit, i) => (hidden[i] ? drawn[next++] : bit));
}

/** Total variation after iteration t: the last computed value; NaN before the first. */
function distanceAt(track, t) {
  let value = NaN;
  for (const [iteration, distance] of track.distance) if (iteration <= t + 1) value = distance;
  return value;
}

/** Running mean: at each index, the mean of the values from `first` to there; NaN before. */
function runningMean(values, first) {
  let sum = 0;
  return Array.from(values, (value, i) => {
    if (i < first) return NaN;
    sum += value;
    return sum / (i - first + 1);
  });
}
