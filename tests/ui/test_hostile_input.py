"""Any input of a visitor gives a valid value or a message, never another error.

Hypothesis looks beyond the lists of bad files, links and messages that other tests hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from dgm_core.data.reading import UnreadableTable, read_table
from ui import decoding, intake, links
from ui.clusters.compare import Compare
from ui.clusters.learn import Learn
from ui.clusters.mixture import Inside
from ui.clusters.own_picture import OwnPicture
from ui.components import (
    linked_scatter,
    live_sliders,
    method_grid,
    number_line,
    pixel_canvas,
    square_crop,
    thumbnails,
    toggled_points,
    transport,
)
from ui.components.bits import from_link
from ui.distances.critic import Critic
from ui.distances.games import Games as SmallGANs
from ui.distances.sweep import Sweeps
from ui.latent import links as latent_links
from ui.likelihood.bounds import Bounds
from ui.likelihood.floor import Floor
from ui.likelihood.plane import Plane
from ui.likelihood.variational import Variational
from ui.theory.autoregressive import Autoregressive
from ui.theory.flows import Flows
from ui.theory.games import Games
from ui.theory.gap import Gap
from ui.theory.importance import Importance
from ui.theory.missing import Missing
from ui.theory.reparameterisation import Reparameterisation
from ui.theory.transport import Transport


def repeatable(count: int) -> settings:
    """Settings for the same examples in every run, on any machine."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


TEXT = some.text(max_size=60) | some.sampled_from(
    [
        "nan",
        "-inf",
        "1e999",
        "-1",
        "0x10",
        "9" * 3000,
        "<script>alert(1)</script>",
        "%00",
        "٣",
        "1_0",
        "eJwDAA==",
        "../../etc/passwd",
        "=cmd()",
        "\u202e",
        "\ud800",
        "True",
        "1.0",
        "",
    ]
)


# --- files ------------------------------------------------------------------------------------

STARTS = [
    b"",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    b"GIF89a",
    b"BM",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"RIFF\xff\0\0\0WEBPVP8L\xff\0\0\0\x2f",
    b"%!PS",
    b"<svg",
    b"II*\0",
]
FILES = some.builds(bytes.__add__, some.sampled_from(STARTS), some.binary(max_size=400))


@pytest.mark.parametrize("read", [intake.read_picture, intake.read_photo])
@given(content=FILES, name=TEXT)
@repeatable(40)
def test_any_bytes_under_any_name_give_an_image_or_a_message(
    read: Callable[..., np.ndarray], content: bytes, name: str
) -> None:
    try:
        picture = read(content, name)
    except intake.BadUpload as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert len(sentence) < 250
        assert not set("<>&`$*[]") & set(sentence)
    else:
        assert picture.dtype == np.uint8
        assert max(picture.shape) <= decoding.WORKING_SIDE


@given(grey=arrays(np.uint8, some.tuples(some.integers(8, 24), some.integers(8, 24))))
@repeatable(30)
def test_any_grey_levels_give_a_digit_and_a_mask_or_a_message(grey: np.ndarray) -> None:
    mask = intake.mask_from_picture(grey, 28, 28)
    assert (mask.shape, mask.dtype) == ((28, 28), np.bool_)
    try:
        digit = intake.digit_from_picture(grey)
    except intake.BadUpload:
        return
    assert digit.shape == (28, 28)
    assert digit.min() >= 0
    assert digit.max() <= 1


CELLS = TEXT | some.sampled_from(["", "NA", "1", "2.5", "1e400", "a", '"', ",", ";", "\t", "\r\n"])
TABLES = (
    some.binary(max_size=300)
    | some.builds(
        lambda rows, between, code: "\n".join(between.join(row) for row in rows).encode(
            code, "replace"
        ),
        some.lists(some.lists(CELLS, max_size=5), max_size=8),
        some.sampled_from([",", ";", "\t", "|", " "]),
        some.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-32"]),
    )
    | some.builds(bytes.__add__, some.just(b"PAR1"), some.binary(max_size=200))
)


