"""Widgets for the image: a test image, a drawing, or an upload; of the size of the models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core import data, zoo
from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.studies.inpainting.comparison import SHAPES
from ui import cache, data_fetching, intake, own_digit, uploaded_pictures
from ui.components import pixel_canvas
from ui.components.pixel_canvas import Drawing
from ui.components.thumbnails import thumbnails
from ui.frame import kept, last_value
from ui.inpainting import model_images, shipped
from ui.links import Setting
from ui.uploads import read_once

DATASETS = {
    "digits": "Digits (scikit-learn)",
    "mnist": "MNIST",
    "omniglot": "Omniglot",
    "celeba": "Faces (CelebA)",
}
MODELS = ("dlvm", "dmfa")
"""A data set is offered when it has a model of one of these kinds."""
SHOWN = 24
"""Number of thumbnails."""
COLOUR_VIEWS = ("All methods", "Studies")
"""The views for faces."""
EVERYTHING = "all"
SAMPLES = " samples"
"""Ends the name of a set of thumbnails that a model drew."""

FIRST_CHOSEN = {"digits all": shipped.THUMBNAIL}
"""Set of thumbnails → index of the thumbnail chosen at first; else the first one."""


class Chosen(NamedTuple):
    """The chosen thumbnail."""

    name: str  # of the set of thumbnails
    index: int
    bits: np.ndarray | None  # (H, W) bool; None for colour images
    from_data: bool  # an image of the data set, not a sample of a model


class Origin(NamedTuple):
    """What the image is called where it is shown unhidden."""

    title: str
    note: str
    scored: bool = True  # an image that a model drew is not the truth, so it scores nothing


SAMPLE = Origin("Model sample", "no original", scored=False)
ORIGINS = {
    "Pick": Origin("Original", "test image"),
    "Draw": Origin("Original", "drawn"),
    "Upload": Origin("Original", "uploaded"),
}
"""Source of the image → its origin; `SAMPLE` for an image that a model drew."""


class Picture(NamedTuple):
    """The image whose hidden pixels the models fill in."""

    dataset: str
    levels: np.ndarray  # (C, H, W) uint8; 0 or 255 where there is one channel
    origin: Origin

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return self.levels.shape[1]

    @property
    def background(self) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8, as the canvas needs it."""
        return self.levels[0] if len(self.levels) == 1 else self.levels.transpose(1, 2, 0)


def dataset_on_screen() -> str:
    """The chosen data set; also available before its widget is drawn."""
    return last_value("dataset", next(iter(DATASETS)))


def is_colour(dataset: str) -> bool:
    """Whether the images have three channels."""
    return SHAPES[dataset][0] == 3


def offered() -> list[str]:
    """The data sets that have a model."""
    models = zoo.names()
    return [name for name in DATASETS if any(f"{name}-{kind}" in models for kind in MODELS)]


def data_setting() -> Setting:
    """The choice of the data set."""
    known = offered()
    titles = {name: DATASETS[name] for name in known}
    return Setting("dataset", known[0], options=titles, link="data")


def source_key(dataset: str) -> str:
    """Name of the kept widget for the source of the image: pick, draw or upload."""
    return "source.faces" if is_colour(dataset) else "source"


def class_setting(dataset: str) -> Setting:
    """The choice of the class of the thumbnails; its widget offers the classes that exist."""
    name = "faces" if is_colour(dataset) else f"class.{dataset}"
    return Setting(name, EVERYTHING, read=partial(read_class, dataset), link="class")


def choose_picture() -> Picture | None:
    """Show the widgets; None while nothing is uploaded. A drawing may be all black."""
    dataset = data_setting().widget(
        st.selectbox,
        "Data set",
        help="Each data set has its own models, trained on its training images. The page offers "
        "test images, which were not used for training. Where these are not at hand, it offers "
        "images that a model drew.",
    )
    sources = FACES if is_colour(dataset) else DIGITS
    source = st.segmented_control(
        "Image",
        list(sources),
        required=True,
        key=kept(source_key(dataset), "Pick"),
        width="stretch",
        label_visibility="collapsed",
    )
    levels = sources[source](dataset)
    if levels is None:
        return None
    origin = _origin(source, levels)
    if not origin.scored:
        st.caption(
            "A model drew this image, so there is **no original**. You can look at the draws, "
            "means and uncertainty of the models, and at their diagnostics. Scores and errors "
            "would need an image that no model drew, so there are none."
        )
    return Picture(dataset, levels, origin)


