// The passes of both networks on the graphics card, with WebGPU, and whether they are worth it.
//
// The card has two copies of the kernels' memory with the same addresses: one to read weights and
// tables from, one for the maps. So the steps of a network mean the same here, its input is copied
// to the card, and its output comes back to where the kernels would have written it.

const SHADERS = `
struct Product {
  table: u32, rows: u32, block: u32, segments: u32, length: u32, stride: u32,
  weights: u32, bias: u32, panels: u32, scales: u32, scratch: u32, columns: u32,
}
struct Move {
  source: u32, sourceStride: u32, to: u32, toStride: u32, batch: u32, lines: u32, run: u32, line: u32,
}
struct Each { at: u32, count: u32 }

@group(0) @binding(0) var<storage, read> constants: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> maps: array<f32>;
@group(0) @binding(2) var<uniform> p: Product;
@group(0) @binding(2) var<uniform> m: Move;
@group(0) @binding(2) var<uniform> e: Each;

override small: bool = false; // weights of 8 bits

fn four(at: u32) -> vec4f {
  if (!small) { return bitcast<vec4f>(constants[p.weights / 16 + at]); }
  let word = p.weights / 4 + at;
  let bits = constants[word / 4][word % 4];
  return vec4f(bitcast<vec4i>(vec4u(bits) << vec4u(24, 16, 8, 0)) >> vec4u(24));
}

// One row and four columns, half a panel.
@compute @workgroup_size(64) fn product_of(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x % p.rows;
  let half = id.x / p.rows;
  if (half >= 2 * p.panels) { return; }
  let pairs = constants[p.table / 16 + row / 2];
  let pair = select(pairs.xy, pairs.zw, row % 2 == 1);
  var w = half / 2 * p.segments * p.length * 2 + half % 2;
  var sum = vec4f();
  for (var s = 0u; s < p.segments; s++) {
    let start = (pair.x + s * p.stride) / 4;
    for (var k = start; k < start + p.length; k++) {
      sum += maps[k] * four(w);
      w += 2;
    }
  }
  if (small) { sum *= bitcast<vec4f>(constants[p.scales / 16 + half]); }
  sum += bitcast<vec4f>(constants[p.bias / 16 + half]);
  let out = pair.y / 4 + 4 * half;
  // Further columns would reach into the next pixel, which another thread writes.
  for (var j = 0u; j < 4 && 4 * half + j < p.columns; j++) { maps[out + j] = sum[j]; }
}

@compute @workgroup_size(64) fn move_of(@builtin(global_invocation_id) id: vec3u) {
  let line = id.x / m.run;
  if (line >= m.batch * m.lines) { return; }
  let y = line % m.lines;
  let out = m.to + line / m.lines * m.toStride + y * m.line;
  let start = m.source + line / m.lines * m.sourceStride + y * m.run;
  maps[out + id.x % m.run] = maps[start + id.x % m.run];
}

@compute @workgroup_size(64) fn silu_of(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= e.count) { return; }
  let x = maps[e.at / 4 + id.x];
  maps[e.at / 4 + id.x] = x / (1 + exp(-max(x, -87)));
}

@compute @workgroup_size(64) fn tanh_of(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < e.count) { maps[e.at / 4 + id.x] = tanh(maps[e.at / 4 + id.x]); }
}`;

// Kernel → number of its threads.
const THREADS = {
  product: (_table, rows, _b, _s, _l, _stride, _w, _bias, panels) => 2 * rows * panels,
  move: (_from, _fromStride, _to, _toStride, batch, lines, run) => batch * lines * run,
  silu: (_at, count) => count,
  tanh: (_at, count) => count,
};

/** The networks of a model on the graphics card. */
class Card {
  /** The card of this browser, or null. `software`: also one that the processor imitates. */
  static async open(model, software = false) {
    try {
      const adapter = await navigator.gpu?.requestAdapter();
      if (!adapter || (!software && imitated(adapter))) return null;
      const card = new Card(await adapter.requestDevice(), model.kernels.buffer);
      await card.load([model.encoder, model.decoder]);
      return card;
    } catch {
      return null; // without a card, or without enough memory on it
    }
  }

  constructor(device, memory) {
    Object.assign(this, { device, memory, calls: new Map() });
  }

