// What a benchmark reads from a page, run in it before anything else: when the pointer went up,
// when a picture stood on the screen after that, and every message to and from the server.

(() => {
  const watch = { lifted: null, run: null, shown: null, first: null, messages: [] };
  window.stopwatch = watch;

  addEventListener(
    "pointerup",
    (event) => Object.assign(watch, { lifted: event.timeStamp, shown: null }),
    true,
  );

  // A picture counts once the browser has drawn the frame that it is in.
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

  // Base64, as text travels to Python and bytes do not.
  const text = (bytes) => {
    let found = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      found += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return btoa(found);
  };
  const note = (way, data) => {
    if (!watch.listening || typeof data === "string") return;
    const time = performance.now();
    const taken = new Response(data).arrayBuffer(); // a copy: what is sent may be written over
    watch.messages.push(taken.then((it) => ({ way, time, bytes: text(new Uint8Array(it)) })));
  };

  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => note("in", data));
    }

    send(data) {
      note("out", data);
      super.send(data);
    }
  };

  watch.listen = () => Object.assign(watch, { listening: true, messages: [] });
  watch.heard = async () => {
    watch.listening = false;
    return Promise.all(watch.messages);
  };
})();
