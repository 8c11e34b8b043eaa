"""The view of the unbounded likelihood: what becomes of a Gaussian decoder as its floor falls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.likelihood import floor_sweep, unbounded_likelihood
from dgm_core.studies.likelihood.floor_sweep import Sweep, sweep_of
from dgm_core.studies.likelihood.unbounded_likelihood import FLOORS, Config, Frame, Result, Row
from ui import figures, jobs
from ui.assets import ASSETS
from ui.contact_sheet import sheet
from ui.distribution_choice import canvas
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
    """Train and test likelihood, the best mixture, and the model itself, at any floor.

    Args:
        controls: where the points and the floor are chosen.
    """

    name = "Unbounded likelihood"
    about = (
        "A Gaussian decoder may put a narrow law on each point it has seen; nothing but a floor ξ "
        "of its variance holds its likelihood down. **Look first** at the curve while you lower "
        "the floor: it tightens round the training points and forgets all others. **Then** at the "
        "likelihoods: training rises and rises, test collapses. **Last** at the grey gap: what "
        "the best mixture, which has no limit at all, gains over the network."
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
        """The models, their likelihoods, and the best mixture."""
        if self.config is None:
            st.info("Draw some points, and models are trained on them.")
            return
        self.panel.show(
            lambda run: _results(run, self.floor), without=self._show_shipped, progress=_progress
        )

    def _show_shipped(self) -> None:
        _story(st_shipped(self.data), self.floor, "Trained beforehand, 3,000 iterations.")


def trained(config: Config) -> Iterator[Frame | Row | Sweep]:
    """`unbounded.run`, and at its end what is shown of it."""
    for item in unbounded_likelihood.run(config):
        yield sweep_of(item) if isinstance(item, Result) else item


@st.cache_resource(show_spinner=False)
def st_shipped(data: str) -> Sweep:
    """The run that was made beforehand."""
    return floor_sweep.load(ASSETS / f"unbounded-{data}.npz")


@st.cache_data(show_spinner=False, max_entries=64)
def st_climb(config: Config, floor: float) -> list[float]:
    """`climb_of` the points of a run."""
    return list(floor_sweep.climb_of(unbounded_likelihood.points(config)[0], floor))


def _nearest(floors: tuple[float, ...], floor: float) -> int:
    """Which of the floors that were trained is next to the one on the slider."""
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
        _story(run.items[-1], floor, f"Trained here, {config.iterations:,} iterations.")
        return
    frames, rows = _parts(run)
    last = frames[-1]
    at = _nearest(config.floors, floor)
    left, right = st.columns([5, 4], gap="large")
    with left:
        if last.curves is not None:
            x, others = st_points(config)
            curve = last.curves.mean[at], last.curves.sd[at]
            title = f"In training, floor {power(last.floors[at])} on its way to "
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
        f"{what} in training, nats a point: the lower the floor, the darker",
    )


@st.cache_resource(show_spinner=False, max_entries=16)
def st_points(config: Config) -> tuple[torch.Tensor, torch.Tensor]:
    """`unbounded.points`."""
    return unbounded_likelihood.points(config)


def _story(found: Sweep, floor: float, said: str) -> None:
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
                "Dots: the model's means, each of as much mass as the next, ± 1 sd in the colour "
                "beneath. Grey ellipses: atoms of the best mixture, ± 2 sd."
            )
        else:
            _images(found, at)
        _em(found, row)
    with right:
        figures.show(
            "floor training",
            floor_charts.training(found.rows, at),
            "Training points, nats a point",
        )
        figures.show(
            "floor testing", floor_charts.testing(found.rows, at), "Test points, nats a point"
        )
        least = " Importance sampling: at least this." if found.curves is None else ""
        nearest = "" if row.floor == floor else f" Shown is the floor next to {power(floor)}."
        st.caption(f"{said}{nearest}{least}")
        st.download_button(
            "All floors",
            as_csv(found.rows),
            f"unbounded-{found.config.data}.csv",
            "text/csv",
            icon=":material/download:",
        )
    with st.expander("Why there is no limit", icon=":material/function:"):
        _formulas(found)


def _metrics(row: Row) -> None:
    low, high = row.parsimony_gap
    places = st.container(horizontal=True, gap="large")
    for name, value, help_ in (
        ("Training", row.train, f"Mean log p(x) of training points, ± {row.train_error:.2g}."),
        ("Test", row.test, f"Of points it has not seen, ± {row.test_error:.2g}."),
        ("Best mixture", row.upper, "No model with this floor exceeds this on these points."),
        ("Parsimony gap", high, f"Of the best mixture over the model, at least {low:.3f}."),
    ):
        places.metric(name, _number(value), help=f"{help_} Nats a point.", width=130)


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    return text.replace("-", "−")


def _images(found: Sweep, at: int) -> None:
    """What the model draws beside what it knows by heart."""
    pictures = found.pictures
    near = found.x[pictures.nearest[at]]
    count = len(pictures.again[at])
    for title, x in (
        (f"Drawn by the model at ξ = {power(found.rows[at].floor)}", pictures.drawn[at]),
        ("Nearest training image to each", near),
        ("Test images", found.others[:count]),
        ("The same, encoded and decoded", pictures.again[at]),
    ):
        st.markdown(f"**{title}**")
        levels = (x.clamp(0, 1) * 255).round().byte().reshape(-1, 10, 10).numpy()
        st.image(sheet(levels, count, 6), width="stretch", output_format="PNG", alt=title)


def _em(found: Sweep, row: Row) -> None:
    values = st_climb(found.config, row.floor)
    count = len(found.x)
    title = f"The best mixture by EM, nats a point: {row.components} components for {count} points"
    figures.show("floor climb", floor_charts.climb(values, row.upper), title)
    st.caption(
        "It starts with atoms of four widths on every point, and never falls. The dotted line is "
        "what no mixture exceeds."
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
        f"A law as narrow as the floor is worth −½ log ξ nats in each direction it is narrow in: "
        f"{dim} if every point has a law of its own, as the best mixture gives it in the end; "
        f"{dim - latents} if all lie on one {'curve' if latents == 1 else 'surface'}. "
        f"From floor to floor this model has {slopes}. What keeps it from more is that it is a "
        "network and has been trained for so long only. The **parsimony gap** is ℓ(Ĝ) − ℓ(θ) "
        "(Mattei & Frellsen 2018)."
    )


def as_csv(rows: tuple[Row, ...]) -> str:
    """One row a floor."""
    file = io.StringIO()
    entries = [row.entry() for row in rows]
    writer = csv.DictWriter(file, list(entries[0]))
    writer.writeheader()
    writer.writerows(entries)
    return file.getvalue()
