"""The choice of methods and their settings, made from the settings that each class declares."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from functools import partial
from typing import Any

import streamlit as st

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE, MethodSetting, settings_of
from dgm_core.studies.inpainting.comparison import Settings
from dgm_core.studies.inpainting.materials import model_name
from ui.frame import kept
from ui.inpainting.pictures import is_colour
from ui.links import Setting, between, whole
from ui.method_titles import title

SHORT_NAMES = {"pseudo-Gibbs": "pseudo-Gibbs", "Metropolis-within-Gibbs": "Metropolis"}
"""Names of the two samplers inside sentences and legends."""

FIRST = (
    "pseudo-Gibbs",
    "Metropolis-within-Gibbs",
    "LAIR",
    "partial encoder",
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
    "HMC": {"iterations": 60, "warmup": 30},
    "iterated SIR": {"iterations": 60, "warmup": 30},
    "annealed SMC": {"particles": 16, "populations": 2, "moves": 1},
}
"""First values of settings for colour images, where an iteration takes ten times as long."""

SEED = Setting("seed", 0, low=0, high=9999)
"""The seed of the samplers and of all methods."""

LINK_NAMES = {"prior_fraction": "prior_share"}
"""Setting → its name in share links, where the two differ."""

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
    names = offered(dataset)
    chosen = choice_setting(dataset).widget(
        st.pills, "Methods", selection_mode="multi", label_visibility="collapsed", wrap=True
    )
    with st.popover("Settings of the methods", icon=":material/tune:", width="content"):
        _settings(dataset, [name for name in names if settings_of(CATALOGUE[name])])
    return tuple((name, _changed(dataset, name)) for name in names if name in chosen)


def choice_setting(dataset: str) -> Setting:
    """The choice of methods."""
    names = offered(dataset)
    return Setting(
        f"methods.{dataset}",
        first_choice(dataset),
        options={name: title(name) for name in names},
        several=len(names),
        read=partial(_read_choice, names),
        link="methods",
    )


def _read_choice(names: Iterable[str], text: str) -> list[str]:
    """The methods named in a link, in the order of the catalogue; there may be none."""
    chosen = text.split(",") if text else []
    if unknown := set(chosen) - set(names):
        raise ValueError(f"expected names of methods, got {unknown}")
    return [name for name in names if name in chosen]


def all_settings(dataset: str) -> Iterator[Setting]:
    """The settings of all methods that this data set offers."""
    for method in offered(dataset):
        for declared in settings_of(CATALOGUE[method]):
            yield _setting(dataset, method, declared)


def _setting(dataset: str, method: str, declared: MethodSetting) -> Setting:
    """One setting of a method; colour images have their own settings."""
    colour = is_colour(dataset)
    fewer = FEWER.get(method, {}) if colour else {}
    first = fewer.get(declared.name, declared.default)
    declare = partial(
        Setting,
        f"knob.{'colour' if colour else 'ink'}.{method}.{declared.name}",
        first,
        link=f"{method}.{LINK_NAMES.get(declared.name, declared.name)}",
    )
    low, high = declared.low, declared.high
    if low is None:
        return declare()
    if not isinstance(declared.default, int):
        step = 10.0 ** math.floor(math.log10(declared.default))
        read = between(low, high, 1e-6)
        return declare(low=float(low), high=float(high), step=step, read=read)
    low, high = int(low), int(high)
    if high - low <= SLIDER:
        return declare(low=low, high=high)
    step = 10 ** max(0, math.floor(math.log10(declared.default)) - 1)
    return declare(low=low, high=high, step=step, read=whole(low, high))


def _widget(setting: Setting, declared: MethodSetting) -> None:
    """A toggle, a slider or a number field, depending on the values of the setting."""
    help_text = declared.help or None
    if setting.low is None:
        setting.widget(st.toggle, declared.label, help=help_text)
    elif setting.step is None:
        setting.widget(st.slider, declared.label, help=help_text)
    elif isinstance(setting.step, int):
        setting.widget(st.number_input, declared.label, help=help_text)
    else:
        setting.widget(st.number_input, declared.label, format="%g", help=help_text)


def _settings(dataset: str, names: list[str]) -> None:
    """The widgets of the settings of one method at a time."""
    key = kept("method", names[0])
    if st.session_state[key] not in names:
        st.session_state[key] = names[0]
    method = st.selectbox("Method", names, format_func=title, key=key)
    for declared in settings_of(CATALOGUE[method]):
        _widget(_setting(dataset, method, declared), declared)
    SEED.widget(
        st.number_input,
        "Seed of all methods",
        help="The draws of a method do not depend on which other methods run.",
    )


def _changed(dataset: str, method: str) -> Settings:
    """The settings of a method that differ from its defaults."""
    changed: list[tuple[str, Any]] = []
    for declared in settings_of(CATALOGUE[method]):
        value = _setting(dataset, method, declared).value
        if value is not None and value != declared.default:
            changed.append((declared.name, value))
    return tuple(changed)
