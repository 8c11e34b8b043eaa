"""Widgets → a frozen `Config` for the inpainting study."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core import data, zoo
from dgm_core.missing import masks
from dgm_core.rng import generator
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies import inpainting
from dgm_core.studies.inpainting import LIMITS, SIDE, Config
from ui import cache, intake, showcase
from ui.components.pixel_canvas import pixel_canvas
from ui.components.thumbnails import thumbnails
from ui.frame import KEPT, kept

DATASETS = {
    "digits": "Digits (scikit-learn)",
    "mnist": "MNIST",
    "omniglot": "Omniglot",
}
SHOWN = 24
"""Thumbnails at once."""

EVERYTHING = "all"


class Picture(NamedTuple):
    """What is to be hidden in part, and who fills it in."""

    ink: np.ndarray  # (28, 28) bool
    model: str


def inpainting_config(default: Config) -> Config | None:
    """The controls of the inpainting lab; None while there is no picture yet."""
    _remember(default)
    canvas_place = st.container()
    with st.container(border=True):
        picture = _picture()
    with st.expander("Chains, iterations, seed"):
        settings = _settings(default)
    if picture is None:
        return None
    with canvas_place:
        hidden = _mask(picture.ink)
    return Config(picture.model, inpainting.pack(picture.ink), inpainting.pack(hidden), **settings)


def _remember(default: Config) -> None:
    state = st.session_state
    state.setdefault("mask", ~default.observed)
    state.setdefault("mask_revision", 0)
    state.setdefault("drawing", np.zeros((SIDE, SIDE), bool))
    if "chosen" not in state:
        state.chosen = {"digits all": showcase.THUMBNAIL}
        kept("preset", "top half")


# --- the picture ------------------------------------------------------------------------------


def _picture() -> Picture | None:
    known = [name for name in DATASETS if f"{name}-dlvm" in zoo.names()]
    kept("source", "Pick")
    source = st.segmented_control(
        "Picture",
        ["Pick", "Draw", "Upload"],
        required=True,
        key="keep.source",
        width="stretch",
    )
    dataset = st.selectbox(
        "Model trained on",
        known,
        format_func=DATASETS.get,
        key="keep.dataset",
        help="Each data set has a model of its own, trained on its training images. "
        "The pictures below are test images: the model has never seen them.",
    )
    ink = {"Pick": _pick, "Draw": _draw, "Upload": _upload}[source or "Pick"](dataset)
    return None if ink is None else Picture(ink, f"{dataset}-dlvm")


def _pick(dataset: str) -> np.ndarray | None:
    try:
        ink, labels, classes = cache.st_test_images(dataset)
    except data.DataUnavailable as error:
        if data.is_available(dataset):  # there, but broken: the error says what to do
            st.warning(str(error))
        st.caption(
            f"The images of {DATASETS[dataset]} are not here, so these are **drawn by the "
            f"model itself**. For the real test images: `python -m dgm_core data fetch {dataset}`"
        )
        samples = cache.st_samples(f"{dataset}-dlvm", SHOWN)
        names = [f"model sample {i + 1}" for i in range(len(samples))]
        return samples[_thumbnails(f"{dataset} samples", samples, names)]
    present = np.unique(labels)
    names = [classes[label].replace("_", " ") for label in present]
    chosen = _class(dataset, names)
    rows = np.arange(len(labels))
    if chosen != EVERYTHING:
        rows = np.flatnonzero(labels == present[names.index(chosen)])
    # Spread over all rows: neighbours are often alike.
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(int))]
    captions = [f"{classes[labels[row]].replace('_', ' ')}, test image {row}" for row in rows]
    return ink[rows[_thumbnails(f"{dataset} {chosen}", ink[rows], captions)]]


def _class(dataset: str, present: list[str]) -> str:
    """The chosen class, or "all"."""
    options, key = [EVERYTHING, *present], f"class.{dataset}"
    kept(key, EVERYTHING)
    if len(present) > 10:
        return st.selectbox("Class", options, key=KEPT + key)
    return st.pills("Class", options, required=True, key=KEPT + key, label_visibility="collapsed")


def _thumbnails(set_name: str, ink: np.ndarray, names: list[str]) -> int:
    """Position of the chosen picture; remembered for each set of pictures."""
    chosen = st.session_state.chosen
    at = min(chosen.get(set_name, 0), len(ink) - 1)
    clicked = thumbnails(
        "thumbnails",
        ink.astype(np.uint8) * 255,
        names,
        at,
        set_name=set_name,
        label="Choose a picture",
    )
    if clicked is not None:
        chosen[set_name] = clicked
    return at if clicked is None else clicked


def _draw(dataset: str) -> np.ndarray | None:
    state = st.session_state
    stroke = pixel_canvas(
        "draw",
        mode="ink",
        height=SIDE,
        width=SIDE,
        bits=state.drawing,
        revision=0,
        label="Draw a digit",
    )
    if stroke is not None:
        state.drawing = stroke.bits
    if not state.drawing.any():
        st.caption("Draw a digit here; it becomes the picture to hide parts of.")
        return None
    return state.drawing


INK_IS = {"found out": None, "dark": True, "light": False}
"""What the visitor says of the ink → whether to invert."""


def _upload(dataset: str) -> np.ndarray | None:
    file = st.file_uploader(
        "A digit on paper or on screen",
        type=["png", "jpg", "jpeg", "gif", "bmp", "webp"],
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
    state = st.session_state
    asked = None if file is None else (file.file_id, ink_is)
    if asked != state.get("upload_asked"):  # decoded once, not at every stroke
        state.upload_asked, state.upload_problem = asked, None
        if file is not None:
            _take_picture(file.getvalue(), file.name, INK_IS[ink_is])
    if problem := state.get("upload_problem"):
        st.error(problem)
    uploaded = state.get("uploaded")
    if uploaded is None:
        st.caption(
            "Upload a picture of a digit or letter; it becomes the picture to hide parts of."
        )
    return uploaded


def _take_picture(content: bytes, name: str, invert: bool | None) -> None:
    try:
        grey = intake.read_picture(content, name)
        st.session_state.uploaded = intake.digit_from_picture(grey, invert=invert) > 0.5
    except intake.BadUpload as error:
        st.session_state.upload_problem = str(error)


# --- the mask ---------------------------------------------------------------------------------

PRESETS = ("random", "box", *masks.PRESETS)


def _mask(ink: np.ndarray) -> np.ndarray:
    state = st.session_state
    with st.container(border=True):
        stroke = pixel_canvas(
            "mask_canvas",
            mode="mask",
            height=SIDE,
            width=SIDE,
            bits=state.mask,
            revision=state.mask_revision,
            background=ink.astype(np.uint8) * 255,
            on_change=_painted,
            label="Paint what to hide",
        )
        if stroke is not None:
            state.mask = stroke.bits
        st.pills(
            "Or hide",
            PRESETS,
            format_func=lambda name: name.removesuffix(" half"),
            key="keep.preset",
            on_change=_apply_preset,
        )
        if state["keep.preset"] == "random":
            left, right = st.columns([3, 1], vertical_alignment="bottom")
            kept("rate", 50)
            left.slider(
                "Hidden pixels, %", 5, 95, step=5, key="keep.rate", on_change=_apply_preset
            )
            right.button("Again", on_click=_apply_preset, kwargs={"anew": True}, width="stretch")
        elif state["keep.preset"] == "box":
            _box_sliders()
        with st.popover("Upload a mask", width="content"):
            _mask_upload()
    if not state.mask.any():
        st.info("Nothing is hidden yet: paint on the picture, or choose a shape.")
    return state.mask


BOX = {
    "top": ("Top", 0, 7),
    "left": ("Left", 0, 7),
    "box_height": ("Height", 1, 14),
    "box_width": ("Width", 1, 14),
}
"""Setting → label, lowest value, first value."""


def _box_sliders() -> None:
    for place, (name, (label, low, first)) in zip(2 * st.columns(2), BOX.items(), strict=True):
        kept(name, first)
        place.slider(label, low, SIDE - 1 + low, key=KEPT + name, on_change=_apply_preset)


def _painted() -> None:
    st.session_state["keep.preset"] = None


def _apply_preset(*, anew: bool = False) -> None:
    state = st.session_state
    preset = state["keep.preset"]
    if preset is None:
        return
    if preset == "random":
        state["mask_draw"] = state.get("mask_draw", 0) + anew
        rate = state.get("keep.rate", 50) / 100
        observed = masks.random_pixels(SIDE, SIDE, rate, generator(state["mask_draw"]))
    elif preset == "box":
        values = [state.get(KEPT + name, first) for name, (_, _, first) in BOX.items()]
        observed = masks.box(SIDE, SIDE, *values)
    else:
        observed = masks.PRESETS[preset](SIDE, SIDE)
    _set_mask(~observed.numpy())


def _set_mask(hidden: np.ndarray) -> None:
    st.session_state.mask = hidden
    st.session_state.mask_revision += 1


def _mask_upload() -> None:
    st.file_uploader(
        "A picture whose bright parts are hidden",
        type=["png", "jpg", "jpeg", "gif", "bmp", "webp"],
        key="mask_upload",
        on_change=_take_mask,
    )
    if problem := st.session_state.get("mask_problem"):
        st.error(problem)


def _take_mask() -> None:
    state = st.session_state
    state["mask_problem"] = None
    file = state["mask_upload"]
    if file is None:
        return
    try:
        grey = intake.read_picture(file.getvalue(), file.name)
        hidden = intake.mask_from_picture(grey, SIDE, SIDE)
    except intake.BadUpload as error:
        state["mask_problem"] = str(error)
        return
    _set_mask(hidden)
    state["keep.preset"] = None
    if hidden.all():
        state["mask_problem"] = "This mask hides every pixel: the samplers draw from the prior."
    elif not hidden.any():
        state["mask_problem"] = "This mask hides nothing: bright parts of the picture are hidden."


# --- the samplers -----------------------------------------------------------------------------


def _settings(default: Config) -> dict[str, int | str]:
    for name in ("iterations", "warmup", "chains", "initialisation", "seed"):
        kept(name, getattr(default, name))
    iterations = st.select_slider(
        "Iterations",
        [100, 200, 500, 1000, 2000, 5000],
        key="keep.iterations",
        help="Of each sampler, warm-up included.",
    )
    warmup = st.select_slider(
        "Warm-up",
        [0, 10, 30, 50, 90],
        key="keep.warmup",
        help="Iterations left out of the mean. Metropolis runs them as pseudo-Gibbs.",
    )
    chain_count = st.slider(
        "Chains",
        1,
        LIMITS["chains"][1],
        key="keep.chains",
        help="Independent runs. R-hat compares them.",
    )
    initialisation = st.selectbox(
        "Hidden pixels start as", list(INITIALISATIONS), key="keep.initialisation"
    )
    seed = st.number_input("Seed", 0, 9999, key="keep.seed")
    return {
        "iterations": int(iterations),
        "warmup": int(warmup),
        "chains": int(chain_count),
        "initialisation": str(initialisation),
        "seed": int(seed),
    }
