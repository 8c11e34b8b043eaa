"""The picture to hide parts of: a test image, a drawing, or an upload; of the models' size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core import data, zoo
from dgm_core.studies.inpainting.comparison import SHAPES
from ui import cache, intake, own_digit, uploaded_pictures
from ui.components import pixel_canvas
from ui.components.pixel_canvas import Drawing
from ui.components.thumbnails import thumbnails
from ui.frame import KEPT, kept, last_value
from ui.inpainting import shipped

DATASETS = {
    "digits": "Digits (scikit-learn)",
    "mnist": "MNIST",
    "omniglot": "Omniglot",
    "celeba": "Faces (CelebA)",
}
MODELS = ("dlvm", "dmfa")
"""A data set is offered when it has a model of one of these kinds."""
SHOWN = 24
"""Thumbnails at once."""
COLOUR_VIEWS = ("All methods", "Studies")
"""The views that faces have."""
EVERYTHING = "all"
SAMPLES = " samples"
"""Ends the name of a set of thumbnails that a model drew."""


FIRST_CHOSEN = {"digits all": shipped.THUMBNAIL}
"""Set of thumbnails → which of them is chosen at first; else the first."""


class Chosen(NamedTuple):
    """The thumbnail on screen."""

    name: str  # of the set of thumbnails
    at: int
    bits: np.ndarray | None  # (H, W) bool, where it is black and white
    own: bool  # is it of the data set itself, not drawn by a model?


class Picture(NamedTuple):
    """A true image, and whose models fill it in."""

    dataset: str
    levels: np.ndarray  # (C, H, W) uint8; 0 or 255 where there is one channel

    @property
    def side(self) -> int:
        """Pixels along an edge."""
        return self.levels.shape[1]

    @property
    def background(self) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8, as a canvas takes it."""
        return self.levels[0] if len(self.levels) == 1 else self.levels.transpose(1, 2, 0)


def dataset_on_screen() -> str:
    """The chosen data set, also before its widget is drawn."""
    return last_value("dataset", next(iter(DATASETS)))


def is_colour(dataset: str) -> bool:
    """Do its images have three channels?"""
    return SHAPES[dataset][0] == 3


def offered() -> list[str]:
    """The data sets that have a model."""
    models = zoo.names()
    return [name for name in DATASETS if any(f"{name}-{kind}" in models for kind in MODELS)]


def view_key() -> str:
    """The kept widget that says which view is shown: those of faces are fewer."""
    return "view.colour" if is_colour(dataset_on_screen()) else "view"


def way_key(dataset: str) -> str:
    """The kept widget that says how one comes to a picture."""
    return "source.faces" if is_colour(dataset) else "source"


def class_key(dataset: str) -> str:
    """The kept widget that says which images are shown to choose from."""
    return "faces" if is_colour(dataset) else f"class.{dataset}"


def choose_picture() -> Picture | None:
    """The widgets; None while nothing is uploaded yet. What is drawn may be all black."""
    known = offered()
    kept("dataset", known[0])
    dataset = st.selectbox(
        "Data set",
        known,
        format_func=DATASETS.get,
        key="keep.dataset",
        help="Each has models of its own, trained on its training images. "
        "The pictures below are test images: no model has ever seen them.",
    )
    ways = FACES if is_colour(dataset) else DIGITS
    key = way_key(dataset)
    kept(key, "Pick")
    way = st.segmented_control(
        "Picture",
        list(ways),
        required=True,
        key=KEPT + key,
        width="stretch",
        label_visibility="collapsed",
    )
    levels = ways[way or "Pick"](dataset)
    return None if levels is None else Picture(dataset, levels)


# --- test images ------------------------------------------------------------------------------


def _pick(dataset: str) -> np.ndarray | None:
    try:
        ink, labels, classes = cache.st_test_images(dataset)
    except data.DataUnavailable as error:
        return _pick_a_sample(dataset, error)
    present = np.unique(labels)
    names = _names(classes, present)
    chosen = _class(dataset, names)
    rows = np.arange(len(labels))
    if chosen != EVERYTHING:
        rows = np.flatnonzero(labels == present[names.index(chosen)])
    rows = cache.spread(rows, SHOWN)
    shown = _names(classes, labels[rows])
    captions = [f"{name}, test image {row}" for name, row in zip(shown, rows, strict=True)]
    at = _thumbnail(f"{dataset} {chosen}", _as_levels(ink[rows]), captions)
    return _as_levels(ink[rows[at]][None])[0]


