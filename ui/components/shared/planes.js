// Images as bytes: one plane of levels per channel.

/** Paint an image, grey or in colour, on a canvas of its size. */
function paintPlanes(canvas, bytes) {
  const { width, height } = canvas;
  const size = width * height;
  const channels = bytes.length / size;
  const image = new ImageData(width, height);
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = bytes[(c % channels) * size + i];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
