// Pixels to paint, and a digit to draw. The browser owns the layers: Python replaces a layer only
// with a new `rev`, and receives it as packed bits after each stroke. With `quiet`, Python receives
// the mask when the visitor turns to something else, and the address holds it meanwhile.
//
// The page can read and follow what is on a canvas with a picture and a mask:
//   window.pixelCanvases.get(key)   → { hidden: packed bits, picture: grey levels }, in base64
//   document, event "pixelcanvas"   → its detail is the key; dispatched while the visitor paints

const numbers = new Map(); // canvas and layer → number of the last stroke, even if not shown
const ADDRESS_PAUSE = 300; // milliseconds; browsers limit how often an address may change

/** One canvas on screen, with one layer, or with a drawing and a mask. */
class PixelCanvas {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".pixel-canvas");
    this.canvas = find(".board");
    this.label = find(".label");
    this.modes = find(".modes");
    this.count = find(".count");
    this.status = find("[role=status]");
    this.slider = find("input");
    this.tip = find(".tip path");
    this.buttons = Object.fromEntries(
      [...parent.querySelectorAll("[data-act]")].map((button) => [button.dataset.act, button]),
    );
    this.data = null;
    this.layers = new Map(); // name → layer, including layers not shown
    this.layer = null; // the layer that is painted
    this.pointer = null; // id of the pointer that paints; null: the keyboard
    this.spot = null; // position of the brush, in pixels: {x, y}
    this.cursor = null; // pixel of the keyboard: [x, y]
    this.frame = 0;
    this.unsent = new Unsent();
    this.addressing = 0; // timer
    this.listen();
  }

  dispose() {
    this.unsent.dispose();
    window.pixelCanvases?.delete(this.data?.key);
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    window.removeEventListener("resize", this.onresize);
  }

  /** New data or a new theme. */
  update({ data, setStateValue }) {
    const last = this.data;
    this.data = data;
    this.send = setStateValue;
    this.root.toggleAttribute("data-quiet", data.quiet !== null);
    const changes = data.layers.map((each) => this.layerOf(each).sync(each, data));
    if (changes.some((change, i) => change && data.layers[i].kind === "mask")) this.forget();
    if (data.quiet === null) this.unsent.flush();
    const resized = last?.width !== data.width || last?.height !== data.height;
    if (resized) {
      this.cursor = [data.width >> 1, data.height >> 1];
      this.spot = null;
    }
    if (resized || last.background?.bytes !== data.background?.bytes) {
      this.background = data.background && this.backgroundOf(data.background);
    }
    const names = (of) => of?.layers.map((each) => each.name).join();
    if (names(last) !== names(data)) this.choose(this.layerOf(data.layers[0]));
    else if (changes[data.layers.indexOf(this.layer.data)] === "bits")
      this.status.textContent = this.summary();
    this.showLayer();
    this.settle();
    this.layout();
    this.announce();
  }

  layerOf({ name, kind }) {
    if (this.layers.get(name)?.kind !== kind)
      this.layers.set(name, kind === "drawing" ? new Drawing() : new Cells(kind));
    return this.layers.get(name);
  }

  backgroundOf({ channels, bytes }) {
    const { width, height } = this.data;
    const raw = bytesOf(bytes);
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = raw[channels * i + (c % channels)];
      image.data[4 * i + 3] = 255;
    }
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // --- Layers

  get hasModes() {
    return this.data.layers.length > 1;
  }

  /** The mask, if the canvas has one. */
  get hidden() {
    const found = this.data.layers.find((each) => each.kind === "mask");
    return found && this.layerOf(found);
  }

  choose(layer) {
    if (this.layer === layer) return;
    this.end();
    this.layer = layer;
    this.showLayer();
    this.setBrush(layer.size);
    if (this.canvas.matches(":focus-visible")) this.showCursor();
    this.settle();
    this.status.textContent = `${layer.data.label}: ${this.summary()}`;
  }

  /** Show the label and the tools of the layer, and mark its mode. */
  showLayer() {
    const { layer, buttons } = this;
    this.label.textContent = layer.data.label;
    this.canvas.setAttribute("aria-label", layer.data.label);
    this.modes.hidden = !this.hasModes;
    this.label.hidden = this.hasModes;
    const mode = [...this.modes.children].find((each) => this.layerNamed(each) === layer);
    if (this.hasModes) markChosen(this.modes, mode);
    const draws = layer.kind === "drawing";
    this.show(buttons.smooth, draws);
    this.show(buttons.invert, !draws);
    const action = layer.kind === "mask" ? "Hide observed pixels and show hidden ones" : "Invert";
    buttons.invert.title = `${action} (I)`;
    if (draws) buttons.smooth.setAttribute("aria-pressed", layer.smooth);
    buttons.eraser.setAttribute("aria-pressed", layer.erasing);
  }

  /** Show or hide a button; a hidden button passes its focus to the canvas. */
  show(button, shown) {
    const focused = button.getRootNode().activeElement === button;
    button.hidden = !shown;
    if (focused && !shown) this.canvas.focus();
  }

  layerNamed(button) {
    return this.layers.get(button.dataset.layer);
  }

  /** Centre the drawing in the mode Hide. */
  settle() {
    const drawing = this.layers.get("drawing");
    if (!this.hasModes || this.layer === drawing) return;
    if (drawing.settle()) this.emit(drawing);
  }

  // --- Painting

  get painting() {
    return Boolean(this.layer?.stroke);
  }

  begin(spot, erase, pointer = null) {
    this.pointer = pointer;
    this.layer.begin(spot, erase, pointer !== null && this.layer.smooth);
    this.spot = spot;
    this.redraw();
  }

  paintTo(spot) {
    this.layer.to(spot);
    this.spot = spot;
    this.redraw();
  }

  end({ keep = true } = {}) {
    if (!this.painting) return;
    if (this.layer.end(keep)) this.emit(this.layer);
    this.redraw();
  }

  /** Send a layer to Python, and a summary to screen readers. */
  emit(layer) {
    const { width, height } = layer;
    const { name, rev } = layer.data;
    const key = `${this.data.key} ${name}`;
    const stroke = (numbers.get(key) ?? 0) + 1;
    numbers.set(key, stroke);
    const message = { bits: pack(layer.bits), width, height, stroke, rev };
    const send = () => this.send(name, message);
    if (this.data.quiet !== null && layer.kind === "mask") this.keep(send);
    else {
      this.unsent.flush();
      send();
    }
    if (layer === this.layer) this.status.textContent = this.summary();
    this.redraw();
  }

  /** Send the mask later; write it into the address now. */
  keep(send) {
    this.unsent.set(send);
    clearTimeout(this.addressing);
    const name = this.data.quiet;
    this.addressing = setTimeout(async () => {
      const text = await linkText(bytesOf(pack(this.hidden.bits)));
      if (this.unsent.send === send) writeAddress({ [name]: text });
    }, ADDRESS_PAUSE);
  }

  /** Python has replaced the mask. */
  forget() {
    this.unsent.set(null);
    clearTimeout(this.addressing);
  }

  /** Tell the page what the canvas shows, if that has changed. */
  announce() {
    const { key, background } = this.data;
    if (!this.hidden || background?.channels !== 1) return;
    window.pixelCanvases ??= new Map();
    const last = window.pixelCanvases.get(key);
    const shown = { hidden: pack(this.hidden.bits), picture: background.bytes };
    if (last?.hidden === shown.hidden && last.picture === shown.picture) return;
    window.pixelCanvases.set(key, shown);
    document.dispatchEvent(new CustomEvent("pixelcanvas", { detail: key }));
  }

  summary() {
    const { width, height } = this.data;
    return `${this.layer.count()} of ${width * height} pixels ${this.layer.words[0]}`;
  }

  // --- Commands of the buttons and keys

  eraser() {
    this.layer.erasing = !this.layer.erasing;
    this.showLayer();
    this.redraw();
  }

  smooth() {
    if (this.layer.kind !== "drawing") return;
    this.layer.smooth = !this.layer.smooth;
    this.showLayer();
  }

  undo() {
    this.end();
    if (this.layer.undo()) this.emit(this.layer);
  }

  redo() {
    this.end();
    if (this.layer.redo()) this.emit(this.layer);
  }

  invert() {
    if (this.layer.kind !== "drawing") this.replace((bit) => 1 - bit);
  }

  clear() {
    if (this.layer.bits.includes(1)) this.replace(() => 0);
  }

  replace(change) {
    this.end();
    this.layer.replace(this.layer.bits.map(change));
    this.emit(this.layer);
  }

  setBrush(size) {
    const { layer, slider } = this;
    layer.setBrush(size);
    slider.value = layer.size;
    slider.setAttribute("aria-valuetext", layer.brushText);
    // The track is filled up to the middle of the thumb.
    const part = (layer.size - 1) / 8;
    const middle = `calc(${part} * (100% - var(--thumb)) + var(--thumb) / 2)`;
    slider.style.setProperty("--filled", middle);
    this.tip.setAttribute("d", layer.tip);
    this.redraw();
  }

  // --- Input

  listen() {
    const { canvas, root } = this;
    canvas.onpointerdown = (e) => {
      if (!e.isPrimary || this.painting || e.button === 1) return;
      canvas.setPointerCapture(e.pointerId);
      // The right button, Shift, or the eraser of a pen erases.
      const erase = this.layer.erasing || e.shiftKey || e.button === 2 || e.button === 5;
      this.begin(this.follow(e), erase, e.pointerId);
    };
    canvas.onpointermove = (e) => {
      if (!e.isPrimary) return;
      const spot = this.follow(e);
      if (this.painting && this.pointer === e.pointerId) {
        const between = e.getCoalescedEvents?.() ?? [];
        for (const each of between) this.paintTo(positionIn(canvas, each, this.data));
        if (!between.length) this.paintTo(spot);
      } else if (!this.painting) {
        this.spot = spot;
        this.redraw();
      }
    };
    const finish = (keep) => (e) => {
      if (!this.painting || this.pointer !== e.pointerId) return;
      if (e.pointerType === "touch") this.spot = null;
      this.end({ keep });
    };
    canvas.onpointerup = finish(true);
    canvas.onlostpointercapture = finish(true);
    canvas.onpointercancel = finish(false);
    canvas.onpointerleave = () => {
      if (this.painting) return;
      this.spot = null;
      this.redraw();
    };
    canvas.oncontextmenu = (e) => e.preventDefault();
    canvas.onkeydown = (e) => this.steer(e);
    canvas.onkeyup = (e) => {
      if (e.key === " " && this.pointer === null) this.end();
    };
    canvas.onfocus = () => {
      if (canvas.matches(":focus-visible")) this.showCursor();
    };
    canvas.onblur = () => {
      if (this.pointer === null) this.end();
      this.spot = null;
      this.redraw();
    };
    root.onkeydown = (e) => this.shortcut(e);
    this.slider.oninput = () => this.setBrush(this.slider.valueAsNumber);
    for (const [act, button] of Object.entries(this.buttons)) {
      button.onclick = () => this[act]();
    }
    radioGroup(this.modes, (button) => this.choose(this.layerNamed(button)));
    this.onresize = () => this.layout(); // zoom changes the size of a screen pixel
    window.addEventListener("resize", this.onresize);
    this.observer = new ResizeObserver(this.onresize);
    this.observer.observe(root);
  }

  /** Move the cursor of the keyboard to the pointer, so that it continues from there. */
  follow(event) {
    const spot = positionIn(this.canvas, event, this.data);
    this.moveCursor(Math.floor(spot.x), Math.floor(spot.y));
    return spot;
  }

  moveCursor(x, y) {
    const { width, height } = this.data;
    this.cursor = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  }

  showCursor() {
    this.spot = { x: this.cursor[0] + 0.5, y: this.cursor[1] + 0.5 };
    this.redraw();
  }

  /** Arrow keys and Space, with the focus on the grid. */
  steer(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const [x, y] = this.cursor;
    if (e.key in ARROWS) {
      const [dx, dy] = ARROWS[e.key];
      this.moveCursor(x + dx, y + dy);
      this.showCursor();
      if (this.painting && this.pointer === null) this.paintTo(this.spot);
      else this.status.textContent = this.describePixel();
    } else if (e.key === " ") {
      this.showCursor();
      if (!e.repeat && !this.painting) this.begin(this.spot, this.layer.erasing || e.shiftKey);
    } else return;
    e.preventDefault();
  }

  describePixel() {
    const [x, y] = this.cursor;
    const [, blank, painted] = this.layer.words;
    return `Row ${y + 1}, column ${x + 1}, ${this.layer.isPainted(x, y) ? painted : blank}`;
  }

  /** Keys that work anywhere in the component. All keys but Tab and Escape stay in it, because the
   *  page has its own hotkeys (R reruns, C clears caches). */
  shortcut(e) {
    if (e.key === "Tab" || e.key === "Escape") return;
    e.stopPropagation();
    const act = this.commandOf(e);
    if (!act) return;
    e.preventDefault();
    act();
  }

  commandOf(e) {
    const key = e.key.toLowerCase();
    if (e.altKey) return null;
    if (e.ctrlKey || e.metaKey) {
      if (key === "z") return e.shiftKey ? () => this.redo() : () => this.undo();
      return key === "y" ? () => this.redo() : null;
    }
    if (/^[1-9]$/.test(key)) return () => this.setBrush(Number(key));
    if (key === "[" || key === "]") {
      return () => this.setBrush(this.layer.size + (key === "]" ? 1 : -1));
    }
    if (e.repeat && key !== "u") return null;
    const layers = { d: "drawing", h: "pixels" };
    if (key in layers) {
      return this.hasModes ? () => this.choose(this.layers.get(layers[key])) : null;
    }
    const acts = { e: "eraser", u: "undo", s: "smooth", i: "invert", c: "clear", delete: "clear" };
    return key in acts ? () => this[acts[key]]() : null;
  }

  // --- Drawing

  /** A whole number of screen pixels per cell, so that squares are sharp at any zoom. */
  layout() {
    if (!this.data) return;
    const { width, height, maxWidth } = this.data;
    const ratio = window.devicePixelRatio || 1;
    const room = Math.min(this.root.clientWidth, maxWidth) * ratio;
    this.cell = Math.max(1, Math.floor(room / width));
    const { canvas } = this;
    if (canvas.width !== width * this.cell || canvas.height !== height * this.cell) {
      canvas.width = width * this.cell;
      canvas.height = height * this.cell;
    }
    canvas.style.width = `${canvas.width / ratio}px`;
    canvas.style.height = `${canvas.height / ratio}px`;
    this.root.style.setProperty("--board-width", canvas.style.width);
    this.paint();
  }

  redraw() {
    this.announce();
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.data) return;
    const { layer, cell, spot } = this;
    const context = this.canvas.getContext("2d");
    const pixel = Math.max(1, Math.round(window.devicePixelRatio || 1));
    context.imageSmoothingEnabled = false;
    context.lineCap = "square"; // closes the corners of outlines
    if (layer.kind === "drawing") this.paintDrawing(context, pixel);
    else if (layer.kind === "ink") paintInk(context, layer, cell);
    else this.paintMask(context, pixel);
    if (layer.kind !== "drawing") paintGrid(context, cell, pixel);
    const erase = layer.stroke ? layer.stroke.value === 0 : layer.erasing;
    if (spot) paintBrush(context, layer.edge(spot, cell), pixel, erase);
    this.count.textContent = this.summary();
    this.buttons.undo.setAttribute("aria-disabled", !layer.done.length);
    this.buttons.redo.setAttribute("aria-disabled", !layer.undone.length);
  }

  colour(name) {
    return getComputedStyle(this.root).getPropertyValue(`--st-${name}`).trim();
  }

  /** The ink, and the mask over it, transparent enough for drawing. */
  paintDrawing(context, pixel) {
    paintDrawing(context, this.layer, this.cell);
    const accent = this.colour("primary-color");
    if (this.hidden)
      paintHidden(context, this.hidden, this.cell, pixel, { opacity: 0.35, accent });
  }

  paintMask(context, pixel) {
    const { canvas, cell, layer, background } = this;
    context.fillStyle = this.colour("background-color");
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (background) context.drawImage(background, 0, 0, canvas.width, canvas.height);
    const opacity = this.data.peek && background ? 0.8 : 1;
    paintHidden(context, layer, cell, pixel, { opacity, accent: this.colour("primary-color") });
  }
}

export default component(PixelCanvas);