def _as_levels(ink: np.ndarray) -> np.ndarray:
    """Bool (N, H, W) → uint8 (N, 1, H, W)."""
    return ink.astype(np.uint8)[:, None] * 255


def _pick_a_sample(dataset: str, error: data.DataUnavailable) -> np.ndarray | None:
    """What a model drew, where the images are not here."""
    if data.is_available(dataset):  # there, but broken: the error says what to do
        st.warning(str(error))
    fetch = f"For the real test images: `python -m dgm_core data fetch {dataset}`"
    if f"{dataset}-dlvm" not in zoo.names():
        st.caption(f"The images of {DATASETS[dataset]} are not here. {fetch}")
        return None
    st.caption(
        f"The images of {DATASETS[dataset]} are not here, so these are **drawn by the "
        f"model itself**. {fetch}"
    )
    samples = cache.st_samples(f"{dataset}-dlvm", SHOWN)
    names = [f"model sample {i + 1}" for i in range(len(samples))]
    return samples[_thumbnail(dataset + SAMPLES, samples, names)]


def read_class(dataset: str, text: str) -> str:
    """What the widget of classes says, as an address writes it.

    Raises:
        ValueError: there are no such images.
    """
    try:
        if is_colour(dataset):
            names = list(cache.st_face_rows())
        else:
            _, labels, classes = cache.st_test_images(dataset)
            names = [EVERYTHING, *_names(classes, np.unique(labels))]
    except data.DataUnavailable:
        return EVERYTHING
    if text not in names:
        raise ValueError(text)
    return text


def _names(classes: Sequence[str], labels: Iterable[int]) -> list[str]:
    return [classes[label].replace("_", " ") for label in labels]


def _class(dataset: str, present: list[str]) -> str:
    """The chosen class, or "all"."""
    options, key = [EVERYTHING, *present], class_key(dataset)
    kept(key, EVERYTHING)
    if len(present) > 10:
        return st.selectbox("Class", options, key=KEPT + key)
    return st.pills("Class", options, required=True, key=KEPT + key, label_visibility="collapsed")


def _pick_a_face(dataset: str) -> np.ndarray | None:
    try:
        traits = list(cache.st_face_rows())
        kept(class_key(dataset), EVERYTHING)
        trait = st.selectbox("Faces", traits, key=KEPT + class_key(dataset))
        rows, faces = cache.st_faces(trait, SHOWN)
    except data.DataUnavailable as error:
        return _pick_a_sample(dataset, error)
    at = _thumbnail(f"{dataset} {trait}", faces, [f"test face {row}" for row in rows])
    return faces[at]


def _thumbnail(set_name: str, pictures: np.ndarray, names: list[str]) -> int:
    """Position of the chosen one of (N, C, H, W); remembered for each set of pictures."""
    chosen = st.session_state.chosen
    at = min(chosen.get(set_name, FIRST_CHOSEN.get(set_name, 0)), len(pictures) - 1)
    clicked = thumbnails(
        "thumbnails",
        pictures,
        names,
        at,
        set_name=set_name,
        label="Choose a picture",
    )
    if clicked is not None:
        chosen[set_name] = at = clicked
    bits = pictures[at][0] > 127 if len(pictures[at]) == 1 else None
    st.session_state.thumbnail = Chosen(set_name, at, bits, not set_name.endswith(SAMPLES))
    return at


def on_screen() -> Chosen:
    """The chosen thumbnail, once it has been drawn."""
    return st.session_state.thumbnail


def choose(dataset: str, at: int) -> None:
    """Let this thumbnail be the chosen one, of the class on screen."""
    shown = last_value(class_key(dataset), EVERYTHING)
    chosen = st.session_state.setdefault("chosen", {})
    chosen[f"{dataset} {shown}"] = chosen[dataset + SAMPLES] = at


