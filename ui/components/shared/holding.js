// A button and a key that show something while they are held. The key works on the whole page,
// except in text fields.

/** Call `set(true)` when the button or the key is pressed, and `set(false)` at the release.
 *
 *  → a function that removes the listeners outside the button. */
function holding(button, key, set) {
  const isKey = (event) => event.key?.toLowerCase() === key;
  // A letter that is typed into a text field is not a command.
  const isCommand = (event) => {
    const target = event.composedPath()[0];
    const isField = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    const takesText = isField && target.type !== "checkbox" && target.type !== "range";
    return isKey(event) && !hasModifier(event) && !takesText;
  };
  button.onpointerdown = (event) => {
    if (!event.isPrimary || event.button > 0) return;
    button.setPointerCapture(event.pointerId);
    set(true);
  };
  button.onlostpointercapture = () => set(false);
  button.oncontextmenu = (event) => event.preventDefault();
  button.onkeydown = (event) => {
    if (hasModifier(event) || (event.key !== " " && event.key !== "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    set(true);
  };
  button.onkeyup = () => set(false);
  button.onblur = () => set(false);
  const listeners = [
    [document, "keydown", (event) => isCommand(event) && set(true)],
    [document, "keyup", (event) => isKey(event) && set(false)],
    // Blur events of elements arrive here too; only that of the window counts.
    [window, "blur", (event) => event.target === window && set(false)],
  ];
  for (const [target, name, listener] of listeners) target.addEventListener(name, listener, true);
  return () => {
    for (const [target, name, listener] of listeners)
      target.removeEventListener(name, listener, true);
  };
}

const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;
