// The bar above every page: labs, link, keys, and the card of a tour.

const COPIED = 2000; // milliseconds that the button says so

export default component({
  create(parent) {
    const root = parent.querySelector(".page-bar");
    const find = (selector) => root.querySelector(selector);
    const bar = { root, dialog: find("dialog"), groups: find(".groups"), list: find("ul") };
    bar.hear = (event) => onKey(bar, event);
    document.addEventListener("keydown", bar.hear, true);
    find(".open").onclick = () => bar.dialog.showModal();
    find(".close").onclick = () => bar.dialog.close();
    find(".copy").onclick = (event) => copy(bar, event.currentTarget);
    find(".menu").onclick = (event) => turn(event.currentTarget);
    bar.dialog.onclick = (event) => event.target === bar.dialog && bar.dialog.close();
    bar.dialog.onkeydown = (event) => event.stopPropagation(); // the page's own hotkeys
    bar.line = listenToTheLine(bar);
    return bar;
  },
  update,
  destroy(bar) {
    bar.line?.disconnect();
    document.removeEventListener("keydown", bar.hear, true);
    clearTimeout(bar.timer);
  },
});

function update(bar, { data, setTriggerValue }) {
  bar.again = () => setTriggerValue("again", true);
  bar.root.querySelector(".open").hidden = data.groups.length === 0;
  bar.groups.replaceChildren(...data.groups.map(group));
  const go = (path) => (event) => {
    // With a modifier, and without this script, it is a link like any other.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (path !== data.here) setTriggerValue("go", path);
    turn(bar.root.querySelector(".menu"), false);
  };
  const [[home], ...labs] = data.pages;
  bar.root.querySelector(".home").onclick = go(home);
  bar.list.replaceChildren(
    ...labs.map(([path, label]) => {
      const here = path === data.here ? { "aria-current": "page" } : {};
      const link = element("a", { href: path, ...here }, label);
      link.onclick = go(path);
      return element("li", {}, link);
    }),
  );
  showCard(bar.root.querySelector(".tour"), data.card, () => setTriggerValue("leave", true));
}

function turn(menu, open = menu.getAttribute("aria-expanded") !== "true") {
  menu.setAttribute("aria-expanded", String(open));
}

// Streamlit leaves a page as it is when its server comes back, and the first click would be lost to
// a session that knows nothing of it yet: so the page is drawn again, from its address.
function listenToTheLine(bar) {
  const app = document.querySelector("[data-testid=stApp]");
  if (!app) return null;
  let before = "CONNECTED";
  const line = new MutationObserver(() => {
    const now = app.dataset.testConnectionState;
    if (now === "CONNECTED" && before !== now) bar.again();
    before = now;
  });
  line.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return line;
}

// ---------------------------------------------------------------- tour

function showCard(place, card, leave) {
  place.hidden = !card;
  if (!card) return place.replaceChildren();
  const quit = element("button", { type: "button", class: "leave" }, "Leave the tour");
  quit.onclick = leave;
  const steps = element("div", { class: "steps" }, quit);
  if (card.back) steps.append(element("a", { href: card.back, rel: "prev" }, "Previous"));
  if (card.on) steps.append(element("a", { href: card.on, rel: "next", class: "on" }, "Next"));
  place.replaceChildren(
    element("p", { class: "where" }, `Tour, ${card.at} of ${card.of}`),
    element("p", { class: "title" }, card.title),
    element("p", { class: "text" }, card.text),
    steps,
  );
}

// ---------------------------------------------------------------- link

async function copy(bar, button) {
  const done = await copied(location.href);
  const says = done ? "Link copied" : "Copy the link from the address bar";
  bar.root.querySelector(".told").textContent = says;
  button.textContent = says;
  clearTimeout(bar.timer);
  bar.timer = setTimeout(() => {
    button.textContent = "Copy link";
  }, COPIED);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or no safe connection
  }
}

// ---------------------------------------------------------------- keys

// Heard before any other part of the page, most of which keep their keys to themselves.
function onKey({ dialog, groups }, event) {
  if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0];
  const types = !["checkbox", "radio", "range", "button"].includes(target.type);
  if (target.isContentEditable || (/^(INPUT|TEXTAREA)$/.test(target.tagName) && types)) return;
  if (!groups.childElementCount) return;
  event.preventDefault();
  event.stopPropagation();
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function group({ where, keys }) {
  const rows = keys.flatMap(([names, does]) => [
    element("dt", {}, ...names.map((name) => element("kbd", {}, name))),
    element("dd", {}, does),
  ]);
  return element("section", {}, element("h5", {}, where), element("dl", {}, ...rows));
}
