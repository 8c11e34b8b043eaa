"""The keyboard shortcuts of each page."""

from ui.components.page_bar import Keys

_ANYWHERE = {
    "?": "this list",
    "Tab": "next control; with Shift, previous",
    "Esc": "close what is open",
}
_CHOICES = {"← → ↑ ↓": "choose the neighbouring option"}
_CANVAS = {
    "← → ↑ ↓": "move",
    "Space": "paint; with Shift, erase",
    "1–9": "brush size",
    "[ ]": "smaller or larger brush",
    "E": "eraser",
    "I": "invert",
    "C Delete": "clear",
    "Ctrl+Z U": "undo",
    "Ctrl+Y": "redo; also Ctrl+Shift+Z",
}
_DRAWN = {"D H": "draw, or hide parts of the drawing", "S": "smooth the strokes"}
_SLIDER = {"← →": "previous or next value", "Home End": "first or last value"}
_POINTS = {
    "← → ↑ ↓": "move over the points; with Shift, faster",
    "Space": "select nearby points; Shift adds, Alt removes",
    "Esc": "clear the selection",
}
_FILM = {"Space": "play, pause", "← →": "previous or next image"}
_CROP = {"← → ↑ ↓": "move the square; with Shift, faster", "+ −": "larger or smaller square"}

INPAINTING: Keys = {
    "Anywhere": _ANYWHERE | {"O": "hold to see the complete image"},
    "In a row of options": _CHOICES,
    "On the canvas": _CANVAS | _DRAWN,
    "In the player": {
        "Space": "play, pause",
        "← →": "previous or next image",
        "Home End": "first or newest image",
        "< >": "slower, faster",
        "D": "difference from the complete image",
        "S": "save the images, or the one under the pointer",
    },
    "On its images": {"← → ↑ ↓": "move from pixel to pixel", "Esc": "leave the image"},
    "On the curves of the chains": {
        "← →": "previous or next point",
        "↑ ↓": "previous or next chain",
    },
    "In slow motion": {
        "← →": "previous or next step",
        "PgUp PgDn": "previous or next iteration",
        "Space": "play, pause",
        "Home End": "first or last step",
    },
}
LIKELIHOOD: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
    "On the canvas of missing pixels": _CANVAS,
    "On the plane of missing pixels": {
        "Space": "play, pause",
        "← →": "previous or next iteration",
        "Home End": "first or newest iteration",
    },
}
MNAR: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
    "On the value of one cell": {
        "← →": "smaller or larger value",
        "Home End": "smallest or largest value",
    },
}
CLUSTERS: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On the points": _POINTS,
    "On the canvas of your own picture": _CANVAS,
    "On a photograph": _CROP,
}
LATENT: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
    "In a film": _FILM,
    "On the canvas of your own picture": _CANVAS,
    "On a photograph": _CROP,
}
DISTANCES: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
    "On the canvas of a cloud": _CANVAS,
}
THEORY: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
    "In a film": _FILM,
    "On the points of missing data": {
        "← → ↑ ↓": "move to another point",
        "Space": "hide or show the point",
    },
    "On the points of optimal transport": {
        "← →": "move the point",
        "Home End": "move it to the ends of the line",
        "Delete": "remove the point",
    },
}
YOUR_TABLE: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of options": _CHOICES,
    "On a slider": _SLIDER,
}
