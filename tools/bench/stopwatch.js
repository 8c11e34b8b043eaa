// The benchmark runs this script in every page before any other. It records when the pointer was
// released, when the next image was drawn, and all messages to and from the server.

(() => {
  const watch = { released: null, run: null, shown: null, first: null, messages: [] };
  window.stopwatch = watch;

  addEventListener(
    "pointerup",
    (event) => Object.assign(watch, { released: event.timeStamp, shown: null }),
    true,
  );

  // The time is taken after the browser has drawn the frame that contains the image.
  document.addEventListener("dgm-iteration", ({ detail: { run } }) => {
    if (run === watch.run) return;
    watch.run = run;
    requestAnimationFrame(() => {
      const drawn = new MessageChannel();
      drawn.port1.onmessage = () => {
        watch.shown = performance.now();
        watch.first ??= performance.timeOrigin + watch.shown;
      };
      drawn.port2.postMessage(null);
    });
  });

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
