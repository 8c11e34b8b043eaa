// The benchmark runs this script in every page before any other. It records when the pointer was
// released, when the next image was drawn, when the page showed its first picture, and all messages
// to and from the server.

(() => {
  const watch = { released: null, run: null, shown: null, first: null, messages: [] };
  window.stopwatch = watch;

  addEventListener(
    "pointerup",
    (event) => Object.assign(watch, { released: event.timeStamp, shown: null }),
    true,
  );

  // Calls `then` after the browser has drawn the next frame.
  const onceDrawn = (then) =>
    requestAnimationFrame(() => {
      const drawn = new MessageChannel();
      drawn.port1.onmessage = then;
      drawn.port2.postMessage(null);
    });

  document.addEventListener("dgm-iteration", ({ detail: { run } }) => {
    if (run === watch.run) return;
    watch.run = run;
    onceDrawn(() => Object.assign(watch, { shown: performance.now() }));
  });

  // A picture is a loaded image, a painted canvas or a drawing; icons and bars are smaller.
  const LEAST = 60; // CSS pixels
  const scratch = new OffscreenCanvas(16, 16).getContext("2d", { willReadFrequently: true });
  const isPicture = (element) => {
    const { width, height } = element.getBoundingClientRect();
    if (width < LEAST || height < LEAST) return false;
    if (element.matches("img")) return element.complete && element.naturalWidth > 0;
    if (element.matches("svg")) return element.querySelectorAll("path, circle").length > 1;
    if (!element.matches("canvas") || !element.width || !element.height) return false;
    scratch.clearRect(0, 0, 16, 16);
    scratch.drawImage(element, 0, 0, 16, 16);
    return scratch.getImageData(0, 0, 16, 16).data.some((level) => level > 0);
  };
  const hasPicture = (root) =>
    [...root.querySelectorAll("*")].some(
      (element) => isPicture(element) || (element.shadowRoot && hasPicture(element.shadowRoot)),
    );
  const look = () => {
    if (watch.first !== null) return;
    const place = document.querySelector("[data-testid=stMain]");
    if (place && hasPicture(place)) {
      onceDrawn(() => Object.assign(watch, { first: performance.timeOrigin + performance.now() }));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  // Base64, because Playwright passes text to Python but cannot pass bytes.
  const base64 = (bytes) => {
    let characters = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      characters += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return btoa(characters);
  };
  const record = (direction, data) => {
    if (!watch.listening || typeof data === "string") return;
    const time = performance.now();
    const copy = new Response(data).arrayBuffer(); // the page may reuse its buffer
    watch.messages.push(
      copy.then((buffer) => ({ direction, time, bytes: base64(new Uint8Array(buffer)) })),
    );
  };

  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener("message", ({ data }) => record("in", data));
    }

    send(data) {
      record("out", data);
      super.send(data);
    }
  };

  watch.listen = () => Object.assign(watch, { listening: true, messages: [] });
  watch.recorded = async () => {
    watch.listening = false;
    return Promise.all(watch.messages);
  };
})();
