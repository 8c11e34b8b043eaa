// Dots are blended into pixels here: thousands of canvas calls would take up to three frames.

const PHASES = 4; // positions of a dot's centre within a pixel, along each axis

/** Radius of the dots of so many points in a plane of this area, in CSS pixels. */
function dotRadius(count, area) {
  const side = Math.sqrt(area / Math.max(count, 1)); // of a square with the area per point
  return Math.min(4.5, Math.max(1.7, side * 0.24));
}

/** [red, green, blue] → an opaque pixel as a 32-bit word. */
function word([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** A disc {side, masks}: for each phase, the coverage of each pixel × 256 × `alpha`. */
function discs(radius, alpha) {
  const side = Math.ceil(2 * radius) + 2;
  const masks = [];
  for (let phase = 0; phase < PHASES ** 2; phase += 1) {
    const [dx, dy] = [phase % PHASES, Math.floor(phase / PHASES)].map((i) => (i + 0.5) / PHASES);
    const centre = [Math.floor(side / 2) - 1 + dx, Math.floor(side / 2) - 1 + dy];
    const mask = new Uint16Array(side * side);
    for (let i = 0; i < mask.length; i += 1) {
      const distance = Math.hypot(
        (i % side) + 0.5 - centre[0],
        Math.floor(i / side) + 0.5 - centre[1],
      );
      const coverage = Math.min(1, Math.max(0, radius + 0.5 - distance));
      mask[i] = Math.round(256 * alpha * coverage);
    }
    masks.push(mask);
  }
  return { side, masks };
}

/** An opaque image on which dots are drawn. */
class Raster {
  /** Take the size of a canvas and fill the image with one colour. */
  begin(canvas, colour) {
    const { width, height } = canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(Math.max(width, 1), Math.max(height, 1));
      this.words = new Uint32Array(this.image.data.buffer);
    }
    this.words.fill(word(colour));
  }

  /** Draw a dot for each point i of `order` with flags[i] = `flag`, in the colour of its slot.
   *
   *  `positions` alternate x and y in CSS pixels; `words` are the colours of the slots. */
  dots(positions, order, flags, flag, slots, words, { side, masks }, ratio) {
    const { words: pixels, image } = this;
    const { width, height } = image;
    const half = Math.floor(side / 2) - 1;
    for (const i of order) {
      if (flags[i] !== flag) continue;
      const x = positions[2 * i] * ratio;
      const y = positions[2 * i + 1] * ratio;
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

/** Blend a colour into a square of pixels; red and blue are computed together, 16 bits apart. */
function blend(pixels, from, stride, side, mask, colour) {
  const redBlue = colour & 0xff00ff;
  const green = colour & 0xff00;
  for (let row = 0, m = 0, at = from; row < side; row += 1, at += stride) {
    for (let column = 0; column < side; column += 1, m += 1) {
      const coverage = mask[m];
      if (!coverage) continue;
      const under = pixels[at + column];
      const rb = under & 0xff00ff;
      const g = under & 0xff00;
      const mixedRb = (rb + (Math.imul(redBlue - rb, coverage) >> 8)) & 0xff00ff;
      const mixedG = (g + (Math.imul(green - g, coverage) >> 8)) & 0xff00;
      pixels[at + column] = 0xff000000 | mixedRb | mixedG;
    }
  }
}
