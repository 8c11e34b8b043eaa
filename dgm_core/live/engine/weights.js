// The weight file: safetensors, with the description of the model in its metadata.
//
// 8 bytes with the length of the header, the header in JSON, then the numbers of all tensors. A
// tensor `w` of 8-bit integers has a tensor `w.scale` with one factor per row.

/** Bytes of a weight file → { about, shapes, read }.
 *
 *  `read(name)` returns { numbers, scale }: a number counts times the factor of its row, if there
 *  is a scale. Integers are a part of `bytes`, not a copy. */
function readWeights(bytes) {
  const view = new DataView(bytes);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const about = JSON.parse(header.__metadata__.live);
  delete header.__metadata__;

  function stored(name) {
    const {
      dtype,
      data_offsets: [from, to],
    } = header[name];
    const [start, end] = [8 + length + from, 8 + length + to];
    if (dtype === "F32") return new Float32Array(bytes.slice(start, end));
    if (dtype === "F16")
      return Float32Array.from(new Uint16Array(bytes.slice(start, end)), single);
    if (dtype === "I8") return new Int8Array(bytes, start, end - start);
    throw new Error(`expected weights of 8, 16 or 32 bits, got ${dtype}`);
  }

  function read(name) {
    const numbers = stored(name);
    return { numbers, scale: numbers instanceof Int8Array ? stored(`${name}.scale`) : null };
  }

  const shapes = Object.fromEntries(
    Object.entries(header).map(([name, { shape }]) => [name, shape]),
  );
  return { about, shapes, read };
}

/** The bits of a 16-bit floating-point number → its value. */
function single(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
