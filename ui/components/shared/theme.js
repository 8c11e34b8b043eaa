// Colours of the style sheet as numbers.

const PIXEL = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** A colour in any notation, as it is inside `root` → [red, green, blue, 255]. */
function readColour(root, written) {
  const probe = document.createElement("i");
  probe.style.color = written;
  root.append(probe);
  PIXEL.clearRect(0, 0, 1, 1);
  PIXEL.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  PIXEL.fillRect(0, 0, 1, 1);
  return [...PIXEL.getImageData(0, 0, 1, 1).data];
}
