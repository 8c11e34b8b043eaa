// The page of one file: the view, the state in its address, and the experiments of the lesson.

const PAGE = JSON.parse(document.getElementById("page").textContent);

function bytesOfPage() {
  const text = atob(document.getElementById("weights").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

/** Bits (0 or 1 each) as text for addresses, and back; null if the text is not of such bits. */
const packedBits = {
  toText(bits) {
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    for (const [i, bit] of bits.entries()) bytes[i >> 3] |= bit << (7 - (i & 7));
    const text = btoa(String.fromCharCode(...bytes));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  },
  fromText(text, count = LIVE_PIXELS) {
    try {
      const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
      if (bytes.length !== Math.ceil(count / 8)) return null;
      return Uint8Array.from(
        { length: count },
        (_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1,
      );
    } catch {
      return null;
    }
  },
};
const pictures = PAGE.pictures.map((text) => packedBits.fromText(text));

/** The address after "#" → { picture, hidden, seed }; what cannot be read is left out. */
function stateOf(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const state = {};
  const [picture, hidden] = ["x", "hide"].map((name) =>
    packedBits.fromText(found.get(name) ?? ""),
  );
  if (picture) state.picture = picture;
  if (hidden) state.hidden = hidden;
  const seed = Number(found.get("seed") ?? Number.NaN);
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) state.seed = seed;
  return state;
}

function hashOf({ picture, hidden, seed }) {
  return `#x=${packedBits.toText(picture)}&hide=${packedBits.toText(hidden)}&seed=${seed}`;
}

let waiting = 0;
let written = "";
const view = new LiveView(document.getElementById("live"), {
  weights: bytesOfPage(),
  pictures,
  state: { picture: pictures[PAGE.first], ...stateOf(location.hash) },
  changed: (state) => {
    clearTimeout(waiting); // browsers limit how often an address may change
    waiting = setTimeout(() => {
      written = hashOf(state);
      try {
        history.replaceState(null, "", written);
      } catch {
        // A frame whose text is in the page around it has no address of its own.
      }
    }, 300);
  },
});
window.liveView = view;

window.addEventListener("hashchange", () => {
  if (location.hash !== written) view.show(stateOf(location.hash));
});

const frameOfSquare = (x, y) => Math.max(Math.abs(x - 13.5), Math.abs(y - 13.5));
const bitsWhere = (test) =>
  Uint8Array.from({ length: LIVE_PIXELS }, (_, i) =>
    test(i % LIVE_SIDE, Math.floor(i / LIVE_SIDE)) ? 1 : 0,
  );

const experiments = {
  half: () => ({ picture: pictures[PAGE.first], hidden: view.maskOf("Top half") }),
  random: () => ({ picture: pictures[PAGE.first], hidden: view.maskOf("Random half") }),
  square: () => ({
    picture: bitsWhere((x, y) => frameOfSquare(x, y) > 7 && frameOfSquare(x, y) < 10),
    hidden: bitsWhere((x) => x > 13),
  }),
  everything: () => ({ hidden: view.maskOf("Everything") }),
};
for (const button of document.querySelectorAll("[data-try]")) {
  button.onclick = () => {
    view.show(experiments[button.dataset.try]());
    document.getElementById("live").scrollIntoView({ block: "nearest" });
  };
}
