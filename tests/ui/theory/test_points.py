"""Points hidden and dragged in the notes: which messages are accepted, and what a link keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from dgm_core.studies.theory import probit_masking
from dgm_core.studies.theory.projections import nearest_point
from tests.patience import PATIENCE
from ui.components import number_line, toggled_points
from ui.components.bits import pack
from ui.theory import missing, transport
from ui.theory.games import Games
from ui.theory.importance import Importance

ROOT = Path(__file__).parents[3]
FLIPS = np.arange(missing.ROWS) % 7 == 0
NOTES = (Games, missing.Missing, Importance, transport.Transport)


def opened(note: str, **settings: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
    page.switch_page("pages/7_Theory.py")
    page.query_params["note"] = note
    for name, value in settings.items():
        page.query_params[name.replace("_", "-")] = value
    return page.run()


def words(page: AppTest) -> str:
    return "\n".join(each.value for each in [*page.markdown, *page.caption])


def test_valid_flips_are_accepted_unchanged() -> None:
    sent = json.loads(json.dumps({"rev": "MAR 2 0", "bits": pack(FLIPS)}))
    taken = toggled_points.parse(sent, missing.ROWS, "MAR 2 0")
    np.testing.assert_array_equal(taken, FLIPS)


@pytest.mark.parametrize(
    "message",
    [
        None,
        3,
        {},
        {"rev": "MAR 2 0"},
        {"rev": "MAR 2 1", "bits": pack(FLIPS)},
        {"rev": "MAR 2 0", "bits": pack(FLIPS[:-9])},
        {"rev": "MAR 2 0", "bits": "%" * 36},
        {"rev": True, "bits": pack(FLIPS)},
    ],
)
def test_other_flips_are_ignored(message: object) -> None:
    assert toggled_points.parse(message, missing.ROWS, "MAR 2 0") is None


def test_valid_points_are_accepted_unchanged() -> None:
    sent = json.loads('{"rev": 1, "values": [-5, 0.3, 10]}')
    assert number_line.parse(sent, -5, 10, 1) == (-5.0, 0.3, 10.0)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "1,2",
        [1, "2"],
        [True],
        [10.5],
        [float("nan")],
        [0.0] * (number_line.MOST + 1),
        [10**400],
    ],
)
def test_other_points_are_ignored(values: object) -> None:
    assert number_line.parse({"rev": 1, "values": values}, -5, 10, 1) is None
    assert number_line.parse({"rev": 2, "values": [1.0]}, -5, 10, 1) is None


def test_components_refuse_wrong_arguments() -> None:
    xy, bits = np.zeros((3, 2)), np.zeros(3, bool)
    wanted: dict[str, Any] = {"rev": 0, "label": "", "axes": ("a", "b"), "reach": 1.0}
    for wrong in ((xy, bits[:2], bits), (xy, bits, bits.astype(int)), (xy + np.nan, bits, bits)):
        with pytest.raises(ValueError, match="expected"):
            toggled_points.toggled_points("key", *wrong, **wanted)
    with pytest.raises(ValueError, match="expected 1 to 30 values from 0 to 1"):
        number_line.number_line("key", [2.0], low=0, high=1, rev=0, label="")


@pytest.mark.parametrize("note", [each.name for each in NOTES])
def test_every_note_opens_and_shows_code_of_the_library(note: str) -> None:
    page = opened(note)
    assert not page.exception
    assert len(page.code) >= 3
    assert all(each.value.startswith("def ") and '"""' not in each.value for each in page.code)
    assert "References" in words(page)


def test_points_hidden_by_a_link_are_hidden() -> None:
    page = opened("Missing data", missing_mechanism="MNAR", missing_flips=pack(FLIPS))
    assert not page.exception
    config = missing.Config("MNAR", 2.0, rows=missing.ROWS)
    x, observed = probit_masking.draw(config)
    shown = observed ^ torch.from_numpy(FLIPS)
    estimate = probit_masking.complete_case(x, shown)
    assert f"{estimate.mean:.2f}".replace("-", "−") in words(page)
    assert f"{int((~shown).sum())} of 200 hidden, {FLIPS.sum()} changed by hand" in words(page)
    assert page.query_params["missing-flips"] == pack(FLIPS)
    page.selectbox[0].set_value("MAR").run()
    assert ", 0 changed by hand" in words(page)  # another mechanism discards the flips
    page.run()
    assert "missing-flips" not in page.query_params


def test_with_too_few_points_a_message_says_so() -> None:
    _, observed = probit_masking.draw(missing.Config(rows=missing.ROWS))
    all_but_two = observed.numpy().copy()
    all_but_two[np.flatnonzero(all_but_two)[:2]] = False
    page = opened("Missing data", missing_flips=pack(all_but_two))
    assert not page.exception
    assert page.info[0].value == "Leave at least 3 points observed."


def test_a_sample_of_a_link_is_projected() -> None:
    page = opened("Optimal transport", transport_points="0,1,2,9", transport_power="1")
    assert not page.exception
    assert "the nearest point is 1.50" in words(page)
    page.slider[0].set_value(3.0).run()
    nearest = nearest_point(torch.tensor([0.0, 1.0, 2.0, 9.0]), 3)
    assert f"the nearest point is {nearest:.2f}" in words(page)
    assert page.query_params["transport-points"] == "0,1,2,9"


READERS = {each.name: each.read for note in NOTES for each in note.settings}


@pytest.mark.parametrize("text", ["", "nan", "1,,2", "11,x", "<b>" + "9" * 400, "AAAA"])
@pytest.mark.parametrize("name", READERS)
def test_an_invalid_text_of_a_link_is_not_read(name: str, text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        READERS[name](text)


def test_a_message_names_invalid_parameters() -> None:
    page = opened("Missing data", missing_flips="AAAA", transport_points="11")
    assert not page.exception
    assert "left out: missing-flips, transport-points" in page.toast[0].value


def test_samples_survive_the_round_trip() -> None:
    for sample in transport.PRESETS.values():
        assert tuple(map(float, transport.written(sample).split(","))) == sample
        assert transport.read_points(transport.written(sample)) == transport.written(sample)
    assert len(transport.written([-4.9] * number_line.MOST)) < 400


def test_settings_have_unique_names_and_are_read_in_steps() -> None:
    assert len(READERS) == sum(len(note.settings) for note in NOTES)
    assert READERS["importance scale"]("0.62") == pytest.approx(0.6)
    assert READERS["importance dimensions"]("5") == 5
    assert READERS["gan width"]("9") == 1.0
