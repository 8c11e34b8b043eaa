// What the samplers did, read from bytes; see `encode_tracks` in Python.

const NOWHERE = -32768;

async function inflate(text) {
  const stream = new Blob([bytesOf(text)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return await new Response(stream).arrayBuffer();
}

/** The tracks of a message, one a sampler. */
async function tracksOf(message) {
  if (!message.tracks) return [];
  const buffer = await inflate(message.tracks);
  const { count, chains, proposals, unit } = message;
  const hidden = unpack(bytesOf(message.hidden), message.height * message.width);
  const bits = Math.ceil(hidden.reduce((sum, bit) => sum + bit, 0) / 8);
  let at = 0;
  const take = (Kind, length) => {
    const end = at + length * Kind.BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) throw new RangeError("tracks are shorter than they say");
    const part = new Kind(buffer.slice(at, end));
    at = end;
    return part;
  };
  const places = (length) =>
    Float32Array.from(take(Int16Array, length), (n) => (n === NOWHERE ? NaN : n * unit));
  return message.samplers.map((name, s) => {
    const each = proposals[s];
    return {
      name,
      proposals: each,
      start: message.starts[s],
      distance: message.distances[s],
      logRatio: take(Float32Array, count * each),
      logPosterior: take(Float32Array, count * chains),
      taken: take(Float32Array, count),
      after: places(2 * count * chains),
      proposed: places(2 * count * each),
      mean: places(2 * count * chains),
      factor: places(3 * count * chains),
      accepted: take(Uint8Array, count * each),
      bits: take(Uint8Array, count * chains * bits),
      bitBytes: bits,
    };
  });
}

/** Where a chain is after iteration t (from 0), or before the first for t = −1: [x, y]. */
function placeAfter(track, chains, t, chain) {
  if (t < 0) return track.start[chain];
  const at = 2 * (t * chains + chain);
  return [track.after[at], track.after[at + 1]];
}

/** The completed image of a chain after iteration t: one byte (0 or 1) a pixel. */
function completionOf(track, message, truth, hidden, t, chain) {
  const from = (t * message.chains + chain) * track.bitBytes;
  const drawn = unpack(track.bits.subarray(from, from + track.bitBytes), 8 * track.bitBytes);
  let next = 0;
  return truth.map((bit, i) => (hidden[i] ? drawn[next++] : bit));
}
