// Cards: the image of a method, its progress, its title and a note.

/** Change the text of a node, if it is another. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The elements of a card; `enlarge` and `stop` are called by its buttons. */
function createCard(name, enlarge, stop) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const outline = svg("svg", { class: "outline", "aria-hidden": "true" }, svg("path"));
  const words = element("span", { class: "words" });
  const image = element("button", { type: "button", class: "image" }, canvas, outline, words);
  const bar = element("i");
  const progress = element(
    "div",
    { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
    bar,
  );
  const stopButton = element("button", { type: "button", class: "stop" });
  const frame = element("div", { class: "frame" }, image, progress, stopButton);
  const [title, note] = [element("h4"), element("p")];
  const item = element("li", { class: "card", "data-method": name }, frame, title, note);
  image.onclick = enlarge;
  stopButton.onclick = stop;
  return { item, canvas, outline, words, image, progress, bar, stop: stopButton, title, note };
}

/** Write the state of a method; `stopping`: its stop has been requested. */
function writeCard(card, method, stopping) {
  const running = method.state === "running";
  card.item.dataset.state = method.state;
  write(card.title, method.title);
  write(card.note, method.line ?? lineOf(method));
  card.progress.hidden = !running;
  card.stop.hidden = !running;
  card.stop.disabled = stopping;
  write(card.stop, stopping ? "Stopping …" : "Stop");
  card.stop.setAttribute("aria-label", `${stopping ? "Stopping" : "Stop"} ${method.title}`);
  if (running) {
    const percent = Math.round(100 * method.done);
    card.bar.style.width = `${percent}%`;
    card.progress.setAttribute("aria-valuenow", percent);
    card.progress.setAttribute("aria-label", `Progress of ${method.title}`);
  }
}

function lineOf(method) {
  const state = ["running", "stopped"].includes(method.state) ? method.state : "";
  return [method.seconds, state, method.note].filter(Boolean).join(" · ");
}
