// Images on screen as a PNG file.

function download(canvas) {
  canvas.convertToBlob({ type: "image/png" }).then((blob) => {
    const link = element("a", { download: "inpainting.png", href: URL.createObjectURL(blob) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

/** Rows of canvases on one white canvas. */
function sheet(rows) {
  const gap = 8;
  const side = rows[0][0].width;
  const length = (count) => count * (side + gap) - gap;
  const canvas = new OffscreenCanvas(length(rows[0].length), length(rows.length));
  const context = canvas.getContext("2d");
  context.fillStyle = "rgb(255 255 255)";
  context.fillRect(0, 0, canvas.width, canvas.height);
  rows.forEach((tiles, row) =>
    tiles.forEach((tile, column) =>
      context.drawImage(tile, column * (side + gap), row * (side + gap)),
    ),
  );
  return canvas;
}
