// A button, and a key wherever the focus is, that show something for as long as they are held.

/** Call `set(true)` and `set(false)`; returns what ends the listening outside the button. */
function holding(button, key, set) {
  const isKey = (event) => event.key?.toLowerCase() === key;
  // What is typed into a field is not for the page.
  const isMeant = (event) => {
    const target = event.composedPath()[0];
    const typing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    const moves = typing && (target.type === "checkbox" || target.type === "range");
    return isKey(event) && !withModifier(event) && (!typing || moves);
  };
  button.onpointerdown = (event) => {
    if (!event.isPrimary || event.button > 0) return;
    button.setPointerCapture(event.pointerId);
    set(true);
  };
  button.onlostpointercapture = () => set(false);
  button.oncontextmenu = (event) => event.preventDefault();
  button.onkeydown = (event) => {
    if (withModifier(event) || (event.key !== " " && event.key !== "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    set(true);
  };
  button.onkeyup = () => set(false);
  button.onblur = () => set(false);
  const listened = [
    [document, "keydown", (event) => isMeant(event) && set(true)],
    [document, "keyup", (event) => isKey(event) && set(false)],
    // Its own alone: the focus that goes from one element to another blurs that one.
    [window, "blur", (event) => event.target === window && set(false)],
  ];
  for (const [target, name, hear] of listened) target.addEventListener(name, hear, true);
  return () => {
    for (const [target, name, hear] of listened) target.removeEventListener(name, hear, true);
  };
}

const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;
