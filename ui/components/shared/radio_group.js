// Radio groups: exactly one button is chosen.

const STEPS_OF_KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Call `choose(button)` after a click on a button of `group`, an arrow key, Home or End.
 *
 *  Arrow keys continue at the other end of the group. */
function radioGroup(group, choose) {
  group.onclick = (e) => {
    const button = e.target.closest("[role=radio]");
    if (button) choose(button);
  };
  group.onkeydown = (e) => {
    const buttons = [...group.children];
    const at = buttons.indexOf(e.target.closest("[role=radio]"));
    const step = STEPS_OF_KEYS[e.key];
    if (at < 0 || !(step || e.key === "Home" || e.key === "End")) return;
    e.preventDefault();
    const to = step ? (at + step + buttons.length) % buttons.length : e.key === "Home" ? 0 : -1;
    buttons.at(to).focus();
    choose(buttons.at(to));
  };
}

/** Show which button is chosen. It is the only one that Tab reaches. */
function markChosen(group, chosen) {
  for (const button of group.children) {
    button.setAttribute("aria-checked", String(button === chosen));
    button.tabIndex = button === chosen ? 0 : -1;
  }
}
