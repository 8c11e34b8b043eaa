"""The view of bounds on log p(x) from below and above, on one axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.studies.likelihood import bound_files, bounds, gaussian_digits
from dgm_core.studies.likelihood.bound_files import Images, Measured
from dgm_core.studies.likelihood.bounds import Frame, Line, Result
from dgm_core.types import LatentVariableModel
from ui import cache, data_fetching, figures, jobs
from ui.components.thumbnails import thumbnails
from ui.contact_sheet import sheet
from ui.download_button import download_button
from ui.likelihood import bound_charts, bound_words
from ui.links import InLink, Setting
from ui.run_panel import RunPanel

MODELS = {
    "digits-gaussian": "Gaussian decoder (digits)",
    "mnist-vae-2d": "VAE in the plane (MNIST)",
    "binarized-mnist-vae": "VAE (binarised MNIST)",
    "mnist-dlvm": "DLVM (MNIST)",
    "digits-dlvm": "DLVM (digits)",
}
ABOUT = {
    "digits-gaussian": "Two latents, so log p(x) is known by quadrature. Pixels are Gaussian with "
    "a variance of at least 0.03, so the best mixture is an upper bound.",
    "mnist-vae-2d": "Two latents, so log p(x) is known by quadrature.",
    "binarized-mnist-vae": "Trained on MNIST, binarised once.",
    "mnist-dlvm": "Convolutional, 40 latents: too many for quadrature.",
    "digits-dlvm": "Convolutional, 40 latents: too many for quadrature. Trained on scikit-learn's "
    "digits.",
}
SETS = {"test": "Test images", "made": "Model's own"}
"""Set of images → its title; "made" are drawn by the model."""
WHICH = ("Whole set", "One image")
DRAWS = bounds.Config().draws

MODEL = Setting("bounds model", next(iter(MODELS)), options=MODELS)
SET = Setting("bounds of", "test", options=SETS)
SCOPE = Setting("bounds which", WHICH[0], options=WHICH)
IMAGE = Setting("bounds image", 0, low=0, high=bound_files.COUNT - 1)
MOST_DRAWS = Setting("bounds draws", DRAWS[-1], options=DRAWS[1:])
TEMPERATURES = Setting(
    "bounds temperatures", bound_files.SHIPPED.temperatures, options=(20, 50, 100, 200, 400)
)
SEED = Setting("bounds seed", 0, low=0, high=9999)


class Requested(NamedTuple):
    """What is measured, and with how much computation."""

    model: str
    of: str
    row: int | None  # one image; None: all
    draws: int
    temperatures: int
    seed: int

    @property
    def config(self) -> bounds.Config:
        """The configuration of the study."""
        draws = tuple(k for k in DRAWS if k <= self.draws)
        return replace(
            bound_files.SHIPPED, draws=draws, temperatures=self.temperatures, seed=self.seed
        )


class Bounds:
    """Bounds from below and above, exact values, and importance weights.

    Args:
        controls: the container for the choice of model, images and effort.
    """

    name = "Bounds from both sides"
    about = (
        "log p(x) has no closed form, but it has bounds. **Look first** at the curve: with more "
        "draws K, IWAE rises from the ELBO towards log p(x), ever more slowly. **Then** choose "
        "the model's own images: if the encoder proposes the wrong latents, the bound of ten "
        "thousand draws is far below log p(x), with a small error bar. **Last** look at Pareto k, "
        "which is large for such images."
    )
    settings: ClassVar[tuple[InLink, ...]] = (
        MODEL,
        SET,
        SCOPE,
        IMAGE,
        MOST_DRAWS,
        TEMPERATURES,
        SEED,
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            self.requested = _choose()
            self.shipped = self._shipped()
            self.panel = RunPanel(
                "likelihood bounds",
                self.requested,
                measure,
                automatic=self.shipped is None,
            )
            self.panel.buttons("Compute the bounds now, on this server.")

    def _shipped(self) -> Measured | None:
        """The shipped measurement, if it was made with these settings."""
        requested, found = self.requested, st_measured(self.requested.model).get(self.requested.of)
        if found is None or replace(requested.config, draws=found.config.draws) != found.config:
            return None
        images = st_images(requested.model, requested.of)
        found = found._replace(images=images)
        if requested.row is None:
            return found
        return bound_files.of_one(found, requested.row, st_model(requested.model), requested.model)

    def show(self) -> None:
        """The bounds on one axis, and their numbers."""
        requested = self.requested
        self.panel.show(lambda run: _results(requested, run), without=self._show_shipped)

    def _show_shipped(self) -> None:
        shipped = self.shipped
        lines = bound_files.up_to(shipped.lines, self.requested.draws)
        _shown(self.requested, lines, shipped.ess, shipped.pareto_k, max(shipped.config.draws))


def _choose() -> Requested:
    available = [name for name in MODELS if name in bound_files.names()]
    model = MODEL.widget(st.selectbox, "Model", options=available)
    st.caption(ABOUT[model])
    sets = list(SETS) if _has_test_images(model) else ["made"]
    of = SET.widget(st.segmented_control, "Images", options=sets, required=True)
    if len(sets) == 1:
        data_fetching.offer(
            zoo.card(model)["data"],
            part="bounds",
            why="Its test images are not on this server, so the bounds are those of images that "
            "the model drew.",
        )
    row = _which(model, of)
    draws = MOST_DRAWS.widget(st.select_slider, "Most draws K", format_func=lambda k: f"{k:,}")
    with st.expander("Annealing, seed"):
        temperatures = TEMPERATURES.widget(
            st.select_slider,
            "Temperatures",
            help="Between the encoder's q(z|x) and the posterior. More: a tighter bound.",
        )
        seed = SEED.widget(st.number_input, "Seed")
    return Requested(model, of, row, draws, temperatures, seed)


def _has_test_images(model: str) -> bool:
    if model == gaussian_digits.NAME:
        return True
    dataset = zoo.card(model)["data"]
    return dataset == "digits" or data.is_available(dataset)


def _which(model: str, of: str) -> int | None:
    """The row of one image; None: all."""
    scope = SCOPE.widget(
        st.segmented_control, "Which images", required=True, label_visibility="collapsed"
    )
    pictures = pictures_of(st_images(model, of))
    if scope == WHICH[0]:
        st.image(
            sheet(pictures, 10, 3),
            width="stretch",
            output_format="PNG",
            alt=f"{len(pictures)} images",
        )
        return None
    at = min(IMAGE.value, len(pictures) - 1)
    clicked = thumbnails(
        "bounds images",
        pictures[:, None],
        [f"Image {i + 1}" for i in range(len(pictures))],
        at,
        set_name=f"{model} {of}",
        label="Images",
    )
    if clicked is not None:
        at = clicked
        IMAGE.remember(at)
    return at


def pictures_of(images: Images) -> np.ndarray:
    """Images (B, H, W) as grey levels, uint8."""
    side = round(images.x[0].numel() ** 0.5)
    return (images.x.clamp(0, 1) * 255).round().byte().reshape(-1, side, side).numpy()


@st.cache_resource(show_spinner=False, max_entries=8)
def st_measured(name: str) -> dict[str, Measured]:
    """`bound_files.load`: set → its measurement."""
    return bound_files.load(name)


@st.cache_resource(show_spinner="Loading the model …", max_entries=8)
def st_model(name: str) -> LatentVariableModel:
    """`bound_files.load_model` on the CPU; also called by the threads of runs."""
    return gaussian_digits.load() if name == gaussian_digits.NAME else cache.st_model(name, "cpu")


@st.cache_resource(show_spinner="Loading the images …", max_entries=16)
def st_images(name: str, of: str) -> Images:
    """The images of a set: those of the shipped measurement, if it has them."""
    found = st_measured(name).get(of)
    if found is not None and found.images is not None:
        return found.images
    return bound_files.images_of(name, of, bound_files.COUNT, st_model(name))


def measure(requested: Requested) -> Iterator[Frame | Result]:
    """`bounds.run` on the requested images."""
    x, latents = st_images(requested.model, requested.of)
    if requested.row is not None:
        x = x[requested.row : requested.row + 1]
        latents = None if latents is None else latents[requested.row : requested.row + 1]
    return bounds.run(
        requested.config,
        st_model(requested.model),
        x,
        latents=latents,
        family=bound_files.family_of(requested.model),
    )


def _results(requested: Requested, run: jobs.Run) -> None:
    last = run.items[-1]
    if isinstance(last, Result):
        _shown(requested, last.lines, last.ess, last.pareto_k, requested.draws)
    elif last.lines:
        figure = bound_charts.ladder(last.lines, requested.draws)
        figures.show("bounds ladder", figure, _title(requested))


def _title(requested: Requested) -> str:
    images = "test images" if requested.of == "test" else "images drawn by the model"
    if requested.row is None:
        return f"Mean of {bound_files.COUNT} {images}, nats"
    return f"Image {requested.row + 1} of the {images}, nats"


def _shown(
    requested: Requested, lines: tuple[Line, ...], ess: Tensor, pareto_k: Tensor, drawn: int
) -> None:
    figures.show("bounds ladder", bound_charts.ladder(lines, requested.draws), _title(requested))
    st.markdown(bound_words.verdict(lines))
    left, right = st.columns([6, 5], gap="large")
    with left:
        bound_words.table(lines)
        download_button(
            "All values",
            lambda: bound_words.as_csv(lines, requested.row),
            f"bounds-{requested.model}-{requested.of}.csv",
            "text/csv",
        )
    with right:
        bound_words.weights(lines, ess.numpy(), pareto_k.numpy(), drawn)
    with st.expander("Why these are bounds", icon=":material/function:"):
        bound_words.formulas(lines)
