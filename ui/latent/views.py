"""The views of the lab, in the order of the page."""

from __future__ import annotations

from typing import Protocol

from streamlit.delta_generator import DeltaGenerator

from ui.latent.arithmetic import Arithmetic
from ui.latent.find import Find
from ui.latent.grid import Grid
from ui.latent.interpolate import Interpolate
from ui.latent.sliders import Sliders
from ui.latent.spaces import Space
from ui.latent.training import Training


class View(Protocol):
    """A view of a latent space."""

    name: str
    about: str

    def __init__(self, space: Space, controls: DeltaGenerator) -> None: ...

    def show(self) -> None: ...


VIEWS: dict[str, type[View]] = {
    view.name: view for view in (Sliders, Grid, Interpolate, Arithmetic, Find, Training)
}
