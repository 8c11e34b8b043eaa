// Both samplers in the visitor's browser: beside a pixel canvas of the page, or with a board of
// their own. The weights are fetched once, by an address that changes with their content.

const fetched = new Map(); // address → promise of the weights, for as long as the page is open

class LiveComponent {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".live-chains");
    this.stage = find(".stage");
    this.below = find(".below");
    this.where = find(".where");
    this.data = null;
    this.unsent = new Unsent();
    this.follow = ({ detail }) => detail === this.data?.canvas && this.observe();
    document.addEventListener("pixelcanvas", this.follow);
    // Other keys stay in the component, because the page has its own hotkeys (R reruns).
    this.root.onkeydown = (e) => e.key === "Tab" || e.key === "Escape" || e.stopPropagation();
  }

  dispose() {
    document.removeEventListener("pixelcanvas", this.follow);
    this.unsent.dispose();
    this.shown?.close();
  }

  get panels() {
    return this.shown.panels instanceof LivePanels ? this.shown.panels : this.shown;
  }

  /** New data or a new theme. The samplers start anew with another model or seed only. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.send = setStateValue;
    if (last?.weights.path !== data.weights.path) this.start();
    else if (last.seed !== data.seed && this.panels.seed !== data.seed) {
      this.panels.restart(data.seed);
    }
    if (data.canvas !== null) this.observe();
  }

  start() {
    const { weights, seed, canvas, pictures } = this.data;
    this.shown?.close();
    this.root.removeAttribute("data-kernels");
    this.say(`Loading the weights, ${(weights.bytes / 1e6).toFixed(1)} MB …`);
    const bytes = weightsOf(weights.path);
    bytes.catch(({ message }) => this.say(`The weights could not be loaded: ${message}`, true));
    if (canvas === null) {
      const bits = pictures.map((each) => unpack(bytesOf(each), LIVE_PIXELS));
      this.shown = new LiveView(this.stage, { weights: bytes, pictures: bits, state: { seed } });
    } else this.shown = this.pair(bytes, seed);
    this.panels.on.computing = (kernels) => this.tell(kernels);
  }

  /** The samplers without a board: they follow the canvas of the page. */
  pair(weights, seed) {
    const panels = new LivePanels({ weights, seed });
    this.stage.className = "stage live pair";
    this.stage.replaceChildren(...panels.nodes);
    this.below.className = "below live";
    this.below.replaceChildren(liveSteering(panels, (next) => this.restart(next)));
    return panels;
  }

  restart(next) {
    const seed = next % (this.data.seeds + 1);
    this.panels.restart(seed);
    writeAddress({ seed: seed === 0 ? null : String(seed) });
    this.unsent.set(() => this.send("seed", seed));
  }

  observe() {
    const canvas = window.pixelCanvases?.get(this.data.canvas);
    if (!canvas) return;
    const picture = Float32Array.from(bytesOf(canvas.picture), (level) => level / 255);
    this.panels.observe(picture, unpack(bytesOf(canvas.hidden), LIVE_PIXELS));
  }

  // --- What is computed where

  tell(kernels) {
    this.root.setAttribute("data-kernels", kernels);
    const size = (this.data.weights.bytes / 1e6).toFixed(1);
    this.say(
      `Computed in this browser, in ${kernels}: both samplers and the two networks of the model. ` +
        `The server sent the weights, ${size} MB, rounded to 8 bits. ${this.data.note}`,
    );
  }

  say(sentence, problem = false) {
    this.where.textContent = sentence;
    this.where.classList.toggle("problem", problem);
  }
}

/** The weights as bytes: of this page, of the browser's cache, or of the server. */
function weightsOf(path) {
  const address = new URL(path, serverAddress()).href;
  if (!fetched.has(address)) {
    const bytes = load(address);
    fetched.set(address, bytes);
    bytes.catch(() => fetched.delete(address)); // the next attempt asks the server again
  }
  return fetched.get(address);
}

async function load(address) {
  // Another content has another address, so what the browser has cached is right at any age.
  let answer = await fetch(address, { cache: "force-cache" });
  if (!answer.ok) answer = await fetch(address, { cache: "reload" }); // it may be an old error
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.arrayBuffer();
}

/** The address of the server: what is before the path of a page, which a proxy may lengthen. */
function serverAddress() {
  const script = document.querySelector("script[src*='/static/js/']");
  return script ? script.src.replace(/static\/js\/.*$/, "") : new URL("/", location.href).href;
}

export default component(LiveComponent);
