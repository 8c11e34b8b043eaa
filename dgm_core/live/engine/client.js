// The page's side of one worker. `LIVE_WORKER` is the text of the worker.

class LiveChains {
  /** @param settings of the message init, without its type
   *  @param on { ready, frame, error }: functions of the message. `frame.current` says whether
   *  the frame is of the last problem. */
  constructor(settings, on) {
    const address = URL.createObjectURL(new Blob([LIVE_WORKER], { type: "text/javascript" }));
    this.worker = new Worker(address);
    this.number = 0;
    this.worker.onmessage = ({ data }) => {
      if (data.type === "ready") URL.revokeObjectURL(address);
      if (data.type === "frame") data.current = data.problem === this.number;
      on[data.type]?.(data);
    };
    this.worker.onerror = ({ message }) => on.error?.({ type: "error", message });
    this.worker.postMessage({ type: "init", ...settings });
  }

  /** @param picture levels from 0 to 1; @param observed 1 = observed, 0 = hidden */
  observe(picture, observed, { restart = false } = {}) {
    this.number += 1;
    const message = { type: "problem", picture, observed, restart, number: this.number };
    this.worker.postMessage(message);
  }

  run(iterations) {
    this.worker.postMessage({ type: "run", iterations });
  }

  stop() {
    this.worker.postMessage({ type: "stop" });
  }

  close() {
    this.worker.terminate();
  }
}
