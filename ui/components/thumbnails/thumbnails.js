// A grid of small images, one of which is chosen: a radio group with roving focus.

class Thumbnails {
  constructor(parent) {
    this.root = parent.querySelector(".thumbnails");
    this.data = null;
    this.listen();
  }

  get buttons() {
    return [...this.root.children];
  }

  update({ data, setStateValue }) {
    const { root } = this;
    const last = this.data;
    this.data = data;
    this.send = setStateValue;
    root.setAttribute("aria-label", data.label);
    root.style.gridTemplateColumns = data.columns ? `repeat(${data.columns}, minmax(0, 1fr))` : "";
    root.classList.toggle("named", data.named);
    if (last?.pictures !== data.pictures) this.build();
    this.mark(data.chosen);
  }

  build() {
    const { pictures, labels, channels, height, width, named } = this.data;
    const pixels = bytesOf(pictures);
    const size = channels * height * width;
    const buttons = labels.map((label, i) => {
      const canvas = element("canvas", { width, height });
      paintPlanes(canvas, pixels.subarray(i * size, (i + 1) * size));
      const names = { role: "radio", "aria-label": label, title: label };
      const shown = named ? [canvas, element("span", {}, label)] : [canvas];
      return element("button", { type: "button", ...names }, ...shown);
    });
    this.root.replaceChildren(...buttons);
  }

  mark(chosen) {
    this.buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", String(i === chosen));
      button.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
    });
  }

  choose(i) {
    this.mark(i);
    this.send("chosen", { set: this.data.set, index: i, click: Date.now() });
  }

  listen() {
    this.root.onclick = (event) => {
      const button = event.target.closest("button");
      if (button) this.choose(this.buttons.indexOf(button));
    };
    this.root.onkeydown = (event) => {
      const { buttons } = this;
      const at = buttons.indexOf(event.target.closest("button"));
      const row = this.data.columns ?? 1;
      const step = { ArrowRight: 1, ArrowDown: row, ArrowLeft: -1, ArrowUp: -row }[event.key];
      if (at < 0) return;
      event.stopPropagation();
      if (!step) return;
      event.preventDefault();
      const to = (at + step + buttons.length) % buttons.length;
      buttons[to].focus();
      this.choose(to);
    };
  }
}

export default component(Thumbnails);
