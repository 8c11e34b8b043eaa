/* Search without a server: `search-index.js` is loaded as a script when the box is first used.

   An entry is [title, where, address, text]. A result contains every word of the query. A word scores
   most if it equals the title, less if it starts the title or a part of it, and least if it occurs
   only in the text. */

(() => {
  const root = document.currentScript.dataset.root;
  const box = document.querySelector(".search input");
  const list = document.getElementById("results");
  const menu = document.querySelector(".menu");
  let entries = null;
  let chosen = -1;

  function load() {
    if (entries !== null) return;
    entries = [];
    const script = document.createElement("script");
    script.src = `${root}search-index.js`;
    script.onload = () => {
      entries = window.searchIndex.map(([title, where, href, text]) => ({
        title,
        where,
        href,
        text,
        low: title.toLowerCase(),
        body: `${where} ${text}`.toLowerCase(),
      }));
      show();
    };
    document.head.append(script);
  }

  function score(entry, word) {
    const at = entry.low.indexOf(word);
    if (entry.low === word) return 100;
    if (at === 0) return 60;
    if (at > 0) return /[^a-z0-9]/.test(entry.low[at - 1]) ? 45 : 20;
    const found = entry.body.indexOf(word);
    if (found < 0) return 0;
    return found === 0 || /[^a-z0-9]/.test(entry.body[found - 1]) ? 8 : 2;
  }

  function search(query) {
    const words = query
      .toLowerCase()
      .split(/[\s.`]+/)
      .filter(Boolean);
    const ranked = [];
    for (const entry of words.length ? entries : []) {
      const scores = words.map((word) => score(entry, word));
      if (!scores.every(Boolean)) continue;
      let total = entry.low === query.trim().toLowerCase() ? 100 : 0;
      for (const each of scores) total += each;
      if (entry.href.startsWith("changelog")) total /= 4;
      ranked.push([total - entry.title.length / 100, entry]);
    }
    ranked.sort((a, b) => b[0] - a[0]);
    return [ranked.slice(0, 12).map(([, entry]) => entry), words, ranked.length];
  }

  function excerpt(text, words) {
    const found = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
    const start = found.length ? Math.max(0, Math.min(...found) - 40) : 0;
    const from = start === 0 ? 0 : text.indexOf(" ", start) + 1;
    return (
      (from ? "… " : "") + text.slice(from, from + 150) + (from + 150 < text.length ? " …" : "")
    );
  }

  function marked(element, text, words) {
    const quoted = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    for (const [number, part] of text.split(new RegExp(`(${quoted.join("|")})`, "i")).entries()) {
      element.append(
        number % 2 ? Object.assign(document.createElement("mark"), { textContent: part }) : part,
      );
    }
    return element;
  }

  function show() {
    const [found, words, count] = search(box.value);
    chosen = -1;
    list.replaceChildren(
      ...found.map((entry) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = root + entry.href;
        link.append(marked(document.createElement("b"), entry.title, words));
        link.append(Object.assign(document.createElement("i"), { textContent: entry.where }));
        link.append(marked(document.createElement("span"), excerpt(entry.text, words), words));
        item.append(link);
        return item;
      }),
    );
    if (words.length && entries.length && !count) {
      list.append(
        Object.assign(document.createElement("li"), {
          textContent: `No page mentions “${box.value.trim()}”.`,
        }),
      );
    }
    list.hidden = !list.children.length;
  }

  function choose(step) {
    const links = list.querySelectorAll("a");
    if (!links.length) return;
    links[chosen]?.classList.remove("chosen");
    chosen = (chosen + step + links.length) % links.length;
    links[chosen].classList.add("chosen");
    links[chosen].scrollIntoView({ block: "nearest" });
  }

  box.addEventListener("focus", () => {
    load();
    if (box.value) show();
  });
  box.addEventListener("input", () => {
    load();
    show();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      (list.querySelector("a.chosen") ?? list.querySelector("a"))?.click();
    } else if (event.key === "Escape") {
      list.hidden = true;
      box.blur();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search") || event.target.closest("#results a")) list.hidden = true;
  });

  function setMenu(open) {
    document.body.classList.toggle("menu-open", open);
    menu.setAttribute("aria-expanded", String(open));
  }

  menu.addEventListener("click", () => setMenu(!document.body.classList.contains("menu-open")));
  document.getElementById("contents").addEventListener("click", (event) => {
    if (event.target.closest("a")) setMenu(false);
  });
})();