def _origin(source: str, levels: np.ndarray) -> Origin:
    by_model = source == "Pick" and not on_screen().from_data
    if source == "Draw":
        by_model = model_images.is_by_model(levels[0] > 127)
    return SAMPLE if by_model else ORIGINS[source]


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
    index = _thumbnail(f"{dataset} {chosen}", _as_levels(ink[rows]), captions)
    return _as_levels(ink[rows[index]][None])[0]


def _as_levels(ink: np.ndarray) -> np.ndarray:
    """Bool (N, H, W) → uint8 (N, 1, H, W)."""
    return ink.astype(np.uint8)[:, None] * 255


def _pick_a_sample(dataset: str, error: data.DataUnavailable) -> np.ndarray | None:
    """Show samples of a model in place of images that are not on this machine."""
    has_model = f"{dataset}-dlvm" in zoo.names()
    shown = "The images below were **drawn by the model itself**." if has_model else ""
    if data.is_available(dataset):  # damaged files: the error says what to do
        st.warning(str(error))
        st.caption(shown)
    else:
        absent = f"The images of {DATASETS[dataset]} are not on this server."
        data_fetching.offer(dataset, part="picture", why=f"{absent} {shown}".strip())
    if not has_model:
        return None
    samples = cache.st_samples(f"{dataset}-dlvm", SHOWN)
    names = [f"model sample {i + 1}" for i in range(len(samples))]
    return samples[_thumbnail(dataset + SAMPLES, samples, names)]


def read_class(dataset: str, text: str) -> str:
    """Read the value of the class widget from a link.

    Raises:
        ValueError: no image has this class.
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
    options, key = [EVERYTHING, *present], kept(class_setting(dataset).name, EVERYTHING)
    if len(present) > 10:
        return st.selectbox("Class", options, key=key)
    return st.pills("Class", options, required=True, key=key, label_visibility="collapsed")


def _pick_a_face(dataset: str) -> np.ndarray | None:
    try:
        traits = list(cache.st_face_rows())
        trait = st.selectbox("Faces", traits, key=kept(class_setting(dataset).name, EVERYTHING))
        rows, faces = cache.st_faces(trait, SHOWN)
    except data.DataUnavailable as error:
        return _pick_a_sample(dataset, error)
    return faces[_thumbnail(f"{dataset} {trait}", faces, [f"test face {row}" for row in rows])]


def _thumbnail(set_name: str, pictures: np.ndarray, names: list[str]) -> int:
    """Show the images (N, C, H, W); the index of the chosen one, remembered for each set."""
    chosen = st.session_state.chosen
    index = min(chosen.get(set_name, FIRST_CHOSEN.get(set_name, 0)), len(pictures) - 1)
    clicked = thumbnails(
        "thumbnails",
        pictures,
        names,
        index,
        set_name=set_name,
        label="Choose an image",
    )
    if clicked is not None:
        chosen[set_name] = index = clicked
    bits = pictures[index][0] > 127 if len(pictures[index]) == 1 else None
    from_data = not set_name.endswith(SAMPLES)
    st.session_state.thumbnail = Chosen(set_name, index, bits, from_data)
    return index


def on_screen() -> Chosen:
    """The chosen thumbnail, once it has been drawn."""
    return st.session_state.thumbnail


def choose(dataset: str, index: int) -> None:
    """Choose a thumbnail of the class on screen."""
    shown = class_setting(dataset).value
    chosen = st.session_state.setdefault("chosen", {})
    chosen[f"{dataset} {shown}"] = chosen[dataset + SAMPLES] = index


# --- drawings and uploads ---------------------------------------------------------------------


CANVAS = "mask_canvas"
"""Key of the canvas for digits, which serves for hiding and for drawing."""
INK = "drawing"
"""Session key of the visitor's ink, (112, 112) bool."""
_INK_REVISION = "drawing_revision"


