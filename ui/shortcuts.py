"""What the keys do, page by page."""

from ui.components.page_bar import Keys

_ANYWHERE = {
    "?": "this list",
    "Tab": "on to the next; with Shift, back",
    "Esc": "close what has opened",
}
_CHOICES = {"← → ↑ ↓": "choose the one beside"}
_CANVAS = {
    "← → ↑ ↓": "move",
    "Space": "paint; with Shift, erase",
    "1–9": "size of the brush",
    "[ ]": "a smaller or larger brush",
    "E": "eraser",
    "I": "invert",
    "C Delete": "clear",
    "Ctrl+Z U": "undo",
    "Ctrl+Y": "redo; so does Ctrl+Shift+Z",
}
_DRAWN = {"D H": "draw, or hide what is drawn", "S": "smooth the hand's path"}
_SLIDER = {"← →": "a step back, or on", "Home End": "to its ends"}
_POINTS = {
    "← → ↑ ↓": "move over the points; with Shift, faster",
    "Space": "select those nearby; Shift adds, Alt removes",
    "Esc": "select none",
}
_FILM = {"Space": "play, pause", "← →": "a picture back, or on"}
_CROP = {"← → ↑ ↓": "move the square; with Shift, faster", "+ −": "a larger or smaller square"}

INPAINTING: Keys = {
    "Anywhere": _ANYWHERE | {"O": "hold to see the original"},
    "In a row of choices": _CHOICES,
    "On the canvas": _CANVAS | _DRAWN,
    "In the player": {
        "Space": "play, pause",
        "← →": "a picture back, or on",
        "Home End": "to the first, or the newest",
        "< >": "slower, faster",
        "D": "difference from the original",
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
LIKELIHOOD: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On a slider": _SLIDER,
    "On the canvas of missing pixels": _CANVAS,
    "On the plane of missing pixels": {
        "Space": "play, pause",
        "← →": "an iteration back, or on",
        "Home End": "to the first, or the newest",
    },
}
MNAR: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On a slider": _SLIDER,
    "On the value of one entry": {"← →": "a smaller or larger value", "Home End": "to its ends"},
}
CLUSTERS: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On the points": _POINTS,
    "On the canvas of your own picture": _CANVAS,
    "On a photograph": _CROP,
}
LATENT: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On a slider": _SLIDER,
    "In a film": _FILM,
    "On the canvas of your own picture": _CANVAS,
    "On a photograph": _CROP,
}
DISTANCES: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On a slider": _SLIDER,
    "On the canvas of a cloud": _CANVAS,
}
THEORY: Keys = {
    "Anywhere": _ANYWHERE,
    "In a row of choices": _CHOICES,
    "On a slider": _SLIDER,
    "In a film": _FILM,
    "On the points of missing data": {
        "← → ↑ ↓": "to the next point",
        "Space": "hide it, or show it again",
    },
    "On the points of optimal transport": {
        "← →": "move it",
        "Home End": "to the ends of the line",
        "Delete": "take it away",
    },
}
