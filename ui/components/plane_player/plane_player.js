// Plane player: stores the iterations of several samplers and plays them with one clock.
//
// update → (queue) read → layout → show; each tick of the clock shows again. `t` is the iteration
// shown, counted from 0, or −1 before the first; `phase` goes from 0 to 1 during its moves.

class PlanePlayer {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".plane-player");
    this.plane = find(".plane");
    this.name = find(".name");
    this.zoom = find(".zoom");
    this.key = find(".key");
    this.images = find(".images");
    this.chains = find(".chains");
    this.step = find(".step");
    this.figures = find(".figures");
    this.multiples = find(".multiples");
    this.scrub = find(".scrub");
    this.positionText = find(".position");
    this.speed = find(".speed select");
    this.distance = find(".distance");
    this.logPosterior = find(".log-posterior");
    this.live = find("[aria-live]");
    this.data = null;
    this.queue = Promise.resolve();
    this.near = true;
    this.sampler = 1;
    this.chain = 0;
    this.request = 0;
    this.gone = false;
    this.listen();
  }

  dispose() {
    cancelAnimationFrame(this.request);
    this.observer.disconnect();
    this.gone = true;
  }

  /** The iterations so far, or a new theme. */
  update({ data }) {
    this.queue = this.queue
      .then(() => this.read(data))
      .catch((error) => console.error("plane player: a message could not be read", error));
  }

  async read(data) {
    const fresh = this.data?.run !== data.run;
    const changed = fresh || this.data.tracks !== data.tracks;
    const tracks = changed ? await tracksOf(data) : this.tracks;
    if (this.gone) return;
    const before = fresh ? null : this.data.state;
    this.data = data;
    this.tracks = tracks;
    if (fresh) this.reset();
    if (changed) this.rates = tracks.map(({ acceptance }) => runningMean(acceptance, data.warmup));
    if (data.state !== before) {
      this.root.dataset.state = data.state;
      this.live.textContent = `Chains ${STATES[data.state] ?? "finished"}`;
    }
    if (tracks.length !== this.cards.length) this.build();
    this.layout();
    if (!this.started && data.count) this.begin();
    else if (this.playing) this.start();
  }

  reset() {
    const { data } = this;
    cancelAnimationFrame(this.request);
    const pixels = data.height * data.width;
    this.original = unpack(bytesOf(data.original), pixels);
    this.hidden = unpack(bytesOf(data.hidden), pixels);
    this.posterior = densityOf(data.posterior);
    this.started = this.playing = false;
    this.t = -1;
    this.phase = 1;
    this.request = 0;
    const contourOf = (density) => contour(density, density.levels[0]);
    this.lines = {
      posterior: contourOf(this.posterior),
      originalPosterior: contourOf(densityOf(data.originalPosterior)),
      averageProposal: contourOf(densityOf(data.averageProposal)),
      encodedOriginal: ellipsePath(data.encodedOriginal),
      encodedZeros: ellipsePath(data.encodedZeros),
    };
    if (this.chain >= data.chains) this.chain = 0;
    this.build();
  }

  build() {
    const { samplers, chains } = this.data;
    this.cards = samplers.map(samplerCard);
    this.multiples.replaceChildren(...this.cards.map(({ button }) => button));
    this.fixed = ["Original", "Observed", "Exact mean"].map(problemImage);
    this.images.replaceChildren(...this.fixed.map(({ figure }) => figure));
    this.tiles = Array.from({ length: chains }, (_, chain) => chainTile(chain));
    this.chains.replaceChildren(...this.tiles.map(({ button }) => button));
    this.chains.style.setProperty("--columns", Math.min(chains, 4));
    this.key.replaceChildren(...legendEntries());
  }

  // --- Clock

  get newest() {
    return this.data.count - 1;
  }

  begin() {
    this.started = true;
    if (reducedMotion()) this.seek(this.newest);
    else this.play();
  }

  play() {
    if (!this.data?.count) return;
    if (this.t >= this.newest && this.data.state !== "running") {
      this.t = -1;
      this.phase = 1;
    }
    this.setPlaying(true);
    this.start();
  }

  pause() {
    this.setPlaying(false);
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.phase = 1;
    this.show();
  }

  setPlaying(playing) {
    this.playing = playing;
    this.buttons.show(playing);
  }

  start() {
    if (this.request) return;
    this.clock = performance.now();
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = 0;
    if (this.gone) return;
    const seconds = Math.min(Math.max(now - this.clock, 0) / 1000, 0.25);
    this.clock = now;
    const before = this.t;
    this.phase += seconds * Number(this.speed.value);
    const steps = Math.min(Math.floor(this.phase), this.newest - this.t);
    this.t += steps;
    this.phase = Math.min(this.phase - steps, 1);
    if (this.t === this.newest && this.phase >= 1) {
      this.show();
      if (this.data.state !== "running") this.pause(); // else wait for more iterations
      return;
    }
    if (this.t !== before) this.show();
    else this.drawMain();
    this.request = requestAnimationFrame((time) => this.tick(time));
  }

  seek(t) {
    if (!this.data?.count) return;
    this.t = Math.min(Math.max(Math.round(t), -1), this.newest);
    this.pause();
  }

  // --- Input

  listen() {
    const { root, scrub } = this;
    this.buttons = playButtons(root, {
      previous: () => this.seek(this.t - 1),
      toggle: () => (this.playing ? this.pause() : this.play()),
      next: () => this.seek(this.t + 1),
    });
    scrub.oninput = () => this.seek(Number(scrub.value) - 1);
    root.onkeydown = (event) => this.onKey(event);
    this.zoom.onclick = (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.near = button.dataset.view === "near";
      this.layout();
    };
    radioGroup(this.multiples, (button) => {
      this.sampler = Number(button.dataset.number);
      this.layout();
    });
    radioGroup(this.chains, (button) => {
      this.chain = Number(button.dataset.number);
      this.layout();
    });
    for (const plot of [this.distance, this.logPosterior]) {
      const follow = (event) => {
        const x = event.clientX - plot.getBoundingClientRect().left;
        this.seek(this.scales[0].iterationAt(x) - 1);
      };
      plot.onpointerdown = (event) => {
        if (!event.isPrimary || event.button > 0 || !this.scales) return;
        plot.setPointerCapture(event.pointerId);
        follow(event);
      };
      plot.onpointermove = (event) => plot.hasPointerCapture(event.pointerId) && follow(event);
    }
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { tagName, role } = event.target;
    const actions = {
      " ": () => this.buttons.toggle.click(),
      ArrowLeft: () => this.seek(this.t - 1),
      ArrowRight: () => this.seek(this.t + 1),
      Home: () => this.seek(0),
      End: () => this.seek(this.newest),
    };
    const action = actions[event.key];
    if (!action || tagName === "SELECT" || role === "radio") return;
    event.stopPropagation();
    if (event.key === " " && tagName === "BUTTON") return; // the browser clicks it
    event.preventDefault();
    action();
  }

  // --- Layout and theme

  layout() {
    if (!this.data) return;
    const { root, cards, fixed, tiles, tracks } = this;
    const names = ["ink", "paper", "accent"];
    this.theme = Object.fromEntries(
      names.map((name) => [name, readColour(root, `var(--${name})`)]),
    );
    this.view = viewOf(this);
    for (const button of this.zoom.children) {
      button.setAttribute("aria-pressed", String((button.dataset.view === "near") === this.near));
    }
    if (tracks.length) this.sampler = Math.min(this.sampler, tracks.length - 1);
    markChosen(this.multiples, this.multiples.children[this.sampler]);
    markChosen(this.chains, this.chains.children[this.chain]);
    const canvases = [this.plane, ...[...cards, ...fixed, ...tiles].map(({ canvas }) => canvas)];
    const sizes = canvases.map((canvas) => canvas.clientWidth);
    canvases.forEach((canvas, i) => sizeCanvas(canvas, sizes[i]));
    this.showFixed();
    this.drawPlots();
    this.show();
  }

  drawPlots() {
    const width = this.distance.clientWidth;
    if (!width) return;
    this.scales = [distancePlot(this, width), posteriorPlot(this, width)];
    this.distance.replaceChildren(this.scales[0].drawing);
    this.logPosterior.replaceChildren(this.scales[1].drawing);
  }

  // --- Showing

  show() {
    const { tracks, t } = this;
    this.drawMain();
    this.cards.forEach(({ canvas, summary }, s) => {
      drawPlane(this, canvas, tracks[s], { t, phase: 1, large: false });
      summary.textContent = summaryOf(tracks[s], t, this.rateOf(s));
    });
    this.showCompletions();
    this.showStep();
    this.showPosition();
  }

  /** Acceptance rate, or effective sample size, of a sampler so far. */
  rateOf(sampler) {
    return this.t < 0 ? NaN : this.rates[sampler][this.t];
  }

  drawMain() {
    const track = this.tracks[this.sampler];
    const { t, phase } = this;
    this.name.textContent = track?.name ?? "Plane of two latents";
    const when = track ? `: ${track.name} after iteration ${t + 1}` : " before any chain";
    this.plane.setAttribute("aria-label", `Latent plane${when}`);
    drawPlane(this, this.plane, track, { t, phase, large: true });
  }

  /** The images that stay the same at all iterations. */
  showFixed() {
    const { data, hidden } = this;
    const [original, observed, mean] = this.fixed.map(({ canvas }) => canvas);
    paint(original, data, this.original, GREY, 255);
    paint(observed, data, this.original, GREY, 255);
    hatch(observed, hidden, data.width, data.height);
    this.showImage(mean, bytesOf(data.mean));
  }

  showImage(canvas, values, times = 1) {
    paint(canvas, this.data, values, GREY, times);
    outline(canvas, this.data, this.hidden, css(this.theme.accent, 0.8));
  }

  showCompletions() {
    const { data, original, hidden, t } = this;
    const track = this.tracks[this.sampler];
    this.tiles.forEach(({ canvas }, chain) => {
      if (!track || t < 0) return blank(canvas, css(this.theme.ink, 0.08));
      const image = completionOf(track, data.chains, original, hidden, t, chain);
      this.showImage(canvas, image, 255);
    });
  }

  showStep() {
    const { data, t, chain, sampler } = this;
    const track = this.tracks[sampler];
    this.step.textContent = track ? sentenceOf(track, data, t, chain) : "The chains start …";
    const rows = track ? figuresOf(track, data, t, chain, this.rateOf(sampler)) : [];
    this.figures.replaceChildren(
      ...rows.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    );
  }

  showPosition() {
    const { data, t, scrub } = this;
    const text = positionText(data, t);
    const state = STATES[data.state];
    this.positionText.textContent = state ? `${text} · ${state}` : text;
    this.root.dataset.iteration = t + 1;
    const last = data.state === "running" ? data.iterations : data.count;
    scrub.max = String(last);
    scrub.value = String(t + 1);
    scrub.setAttribute("aria-valuetext", text);
    scrub.style.setProperty("--played", `${(100 * (t + 1)) / Math.max(last, 1)}%`);
    scrub.style.setProperty("--loaded", `${(100 * data.count) / Math.max(last, 1)}%`);
    for (const scale of this.scales ?? []) scale.move(t + 1);
  }
}

export default component(PlanePlayer);