# --- the visitor's own ------------------------------------------------------------------------


CANVAS = "mask_canvas"
"""Key of the canvas for digits, on which they are also drawn."""
INK = "drawing"
"""The visitor's ink in the session, (112, 112) bool."""
_INK_REVISION = "drawing_revision"


def is_drawn() -> bool:
    """Is the picture one that the visitor draws, on the canvas on which he hides?"""
    return last_value(way_key(dataset_on_screen()), "Pick") == "Draw"


def drawing() -> Drawing:
    """The visitor's ink, as the canvas takes it."""
    state = st.session_state
    ink = state.setdefault(INK, np.zeros((own_digit.FINE, own_digit.FINE), bool))
    revision = state.setdefault(_INK_REVISION, 0)
    stroke = pixel_canvas.drawn(CANVAS, own_digit.SIDE, own_digit.SIDE, revision)
    if stroke is not None:
        ink = state[INK] = stroke.bits
    return Drawing(ink, revision, own_digit.as_asked(ink))


def drawn() -> np.ndarray:
    """The drawn picture as the models get it, (28, 28) bool; all False before any stroke."""
    return own_digit.levels(drawing().settled) > 0.5


def set_drawn(pixels: np.ndarray) -> None:
    """Put a picture in the place of the drawn one: what `drawn` gave comes back bit for bit.

    To be called before the canvas is on screen, or in a callback. The visitor can undo it.

    Args:
        pixels: (28, 28) bool.

    Raises:
        ValueError: another shape or type.
    """
    if pixels.shape != (own_digit.SIDE, own_digit.SIDE) or pixels.dtype != bool:
        raise ValueError(f"expected bool (28, 28), got {pixels.dtype} {pixels.shape}")
    state = st.session_state
    state[INK] = own_digit.enlarged(pixels)
    state[_INK_REVISION] = state.get(_INK_REVISION, 0) + 1


def _draw(dataset: str) -> np.ndarray:
    pixels = drawn()
    if pixels.any():
        st.caption(
            "**Draw** and **Hide** on the canvas above"
            + (
                "; going on to Hide moves the digit to where the models see it."
                if own_digit.is_centred()
                else "."
            )
        )
    else:
        st.caption("Draw a digit on the canvas above; it becomes the picture to hide parts of.")
    own_digit.centre_toggle()
    return _as_levels(pixels[None])[0]


INK_IS = {"found out": None, "dark": True, "light": False}
"""What the visitor says of the ink → whether to invert."""


def _upload(dataset: str) -> np.ndarray | None:
    file = st.file_uploader(
        "A digit on paper or on screen",
        type=uploaded_pictures.KINDS,
        key="upload",
        help="Any size. It is centred and made 28×28 as MNIST's digits are; it never leaves "
        "this server's memory.",
    )
    kept("ink", "found out")
    ink_is = st.radio(
        "Ink is",
        list(INK_IS),
        horizontal=True,
        key="keep.ink",
        help="Which side of the picture is the writing?",
    )
    asked = None if file is None else (file.file_id, ink_is)
    held = uploaded_pictures.read_once(
        "uploaded digit",
        asked,
        None if file is None else lambda: _digit(file.getvalue(), file.name, INK_IS[ink_is]),
    )
    if held.content is None:
        st.caption(
            "Upload a picture of a digit or letter; it becomes the picture to hide parts of."
        )
        return None
    return _as_levels(held.content[None])[0]


def _digit(content: bytes, name: str, invert: bool | None) -> np.ndarray:
    grey = intake.read_picture(content, name)
    return intake.digit_from_picture(grey, invert=invert) > 0.5


def _upload_a_face(dataset: str) -> np.ndarray | None:
    return uploaded_pictures.square_of_photo(
        "face",
        SHAPES[dataset][1],
        ask="A photograph of a face",
        hint="Upload a photograph and move the square over a face in it, brow to chin.",
        label="Move the square over the face",
    )


DIGITS = {"Pick": _pick, "Draw": _draw, "Upload": _upload}
FACES = {"Pick": _pick_a_face, "Upload": _upload_a_face}
"""Ways to a picture → data set ↦ levels (C, H, W), or None."""
