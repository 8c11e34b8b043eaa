// The legend: categories to press, or a ramp between its ends.

/** Write the legend of a colouring into `root`; `press(k, more)` is called for category k. */
function writeKey(root, colouring, press) {
  root.onclick = null;
  if (!colouring.names) {
    const track = `linear-gradient(to right, ${colouring.colours.join(", ")})`;
    const ramp = element("i", { style: `background: ${track}`, "aria-hidden": "true" });
    const [low, high] = colouring.ends.map((end) => element("span", {}, end));
    root.removeAttribute("role");
    root.replaceChildren(element("div", { class: "ramp" }, low, ramp, high));
    return;
  }
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `${colouring.name}: press to emphasise`);
  const entries = colouring.names.map((name, k) => {
    const said = { type: "button", style: `--dot: ${colouring.colours[k]}` };
    return element("button", said, element("i"), element("span", {}, name), element("small"));
  });
  root.replaceChildren(...entries);
  root.onclick = (e) => {
    const at = entries.indexOf(e.target.closest("button"));
    if (at >= 0) press(at, e.shiftKey || e.ctrlKey || e.metaKey);
  };
}

/** Show what is emphasised, and how many points of each category there are, or are selected.
 *
 *  A number keeps the place of the largest it may become: the legend must not move the planes
 *  while an outline is drawn. */
function countInKey(root, { names, counts }, emphasised, selected) {
  if (!names) return;
  [...root.children].forEach((button, k) => {
    button.setAttribute("aria-pressed", String(emphasised.has(k)));
    button.classList.toggle("faded", emphasised.size > 0 && !emphasised.has(k));
    const all = grouped(counts[k]);
    const number = button.querySelector("small");
    number.style.minWidth = `${all.length}ch`;
    number.textContent = selected ? grouped(selected[k]) : all;
    button.classList.toggle("none", selected?.[k] === 0);
    button.style.setProperty("--share", selected && counts[k] ? selected[k] / counts[k] : 0);
    button.title = `${names[k]}: ${selected ? `${grouped(selected[k])} of ` : ""}${all}`;
  });
}

/** How many of the selected points each category has; null where none is selected. */
function countSelected({ counts, slots }, bits) {
  if (!counts || !bits.includes(1)) return null;
  const selected = new Array(counts.length).fill(0);
  for (const [i, bit] of bits.entries()) selected[slots[i]] += bit;
  return selected;
}

/** A whole number with commas. */
function grouped(count) {
  return count.toLocaleString("en");
}
