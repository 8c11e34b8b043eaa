"""The lab's settings in the page's address, so that a link shows what its sender saw.

A test image goes by its place among the thumbnails; what was drawn, and what a model drew, goes
pixel by pixel, as the mask does. An uploaded picture does not travel. Every value is read as text,
checked against what its widget could hold, and left out if it could not be that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dgm_core.imputers import CATALOGUE, Knob, knobs
from dgm_core.missing import masks
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting.comparison import SHAPES
from ui import links
from ui.components.bits import from_link, to_link
from ui.frame import last_value, renew
from ui.inpainting import inputs, methods, pictures
from ui.inpainting import masks as hiding
from ui.links import Read, as_text, between, one_of, whole

VISIT = "inpainting link"
LONGEST = 1000
"""Characters of one value: a random mask of a face takes 700."""


Views = Mapping[str, Mapping[str, Read]]
"""Name of a view → its own kept widgets, and how their values are read."""


class Field(NamedTuple):
    """A setting that a kept widget holds."""

    kept: str
    read: Read
    first: Any  # what stands there unless the visitor chooses


def receive(views: Views) -> None:
    """Begin as the address says, once in a visit; say so if a part of it is not understood.

    Args:
        views: of the page.
    """
    links.receive_texts(VISIT, partial(take, views=views), LONGEST)


def take(asked: Mapping[str, str], views: Views) -> list[str]:
    """Set all that is asked for; returns the names that were not understood.

    Before the widgets are drawn, or in a callback.
    """
    unread = []
    if "data" in asked:  # what follows depends on it
        unread += _take({"data": asked["data"]}, _of_data())
    rest = {name: text for name, text in asked.items() if name != "data"}
    unread += _take(rest, dict(_fields(views)))
    for name, set_it in (("image", _set_image), ("drawn", _set_drawn), ("hide", _set_mask)):
        if name in asked:
            try:
                set_it(asked[name])
            except (ValueError, KeyError, OverflowError):
                unread.append(name)
    return sorted(unread)


def texts(views: Views, *, picture: bool) -> dict[str, str]:
    """What the address says of what is on screen; what stands at its first value stays out.

    Args:
        views: of the page.
        picture: is there one?
    """
    found = {}
    for place, field in (_of_data() | dict(_fields(_of_view(views)))).items():
        value = last_value(field.kept, field.first)
        if value is not None and value != field.first:
            found[place] = ",".join(value) if isinstance(value, list) else as_text(value)
    if picture:
        found |= _picture()
    return found | _mask()


def renewed(asked: Mapping[str, str], views: Views) -> None:
    """In a callback: as a fresh page of this address."""
    for field in _of_data().values():
        renew(field.kept, field.first)
    _take({name: text for name, text in asked.items() if name == "data"}, _of_data())
    for field in dict(_fields(views)).values():
        if field.first is not None:
            renew(field.kept, field.first)
    take(asked, views)


def travels() -> bool:
    """Is the picture on screen one that the address can say?"""
    return _way() != "Upload"


# --- widgets ----------------------------------------------------------------------------------


def _take(asked: Mapping[str, str], fields: Mapping[str, Field]) -> list[str]:
    unread = []
    for place in asked.keys() & fields.keys():
        try:
            renew(fields[place].kept, fields[place].read(asked[place]))
        except (ValueError, KeyError, OverflowError):
            unread.append(place)
    return unread


def _of_data() -> dict[str, Field]:
    return {"data": Field("dataset", one_of(*pictures.offered()), pictures.offered()[0])}


def _fields(views: Views) -> Iterator[tuple[str, Field]]:
    """Place in the address → what is held there; for the data set on screen."""
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
        for knob in knobs(CATALOGUE[method]):
            kept, value = methods.held(dataset, method, knob)
            yield f"{method}.{knob.name}", Field(kept, _reader(knob), value)
    for fields in views.values():
        for kept, read in fields.items():
            yield kept.replace(" ", "-"), Field(kept, read, None)


def _views(views: Views) -> tuple[str, ...]:
    """Those that the data set on screen has."""
    colour = pictures.is_colour(pictures.dataset_on_screen())
    return pictures.COLOUR_VIEWS if colour else tuple(views)


def _of_view(views: Views) -> Views:
    """The one on screen, its own settings with it."""
    shown = last_value(pictures.view_key(), _views(views)[0])
    return {name: fields if name == shown else {} for name, fields in views.items()}


def _some_of(names: Iterable[str], text: str) -> list[str]:
    asked = text.split(",") if text else []
    if unknown := set(asked) - set(names):
        raise ValueError(f"no method {unknown}")
    return [name for name in names if name in asked]


def _reader(knob: Knob) -> Read:
    if knob.low is None:
        return one_of(True, False)
    if isinstance(knob.default, int):
        return whole(int(knob.low), int(knob.high))
    return between(knob.low, knob.high, 1e-6)


# --- picture and mask -------------------------------------------------------------------------


def _side() -> int:
    return SHAPES[pictures.dataset_on_screen()][1]


def _way() -> str:
    return last_value(pictures.way_key(pictures.dataset_on_screen()), "Pick")


def _picture() -> dict[str, str]:
    dataset = pictures.dataset_on_screen()
    if _way() == "Upload":
        return {}
    if _way() == "Pick":
        chosen = pictures.on_screen()
        if chosen.own or pictures.is_colour(dataset):
            first = pictures.FIRST_CHOSEN.get(chosen.name, 0)
            return {} if chosen.at == first else {"image": str(chosen.at)}
        return {"drawn": to_link(chosen.bits)}
    return {"drawn": to_link(pictures.drawn())}


def _set_image(text: str) -> None:
    pictures.choose(pictures.dataset_on_screen(), whole(0, pictures.SHOWN - 1)(text))


def _set_drawn(text: str) -> None:
    dataset = pictures.dataset_on_screen()
    if pictures.is_colour(dataset):
        raise ValueError("faces are not drawn")
    pictures.set_drawn(from_link(text, _side(), _side()))
    renew(pictures.way_key(dataset), "Draw")


def _mask() -> dict[str, str]:
    side = _side()
    hidden, shape = hiding.held(side)
    first, first_shape = inputs.first_mask(side)
    if shape in masks.PRESETS:
        return {} if shape == first_shape else {"hide": shape.removesuffix(" half")}
    same = shape == first_shape and bool((hidden == first).all())
    return {} if same else {"hide": to_link(hidden)}


def _set_mask(text: str) -> None:
    side = _side()
    hiding.hold(side, *mask_of(text, side))


def mask_of(text: str, side: int) -> tuple[np.ndarray, str | None]:
    """What an address hides, bool (side, side), and the shape that it names.

    Raises:
        ValueError: it is neither a shape nor a mask of this size.
    """
    for shape, observed in masks.PRESETS.items():
        if text == shape.removesuffix(" half"):
            return ~observed(side, side).numpy(), shape
    return from_link(text, side, side), None
