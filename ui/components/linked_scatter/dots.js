// Dots, blended into pixels by hand: thousands of copies by the canvas would cost a frame or three.

const PHASES = 4; // places of a dot's middle within a pixel, along each axis

/** Radius of the dots of so many points in a plane of this area, in CSS pixels. */
function dotRadius(count, area) {
  const room = Math.sqrt(area / Math.max(count, 1)); // side of a point's share
  return Math.min(4.5, Math.max(1.7, room * 0.24));
}

/** [red, green, blue] → as a pixel lies in memory. */
function word([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** How much of each pixel a disc covers, 0 … 256, for each phase: {side, masks}. */
function discs(radius, alpha) {
  const side = Math.ceil(2 * radius) + 2;
  const masks = [];
  for (let phase = 0; phase < PHASES ** 2; phase += 1) {
    const [dx, dy] = [phase % PHASES, Math.floor(phase / PHASES)].map((i) => (i + 0.5) / PHASES);
    const middle = [Math.floor(side / 2) - 1 + dx, Math.floor(side / 2) - 1 + dy];
    const mask = new Uint16Array(side * side);
    for (let i = 0; i < mask.length; i += 1) {
      const away = Math.hypot(
        (i % side) + 0.5 - middle[0],
        Math.floor(i / side) + 0.5 - middle[1],
      );
      const cover = Math.min(1, Math.max(0, radius + 0.5 - away));
      mask[i] = Math.round(256 * alpha * cover);
    }
    masks.push(mask);
  }
  return { side, masks };
}

/** A plane of pixels without transparency, to draw dots on and then show. */
class Raster {
  /** Fit a canvas, all of one colour. */
  begin(canvas, colour) {
    const { width, height } = canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(Math.max(width, 1), Math.max(height, 1));
      this.words = new Uint32Array(this.image.data.buffer);
    }
    this.words.fill(word(colour));
  }

  /** Draw a dot at each place i of `order` where flags[i] is `flag`, in the colour of its slot.
   *
   *  `places` are x and y by turns in pixels / ratio; `words` are the colours of the slots. */
  dots(places, order, flags, flag, slots, words, { side, masks }, ratio) {
    const { words: pixels, image } = this;
    const { width, height } = image;
    const half = Math.floor(side / 2) - 1;
    for (const i of order) {
      if (flags[i] !== flag) continue;
      const x = places[2 * i] * ratio;
      const y = places[2 * i + 1] * ratio;
      const left = Math.floor(x) - half;
      const top = Math.floor(y) - half;
      if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
      const phase = Math.floor((y % 1) * PHASES) * PHASES + Math.floor((x % 1) * PHASES);
      blend(pixels, top * width + left, width, side, masks[phase], words[slots ? slots[i] : 0]);
    }
  }

  show(canvas) {
    canvas.getContext("2d").putImageData(this.image, 0, 0);
  }
}

/** Lay a colour over a square of pixels; red and blue are reckoned together, 16 bits apart. */
function blend(pixels, from, stride, side, mask, colour) {
  const redBlue = colour & 0xff00ff;
  const green = colour & 0xff00;
  for (let row = 0, m = 0, at = from; row < side; row += 1, at += stride) {
    for (let column = 0; column < side; column += 1, m += 1) {
      const cover = mask[m];
      if (!cover) continue;
      const under = pixels[at + column];
      const rb = under & 0xff00ff;
      const g = under & 0xff00;
      const mixedRb = (rb + (Math.imul(redBlue - rb, cover) >> 8)) & 0xff00ff;
      const mixedG = (g + (Math.imul(green - g, cover) >> 8)) & 0xff00;
      pixels[at + column] = 0xff000000 | mixedRb | mixedG;
    }
  }
}
