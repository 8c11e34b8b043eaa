// The buttons of a player: previous, play or pause, next.

const PLAY_BUTTONS = {
  previous: { label: "Previous", key: "←", icons: { "": "M5 4v12M15.5 4.5v11L8 10z" } },
  toggle: {
    label: "Play",
    key: "Space",
    icons: { "icon-play": "M6 3.5v13l10.5-6.5z", "icon-pause": "M6.5 4v12M13.5 4v12" },
  },
  next: { label: "Next", key: "→", icons: { "": "M15 4v12M4.5 4.5v11L12 10z" } },
};

/** Fill the element `.buttons` of a player. `actions` are the functions {previous, toggle, next}
 *  of the buttons; a player without single steps has only `toggle`.
 *
 *  → the buttons by name, and show(playing), which the player calls when it starts or stops. */
function playButtons(root, actions) {
  const buttons = {};
  for (const [name, { icons }] of Object.entries(PLAY_BUTTONS)) {
    if (!actions[name]) continue;
    const paths = Object.entries(icons).map(([kind, d]) => svg("path", { class: kind, d }));
    const icon = svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, ...paths);
    buttons[name] = element("button", { type: "button", class: name }, icon);
    buttons[name].onclick = actions[name];
    nameButton(buttons[name], PLAY_BUTTONS[name].label, PLAY_BUTTONS[name].key);
  }
  root.querySelector(".buttons").replaceChildren(...Object.values(buttons));
  const show = (playing) => {
    root.classList.toggle("moving", playing);
    nameButton(buttons.toggle, playing ? "Pause" : "Play", PLAY_BUTTONS.toggle.key);
  };
  return { ...buttons, show };
}

const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function nameButton(button, label, key) {
  button.setAttribute("aria-label", label);
  button.title = `${label} (${key})`;
}
