"""The settings of the lab in the link of the page.

A link names a test image by the index of its thumbnail. It holds a drawing, a sample of a model
and a mask pixel by pixel. It does not hold an uploaded image. Every value is read as text, checked
against the values of its widget, and ignored if it is none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dgm_core.imputers import CATALOGUE, Setting, settings_of
from dgm_core.missing import masks
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting.comparison import SHAPES
from ui import links
from ui.components.bits import from_link, to_link
from ui.frame import last_value, renew
from ui.inpainting import inputs, methods, pictures
from ui.inpainting import masks as canvas_masks
from ui.links import Read, as_text, between, one_of, whole

VISIT = "inpainting link"
LONGEST = 1000
"""Largest number of characters of a value; a random mask of a face takes 700."""


Views = Mapping[str, Mapping[str, Read]]
"""Name of a view → its own kept widgets and the readers of their values."""


class Field(NamedTuple):
    """A setting held by a kept widget."""

    kept: str
    read: Read
    first: Any  # value before the visitor chooses


def receive(views: Views) -> None:
    """Take over the settings of the link, once per visit; a toast names unreadable parts.

    Args:
        views: the views of the page.
    """
    links.receive_texts(VISIT, partial(take, views=views), LONGEST)


def take(given: Mapping[str, str], views: Views) -> list[str]:
    """Set all values of a link; returns the names that could not be read.

    Call it before the widgets are drawn, or in a callback.
    """
    unread = []
    if "data" in given:  # the other settings depend on it
        unread += _take({"data": given["data"]}, _of_data())
    rest = {name: text for name, text in given.items() if name != "data"}
    unread += _take(rest, dict(_fields(views)))
    for name, set_it in (("image", _set_image), ("drawn", _set_drawn), ("hide", _set_mask)):
        if name in given:
            try:
                set_it(given[name])
            except (ValueError, KeyError, OverflowError):
                unread.append(name)
    return sorted(unread)


def texts(views: Views, *, picture: bool) -> dict[str, str]:
    """The link of what is on screen; values equal to their first value are left out.

    Args:
        views: the views of the page.
        picture: whether an image is on screen.
    """
    found = {}
    for name, field in (_of_data() | dict(_fields(_of_view(views)))).items():
        value = last_value(field.kept, field.first)
        if value is not None and value != field.first:
            found[name] = ",".join(value) if isinstance(value, list) else as_text(value)
    if picture:
        found |= _picture()
    return found | _mask()


def open_link(link: Mapping[str, str], views: Views) -> None:
    """Set the widgets as a new visit of this link would; call it in a callback."""
    for field in _of_data().values():
        renew(field.kept, field.first)
    _take({name: text for name, text in link.items() if name == "data"}, _of_data())
    for field in dict(_fields(views)).values():
        if field.first is not None:
            renew(field.kept, field.first)
    take(link, views)


def holds_picture() -> bool:
    """Whether a link can hold the image on screen."""
    return _source() != "Upload"


# --- widgets ----------------------------------------------------------------------------------


def _take(given: Mapping[str, str], fields: Mapping[str, Field]) -> list[str]:
    unread = []
    for name in given.keys() & fields.keys():
        try:
            renew(fields[name].kept, fields[name].read(given[name]))
        except (ValueError, KeyError, OverflowError):
            unread.append(name)
    return unread


def _of_data() -> dict[str, Field]:
    return {"data": Field("dataset", one_of(*pictures.offered()), pictures.offered()[0])}


def _fields(views: Views) -> Iterator[tuple[str, Field]]:
    """Name in the link → its setting, for the data set on screen."""
    dataset = pictures.dataset_on_screen()
    yield "view", Field(pictures.view_key(), one_of(*_views(views)), _views(views)[0])
    yield "class", Field(pictures.class_key(dataset), partial(pictures.read_class, dataset), "all")
    settings = inputs.first_settings()
    yield "iterations", Field("iterations", one_of(*inputs.ITERATIONS), settings.iterations)
    yield "warmup", Field("warmup", one_of(*inputs.WARMUPS), settings.warmup)
    yield "chains", Field("chains", whole(1, 16), settings.chains)
    yield "start", Field("initialisation", one_of(*INITIALISATIONS), settings.initialisation)
    yield "seed", Field("seed", whole(0, 9999), settings.seed)
    yield "thin", Field("thin", one_of(*inputs.THIN), settings.thin)
    names = methods.offered(dataset)
    first = methods.first_choice(dataset)
    yield "methods", Field(f"methods.{dataset}", partial(_some_of, names), first)
    for method in names:
        for setting in settings_of(CATALOGUE[method]):
            kept, value = methods.kept_setting(dataset, method, setting)
            yield f"{method}.{setting.name}", Field(kept, _reader(setting), value)
    for fields in views.values():
        for kept, read in fields.items():
            yield kept.replace(" ", "-"), Field(kept, read, None)


def _views(views: Views) -> tuple[str, ...]:
    """The views of the data set on screen."""
    colour = pictures.is_colour(pictures.dataset_on_screen())
    return pictures.COLOUR_VIEWS if colour else tuple(views)


def _of_view(views: Views) -> Views:
    """All views, but settings only of the one on screen."""
    shown = last_value(pictures.view_key(), _views(views)[0])
    return {name: fields if name == shown else {} for name, fields in views.items()}


def _some_of(names: Iterable[str], text: str) -> list[str]:
    chosen = text.split(",") if text else []
    if unknown := set(chosen) - set(names):
        raise ValueError(f"no method {unknown}")
    return [name for name in names if name in chosen]


def _reader(setting: Setting) -> Read:
    if setting.low is None:
        return one_of(True, False)
    if isinstance(setting.default, int):
        return whole(int(setting.low), int(setting.high))
    return between(setting.low, setting.high, 1e-6)


# --- picture and mask -------------------------------------------------------------------------


def _side() -> int:
    return SHAPES[pictures.dataset_on_screen()][1]


def _source() -> str:
    return last_value(pictures.source_key(pictures.dataset_on_screen()), "Pick")


def _picture() -> dict[str, str]:
    dataset = pictures.dataset_on_screen()
    if _source() == "Upload":
        return {}
    if _source() == "Pick":
        chosen = pictures.on_screen()
        if chosen.from_data or pictures.is_colour(dataset):
            first = pictures.FIRST_CHOSEN.get(chosen.name, 0)
            return {} if chosen.index == first else {"image": str(chosen.index)}
        return {"drawn": to_link(chosen.bits)}
    return {"drawn": to_link(pictures.drawn())}


def _set_image(text: str) -> None:
    pictures.choose(pictures.dataset_on_screen(), whole(0, pictures.SHOWN - 1)(text))


def _set_drawn(text: str) -> None:
    dataset = pictures.dataset_on_screen()
    if pictures.is_colour(dataset):
        raise ValueError("expected a black-and-white data set for a drawing")
    pictures.set_drawn(from_link(text, _side(), _side()))
    renew(pictures.source_key(dataset), "Draw")


def _mask() -> dict[str, str]:
    side = _side()
    hidden, shape = canvas_masks.current(side)
    first, first_shape = inputs.first_mask(side)
    if shape in masks.PRESETS:
        return {} if shape == first_shape else {"hide": shape.removesuffix(" half")}
    same = shape == first_shape and bool((hidden == first).all())
    return {} if same else {"hide": to_link(hidden)}


def _set_mask(text: str) -> None:
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
