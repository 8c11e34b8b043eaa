// Colours of the style sheet as numbers.

const PIXEL = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** A CSS colour, with the variables of `root` → [red, green, blue, alpha], each 0 to 255. */
function readColour(root, colour) {
  const probe = document.createElement("i");
  probe.style.color = colour;
  root.append(probe);
  PIXEL.clearRect(0, 0, 1, 1);
  PIXEL.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  PIXEL.fillRect(0, 0, 1, 1);
  return [...PIXEL.getImageData(0, 0, 1, 1).data];
}

/** [red, green, blue] → a CSS colour. */
const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
