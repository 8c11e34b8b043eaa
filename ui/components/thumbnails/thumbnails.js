// A grid of small images, one of which is chosen: a radio group with roving focus.

export default component({
  create: (parent) => ({ root: parent.querySelector(".thumbnails") }),
  update: show,
  destroy() {},
});

function show(grid, { data, setStateValue }) {
  const group = grid.root;
  group.setAttribute("aria-label", data.label);
  group.style.gridTemplateColumns = data.columns ? `repeat(${data.columns}, minmax(0, 1fr))` : "";
  group.classList.toggle("named", data.named);
  if (grid.pictures !== data.pictures) build(group, data);
  grid.pictures = data.pictures;
  mark(group, data.chosen);

  const choose = (i) => {
    mark(group, i);
    setStateValue("chosen", { set: data.set, index: i, click: Date.now() });
  };
  group.onclick = (event) => {
    const button = event.target.closest("button");
    if (button) choose([...group.children].indexOf(button));
  };
  group.onkeydown = (event) => {
    const buttons = [...group.children];
    const at = buttons.indexOf(event.target.closest("button"));
    const row = data.columns ?? 1;
    const step = { ArrowRight: 1, ArrowDown: row, ArrowLeft: -1, ArrowUp: -row }[event.key];
    if (at < 0) return;
    event.stopPropagation();
    if (!step) return;
    event.preventDefault();
    const to = (at + step + buttons.length) % buttons.length;
    buttons[to].focus();
    choose(to);
  };
}

function build(group, data) {
  const pixels = bytesOf(data.pictures);
  const size = data.channels * data.height * data.width;
  const buttons = data.labels.map((label, i) => {
    const canvas = element("canvas");
    draw(canvas, pixels.subarray(i * size, (i + 1) * size), data.height, data.width);
    const names = { role: "radio", "aria-label": label, title: label };
    const shown = data.named ? [canvas, element("span", {}, label)] : [canvas];
    return element("button", { type: "button", ...names }, ...shown);
  });
  group.replaceChildren(...buttons);
}

function draw(canvas, pixels, height, width) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const size = height * width;
  const channels = pixels.length / size; // each channel is a whole plane
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i + (c % channels) * size];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function mark(group, chosen) {
  [...group.children].forEach((button, i) => {
    button.setAttribute("aria-checked", String(i === chosen));
    button.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
  });
}
