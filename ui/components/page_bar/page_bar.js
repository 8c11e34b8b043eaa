// The bar above every page: labs, link, keys, and the card of a tour.

const COPIED = 2000; // milliseconds for which the button shows the result

export default component({
  create(parent) {
    const root = parent.querySelector(".page-bar");
    const find = (selector) => root.querySelector(selector);
    const bar = { root, dialog: find("dialog"), groups: find(".groups"), list: find("ul") };
    bar.onKey = (event) => onKey(bar, event);
    document.addEventListener("keydown", bar.onKey, true);
    find(".open").onclick = () => bar.dialog.showModal();
    find(".close").onclick = () => bar.dialog.close();
    find(".copy").onclick = (event) => copy(bar, event.currentTarget);
    find(".menu").onclick = (event) => toggleMenu(event.currentTarget);
    bar.dialog.onclick = (event) => event.target === bar.dialog && bar.dialog.close();
    bar.dialog.onkeydown = (event) => event.stopPropagation(); // no hotkeys of the page
    bar.connection = observeConnection(bar);
    return bar;
  },
  update,
  destroy(bar) {
    bar.connection?.disconnect();
    document.removeEventListener("keydown", bar.onKey, true);
    clearTimeout(bar.timer);
  },
});

function update(bar, { data, setTriggerValue }) {
  bar.reconnected = () => setTriggerValue("reconnected", true);
  bar.root.querySelector(".open").hidden = data.groups.length === 0;
  bar.groups.replaceChildren(...data.groups.map(group));
  const go = (path) => (event) => {
    // With a modifier, the browser follows the link, for example in a new tab.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (path !== data.here) setTriggerValue("go", path);
    toggleMenu(bar.root.querySelector(".menu"), false);
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

function toggleMenu(menu, open = menu.getAttribute("aria-expanded") !== "true") {
  menu.setAttribute("aria-expanded", String(open));
}

// After a restart of its server, Streamlit does not draw the page again. The new session has not
// run the page, so it would lose the first click. Hence the page is drawn again, from its address.
function observeConnection(bar) {
  const app = document.querySelector("[data-testid=stApp]");
  if (!app) return null;
  let before = "CONNECTED";
  const observer = new MutationObserver(() => {
    const now = app.dataset.testConnectionState;
    if (now === "CONNECTED" && before !== now) bar.reconnected();
    before = now;
  });
  observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return observer;
}

// ---------------------------------------------------------------- tour

function showCard(container, card, leave) {
  container.hidden = !card;
  if (!card) return container.replaceChildren();
  const quit = element("button", { type: "button", class: "leave" }, "Leave the tour");
  quit.onclick = leave;
  const steps = element("div", { class: "steps" }, quit);
  const { previous, next } = card;
  if (previous) steps.append(element("a", { href: previous, rel: "prev" }, "Previous stop"));
  if (next) steps.append(element("a", { href: next, rel: "next", class: "next" }, "Next stop"));
  container.replaceChildren(
    element("p", { class: "number" }, `Tour, ${card.number} of ${card.count}`),
    element("p", { class: "title" }, card.title),
    element("p", { class: "text" }, card.text),
    steps,
  );
}

// ---------------------------------------------------------------- link

async function copy(bar, button) {
  const copied = await writeClipboard(location.href);
  const message = copied ? "Link copied" : "Copy the link from the address bar";
  bar.root.querySelector(".announcement").textContent = message;
  button.textContent = message;
  clearTimeout(bar.timer);
  bar.timer = setTimeout(() => {
    button.textContent = "Copy link";
  }, COPIED);
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no secure connection
  }
}

// ---------------------------------------------------------------- keys

// This listener is called before those of other components, most of which stop the event.
function onKey({ dialog, groups }, event) {
  if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0];
  const takesText = !["checkbox", "radio", "range", "button"].includes(target.type);
  if (target.isContentEditable || (/^(INPUT|TEXTAREA)$/.test(target.tagName) && takesText)) return;
  if (!groups.childElementCount) return;
  event.preventDefault();
  event.stopPropagation();
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function group({ part, keys }) {
  const rows = keys.flatMap(([names, effect]) => [
    element("dt", {}, ...names.map((name) => element("kbd", {}, name))),
    element("dd", {}, effect),
  ]);
  return element("section", {}, element("h5", {}, part), element("dl", {}, ...rows));
}
