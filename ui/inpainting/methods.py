"""The choice of methods and their settings, made from the settings that each class declares."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import streamlit as st

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE, Setting, settings_of
from dgm_core.studies.inpainting.comparison import Settings
from dgm_core.studies.inpainting.materials import model_name
from ui.frame import KEPT, kept, last_value
from ui.inpainting.pictures import is_colour

TITLES = {
    "pseudo-Gibbs": "Pseudo-Gibbs",
    "Metropolis-within-Gibbs": "Metropolis-within-Gibbs",
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
"""Name in the catalogue → name on the screen."""

SHORT_NAMES = {"pseudo-Gibbs": "pseudo-Gibbs", "Metropolis-within-Gibbs": "Metropolis"}
"""Names of the two samplers inside sentences and legends."""

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
"""Methods compared at first: fast ones, of every kind."""

FEWER = {
    "pseudo-Gibbs": {"iterations": 200, "chains": 4},
    "Metropolis-within-Gibbs": {"iterations": 200, "chains": 4},
    "collapsed Metropolis": {"iterations": 200, "chains": 4},
    "LAIR": {"iterations": 150},
}
"""First values of settings for colour images, where an iteration takes ten times as long."""

SLIDER = 200
"""Integers with a range wider than this get a number field instead of a slider."""


def offered(dataset: str) -> list[str]:
    """The methods whose models are shipped, in the order of the catalogue."""
    models = zoo.names()
    return [
        name for name, method in CATALOGUE.items() if _is_available(dataset, method.needs, models)
    ]


def _is_available(dataset: str, need: str | None, models: Container[str]) -> bool:
    if need is None:
        return True
    if need == "training images":  # or samples of the DLVM instead
        return data.is_available(dataset) or model_name(dataset, "dlvm") in models
    return model_name(dataset, need) in models


def first_choice(dataset: str) -> list[str]:
    """The methods compared before the visitor chooses."""
    return [name for name in offered(dataset) if name in FIRST]


def choose_methods(dataset: str) -> tuple[tuple[str, Settings], ...]:
    """Show the widgets; the chosen methods with the settings that differ from their defaults."""
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
        _settings(dataset, [name for name in names if settings_of(CATALOGUE[name])])
    return tuple((name, _changed(dataset, name)) for name in names if name in (chosen or []))


def seed() -> int:
    """The seed of all methods."""
    return int(last_value("seed", 0))


def _settings(dataset: str, names: list[str]) -> None:
    """The settings of one method at a time."""
    kept("method", names[0])
    if st.session_state[f"{KEPT}method"] not in names:
        st.session_state[f"{KEPT}method"] = names[0]
    method = st.selectbox(
        "Method", names, format_func=lambda name: TITLES.get(name, name), key=f"{KEPT}method"
    )
    for setting in settings_of(CATALOGUE[method]):
        name = _name(dataset, method, setting)
        kept(name, _first(dataset, method, setting))
        _widget(KEPT + name, setting)
    st.number_input(
        "Seed of all methods",
        0,
        9999,
        key=f"{KEPT}seed",
        help="The draws of a method do not depend on which other methods run.",
    )


def kept_setting(dataset: str, method: str, setting: Setting) -> tuple[str, Any]:
    """The name of the kept widget of a setting, and its first value."""
    return _name(dataset, method, setting), _first(dataset, method, setting)


def _name(dataset: str, method: str, setting: Setting) -> str:
    """Name in the session; colour images have their own settings."""
    kind = "colour" if is_colour(dataset) else "ink"
    return f"knob.{kind}.{method}.{setting.name}"


def _first(dataset: str, method: str, setting: Setting) -> Any:
    fewer = FEWER.get(method, {}) if is_colour(dataset) else {}
    return fewer.get(setting.name, setting.default)


def _widget(key: str, setting: Setting) -> None:
    """A toggle, a slider or a number field, depending on the values of the setting."""
    about, low, high = setting.help or None, setting.low, setting.high
    if low is None:
        st.toggle(setting.label, key=key, help=about)
    elif isinstance(setting.default, int) and high - low <= SLIDER:
        st.slider(setting.label, int(low), int(high), key=key, help=about)
    elif isinstance(setting.default, int):
        step = 10 ** max(0, math.floor(math.log10(setting.default)) - 1)
        st.number_input(setting.label, int(low), int(high), step=step, key=key, help=about)
    else:
        step = 10.0 ** math.floor(math.log10(setting.default))
        st.number_input(
            setting.label, float(low), float(high), step=step, format="%g", key=key, help=about
        )


def _changed(dataset: str, method: str) -> Settings:
    """Settings that differ from the defaults of the method."""
    changed: list[tuple[str, Any]] = []
    for setting in settings_of(CATALOGUE[method]):
        value = last_value(_name(dataset, method, setting), _first(dataset, method, setting))
        if value is not None and value != setting.default:
            changed.append((setting.name, value))
    return tuple(changed)
