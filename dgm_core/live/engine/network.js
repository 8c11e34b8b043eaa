// A network as a list of kernel calls with fixed addresses.
//
// Images lie channels last, with a border of zeros where the next layer is a convolution with
// padding. So a patch of an image is a few contiguous runs of numbers, one per row of the kernel,
// and a convolution is a product of its patches with the weights; nothing is copied. A layer
// writes where the next one reads, also when sub-pixels are interleaved ("shuffle").

/** Hands out addresses before the memory exists. */
class Arena {
  constructor() {
    this.size = 16;
  }

  /** The address of `count` numbers of 32 bits. */
  reserve(count) {
    const at = this.size;
    this.size += 16 * Math.ceil(count / 4);
    return at;
  }
}

const upTo = (count, multiple) => multiple * Math.ceil(count / multiple);
const counted = (count) => Array.from({ length: count }, (_, i) => i);

/** Position of each entry of a (C, H, W) image in a row that has the channels last. */
function channelsLast([channels, height, width]) {
  const order = [];
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      for (let c = 0; c < channels; c += 1) order.push((c * height + y) * width + x);
  return order; // order[position] = entry
}

class Network {
  /** @param layers of the description, in order; @param shape of the input, [C, H, W] or [D];
   *  @param batch number of rows. `load` must follow, with kernels on a memory of the arena's
   *  size. */
  constructor(layers, shape, batch, weights, arena) {
    Object.assign(this, { layers, batch, weights, arena });
    this.steps = []; // { kernel, given: its arguments }
    this.fillings = []; // functions that write weights and tables
    this.centred = layers[0].kind === "centre";
    const first = layers.find(({ kind }) => kind === "convolution" || kind === "linear");
    const map = shape.length === 3 && first.kind === "convolution";
    this.form = map ? this.newMap(shape, first.padding) : this.newRow(shape);
    this.input = this.form;
    layers.forEach((layer, i) => this[layer.kind]?.(layer, i));
    this.output = this.form;
  }

  /** Write the weights and the tables of addresses. */
  load(kernels) {
    this.kernels = kernels;
    this.floats = new Float32Array(kernels.buffer);
    for (const fill of this.fillings) fill(kernels.buffer);
    this.fillings = this.weights = null;
  }

  /** Copy values (batch, D) into the input. */
  write(values) {
    const { floats, input, centred, batch } = this;
    const { positions, stride } = input;
    const base = input.at >> 2;
    for (let b = 0, i = 0; b < batch; b += 1)
      for (let d = 0; d < positions.length; d += 1, i += 1) {
        floats[base + b * stride + positions[d]] = centred ? 2 * values[i] - 1 : values[i];
      }
  }

  run() {
    for (const { kernel, given } of this.steps) this.kernels[kernel](...given);
  }

  /** Copy the output to values (batch, D). */
  read(values) {
    const { floats, output, batch } = this;
    const { positions, stride } = output;
    const base = output.at >> 2;
    for (let b = 0, i = 0; b < batch; b += 1)
      for (let d = 0; d < positions.length; d += 1, i += 1) {
        values[i] = floats[base + b * stride + positions[d]];
      }
  }

  // --- Buffers. `positions[entry]` = index of an entry of the model's tensor within a row.

  newRow(shape, order = counted(shape.reduce((a, b) => a * b))) {
    const stride = upTo(order.length, 8);
    const positions = new Int32Array(order.length);
    for (const [index, entry] of order.entries()) positions[entry] = index;
    return { at: this.arena.reserve(this.batch * stride), stride, order, positions };
  }

  newMap(shape, border) {
    const [channels, height, width] = shape;
    const across = width + 2 * border;
    const stride = (height + 2 * border) * across * channels;
    const index = (c, y, x) => ((y + border) * across + x + border) * channels + c;
    const positions = new Int32Array(channels * height * width);
    channelsLast(shape).forEach((entry) => {
      const [c, rest] = [Math.floor(entry / (height * width)), entry % (height * width)];
      positions[entry] = index(c, Math.floor(rest / width), rest % width);
    });
    const at = this.arena.reserve(upTo(this.batch * stride, 4));
    return { at, stride, shape, border, across, index, positions };
  }

  /** The first layer after number `i` that is not applied entry by entry. */
  after(i) {
    return this.layers.slice(i + 1).find(({ kind }) => kind !== "silu" && kind !== "tanh");
  }

  call(kernel, ...given) {
    this.steps.push({ kernel, given });
  }

  // --- Layers

  flatten() {
    const { shape, border, at, stride, positions } = this.form;
    if (!shape) return; // a row already
    if (border || stride % 4) throw new Error(`cannot flatten a map of ${shape}`);
    this.form = { at, stride, positions, order: channelsLast(shape) };
  }

  /** A row, already ordered channels last, becomes a map with the border of the next layer. */
  reshape({ shape }, i) {
    const [from, to] = [this.form, this.newMap(shape, this.after(i)?.padding ?? 0)];
    const [channels, height, width] = shape;
    this.call(
      "move",
      from.at >> 2,
      from.stride,
      (to.at >> 2) + to.index(0, 0, 0),
      to.stride,
      this.batch,
      height,
      width * channels,
      to.across * channels,
    );
    this.form = to;
  }

  silu() {
    const { at, stride } = this.form;
    this.call("silu", at, upTo(this.batch * stride, 4));
  }

  tanh() {
    const { at, stride } = this.form;
    this.call("tanh", at, this.batch * stride);
  }

