"""The view of all bounds on log p(x) on one axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.studies.likelihood import bound_files, bounds, gaussian_digits
from dgm_core.studies.likelihood.bound_files import Images, Measured
from dgm_core.studies.likelihood.bounds import Frame, Line, Result
from dgm_core.types import LatentVariableModel
from ui import cache, figures, jobs
from ui.components.thumbnails import thumbnails
from ui.contact_sheet import sheet
from ui.frame import kept
from ui.likelihood import bound_charts, bound_words
from ui.links import one_of, whole

COUNT = 20
"""Images in a set."""
MODELS = {
    "digits-gaussian": "Gaussian decoder (digits)",
    "mnist-vae-2d": "VAE in the plane (MNIST)",
    "binarized-mnist-vae": "VAE (binarised MNIST)",
    "mnist-dlvm": "DLVM (MNIST)",
    "digits-dlvm": "DLVM (digits)",
}
ABOUT = {
    "digits-gaussian": "All five: two latents, so the integral is known; Gaussian pixels with "
    "variance at least 0.03, so the best mixture is an upper bound.",
    "mnist-vae-2d": "Two latents, so the integral is known.",
    "binarized-mnist-vae": "Trained on MNIST, binarised once.",
    "mnist-dlvm": "Convolutional, 40 latents: no grid reaches that far.",
    "digits-dlvm": "Convolutional, 40 latents; of scikit-learn's digits.",
}
SETS = {"test": "Test images", "made": "Model's own"}
WHICH = ("Whole set", "One image")
DRAWS = bounds.Config().draws
TEMPERATURES = (20, 50, 100, 200, 400)


class Asked(NamedTuple):
    """What is measured, and how hard."""

    model: str
    of: str
    row: int | None  # one image, or all
    draws: int
    temperatures: int
    seed: int

    @property
    def config(self) -> bounds.Config:
        """The study's."""
        draws = tuple(k for k in DRAWS if k <= self.draws)
        return replace(
            bound_files.SHIPPED, draws=draws, temperatures=self.temperatures, seed=self.seed
        )


class Bounds:
    """Bounds from below and above, and what lies between.

    Args:
        controls: where model, images and effort are chosen.
    """

    name = "Bounds from both sides"
    about = (
        "log p(x) cannot be written down, but it can be caught. **Look first** at the curve: with "
        "more draws K, IWAE climbs from the ELBO towards log p(x), ever more slowly. **Then** "
        "let the model make the images: where the encoder misses them, ten thousand draws end far "
        "below the truth, with a small error bar. **Last** at Pareto k, which notices."
    )
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "bounds model": one_of(*MODELS),
        "bounds of": one_of(*SETS),
        "bounds which": one_of(*WHICH),
        "bounds image": whole(0, COUNT - 1),
        "bounds draws": one_of(*DRAWS[1:]),
        "bounds temperatures": one_of(*TEMPERATURES),
        "bounds seed": whole(0, 9999),
    }

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker("likelihood bounds")
        with controls, st.container(border=True):
            self.asked = _choose()
            self.known = self._shipped()
            self.run = self._current()
            self.live = self.run is not None and self.run.live
            self._buttons()

    def _shipped(self) -> Measured | None:
        """What was measured beforehand, if it was with these settings."""
        asked, found = self.asked, st_measured(self.asked.model).get(self.asked.of)
        if found is None or replace(asked.config, draws=found.config.draws) != found.config:
            return None
        images = st_images(asked.model, asked.of)
        found = found._replace(images=images)
        if asked.row is None:
            return found
        return bound_files.of_one(found, asked.row, st_model(asked.model), asked.model)

    def _current(self) -> jobs.Run | None:
        """The run of these settings; what is shipped needs none, all else begins by itself."""
        run = self.worker.run
        if run is not None and run.key == self.asked:
            return run
        self.worker.stop()
        if self.known is not None:
            return None
        self._start()
        return self.worker.run

    def _buttons(self) -> None:
        left, right = st.columns(2)
        left.button(
            "Run",
            icon=":material/play_arrow:",
            type="primary",
            width="stretch",
            on_click=self._start,
            help="Measure it here and now.",
        )
        if self.live:
            right.button(
                "Stop", icon=":material/stop:", on_click=self.worker.stop, width="stretch"
            )

    def _start(self) -> None:
        asked = self.asked
        self.worker.start(asked, lambda: measure(asked))

    def show(self) -> None:
        """The axis, and what stands on it."""
        if self.run is None:
            lines = bound_files.up_to(self.known.lines, self.asked.draws)
            drawn = max(self.known.config.draws)
            _shown(self.asked, lines, self.known.ess, self.known.pareto_k, drawn)
            return
        jobs.follow(self.run, lambda: _followed(self.asked, self.run), 0.6, live=self.live)


def _choose() -> Asked:
    names = [name for name in MODELS if name in bound_files.names()]
    _keep_one_of("bounds model", names)
    model = st.selectbox("Model", names, format_func=MODELS.get, key="keep.bounds model")
    st.caption(ABOUT[model])
    sets = list(SETS) if _has_test_images(model) else ["made"]
    _keep_one_of("bounds of", sets)
    of = st.segmented_control(
        "Images", sets, format_func=SETS.get, required=True, key="keep.bounds of"
    )
    if len(sets) == 1:
        st.caption("Its test images are not on this machine.")
    row = _which(model, of)
    kept("bounds draws", DRAWS[-1])
    draws = st.select_slider(
        "Most draws K", DRAWS[1:], format_func=lambda k: f"{k:,}", key="keep.bounds draws"
    )
    with st.expander("Annealing, seed"):
        kept("bounds temperatures", bound_files.SHIPPED.temperatures)
        temperatures = st.select_slider(
            "Temperatures",
            TEMPERATURES,
            key="keep.bounds temperatures",
            help="Between the encoder's q(z|x) and the posterior. More: a tighter bound.",
        )
        kept("bounds seed", 0)
        seed = st.number_input("Seed", 0, 9999, key="keep.bounds seed")
    return Asked(model, of, row, int(draws), int(temperatures), int(seed))


