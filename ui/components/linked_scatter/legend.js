// The legend: one button per category, or a colour ramp with its ends.

/** Write the legend of a colouring into `root`. A click on category k calls `press(k, more)`;
 *  `more` is true with Shift, Ctrl or Meta. */
function writeLegend(root, colouring, press) {
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
    const attributes = { type: "button", style: `--dot: ${colouring.colours[k]}` };
    return element(
      "button",
      attributes,
      element("i"),
      element("span", {}, name),
      element("small"),
    );
  });
  root.replaceChildren(...entries);
  root.onclick = (e) => {
    const at = entries.indexOf(e.target.closest("button"));
    if (at >= 0) press(at, e.shiftKey || e.ctrlKey || e.metaKey);
  };
}

/** Show the emphasised categories, and the number of points of each category; with a selection, of
 *  its selected points.
 *
 *  Each number has the width of its largest value, so that the legend does not move the planes
 *  while an outline is drawn. */
function writeCounts(root, { names, counts }, emphasised, selected) {
  if (!names) return;
  [...root.children].forEach((button, k) => {
    button.setAttribute("aria-pressed", String(emphasised.has(k)));
    button.classList.toggle("faded", emphasised.size > 0 && !emphasised.has(k));
    const all = grouped(counts[k]);
    const number = button.querySelector("small");
    number.style.minWidth = `${all.length}ch`;
    number.textContent = selected ? grouped(selected[k]) : all;
    button.classList.toggle("none", selected?.[k] === 0);
    button.style.setProperty("--fraction", selected && counts[k] ? selected[k] / counts[k] : 0);
    button.title = `${names[k]}: ${selected ? `${grouped(selected[k])} of ` : ""}${all}`;
  });
}

/** The number of selected points of each category; null if no point is selected. */
function countSelected({ counts, slots }, bits) {
  if (!counts || !bits.includes(1)) return null;
  const selected = new Array(counts.length).fill(0);
  for (const [i, bit] of bits.entries()) selected[slots[i]] += bit;
  return selected;
}

/** An integer with commas. */
function grouped(count) {
  return count.toLocaleString("en");
}