  linear({ name }, i) {
    const [outputs] = this.weights.shapes[`${name}.weight`];
    const from = this.form;
    const next = this.after(i);
    const order = next?.kind === "reshape" ? channelsLast(next.shape) : undefined;
    const to = this.newRow([outputs], order);
    const length = upTo(from.order.length, 4);
    const rows = counted(this.batch).map((b) => [
      from.at + 4 * b * from.stride,
      to.at + 4 * b * to.stride,
    ]);
    this.product(name, rows, to.order, { segments: 1, length, stride: 0 }, from.order);
    this.form = to;
  }

  convolution({ name, stride, padding }, i) {
    const [outputs, channels, tall, wide] = this.weights.shapes[`${name}.weight`];
    const from = this.form;
    const [, height, width] = from.shape;
    const sized = (side, kernel) => Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const [h, w] = [sized(height, tall), sized(width, wide)];
    const factor = this.layers[i + 1]?.kind === "shuffle" ? this.layers[i + 1].factor : 1;
    const runs = { segments: tall, length: wide * channels, stride: 4 * from.across * channels };
    const taps = []; // row, column, channel → entry of the weights of one output
    for (let y = 0; y < tall; y += 1)
      for (let x = 0; x < wide; x += 1)
        for (let c = 0; c < channels; c += 1) taps.push((c * tall + y) * wide + x);
    const thin = outputs / factor ** 2;
    const source = (b, y, x) =>
      from.at + 4 * (b * from.stride + (stride * y * from.across + stride * x) * channels);
    const pixels = [];
    for (let b = 0; b < this.batch; b += 1)
      for (let y = 0; y < h; y += 1) for (let x = 0; x < w; x += 1) pixels.push([b, y, x]);

    const last = this.after(i + (factor > 1 ? 1 : 0));
    if (!last && (factor * thin) % 8) {
      this.form = this.sheet(name, pixels, source, [thin, h, w], factor, runs, taps);
      return;
    }
    const to = this.newMap([thin, factor * h, factor * w], last?.padding ?? 0);
    for (let dy = 0; dy < factor; dy += 1) {
      const columns = []; // (dx, c): neighbours in a row of the enlarged map
      for (let dx = 0; dx < factor; dx += 1)
        for (let c = 0; c < thin; c += 1) columns.push(c * factor ** 2 + dy * factor + dx);
      const rows = pixels.map(([b, y, x]) => [
        source(b, y, x),
        to.at + 4 * (b * to.stride + to.index(0, factor * y + dy, factor * x)),
      ]);
      this.product(name, rows, columns, runs, taps);
    }
    this.form = to;
  }

  /** The last convolution, with few outputs: eight numbers per pixel, of which `read` takes some. */
  sheet(name, pixels, source, [thin, h, w], factor, runs, taps) {
    const columns = counted(thin * factor ** 2);
    const wide = upTo(columns.length, 8);
    const at = this.arena.reserve(pixels.length * wide);
    const rows = pixels.map((pixel, i) => [source(...pixel), at + 4 * i * wide]);
    this.product(name, rows, columns, runs, taps);
    const positions = new Int32Array(thin * h * w * factor ** 2);
    for (let c = 0, i = 0; c < thin; c += 1)
      for (let y = 0; y < h * factor; y += 1)
        for (let x = 0; x < w * factor; x += 1, i += 1) {
          const pixel = Math.floor(y / factor) * w + Math.floor(x / factor);
          const phase = (y % factor) * factor + (x % factor);
          positions[i] = pixel * wide + c * factor ** 2 + phase;
        }
    return { at, stride: h * w * wide, positions };
  }

  /** Add a call of `product`. @param rows pairs of addresses; @param columns outputs in the order
   *  in which they are written; @param taps entries of a row of the weights, in the order of the
   *  input. */
  product(name, rows, columns, { segments, length, stride }, taps) {
    if (length % 4) throw new Error(`expected runs of a multiple of 4 numbers, got ${length}`);
    const { arena, weights } = this;
    const panels = Math.ceil(columns.length / 8);
    const depth = segments * length;
    const count = upTo(rows.length, 4);
    const table = arena.reserve(2 * count);
    // Most weights are those of linear layers. They keep their 8 bits, a quarter of the memory.
    const small = segments === 1 && `${name}.weight.scale` in weights.shapes;
    const packed = arena.reserve(panels * depth * (small ? 2 : 8));
    const scales = small ? arena.reserve(panels * 8) : 0;
    const scratch = small ? arena.reserve(depth * 8) : 0;
    const bias = arena.reserve(panels * 8);
    const spare = arena.reserve(panels * 8); // where surplus rows are written
    this.fillings.push((buffer) => {
      const pairs = new Int32Array(buffer, table, 2 * count);
      for (let i = 0; i < count; i += 1) pairs.set(rows[i] ?? [rows[0][0], spare], 2 * i);
      const { numbers: matrix, scale } = weights.read(`${name}.weight`);
      const { numbers: offsets } = weights.read(`${name}.bias`);
      const width = matrix.length / offsets.length;
      const into = new (small ? Int8Array : Float32Array)(buffer, packed, panels * depth * 8);
      const floats = new Float32Array(buffer);
      columns.forEach((output, column) => {
        floats[(bias >> 2) + column] = offsets[output];
        if (small) floats[(scales >> 2) + column] = scale[output];
        const start = (((column >> 3) * depth) << 3) + (column & 7);
        const factor = scale && !small ? scale[output] : 1;
        for (let k = 0; k < taps.length; k += 1) {
          into[start + 8 * k] = factor * matrix[output * width + taps[k]];
        }
      });
    });
    // The patches of a block should stay in the cache while the panels pass over them.
    const block = Math.max(32, 4 * Math.floor(4096 / depth));
    const depths = [segments, length, stride];
    // The kernels write whole panels and have no use for the number of columns.
    const numbers = [packed, bias, panels, scales, scratch, columns.length];
    this.call("product", table, count, block, ...depths, ...numbers);
  }
}