def _keep_one_of(name: str, options: list[str]) -> None:
    """Let a kept widget begin with what is on offer; what it held may not be any more."""
    kept(name, options[0])
    if st.session_state[f"keep.{name}"] not in options:
        del st.session_state[f"keep.{name}"]
        st.session_state[f"keep.{name}"] = options[0]


def _has_test_images(model: str) -> bool:
    if model == gaussian_digits.NAME:
        return True
    dataset = zoo.card(model)["data"]
    return dataset == "digits" or data.is_available(dataset)


def _which(model: str, of: str) -> int | None:
    """One image, or None for all."""
    kept("bounds which", WHICH[0])
    which = st.segmented_control(
        "Of them", WHICH, required=True, key="keep.bounds which", label_visibility="collapsed"
    )
    pictures = pictures_of(st_images(model, of))
    if which == WHICH[0]:
        st.image(
            sheet(pictures, 10, 3),
            width="stretch",
            output_format="PNG",
            alt=f"{len(pictures)} images",
        )
        return None
    kept("bounds image", 0)
    at = min(st.session_state["keep.bounds image"], len(pictures) - 1)
    clicked = thumbnails(
        "bounds images",
        pictures[:, None],
        [f"Image {i + 1}" for i in range(len(pictures))],
        at,
        set_name=f"{model} {of}",
        label="Images",
    )
    if clicked is not None:
        at = st.session_state["keep.bounds image"] = clicked
    return at


def pictures_of(images: Images) -> np.ndarray:
    """Images as grey levels (B, H, W), uint8."""
    side = round(images.x[0].numel() ** 0.5)
    return (images.x.clamp(0, 1) * 255).round().byte().reshape(-1, side, side).numpy()


@st.cache_resource(show_spinner=False, max_entries=8)
def st_measured(name: str) -> dict[str, Measured]:
    """`bound_files.load`: set → what was measured of it."""
    return bound_files.load(name)


@st.cache_resource(show_spinner="Loading the model …", max_entries=8)
def st_model(name: str) -> LatentVariableModel:
    """`bound_files.load_model`, where its images are; also called by the threads of runs."""
    return gaussian_digits.load() if name == gaussian_digits.NAME else cache.st_model(name, "cpu")


@st.cache_resource(show_spinner="Loading the images …", max_entries=16)
def st_images(name: str, of: str) -> Images:
    """The images of a set: those that were measured, if they were kept."""
    found = st_measured(name).get(of)
    if found is not None and found.images is not None:
        return found.images
    return bound_files.images_of(name, of, COUNT, st_model(name))


def measure(asked: Asked) -> Iterator[Frame | Result]:
    """The study of what is asked."""
    x, latents = st_images(asked.model, asked.of)
    if asked.row is not None:
        x = x[asked.row : asked.row + 1]
        latents = None if latents is None else latents[asked.row : asked.row + 1]
    return bounds.run(
        asked.config,
        st_model(asked.model),
        x,
        latents=latents,
        family=bound_files.family_of(asked.model),
    )


def _followed(asked: Asked, run: jobs.Run) -> None:
    items = list(run.items)
    if run.state == "failed":
        st.error("This run broke off on the server. Start it again.")
    if not items:
        if run.live:
            st.progress(0.0, jobs.beginning())
        else:
            st.caption("Stopped before anything was measured. Press Run.")
        return
    last = items[-1]
    if isinstance(last, Result):
        _shown(asked, last.lines, last.ess, last.pareto_k, asked.draws)
        return
    if run.live:
        st.progress(last.done, last.doing[:1].upper() + last.doing[1:])
    elif run.state != "failed":
        said = "Stopped" if run.state == "stopped" else "Time is up"
        st.caption(f"{said} at {last.done:.0%}: this is what was found until then.")
    if last.lines:
        figures.show("bounds ladder", bound_charts.ladder(last.lines, asked.draws), _title(asked))


def _title(asked: Asked) -> str:
    whose = "test images" if asked.of == "test" else "images that the model made"
    if asked.row is None:
        return f"Mean of {COUNT} {whose}, nats"
    return f"Image {asked.row + 1} of the {whose}, nats"


def _shown(
    asked: Asked, lines: tuple[Line, ...], ess: Tensor, pareto_k: Tensor, drawn: int
) -> None:
    figures.show("bounds ladder", bound_charts.ladder(lines, asked.draws), _title(asked))
    st.markdown(bound_words.verdict(lines))
    left, right = st.columns([6, 5], gap="large")
    with left:
        bound_words.table(lines)
        st.download_button(
            "All values",
            bound_words.as_csv(lines, asked.row),
            f"bounds-{asked.model}-{asked.of}.csv",
            "text/csv",
            icon=":material/download:",
        )
    with right:
        bound_words.weights(lines, ess.numpy(), pareto_k.numpy(), drawn)
    with st.expander("The bounds", icon=":material/function:"):
        bound_words.formulas(lines)
