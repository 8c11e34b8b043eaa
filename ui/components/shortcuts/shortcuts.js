// The list of keys: a dialog that a button and `?` open.

export default component({
  create(parent) {
    const root = parent.querySelector(".shortcuts");
    const dialog = root.querySelector("dialog");
    const list = { root, dialog, groups: root.querySelector(".groups") };
    list.hear = (event) => onKey(list, event);
    document.addEventListener("keydown", list.hear, true);
    root.querySelector(".open").onclick = () => dialog.showModal();
    root.querySelector(".close").onclick = () => dialog.close();
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    dialog.onkeydown = (event) => event.stopPropagation(); // the page's own hotkeys
    return list;
  },
  update: (list, { data }) => list.groups.replaceChildren(...data.groups.map(group)),
  destroy: (list) => document.removeEventListener("keydown", list.hear, true),
});

// Heard before any other part of the page, most of which keep their keys to themselves.
function onKey({ dialog }, event) {
  if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0];
  const types = !["checkbox", "radio", "range", "button"].includes(target.type);
  if (target.isContentEditable || (/^(INPUT|TEXTAREA)$/.test(target.tagName) && types)) return;
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
