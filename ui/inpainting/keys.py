"""What the keys do in the inpainting lab."""

from ui.components.shortcuts import Keys

KEYS: Keys = {
    "Anywhere": {
        "?": "this list",
        "O": "hold to see the original",
        "Tab": "on to the next; with Shift, back",
        "Esc": "close what has opened",
    },
    "In a row of choices": {"← → ↑ ↓": "choose the one beside"},
    "On the canvas": {
        "← → ↑ ↓": "move",
        "Space": "paint; with Shift, erase",
        "1–9": "size of the brush",
        "[ ]": "a smaller or larger brush",
        "E": "eraser",
        "I": "invert",
        "C Delete": "clear",
        "Ctrl+Z U": "undo",
        "Ctrl+Y": "redo; so does Ctrl+Shift+Z",
        "D H": "draw, or hide what is drawn",
        "S": "smooth the hand's path",
    },
    "In the player": {
        "Space": "play, pause",
        "← →": "a picture back, or on",
        "Home End": "to the first, or the newest",
        "< >": "slower, faster",
        "D": "difference from the truth",
        "S": "save the pictures; or the one pointed at",
    },
    "On its pictures": {"← → ↑ ↓": "from pixel to pixel", "Esc": "leave it"},
    "On the curves of the chains": {
        "← →": "a point back, or on",
        "↑ ↓": "follow another chain",
    },
    "In slow motion": {
        "← →": "a stage back, or on",
        "PgUp PgDn": "an iteration back, or on",
        "Space": "play, pause",
        "Home End": "to the first, or last stage",
    },
}
