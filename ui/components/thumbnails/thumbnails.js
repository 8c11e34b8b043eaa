// A grid of small pictures of which one is chosen: a radio group with roving focus.
const instances = new WeakMap();

function draw(canvas, pixels, height, width) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const size = height * width;
  const channels = pixels.length / size; // one after the other
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i + (c % channels) * size];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function build(group, data) {
  const pixels = Uint8Array.from(atob(data.pictures), (c) => c.charCodeAt(0));
  const size = data.channels * data.height * data.width;
  group.replaceChildren(
    ...data.labels.map((label, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", label);
      button.title = label;
      const canvas = document.createElement("canvas");
      draw(canvas, pixels.subarray(i * size, (i + 1) * size), data.height, data.width);
      button.append(canvas);
      return button;
    }),
  );
}

function mark(group, chosen) {
  [...group.children].forEach((button, i) => {
    button.setAttribute("aria-checked", String(i === chosen));
    button.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
  });
}

export default function ({ data, parentElement, setStateValue }) {
  const group = parentElement.querySelector(".thumbnails");
  const before = instances.get(parentElement);
  group.setAttribute("aria-label", data.label);
  if (!before || before.pictures !== data.pictures) build(group, data);
  instances.set(parentElement, { pictures: data.pictures });
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
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0) return;
    event.stopPropagation();
    if (!step) return;
    event.preventDefault();
    const to = (at + step + buttons.length) % buttons.length;
    buttons[to].focus();
    choose(to);
  };
}
