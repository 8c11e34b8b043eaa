// A change that the page can wait for: it is sent when the visitor turns to something else.

/** Sends what it has at the next click or command key outside the elements marked `data-quiet`. */
class Unsent {
  constructor() {
    this.send = null;
    this.leave = (event) => {
      const isCommand = event.type === "click" || COMMANDS.has(event.key);
      const isQuiet = (each) => each.dataset?.quiet !== undefined;
      if (isCommand && !event.composedPath().some(isQuiet)) this.flush();
    };
    for (const name of ["click", "keydown"]) document.addEventListener(name, this.leave, true);
  }

  /** @param send called once; null: there is nothing to send. */
  set(send) {
    this.send = send;
  }

  flush() {
    const { send } = this;
    this.send = null;
    send?.();
  }

  dispose() {
    this.send = null;
    for (const name of ["click", "keydown"]) document.removeEventListener(name, this.leave, true);
  }
}

const COMMANDS = new Set(["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

/** Write values into the address of the page, without a request; null removes a name. */
function writeAddress(values) {
  const address = new URL(location.href);
  for (const [name, text] of Object.entries(values)) {
    if (text === null) address.searchParams.delete(name);
    else address.searchParams.set(name, text);
  }
  history.replaceState(history.state, "", address);
}

/** Packed bits → text for addresses, as `ui.components.bits.from_link` reads it. */
async function linkText(packed) {
  const deflated = new Blob([packed]).stream().pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(deflated).arrayBuffer());
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
