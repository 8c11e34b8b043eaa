"""What the keys do in the inpainting lab."""

from ui.components.shortcuts import Keys

KEYS: Keys = {
    "Anywhere": {"?": "this list", "O": "hold to see the original"},
    "On the canvas": {
        "← → ↑ ↓": "move",
        "Space": "paint; with Shift, erase",
        "[ ]": "smaller or larger brush",
        "E": "eraser",
        "I": "invert",
        "C": "clear",
        "Ctrl+Z": "undo; with Shift, redo",
        "D H": "draw, or hide what is drawn",
        "S": "smooth the hand's path",
    },
    "In the player": {
        "Space": "play, pause",
        "← →": "a picture back, or on",
        "Home End": "to the first, or newest",
        "< >": "slower, faster",
        "D": "difference from the truth",
        "S": "save the pictures; or the one pointed at",
    },
    "On its pictures": {"← → ↑ ↓": "from pixel to pixel", "Esc": "leave it"},
    "In slow motion": {
        "← →": "a stage back, or on",
        "Space": "play, pause",
        "Home End": "to the first, or last stage",
    },
}
