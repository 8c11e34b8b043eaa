"""The view of the unbounded likelihood: Gaussian decoders with ever lower variance floors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.checkout import ASSETS
from dgm_core.studies.likelihood import floor_sweep, unbounded_likelihood
from dgm_core.studies.likelihood.floor_sweep import Sweep, sweep_of
from dgm_core.studies.likelihood.unbounded_likelihood import FLOORS, Config, Frame, Result, Row
from ui import figures, jobs
from ui.contact_sheet import sheet
from ui.distribution_choice import canvas
from ui.download_button import download_button
from ui.likelihood import floor_charts
from ui.likelihood.floor_charts import power
from ui.links import InLink, Setting
from ui.run_panel import Progress, RunPanel

DATA = {"moons": "Two moons", "digits": "Digits, 10×10", "drawn": "Draw points"}

POINTS_OF = Setting("floor data", "moons", options=DATA)
FLOOR = Setting("floor", 1e-3, options=tuple(floor_sweep.shipped("moons").floors))
POINTS = Setting("floor points", 40, options=(20, 40, 80, 160))
ITERATIONS = Setting("floor iterations", 800, options=(200, 400, 800, 1600, 3000))
SEED = Setting("floor seed", 0, low=0, high=9999)


class Floor:
    """Training and test likelihood, the best mixture, and the model, at any variance floor.

    Args:
        controls: the container for the choice of points and floor.
    """

    name = "Unbounded likelihood"
    about = (
        "A Gaussian decoder can place a narrow distribution on each training point. Only a floor "
        "ξ of its variance keeps the likelihood finite. **Look first** at the curve while you "
        "lower the floor: does it concentrate on the training points? **Then** compare the "
        "likelihoods of training points and of test points: do both rise? **Last** look "
        "at the grey gap, by which the best mixture of Gaussians exceeds the network."
    )
    settings: ClassVar[tuple[InLink, ...]] = (POINTS_OF, FLOOR, POINTS, ITERATIONS, SEED)

    def __init__(self, controls: DeltaGenerator) -> None:
        with controls, st.container(border=True):
            self.data = POINTS_OF.widget(st.selectbox, "Points")
            drawn = canvas("floor", "P") if self.data == "drawn" else None
            self.floor = FLOOR.widget(
                st.select_slider, "Floor ξ of the variance", format_func=power
            )
            self.config = None
            with st.expander("Train it here", expanded=self.data == "drawn"):
                settings = self._settings()
                if self.data != "drawn" or drawn:
                    self.config = Config(self.data, FLOORS, every=20, drawn=drawn, **settings)
                else:
                    st.caption("Draw some points.")
                self.panel = RunPanel(
                    "likelihood floors",
                    self.config,
                    trained,
                    action="Train",
                    automatic=not self._is_shipped(),
                )
                self.panel.buttons()

    def _settings(self) -> dict[str, int]:
        return {
            "points": POINTS.widget(st.select_slider, "Training points"),
            "iterations": ITERATIONS.widget(st.select_slider, "Iterations"),
            "seed": SEED.widget(st.number_input, "Seed"),
        }

    def _is_shipped(self) -> bool:
        """Are these the first settings? A longer run of them is shipped."""
        return self.data != "drawn" and self.config == Config(self.data, FLOORS, every=20)

    def show(self) -> None:
        """The models, their likelihoods, and the best mixture; the end of a page."""
        if self.config is None:
            st.info("Draw some points, and models are trained on them.")
            return
        self.panel.show(
            lambda run: _results(run, self.floor), without=self._show_shipped, progress=_progress
        )

    def _show_shipped(self) -> None:
        _show_sweep(st_shipped(self.data), self.floor, "Trained beforehand, 3,000 iterations.")


def trained(config: Config) -> Iterator[Frame | Row | Sweep]:
    """`unbounded_likelihood.run`; its result as the `Sweep` that is shown."""
    for item in unbounded_likelihood.run(config):
        yield sweep_of(item) if isinstance(item, Result) else item


@st.cache_resource(show_spinner=False)
def st_shipped(data: str) -> Sweep:
    """The shipped run."""
    return floor_sweep.load(ASSETS / f"unbounded-{data}.npz")


@st.cache_data(show_spinner=False, max_entries=64)
def st_climb(config: Config, floor: float) -> list[float]:
    """`climb_of` the points of a run."""
    return list(floor_sweep.climb_of(unbounded_likelihood.points(config)[0], floor))


def _nearest(floors: tuple[float, ...], floor: float) -> int:
    """Index of the trained floor that is nearest to the one on the slider."""
    return int(np.abs(np.log(floors) - np.log(floor)).argmin())


def _progress(run: jobs.Run) -> Progress | None:
    """Training counts for 80 % of a run, measuring the floors for the rest."""
    frames, rows = _parts(run)
    if not frames:
        return None
    doing = (
        f"Measuring, floor {len(rows) + 1}" if rows else f"Training, {frames[-1].seconds:.0f} s"
    )
    return Progress(0.8 * frames[-1].done + 0.2 * len(rows) / len(run.key.floors), doing)


def _parts(run: jobs.Run) -> tuple[list[Frame], list[Row]]:
    """The frames of training, and the rows that have been measured."""
    items = list(run.items)
    return (
        [item for item in items if isinstance(item, Frame)],
        [item for item in items if isinstance(item, Row)],
    )


def _results(run: jobs.Run, floor: float) -> None:
    config: Config = run.key
    if isinstance(run.items[-1], Sweep):
        _show_sweep(run.items[-1], floor, f"Trained here, {config.iterations:,} iterations.")
        return
    frames, rows = _parts(run)
    last = frames[-1]
    at = _nearest(config.floors, floor)
    left, right = st.columns([5, 4], gap="large")
    with left:
        if last.curves is not None:
            x, others = st_points(config)
            curve = last.curves.mean[at], last.curves.sd[at]
            title = f"In training: floor {power(last.floors[at])}, to be lowered to "
            figures.show(
                "floor plane",
                floor_charts.plane(x, others, curve),
                title + power(config.floors[at]),
            )
        else:
            _objectives(frames, config)
    with right:
        if last.curves is not None:
            _objectives(frames, config)
        if len(rows) > 1:
            shown = at if at < len(rows) else None
            figures.show("floor training", floor_charts.training(rows, shown), "Training points")


def _objectives(frames: list[Frame], config: Config) -> None:
    what = "Likelihood" if frames[0].curves is not None else "ELBO"
    figure = floor_charts.objectives(frames, config.floors)
    figures.show(
        "floor objectives",
        figure,
        f"{what} in training, nats per point; stronger lines have lower floors",
    )


@st.cache_resource(show_spinner=False, max_entries=16)
def st_points(config: Config) -> tuple[torch.Tensor, torch.Tensor]:
    """`unbounded_likelihood.points`."""
    return unbounded_likelihood.points(config)


def _show_sweep(found: Sweep, floor: float, origin: str) -> None:
    at = _nearest(found.config.floors, floor)
    row = found.rows[at]
    _metrics(row)
    left, right = st.columns([6, 5], gap="large")
    with left:
        if found.curves is not None:
            curve = found.curves.mean[at], found.curves.sd[at]
            figure = floor_charts.plane(found.x, found.others, curve, found.mixtures[at])
            figures.show("floor plane", figure, f"Where p(x) is, at ξ = {power(row.floor)}")
            st.caption(
                "Dots: the model's means, all weighted equally; coloured band: ± 1 sd. Grey "
                "ellipses: components of the best mixture, ± 2 sd."
            )
        else:
            _images(found, at)
        _em(found, row)
    with right:
        figures.show(
            "floor training",
            floor_charts.training(found.rows, at),
            "Training points, nats per point",
        )
        figures.show(
            "floor testing", floor_charts.testing(found.rows, at), "Test points, nats per point"
        )
        least = " By importance sampling: a lower bound." if found.curves is None else ""
        nearest = (
            "" if row.floor == floor else f" The nearest trained floor to {power(floor)} is shown."
        )
        st.caption(f"{origin}{nearest}{least}")
        download_button(
            "All floors",
            lambda: as_csv(found.rows),
            f"unbounded-{found.config.data}.csv",
            "text/csv",
        )
    with st.expander("Why the likelihood is unbounded", icon=":material/function:"):
        _formulas(found)


def _metrics(row: Row) -> None:
    low, high = row.parsimony_gap
    metrics = st.container(horizontal=True, gap="large")
    for name, value, help_ in (
        ("Training", row.train, f"Mean log p(x) of training points, ± {row.train_error:.2g}."),
        ("Test", row.test, f"Mean log p(x) of test points, ± {row.test_error:.2g}."),
        (
            "Best mixture",
            row.upper,
            "Upper bound for every model with this floor and these points.",
        ),
        ("Parsimony gap", high, f"Best mixture minus model; at least {low:.3f}."),
    ):
        metrics.metric(name, _number(value), help=f"{help_} In nats per point.", width=130)


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    return text.replace("-", "−")


def _images(found: Sweep, at: int) -> None:
    """Images drawn by the model, the nearest training images, and reconstructions."""
    pictures = found.pictures
    near = found.x[pictures.nearest[at]]
    count = len(pictures.again[at])
    for title, x in (
        (f"Drawn by the model at ξ = {power(found.rows[at].floor)}", pictures.drawn[at]),
        ("Nearest training image to each", near),
        ("Test images", found.others[:count]),
        ("Their reconstructions", pictures.again[at]),
    ):
        st.markdown(f"**{title}**")
        levels = (x.clamp(0, 1) * 255).round().byte().reshape(-1, 10, 10).numpy()
        st.image(sheet(levels, count, 6), width="stretch", output_format="PNG", alt=title)


def _em(found: Sweep, row: Row) -> None:
    values = st_climb(found.config, row.floor)
    count = len(found.x)
    title = (
        f"The best mixture by EM, nats per point: {row.components} components for {count} points"
    )
    figures.show("floor climb", floor_charts.climb(values, row.upper), title)
    st.caption(
        "EM starts with components of four widths at every point, and never decreases the "
        "likelihood. The dotted line is an upper bound for all mixtures."
    )


def _formulas(found: Sweep) -> None:
    st.latex(
        r"\ell(\theta)=\sum_n\log\int \mathcal N\bigl(x_n;\mu_\theta(z),\operatorname{diag}"
        r"v_\theta(z)\bigr)\,p(z)\,\mathrm dz \;\le\; \ell(\hat G),\qquad v_\theta(z)\ge\xi"
    )
    slopes = ", ".join(f"{each:.1f}" for each in unbounded_likelihood.slope(found.rows))
    dim = found.x.shape[1]
    latents = 1 if found.curves is not None else found.config.latents
    st.markdown(
        f"A Gaussian as narrow as the floor gains −½ log ξ nats for each direction in which it is "
        f"narrow. There are {dim} such directions if every point has a component of its own, as "
        f"in the best mixture, and {dim - latents} if all points lie on one "
        f"{'curve' if latents == 1 else 'surface'}. From floor to floor this model has {slopes}. "
        "It does not reach more because it is a network, and because its training was short. The "
        "**parsimony gap** is ℓ(Ĝ) − ℓ(θ) (Mattei & Frellsen 2018)."
    )


def as_csv(rows: tuple[Row, ...]) -> str:
    """One row per floor."""
    file = io.StringIO()
    entries = [row.entry() for row in rows]
    writer = csv.DictWriter(file, list(entries[0]))
    writer.writeheader()
    writer.writerows(entries)
    return file.getvalue()
