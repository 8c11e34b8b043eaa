// The tooltip of a point.

const IMAGE_SIDE = 72; // CSS pixels of the longer side of an image

class Tip {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.facts = root.querySelector("dl");
  }

  hide() {
    this.root.hidden = true;
  }

  /** Show facts [name, value] and image i of a sheet beside {x, y}; `room` is the free width. */
  show(facts, sheet, i, { x, y, room }) {
    this.facts.replaceChildren(
      ...facts.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    );
    this.canvas.hidden = !sheet;
    if (sheet) this.drawThumbnail(sheet, i);
    this.root.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const right = x + 18 + width <= room;
    const left = right ? x + 18 : x - 18 - width;
    this.root.style.left = `${Math.max(0, Math.min(left, room - width))}px`;
    this.root.style.top = `${left < 0 ? y - height - 18 : y - height / 2}px`;
  }

  drawThumbnail({ name, columns, width, height }, i) {
    const { canvas } = this;
    const scale = IMAGE_SIDE / Math.max(width, height);
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
