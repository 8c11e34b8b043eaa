// Images of the messages as pixels.

/** The decoded images of the newest message. */
class Pixels {
  constructor() {
    this.images = new Map(); // data URL → ImageData, or a promise of it
  }

  /** Decode these images and delete all others. → a promise, fulfilled when all are decoded */
  load(urls) {
    const wanted = new Set(urls);
    for (const url of this.images.keys()) if (!wanted.has(url)) this.images.delete(url);
    for (const url of wanted) if (!this.images.has(url)) this.images.set(url, this.read(url));
    return Promise.all(urls.map((url) => this.images.get(url)));
  }

  async read(url) {
    try {
      const image = await decode(url);
      if (this.images.has(url)) this.images.set(url, image);
    } catch (error) {
      console.error("method grid: an image could not be read", error);
    }
  }

  /** The pixels of an image as RGBA; null until it is decoded. */
  of(url) {
    const found = url && this.images.get(url);
    return found instanceof ImageData ? found.data : null;
  }
}

async function decode(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** All images of a message. */
function urlsOf({ original, methods }) {
  const of = (method) => [
    method.mean,
    method.sd,
    method.draws?.strip,
    ...(method.parts ?? []).map((part) => part.strip),
  ];
  return [original, ...methods.flatMap(of)].filter(Boolean);
}
