// Bytes and bits as Python sends them: base64, bits packed by NumPy's packbits.

/** Base64 → Uint8Array. */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Base64 of deflated bytes → a promise of an ArrayBuffer. */
function inflate(base64) {
  const inflater = new DecompressionStream("deflate");
  return new Response(new Blob([bytesOf(base64)]).stream().pipeThrough(inflater)).arrayBuffer();
}

/** Packed bits, most significant bit first → one byte (0 or 1) per bit. */
function unpack(bytes, count) {
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) bits[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
  return bits;
}

/** One byte (0 or 1) per bit → packed bits in base64. */
function pack(bits) {
  const packed = new Uint8Array((bits.length + 7) >> 3);
  for (const [i, bit] of bits.entries()) packed[i >> 3] |= bit << (7 - (i & 7));
  return btoa(String.fromCharCode(...packed));
}