  async load(networks) {
    const { device, memory } = this;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ, UNIFORM } = GPUBufferUsage;
    const filled = (numbers, usage) => {
      const buffer = device.createBuffer({ size: upTo(numbers.byteLength, 16), usage });
      device.queue.writeBuffer(buffer, 0, numbers);
      return buffer;
    };
    const constants = filled(memory, STORAGE | COPY_DST);
    this.maps = filled(memory, STORAGE | COPY_SRC | COPY_DST);
    const types = ["read-only-storage", "storage", "uniform"];
    const layout = device.createBindGroupLayout({
      entries: types.map((type, binding) => ({ binding, visibility: 4, buffer: { type } })),
    });
    const module = device.createShaderModule({ code: SHADERS });
    const pipeline = (entryPoint, constants) =>
      device.createComputePipelineAsync({
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint, constants },
      });
    const pipelines = {};
    for (const kernel of Object.keys(THREADS)) pipelines[kernel] = await pipeline(`${kernel}_of`);
    const small = await pipeline("product_of", { small: 1 });
    for (const network of networks) {
      const steps = network.steps.map(({ kernel, given }) => {
        const numbers = filled(Uint32Array.from(given), UNIFORM | COPY_DST);
        const entries = [constants, this.maps, numbers].map((buffer, binding) => ({
          binding,
          resource: { buffer },
        }));
        const group = device.createBindGroup({ layout, entries });
        const groups = Math.ceil(THREADS[kernel](...given) / 64);
        const scales = kernel === "product" && given[9];
        return { pipeline: scales ? small : pipelines[kernel], group, groups };
      });
      const size = 4 * network.batch * network.output.stride;
      const back = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
      this.calls.set(network, { steps, back, size });
    }
    const problems = [await device.popErrorScope(), await device.popErrorScope()];
    if (problems.some(Boolean)) throw new Error("the card refused the networks");
  }

  /** One pass of a network: one submission, one answer. Rejects if the card is lost. */
  async pass(network) {
    const { device, maps, memory } = this;
    const { steps, back, size } = this.calls.get(network);
    const { input, output, batch } = network;
    device.queue.writeBuffer(maps, input.at, memory, input.at, 4 * batch * input.stride);
    const commands = device.createCommandEncoder();
    const pass = commands.beginComputePass();
    for (const { pipeline, group, groups } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
    }
    pass.end();
    commands.copyBufferToBuffer(maps, output.at, back, 0, size);
    device.queue.submit([commands.finish()]);
    await back.mapAsync(GPUMapMode.READ);
    new Uint8Array(memory, output.at, size).set(new Uint8Array(back.getMappedRange()));
    back.unmap();
  }
}

/** Whether the processor does the work of this adapter. */
function imitated({ info = {}, isFallbackAdapter }) {
  const name = [info.vendor, info.architecture, info.device, info.description].join(" ");
  return (
    (info.isFallbackAdapter ?? isFallbackAdapter) ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(name)
  );
}

const UNTIMED = 10; // passes until the shaders are ready
const TIMED = 40; // passes of the comparison
const PATIENCE = 1000; // milliseconds on the card; a slow one holds up the pictures

/** Runs each pass on the card or by the kernels, whichever is faster. For some passes it does both;
 *  the card must give the same numbers, and the chains use those of the kernels.
 *  `changed(name)`: another one computes from now on. */
class Passes {
  constructor(kernels, changed) {
    Object.assign(this, { kernels, changed, card: null, name: kernels.name });
  }

  /** @param chosen compute on this card without a comparison */
  use(card, chosen = false) {
    Object.assign(this, { card, times: [], spent: 0 });
    if (card && chosen) this.name = "WebGPU";
  }

  async run(network) {
    if (!this.card) return network.run();
    try {
      await (this.name === "WebGPU" ? this.card.pass(network) : this.compare(network));
    } catch {
      this.drop(); // the card is lost; the input and the weights are not
      network.run();
    }
  }

  async compare(network) {
    const { at, stride } = network.output;
    const output = new Float32Array(this.kernels.buffer, at, network.batch * stride);
    const started = performance.now();
    await this.card.pass(network);
    const between = performance.now();
    const found = output.slice();
    network.run();
    this.times.push([between - started, performance.now() - between]);
    const equal = found.every((value, i) => Math.abs(value - output[i]) < 1e-3);
    this.spent += between - started;
    if (!equal || this.spent > PATIENCE) this.drop();
    else if (this.times.length === UNTIMED + TIMED) {
      const [card, kernels] = [0, 1].map(
        (which) =>
          this.times
            .slice(UNTIMED)
            .map((pair) => pair[which])
            .sort((a, b) => a - b)[TIMED / 2],
      );
      if (card >= kernels) return this.drop();
      this.name = "WebGPU";
      this.changed(this.name);
    }
  }

  /** The kernels compute from now on. */
  drop() {
    const before = this.name;
    this.card?.device.destroy();
    Object.assign(this, { card: null, name: this.kernels.name });
    if (before !== this.name) this.changed(this.name);
  }
}
