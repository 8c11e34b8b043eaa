"""Which methods are compared, and the settings of each, made from what its class says of them."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import streamlit as st

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE, Knob, knobs
from dgm_core.studies.inpainting.comparison import Settings
from dgm_core.studies.inpainting.materials import model_name
from ui.frame import KEPT, kept, last_value
from ui.inpainting.pictures import is_colour

TITLES = {
    "pseudo-Gibbs": "Pseudo-Gibbs",
    "Metropolis-within-Gibbs": "Metropolis within Gibbs",
    "collapsed Metropolis": "Collapsed Metropolis",
    "LAIR": "LAIR",
    "MIWAE": "MIWAE",
    "DMFA": "DMFA",
    "MFA": "MFA",
    "PPCA": "PPCA",
    "iterative PCA": "Iterative PCA",
    "nearest neighbours": "Nearest neighbours",
    "diffusion of the edge": "Diffusion of the edge",
    "mean image": "Mean image",
}
"""Name in the catalogue → on the screen."""

FIRST = (
    "pseudo-Gibbs",
    "Metropolis-within-Gibbs",
    "LAIR",
    "MIWAE",
    "DMFA",
    "MFA",
    "nearest neighbours",
    "diffusion of the edge",
    "mean image",
)
"""Compared unless the visitor chooses others: quick, and of every kind."""

FEWER = {
    "pseudo-Gibbs": {"iterations": 200, "chains": 4},
    "Metropolis-within-Gibbs": {"iterations": 200, "chains": 4},
    "collapsed Metropolis": {"iterations": 200, "chains": 4},
    "LAIR": {"iterations": 150},
}
"""First values where images are in colour, and a step costs ten times as much."""

SLIDER = 200
"""Whole numbers with a wider range are typed in."""


def offered(dataset: str) -> list[str]:
    """The methods whose models are shipped, in the catalogue's order."""
    models = zoo.names()
    return [name for name, method in CATALOGUE.items() if _stands(dataset, method.needs, models)]


def _stands(dataset: str, need: str | None, models: Container[str]) -> bool:
    if need is None:
        return True
    if need == "training images":  # or what the DLVM draws in their place
        return data.is_available(dataset) or model_name(dataset, "dlvm") in models
    return model_name(dataset, need) in models


def first_choice(dataset: str) -> list[str]:
    """What is compared before the visitor chooses."""
    return [name for name in offered(dataset) if name in FIRST]


def choose_methods(dataset: str) -> tuple[tuple[str, Settings], ...]:
    """The widgets; the chosen methods, each with the settings that are not its defaults."""
    names, key = offered(dataset), f"methods.{dataset}"
    kept(key, first_choice(dataset))
    kept("seed", 0)
    chosen = st.pills(
        "Methods",
        names,
        selection_mode="multi",
        format_func=lambda name: TITLES.get(name, name),
        key=KEPT + key,
        label_visibility="collapsed",
        wrap=True,
    )
    with st.popover("Settings of the methods", icon=":material/tune:", width="content"):
        _settings(dataset, [name for name in names if knobs(CATALOGUE[name])])
    return tuple((name, _set(dataset, name)) for name in names if name in (chosen or []))


def seed() -> int:
    """Of all methods."""
    return int(last_value("seed", 0))


def _settings(dataset: str, names: list[str]) -> None:
    """One method's at a time."""
    kept("method", names[0])
    if st.session_state[f"{KEPT}method"] not in names:
        st.session_state[f"{KEPT}method"] = names[0]
    method = st.selectbox(
        "Method", names, format_func=lambda name: TITLES.get(name, name), key=f"{KEPT}method"
    )
    for knob in knobs(CATALOGUE[method]):
        name = _name(dataset, method, knob)
        kept(name, _first(dataset, method, knob))
        _widget(KEPT + name, knob)
    st.number_input(
        "Seed of all methods",
        0,
        9999,
        key=f"{KEPT}seed",
        help="A method's draws do not depend on which others run.",
    )


def held(dataset: str, method: str, knob: Knob) -> tuple[str, Any]:
    """The kept widget of a knob, and its first value."""
    return _name(dataset, method, knob), _first(dataset, method, knob)


def _name(dataset: str, method: str, knob: Knob) -> str:
    """In the session: faces have settings of their own."""
    kind = "colour" if is_colour(dataset) else "ink"
    return f"knob.{kind}.{method}.{knob.name}"


def _first(dataset: str, method: str, knob: Knob) -> Any:
    fewer = FEWER.get(method, {}) if is_colour(dataset) else {}
    return fewer.get(knob.name, knob.default)


def _widget(key: str, knob: Knob) -> None:
    """A toggle, a slider or a field, as the knob's values ask for."""
    about, low, high = knob.help or None, knob.low, knob.high
    if low is None:
        st.toggle(knob.label, key=key, help=about)
    elif isinstance(knob.default, int) and high - low <= SLIDER:
        st.slider(knob.label, int(low), int(high), key=key, help=about)
    elif isinstance(knob.default, int):
        step = 10 ** max(0, math.floor(math.log10(knob.default)) - 1)
        st.number_input(knob.label, int(low), int(high), step=step, key=key, help=about)
    else:
        step = 10.0 ** math.floor(math.log10(knob.default))
        st.number_input(
            knob.label, float(low), float(high), step=step, format="%g", key=key, help=about
        )


def _set(dataset: str, method: str) -> Settings:
    """Settings that are not the method's own defaults."""
    turned: list[tuple[str, Any]] = []
    for knob in knobs(CATALOGUE[method]):
        value = last_value(_name(dataset, method, knob), _first(dataset, method, knob))
        if value is not None and value != knob.default:
            turned.append((knob.name, value))
    return tuple(turned)
