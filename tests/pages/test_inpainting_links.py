"""Links of the inpainting lab: written, read again, and invalid ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.missing import masks
from tests.pages.addresses import parameters
from tests.patience import PATIENCE
from ui.components.bits import to_link
from ui.inpainting import gallery
from ui.links import LONGEST

PAGE = Path(__file__).parents[2] / "pages/1_Inpainting.py"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=PATIENCE)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def test_the_first_picture_needs_nothing_in_the_address() -> None:
    app = opened()
    assert not app.exception
    assert parameters(app) == {}


def test_a_link_sets_the_widgets_and_is_written_again() -> None:
    hidden = np.zeros((28, 28), bool)
    hidden[5:9, 3:20] = True
    ink = np.eye(28, dtype=bool)
    link = {
        "drawn": to_link(ink),
        "hide": to_link(hidden),
        "iterations": "100",
        "chains": "4",
        "seed": "12",
        "start": "zeros",
        "thin": "5",
    }
    app = opened(**link)
    assert not app.exception
    assert np.array_equal(app.session_state["mask"], hidden)
    assert app.session_state["keep.chains"] == 4
    assert app.session_state["keep.source"] == "Draw"
    assert parameters(app) == link
    assert not app.toast


def test_a_link_carries_methods_and_their_settings() -> None:
    link = {
        "view": "All methods",
        "methods": "nearest neighbours,mean image",
        "nearest neighbours.neighbours": "3",
    }
    app = opened(**link)
    assert not app.exception
    assert parameters(app) == link


@pytest.mark.parametrize("case", gallery.st_cases(), ids=lambda case: case.name)
def test_every_case_is_the_link_that_the_page_writes(case: gallery.Case) -> None:
    app = opened(**case.link)
    assert not app.exception
    assert parameters(app) == case.link
    assert any(case.about in each.value for each in app.markdown)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("view", "<script>"),
        ("data", "cifar"),
        ("seed", "NaN"),
        ("chains", "many"),
        ("iterations", "1000000000"),
        ("warmup", "-1"),
        ("start", "x" * 3000),
        ("drawn", "eJx"),
        ("hide", "half"),
        ("image", "1e400"),
        ("class", "ten"),
        ("methods", "DMFA,nothing"),
        ("LAIR.completions", "inf"),
        ("slow-chain", "one"),
        ("study-seed", "-"),
    ],
)
def test_invalid_values_get_defaults_and_a_message(name: str, text: str) -> None:
    beside = ("seed", "3") if name == "hide" else ("hide", "left")
    app = opened(**dict([(name, text), beside]))
    assert not app.exception
    assert [name in toast.value for toast in app.toast] == [True]
    if name != "hide":
        assert np.array_equal(app.session_state["mask"], ~masks.left_half(28, 28).numpy())


def test_numbers_are_clamped_and_long_values_cut() -> None:
    app = opened(chains="99", seed="-5", image="77", hide="A" * (LONGEST + 500))
    assert not app.exception
    assert app.session_state["keep.chains"] == 16
    assert app.session_state["keep.seed"] == 0
    assert len(app.toast) == 1


def test_a_link_of_an_earlier_version_opens() -> None:
    """Names and values of all settings of links, including those of earlier versions."""
    link = {
        "data": "mnist",
        "view": "Studies",
        "warmup": "10",
        "methods": "",
        "LAIR.completions": "5",
        "slow-sampler": "pseudo-Gibbs",
        "slow-chain": "2",
        "slow-iteration": "40",
        "study-sweep": "warm-up",
        "study-data": "digits",
        "study-pixels": "all",
        "study-after": "100",
        "study-images": "50",
        "study-chains": "2",
        "study-iterations": "500",
        "study-seed": "7",
        "hide": "bottom",
    }
    app = opened(**link)
    assert not app.exception
    assert not app.toast
    other_view = {"slow-sampler", "slow-chain", "slow-iteration"}
    assert parameters(app) == {name: text for name, text in link.items() if name not in other_view}


def test_a_case_of_the_gallery_resets_what_its_link_does_not_name() -> None:
    def lab() -> None:
        import streamlit as st

        from ui.inpainting import inputs, links
        from ui.inpainting.all_methods import AllMethods
        from ui.inpainting.step_by_step import StepByStep

        views = {view.name: view for view in (StepByStep, AllMethods)}
        inputs.remember_first()
        links.open_link({"data": "mnist", "hide": "bottom", "chains": "3"}, views)
        st.text(f"before {links.texts(views, picture=False)}")
        links.open_link({}, views)
        st.text(f"after {links.texts(views, picture=False)}")

    app = AppTest.from_function(lab, default_timeout=PATIENCE).run()
    assert not app.exception
    before, after = (each.value for each in app.text)
    assert before == "before {'data': 'mnist', 'chains': '3', 'hide': 'bottom'}"
    assert after == "after {}"
