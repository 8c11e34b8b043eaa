// What is known of one point, beside it.

const PICTURE = 72; // CSS pixels of its longer side, about

class Tip {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.facts = root.querySelector("dl");
  }

  hide() {
    this.root.hidden = true;
  }

  /** Facts [name, value], and picture i of a sheet, at a point {x, y} of so much room. */
  show(facts, sheet, i, { x, y, room }) {
    this.facts.replaceChildren(
      ...facts.map(([name, said]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, said)),
      ),
    );
    this.canvas.hidden = !sheet;
    if (sheet) this.drawPicture(sheet, i);
    this.root.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const right = x + 18 + width <= room;
    const left = right ? x + 18 : x - 18 - width;
    this.root.style.left = `${Math.max(0, Math.min(left, room - width))}px`;
    this.root.style.top = `${left < 0 ? y - height - 18 : y - height / 2}px`;
  }

  drawPicture({ name, columns, width, height }, i) {
    const { canvas } = this;
    const scale = PICTURE / Math.max(width, height);
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width * scale}px`;
    canvas.style.height = `${height * scale}px`;
    canvas.classList.toggle("smooth", scale < 1);
    const { image } = sheetNamed(name);
    const draw = () => {
      const from = [(i % columns) * width, Math.floor(i / columns) * height];
      canvas.getContext("2d").drawImage(image, ...from, width, height, 0, 0, width, height);
    };
    image.onload = draw;
    if (image.complete && image.naturalWidth) draw();
  }
}
