// The functions in which the time goes: in WebAssembly (`kernels.wat`), or here in plain JavaScript.
//
// Both sets work on one memory, with addresses in bytes. Both round every operation to 32 bits and
// add in the same order, so their results have the same bits.
//
//   product(table, rows, block, segments, length, stride, weights, bias, panels, scales, scratch)
//     One row of the result for each pair (input address, output address) in `table`:
//       out[8 p + j] = bias[8 p + j] + Σ_s Σ_k in[s stride + k] · weights[p][s length + k][j]
//     `rows` and `length` are multiples of 4. `block` rows at a time share a panel of weights.
//     If `scales` is not 0, the weights are 8-bit integers, to be multiplied by scales[8 p + j];
//     `scratch` has room for one panel of 32 bits.
//   silu(at, count)
//     x / (1 + exp(−x)) in place; `count` is a multiple of 4.
//   words(at, blocks, low, high, chain, iteration, purpose)
//     Philox4x32-10 with the key (low, high) and the counters (block, chain, iteration, purpose):
//     four words of 32 bits for each block 0, 1, …
//   tanh(at, count)
//     in place
//   move(from, fromStride, to, toStride, batch, lines, run, line)
//     Copies `batch` × `lines` runs of numbers to lines that start `line` numbers apart. The last
//     two have no WebAssembly, and `from` and `to` count numbers, not bytes.

/** The kernels on a memory of at least `bytes`. `plain`: no WebAssembly.
 *  → { name, buffer, product, silu, words, tanh, move } */
function makeKernels(bytes, plain = false) {
  if (!plain) {
    try {
      const code = Uint8Array.from(atob(KERNELS), (character) => character.charCodeAt(0));
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
      const more = Math.ceil((bytes - exports.memory.buffer.byteLength) / 65536);
      if (more > 0) exports.memory.grow(more);
      const { buffer } = exports.memory;
      return { name: "WebAssembly", ...exports, ...smallKernels(buffer), buffer };
    } catch {
      // An old browser, or one that forbids WebAssembly.
    }
  }
  const buffer = new ArrayBuffer(8 * Math.ceil(bytes / 8));
  return { name: "JavaScript", buffer, ...plainKernels(buffer), ...smallKernels(buffer) };
}

function smallKernels(buffer) {
  const floats = new Float32Array(buffer);

  function tanh(at, count) {
    for (let i = at >> 2; i < (at >> 2) + count; i += 1) floats[i] = Math.tanh(floats[i]);
  }

  function move(from, fromStride, to, toStride, batch, lines, run, line) {
    for (let b = 0; b < batch; b += 1)
      for (let y = 0; y < lines; y += 1) {
        const start = from + b * fromStride + y * run;
        floats.copyWithin(to + b * toStride + y * line, start, start + run);
      }
  }

  return { tanh, move };
}

function plainKernels(buffer) {
  const round = Math.fround;
  const floats = new Float32Array(buffer);
  const integers = new Int32Array(buffer);
  const bytes = new Int8Array(buffer);

  function product(
    table,
    rows,
    _block,
    segments,
    length,
    stride,
    weights,
    bias,
    panels,
    scales,
    scratch,
  ) {
    const size = (segments * length * 8) | 0; // an integer for the compiler: twice as fast
    for (let panel = 0; panel < panels; panel += 1) {
      let start = (weights >> 2) + panel * size;
      if (scales) {
        start = scratch >> 2;
        const [from, scale] = [weights + panel * size, (scales >> 2) + 8 * panel];
        for (let i = 0; i < size; i += 1) {
          floats[start + i] = floats[scale + (i & 7)] * bytes[from + i];
        }
      }
      const b = (bias >> 2) + 8 * panel;
      for (let row = 0; row < rows; row += 1) {
        const pair = (table >> 2) + 2 * row;
        let c0 = floats[b];
        let c1 = floats[b + 1];
        let c2 = floats[b + 2];
        let c3 = floats[b + 3];
        let c4 = floats[b + 4];
        let c5 = floats[b + 5];
        let c6 = floats[b + 6];
        let c7 = floats[b + 7];
        let w = start;
        for (let s = 0; s < segments; s += 1) {
          const from = (integers[pair] + s * stride) >> 2;
          for (let k = from; k < from + length; k += 1, w += 8) {
            const x = floats[k];
            c0 = round(c0 + round(x * floats[w]));
            c1 = round(c1 + round(x * floats[w + 1]));
            c2 = round(c2 + round(x * floats[w + 2]));
            c3 = round(c3 + round(x * floats[w + 3]));
            c4 = round(c4 + round(x * floats[w + 4]));
            c5 = round(c5 + round(x * floats[w + 5]));
            c6 = round(c6 + round(x * floats[w + 6]));
            c7 = round(c7 + round(x * floats[w + 7]));
          }
        }
        const out = (integers[pair + 1] >> 2) + 8 * panel;
        floats[out] = c0;
        floats[out + 1] = c1;
        floats[out + 2] = c2;
        floats[out + 3] = c3;
        floats[out + 4] = c4;
        floats[out + 5] = c5;
        floats[out + 6] = c6;
        floats[out + 7] = c7;
      }
    }
  }

  const HORNER = [
    1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  ].map(round);
  const [LOG2E, LN2_HIGH, LN2_LOW] = [Math.LOG2E, 0.693359375, -2.1219444e-4].map(round);
  const MAGIC = 12582912; // 1.5 · 2²³: adding and subtracting it rounds to a whole number
  const FIRST = round(1.98756915e-4);
  const bits = new Int32Array(1);
  const power = new Float32Array(bits.buffer);

  function silu(at, count) {
    for (let i = at >> 2; i < (at >> 2) + count; i += 1) {
      const x = floats[i];
      const y = Math.max(-87, Math.min(87, -x));
      const n = round(round(round(y * LOG2E) + MAGIC) - MAGIC);
      let r = round(y - round(n * LN2_HIGH));
      r = round(r - round(n * LN2_LOW));
      let p = FIRST;
      for (let j = 0; j < 5; j += 1) p = round(round(p * r) + HORNER[j]);
      bits[0] = (n + 127) << 23; // 2ⁿ
      const e = round(round(round(round(p * round(r * r)) + r) + 1) * power[0]);
      floats[i] = round(x / round(1 + e));
    }
  }

  function words(at, blocks, low, high, chain, iteration, purpose) {
    for (let block = 0; block < blocks; block += 1) {
      integers.set(philox(block, chain, iteration, purpose, low, high), (at >> 2) + 4 * block);
    }
  }

  return { product, silu, words };
}

/** The high 32 bits of the product of two unsigned integers of 32 bits. */
function highProduct(a, b) {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const low = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(low / 65536)) | 0;
}

/** Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011): counters, keys → four words. */
function philox(x0, x1, x2, x3, low, high) {
  for (let i = 0; i < 10; i += 1) {
    const [a, b] = [highProduct(x0 >>> 0, 0xd2511f53), highProduct(x2 >>> 0, 0xcd9e8d57)];
    const [c, d] = [Math.imul(x0, 0xd2511f53), Math.imul(x2, 0xcd9e8d57)];
    x0 = b ^ x1 ^ low;
    x2 = a ^ x3 ^ high;
    x1 = d;
    x3 = c;
    low = (low + 0x9e3779b9) | 0;
    high = (high + 0xbb67ae85) | 0;
  }
  return [x0, x1, x2, x3];
}