def is_drawn() -> bool:
    """Whether the visitor draws the image."""
    return last_value(source_key(dataset_on_screen()), "Pick") == "Draw"


def drawing() -> Drawing:
    """The visitor's ink as the canvas needs it."""
    state = st.session_state
    ink = state.setdefault(INK, np.zeros((own_digit.FINE, own_digit.FINE), bool))
    revision = state.setdefault(_INK_REVISION, 0)
    stroke = pixel_canvas.drawn(CANVAS, DIGIT_SIDE, DIGIT_SIDE, revision)
    if stroke is not None:
        ink = state[INK] = stroke.bits
    return Drawing(ink, revision, own_digit.centred_if_chosen(ink))


def drawn() -> np.ndarray:
    """The drawn image as the models get it, (28, 28) bool; all False before any stroke."""
    return own_digit.levels(drawing().settled) > 0.5


def set_drawn(pixels: np.ndarray) -> None:
    """Replace the drawn image; a result of `drawn` comes back bit for bit.

    Call it before the canvas is drawn, or in a callback. The visitor can undo it.

    Args:
        pixels: (28, 28) bool.

    Raises:
        ValueError: another shape or type.
    """
    if pixels.shape != (DIGIT_SIDE, DIGIT_SIDE) or pixels.dtype != bool:
        raise ValueError(f"expected bool (28, 28), got {pixels.dtype} {pixels.shape}")
    state = st.session_state
    state[INK] = own_digit.enlarged(pixels)
    state[_INK_REVISION] = state.get(_INK_REVISION, 0) + 1


def _draw(dataset: str) -> np.ndarray:
    pixels = drawn()
    if pixels.any():
        st.caption(
            "Switch between **Draw** and **Hide** on the canvas above."
            + (" Hide centres the digit as in MNIST." if own_digit.is_centred() else "")
        )
    else:
        st.caption("Draw a digit on the canvas above. Then hide parts of it.")
    own_digit.centre_toggle()
    return _as_levels(pixels[None])[0]


INK_IS = {"detect automatically": None, "dark": True, "light": False}
"""Option for the ink → whether to invert the image; None: decide from the image."""


def _upload(dataset: str) -> np.ndarray | None:
    file = st.file_uploader(
        "An image of a digit",
        type=uploaded_pictures.KINDS,
        key="upload",
        help="Any size. The digit is centred and scaled to 28×28 pixels as in MNIST. The image "
        "is kept only in the memory of this server.",
    )
    ink_is = st.radio(
        "Ink",
        list(INK_IS),
        horizontal=True,
        key=kept("ink", next(iter(INK_IS))),
        help="Whether the writing is darker or lighter than its background.",
    )
    requested = None if file is None else (file.file_id, ink_is)
    upload = read_once(
        "uploaded digit",
        requested,
        None if file is None else lambda: _digit(file.getvalue(), file.name, INK_IS[ink_is]),
    )
    if upload.content is None:
        st.caption("Upload an image of a digit or letter. Then hide parts of it.")
        return None
    return _as_levels(upload.content[None])[0]


def _digit(content: bytes, name: str, invert: bool | None) -> np.ndarray:
    grey = intake.read_picture(content, name)
    return intake.digit_from_picture(grey, invert=invert) > 0.5


def _upload_a_face(dataset: str) -> np.ndarray | None:
    return uploaded_pictures.square_of_photo(
        "face",
        SHAPES[dataset][1],
        upload_label="A photograph of a face",
        hint="Upload a photograph. Then move the square over a face, from brow to chin.",
        label="Move the square over the face",
    )


DIGITS = {"Pick": _pick, "Draw": _draw, "Upload": _upload}
FACES = {"Pick": _pick_a_face, "Upload": _upload_a_face}
"""Source → function from the data set to levels (C, H, W), or None."""
