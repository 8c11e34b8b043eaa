// The bar above every page: labs, link, keys, and the card of a tour.

const COPIED = 2000; // milliseconds for which the button shows the result

class PageBar {
  constructor(parent) {
    this.root = parent.querySelector(".page-bar");
    this.dialog = this.find("dialog");
    this.groups = this.find(".groups");
    this.timer = 0;
    this.listen();
  }

  dispose() {
    this.connection?.disconnect();
    document.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.timer);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    this.find(".open").hidden = data.groups.length === 0;
    this.groups.replaceChildren(...data.groups.map(groupOfKeys));
    const go = (path) => (event) => {
      // With a modifier, the browser follows the link, for example in a new tab.
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (path !== data.here) this.send("go", path);
      this.toggleMenu(false);
    };
    const [[home], ...labs] = data.pages;
    this.find(".home").onclick = go(home);
    this.find("ul").replaceChildren(
      ...labs.map(([path, label]) => {
        const here = path === data.here ? { "aria-current": "page" } : {};
        const link = element("a", { href: path, ...here }, label);
        link.onclick = go(path);
        return element("li", {}, link);
      }),
    );
    this.find(".tour").hidden = !data.card;
    const parts = data.card ? partsOfCard(data.card, () => this.send("leave", true)) : [];
    this.find(".tour").replaceChildren(...parts);
  }

  // --- Input

  listen() {
    const { dialog } = this;
    this.find(".open").onclick = () => dialog.showModal();
    this.find(".close").onclick = () => dialog.close();
    this.find(".copy").onclick = () => this.copy();
    this.find(".menu").onclick = () => this.toggleMenu();
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    dialog.onkeydown = (event) => event.stopPropagation(); // no hotkeys of the page
    // This listener is called before those of other components, most of which stop the event.
    this.onKey = (event) => this.toggleKeys(event);
    document.addEventListener("keydown", this.onKey, true);
    this.connection = observeConnection(() => this.send("reconnected", true));
  }

  toggleMenu(open) {
    const menu = this.find(".menu");
    const isOpen = menu.getAttribute("aria-expanded") === "true";
    menu.setAttribute("aria-expanded", String(open ?? !isOpen));
  }

  async copy() {
    const button = this.find(".copy");
    const copied = await writeClipboard(location.href);
    const message = copied ? "Link copied" : "Copy the link from the address bar";
    this.find(".announcement").textContent = message;
    button.textContent = message;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      button.textContent = "Copy link";
    }, COPIED);
  }

  toggleKeys(event) {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    const takesText = !["checkbox", "radio", "range", "button"].includes(target.type);
    const isField = /^(INPUT|TEXTAREA)$/.test(target.tagName);
    if (target.isContentEditable || (isField && takesText)) return;
    if (!this.groups.childElementCount) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }
}

// After a restart of its server, Streamlit does not draw the page again. The new session has not
// run the page, so it would lose the first click. Hence the page is drawn again, from its address.
function observeConnection(reconnected) {
  const app = document.querySelector("[data-testid=stApp]");
  if (!app) return null;
  let before = "CONNECTED";
  const observer = new MutationObserver(() => {
    const now = app.dataset.testConnectionState;
    if (now === "CONNECTED" && before !== now) reconnected();
    before = now;
  });
  observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return observer;
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no secure connection
  }
}

function partsOfCard({ number, count, title, text, previous, next }, leave) {
  const quit = element("button", { type: "button", class: "leave" }, "Leave the tour");
  quit.onclick = leave;
  const steps = element("div", { class: "steps" }, quit);
  if (previous) steps.append(element("a", { href: previous, rel: "prev" }, "Previous stop"));
  if (next) steps.append(element("a", { href: next, rel: "next", class: "next" }, "Next stop"));
  return [
    element("p", { class: "number" }, `Tour, ${number} of ${count}`),
    element("p", { class: "title" }, title),
    element("p", { class: "text" }, text),
    steps,
  ];
}

function groupOfKeys({ part, keys }) {
  const rows = keys.flatMap(([names, effect]) => [
    element("dt", {}, ...names.map((name) => element("kbd", {}, name))),
    element("dd", {}, effect),
  ]);
  return element("section", {}, element("h5", {}, part), element("dl", {}, ...rows));
}

export default component(PageBar);
