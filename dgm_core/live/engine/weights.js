// The weight file: safetensors, with the description of the model in its metadata.
//
// 8 bytes with the length of the header, the header in JSON, then the numbers of all tensors. A
// tensor `w` of 8-bit integers has a tensor `w.scale` with one factor per row.

/** Bytes of a weight file → { about, shapes, read }; `read(name)` returns 32-bit numbers. */
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
    const part = bytes.slice(8 + length + from, 8 + length + to);
    if (dtype === "F32") return new Float32Array(part);
    if (dtype === "F16") return Float32Array.from(new Uint16Array(part), single);
    if (dtype === "I8") return new Int8Array(part);
    throw new Error(`expected weights of 8, 16 or 32 bits, got ${dtype}`);
  }

  function read(name) {
    const numbers = stored(name);
    if (!(numbers instanceof Int8Array)) return numbers;
    const scale = stored(`${name}.scale`);
    const width = numbers.length / scale.length;
    const values = new Float32Array(numbers.length);
    for (let row = 0, i = 0; row < scale.length; row += 1)
      for (let end = i + width; i < end; i += 1) values[i] = numbers[i] * scale[row];
    return values;
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