@given(content=TABLES, name=TEXT | some.sampled_from(["a.csv", "a.parquet", "a.tsv"]))
@repeatable(30)
def test_any_bytes_give_a_table_or_a_message(content: bytes, name: str) -> None:
    try:
        reading = read_table(content, name)
    except UnreadableTable as error:
        sentence = str(error)
    else:
        numbers = reading.frame.select_dtypes("number").to_numpy()
        assert not np.isinf(numbers).any()
        return
    assert sentence.endswith(".")
    assert len(sentence) < 400


# --- what components send ---------------------------------------------------------------------

LEAVES = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | TEXT
    | some.sampled_from([10**400, -1, 0, 1, 2, "set", "run", "DMFA", "AAA=", "hA=="])
)
VALUES = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXT, inner, max_size=4),
)
FIELDS = (
    "rev",
    "bits",
    "height",
    "width",
    "stroke",
    "count",
    "values",
    "number",
    "x",
    "y",
    "size",
    "set",
    "index",
    "run",
    "method",
    "at",
)
MESSAGES = VALUES | some.fixed_dictionaries(
    {"rev": some.just(2)}, optional=dict.fromkeys(FIELDS[1:], VALUES)
)

SLIDERS = [live_sliders.LiveSlider("a", "A", 0, 1, 0.1)]
GRID = {"run": "run", "methods": [{"name": "DMFA", "state": "running"}]}
PARSERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
    "canvas": (
        lambda sent: pixel_canvas.parse(sent, 3, 5, 2),
        lambda stroke: stroke.bits.shape == (3, 5) and 1 <= stroke.number < 2**53,
    ),
    "sliders": (
        lambda sent: live_sliders.parse(sent, SLIDERS, 2, {"a": 0.5}),
        lambda values: set(values) == {"a"} and 0 <= values["a"] <= 1,
    ),
    "answered": (live_sliders.message_number, lambda number: 0 <= number < 2**53),
    "grid": (lambda sent: method_grid.parse(sent, GRID), lambda stop: stop.method == "DMFA"),
    "line": (
        lambda sent: number_line.parse(sent, 0, 1, 2),
        lambda points: all(0 <= point <= 1 for point in points),
    ),
    "square": (
        lambda sent: square_crop.parse(sent, 2),
        lambda square: all(0 <= number <= 1 for number in square),
    ),
    "thumbnails": (
        lambda sent: thumbnails.parse(sent, "set", 3),
        lambda index: index in (0, 1, 2),
    ),
    "points": (
        lambda sent: toggled_points.parse(sent, 12, 2),
        lambda flips: flips.shape == (12,),
    ),
    "scatter": (
        lambda sent: linked_scatter.parse(sent, 12, 2),
        lambda chosen: chosen.shape == (12,),
    ),
    "transport": (
        lambda sent: transport.parse(sent, SimpleNamespace(low=-1, high=1), 2),
        lambda point: -1 <= point <= 1,
    ),
}


@pytest.mark.parametrize("name", PARSERS)
@given(sent=MESSAGES)
@repeatable(50)
def test_any_state_of_a_component_is_ignored_or_in_range(name: str, sent: object) -> None:
    parse, is_valid = PARSERS[name]
    value = parse(sent)
    assert value is None or is_valid(value)


# --- links ------------------------------------------------------------------------------------

PARTS = (
    Bounds,
    Floor,
    Variational,
    Plane,
    Compare,
    Learn,
    Inside,
    OwnPicture,
    Sweeps,
    Critic,
    SmallGANs,
    Autoregressive,
    Reparameterisation,
    Gap,
    Flows,
    Games,
    Missing,
    Importance,
    Transport,
)

READERS: dict[str, Callable[[str], Any]] = {
    **{setting.name: setting.read for setting in links.settings_of(PARTS)},
    "bits": lambda text: from_link(text, 28, 28),
    "latent": lambda text: latent_links.unpacked(text, 64),
    "whole": links.whole(0, 9999),
    "between": links.between(0, 0.5, 0.05),
}


@pytest.mark.parametrize("name", READERS)
@given(text=TEXT)
@repeatable(30)
def test_any_text_in_a_link_is_a_value_or_is_refused(name: str, text: str) -> None:
    try:
        value = READERS[name](text[: links.LONGEST])
    except links.UNREADABLE:
        return
    if isinstance(value, int | float):
        assert -1e6 < value < 1e6
    elif not isinstance(value, np.ndarray):
        json.dumps(value, allow_nan=False)
