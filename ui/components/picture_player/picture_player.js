// Sequences of images side by side: one clock, one slider, one canvas per track.

class PicturePlayer {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".picture-player");
    this.tracks = find(".tracks");
    this.scrub = find(".scrub");
    this.positionText = find(".position");
    this.data = null;
    this.at = 0;
    this.forwards = true;
    this.timer = 0; // 0: paused
    this.listen();
  }

  dispose() {
    this.pause();
  }

  update({ data }) {
    const message = JSON.stringify(data);
    if (message === this.message) return;
    const sameRange = this.data?.count === data.count && this.data?.start === data.start;
    this.message = message;
    this.data = data;
    this.root.setAttribute("aria-label", data.label);
    this.tracks.style.setProperty("--width", `${data.width}px`);
    this.scrub.max = String(data.count - 1);
    this.shown = data.tracks.map((track) => {
      const { width, height, title } = track;
      const label = { role: "img", "aria-label": title };
      const canvas = element("canvas", { width, height, ...label });
      return { ...track, bytes: bytesOf(track.pictures), canvas, caption: element("small") };
    });
    this.tracks.replaceChildren(
      ...this.shown.map(({ title, canvas, caption }) =>
        element("figure", {}, element("figcaption", {}, title), canvas, caption),
      ),
    );
    this.show(sameRange ? this.at : data.start);
    if (data.count === 1) this.pause();
  }

  listen() {
    const toggle = () => (this.timer ? this.pause() : this.play());
    this.buttons = playButtons(this.root, { toggle });
    this.scrub.oninput = () => {
      this.pause();
      this.show(Number(this.scrub.value));
    };
    this.root.onkeydown = (event) => {
      if (event.key !== " " || event.target === this.buttons.toggle) return;
      event.preventDefault();
      toggle();
    };
  }

  play() {
    const { count, seconds, backwards } = this.data;
    if (count === 1) return;
    if (!backwards && this.at === count - 1) this.show(0);
    this.buttons.show(true);
    this.timer = setInterval(() => this.tick(), (1000 * seconds) / count);
  }

  tick() {
    const { count, backwards } = this.data;
    const next = this.at + (this.forwards ? 1 : -1);
    if (next >= 0 && next < count) return this.show(next);
    if (!backwards) return this.pause();
    this.forwards = !this.forwards;
    this.show(this.at + (this.forwards ? 1 : -1));
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.forwards = true;
    this.buttons.show(false);
  }

  show(at) {
    const { data, scrub } = this;
    this.at = at;
    scrub.value = String(at);
    scrub.style.setProperty("--played", `${(100 * at) / Math.max(data.count - 1, 1)}%`);
    const position = data.positions[at] ?? `${at + 1} / ${data.count}`;
    this.positionText.textContent = position;
    scrub.setAttribute("aria-valuetext", position);
    for (const { canvas, caption, bytes, captions } of this.shown) {
      const size = bytes.length / data.count;
      paintPlanes(canvas, bytes.subarray(at * size, (at + 1) * size));
      caption.textContent = captions[at] ?? "";
      caption.hidden = !captions.length;
    }
  }
}

export default component(PicturePlayer);
