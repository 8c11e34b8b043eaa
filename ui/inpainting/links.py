"""The settings of the lab in share links.

A link names a test image by the index of its thumbnail. It holds a drawing, a sample of a model
and a mask pixel by pixel. It does not hold an uploaded image.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from dgm_core.missing import masks
from dgm_core.studies.inpainting.comparison import SHAPES
from ui import links
from ui.components.bits import from_link, to_link
from ui.frame import last_value, renew
from ui.inpainting import inputs, methods, model_images, pictures
from ui.inpainting import masks as canvas_masks
from ui.links import InLink, Part, Setting, Value, whole

Views = Mapping[str, type[Part]]


def view_setting(views: Collection[str]) -> Setting:
    """The view; faces have fewer views than digits, and a choice of their own."""
    if pictures.is_colour(pictures.dataset_on_screen()):
        names = pictures.COLOUR_VIEWS
        return Setting("view.colour", names[0], options=names, link="view")
    return Setting("view", next(iter(views)), options=tuple(views))


def receive(views: Views) -> None:
    """Take over the settings of the link, once per visit."""
    links.receive("inpainting", _all(views))


def texts(views: Views, *, picture: bool) -> dict[str, str]:
    """The link of what is on screen; values equal to their first value are left out.

    Args:
        views: the views of the page.
        picture: whether an image is on screen.
    """
    shown = views[view_setting(views).value]
    image = [_IMAGE, _DRAWN, _BY] if picture else []
    return links.texts(
        [pictures.data_setting(), *_shared(views), *image, _HIDE], skip_first=True
    ) | links.texts(shown.settings)


def open_link(link: Mapping[str, str], views: Views) -> None:
    """Set the widgets as a new visit of this link would; call it in a callback."""
    pictures.data_setting().reset()
    links.take(link, [pictures.data_setting()])
    for setting in _shared(views):
        setting.reset()
    side = _side()
    canvas_masks.replace(side, *inputs.first_mask(side))
    links.take(link, _all(views))


def _all(views: Views) -> Iterator[InLink]:
    """All that a link can hold; the data set comes first, because the rest depends on it."""
    yield pictures.data_setting()
    yield from _shared(views)
    yield from links.settings_of(views.values())
    yield from (_IMAGE, _DRAWN, _BY, _HIDE)


def _shared(views: Views) -> list[Setting]:
    """The settings of all views, for the data set on screen."""
    dataset = pictures.dataset_on_screen()
    return [
        view_setting(views),
        pictures.class_setting(dataset),
        *inputs.chain_settings(),
        methods.choice_setting(dataset),
        *methods.all_settings(dataset),
    ]


# --- image and mask ---------------------------------------------------------------------------


def holds_picture() -> bool:
    """Whether a link can hold the image on screen."""
    return _source() != "Upload"


def _side() -> int:
    return SHAPES[pictures.dataset_on_screen()][1]


def _source() -> str:
    return last_value(pictures.source_key(pictures.dataset_on_screen()), "Pick")


def _has_index(chosen: pictures.Chosen) -> bool:
    """Whether a link names the thumbnail by its index: samples of digits are written out."""
    return chosen.from_data or chosen.bits is None


def _image_text() -> str | None:
    chosen = pictures.on_screen() if _source() == "Pick" else None
    if chosen is None or not _has_index(chosen):
        return None
    first = pictures.FIRST_CHOSEN.get(chosen.name, 0)
    return None if chosen.index == first else str(chosen.index)


def _take_image(text: str) -> None:
    pictures.choose(pictures.dataset_on_screen(), whole(0, pictures.SHOWN - 1)(text))


def _drawn_text() -> str | None:
    if _source() == "Draw":
        return to_link(pictures.drawn())
    if _source() == "Pick" and not _has_index(pictures.on_screen()):
        return to_link(pictures.on_screen().bits)
    return None


def _take_drawn(text: str) -> None:
    dataset = pictures.dataset_on_screen()
    if pictures.is_colour(dataset):
        raise ValueError("expected a black-and-white data set for a drawing")
    pictures.set_drawn(from_link(text, _side(), _side()))
    renew(pictures.source_key(dataset), "Draw")


def _by_text() -> str | None:
    """That a model drew the image; the images of the gallery are known."""
    if _source() == "Draw":
        pixels = pictures.drawn()
        by_model = model_images.is_by_model(pixels)
    else:
        pixels = pictures.on_screen().bits if _drawn_text() is not None else None
        by_model = pixels is not None
    return "model" if by_model and not model_images.is_of_gallery(pixels) else None


def _take_by(text: str) -> None:
    if text != "model":
        raise ValueError(text)
    model_images.remember(pictures.drawn())


def _hide_text() -> str | None:
    side = _side()
    hidden, shape = canvas_masks.current(side)
    first, first_shape = inputs.first_mask(side)
    if shape in masks.PRESETS:
        return None if shape == first_shape else shape.removesuffix(" half")
    same = shape == first_shape and bool((hidden == first).all())
    return None if same else to_link(hidden)


def _take_hide(text: str) -> None:
    side = _side()
    canvas_masks.replace(side, *mask_of(text, side))


def mask_of(text: str, side: int) -> tuple[np.ndarray, str | None]:
    """Read the mask of a link: bool (side, side), True = hidden, and the name of its shape.

    Raises:
        ValueError: the text is neither a shape nor a mask of this size.
    """
    for shape, observed in masks.PRESETS.items():
        if text == shape.removesuffix(" half"):
            return ~observed(side, side).numpy(), shape
    return from_link(text, side, side), None


_IMAGE = Value("image", _take_image, _image_text)
_DRAWN = Value("drawn", _take_drawn, _drawn_text)
_BY = Value("by", _take_by, _by_text)
_HIDE = Value("hide", _take_hide, _hide_text)
