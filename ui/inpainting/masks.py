"""Widgets for the mask: painted, a shape, random pixels, or an uploaded file.

Each size of image has its own mask, so a change from digits to faces and back loses nothing.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.missing import masks
from dgm_core.rng import generator
from ui import intake
from ui.components.pixel_canvas import Drawing, painted, pixel_canvas
from ui.frame import KEPT, kept, last_value, renew, value_before
from ui.frame import remember as remember_value
from ui.inpainting.pictures import CANVAS, Picture
from ui.uploaded_pictures import KINDS
from ui.uploads import newest

PRESETS = ("random", "box", *masks.PRESETS)


def named(name: str, side: int) -> str:
    """The session key of `name` for images of this size; digits have no number in it."""
    return name if side == DIGIT_SIDE else f"{name}.{side}"


def remember(side: int, hidden: np.ndarray, preset: str | None = None) -> None:
    """Set the first mask of this size and the name of its shape, unless there is one already."""
    state = st.session_state
    if named("mask", side) not in state:
        state[named("mask", side)] = hidden
        state[named("mask_revision", side)] = 0
        kept(_preset(side), preset)


def current(side: int) -> tuple[np.ndarray, str | None]:
    """The mask of this size, (side, side) bool, True = hidden, and the name of its shape."""
    return st.session_state[named("mask", side)], last_value(_preset(side), None)


def replace(side: int, hidden: np.ndarray, preset: str | None = None) -> None:
    """Replace the mask; call it before the canvas is drawn, or in a callback."""
    _set_mask(side, hidden)
    _no_preset(side)
    renew(_preset(side), preset)


def middle_hole(side: int) -> np.ndarray:
    """A square hole of half the side in the middle, bool, True = hidden."""
    quarter = side // 4
    return ~masks.box(side, side, quarter, quarter, 2 * quarter, 2 * quarter).numpy()


def choose_mask(
    picture: Picture, drawing: Drawing | None = None, *, quiet: str | None = None
) -> np.ndarray:
    """Show the canvas and the shapes; the mask (H, W) bool, True = hidden.

    Args:
        picture: the image under the mask.
        drawing: the visitor's ink, if the image is drawn on the same canvas.
        quiet: name of the mask in the address, if strokes are to start no rerun.
    """
    state, side = st.session_state, picture.side
    problem = _take_upload(side)  # before the canvas is drawn
    with st.container(border=True):
        stroke = pixel_canvas(
            named(CANVAS, side),
            mode="mask",
            height=side,
            width=side,
            bits=state[named("mask", side)],
            revision=state[named("mask_revision", side)],
            background=picture.background,
            on_change=partial(_take_stroke, side),
            label="Paint the pixels to hide",
            drawing=drawing,
            quiet=quiet,
        )
        if stroke is not None:
            state[named("mask", side)] = stroke.bits
        with st.container(key=named("presets", side)):
            st.pills(
                "Or hide",
                PRESETS,
                format_func=lambda name: name.removesuffix(" half"),
                key=kept(_preset(side), None),
                on_change=_change_shape,
                args=(side, _preset(side), _preset(side)),
            )
        _shape_settings(side)
        with st.popover("Upload a mask", width="content"):
            _mask_upload(side, problem)
    if picture.levels.any() and not state[named("mask", side)].any():
        st.info("No pixel is hidden yet. Paint on the image, or choose a shape.")
    return state[named("mask", side)]


def _shape_settings(side: int) -> None:
    preset = last_value(_preset(side), None)
    shape = (side, _preset(side))
    if preset == "random":
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        rate = named("rate", side)
        change = {"on_change": _change_shape, "args": (*shape, rate)}
        left.slider("Hidden pixels, %", 5, 95, step=5, key=kept(rate, 50), **change)
        again = {"on_click": _apply_preset, "args": shape, "kwargs": {"new_draw": True}}
        right.button("New draw", width="stretch", **again)
    elif preset == "box":
        for column, (name, (label, low, first)) in zip(
            2 * st.columns(2), _box(side).items(), strict=True
        ):
            change = {"on_change": _change_shape, "args": (*shape, name)}
            column.slider(label, low, side - 1 + low, key=kept(name, first), **change)


def _box(side: int) -> dict[str, tuple[str, int, int]]:
    """Session key → label, lowest and first value; the first box is the hole in the middle."""
    quarter, half = side // 4, side // 4 * 2
    settings = {
        "top": ("Top", 0, quarter),
        "left": ("Left", 0, quarter),
        "box_height": ("Height", 1, half),
        "box_width": ("Width", 1, half),
    }
    return {named(name, side): setting for name, setting in settings.items()}


def _preset(side: int) -> str:
    """Name of the widget that shows the shapes.

    It changes whenever the visitor paints over a shape: the next widget shows no shape.
    """
    return f"{named('preset', side)}.{st.session_state.get(named('preset_round', side), 0)}"


def _take_stroke(side: int) -> None:
    """Keep a stroke, also if the next page shows no canvas; it ends the choice of a shape.

    A shape that was chosen at the same time has raised the revision; it replaces the stroke.
    """
    state = st.session_state
    stroke = painted(named(CANVAS, side), side, side, state[named("mask_revision", side)])
    if stroke is not None:
        state[named("mask", side)] = stroke.bits
        _no_preset(side)


def _no_preset(side: int) -> None:
    if last_value(_preset(side), None) is not None:
        name = named("preset_round", side)
        st.session_state[name] = st.session_state.get(name, 0) + 1


def _change_shape(side: int, widget: str, changed: str) -> None:
    """Hide the shape after a change of the widget `changed`.

    Widgets that have gone after a stroke may send their values once more with the next stroke, as
    if they were new. That shape would replace the strokes.
    """
    if widget == _preset(side) or st.session_state.get(KEPT + changed) != value_before(changed):
        _apply_preset(side, widget)


def _apply_preset(side: int, widget: str, *, new_draw: bool = False) -> None:
    """Hide the shape that the widget of this name shows."""
    state = st.session_state
    preset = state.get(KEPT + widget)
    if preset is None:
        return
    if widget != _preset(side):  # a stroke arrived with the choice, and another widget replaces it
        remember_value(_preset(side), preset)
    if preset == "random":
        draw = named("mask_draw", side)
        state[draw] = state.get(draw, 0) + new_draw
        rate = last_value(named("rate", side), 50) / 100
        observed = masks.random_pixels(side, side, rate, generator(state[draw]))
    elif preset == "box":
        values = [last_value(name, first) for name, (_, _, first) in _box(side).items()]
        observed = masks.box(side, side, *values)
    else:
        observed = masks.PRESETS[preset](side, side)
    _set_mask(side, ~observed.numpy())


def _set_mask(side: int, hidden: np.ndarray) -> None:
    state, revision = st.session_state, named("mask_revision", side)
    state[named("mask", side)] = hidden
    state[revision] = state.get(revision, 0) + 1


def _take_upload(side: int) -> str | None:
    """Replace the mask by a newly uploaded one; returns a message about the upload."""
    state, name = st.session_state, named("uploaded mask", side)
    file = state.get(named("mask_upload", side))

    def read() -> np.ndarray:
        grey = intake.read_picture(file.getvalue(), file.name)
        return intake.mask_from_picture(grey, side, side)

    before = state[name].revision if name in state else 0
    upload = newest(name, None if file is None else file.file_id, None if file is None else read)
    if upload.revision > before:
        _set_mask(side, upload.content)
        _no_preset(side)
    if file is None or upload.problem is not None:
        return upload.problem
    if upload.content.all():
        return "This mask hides every pixel, so no pixel is observed."
    if not upload.content.any():
        return "This mask hides no pixel. Bright pixels of the uploaded image are hidden."
    return None


def _mask_upload(side: int, problem: str | None) -> None:
    st.file_uploader(
        "An image whose bright pixels are hidden", type=KINDS, key=named("mask_upload", side)
    )
    if problem:
        st.error(problem)
