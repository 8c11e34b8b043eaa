"""The view of the unbounded likelihood: what becomes of a Gaussian decoder as its floor falls."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

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
from ui.frame import kept
from ui.likelihood import floor_charts
from ui.likelihood.floor_charts import power
from ui.links import one_of, whole

DATA = {"moons": "Two moons", "digits": "Digits, 10×10", "drawn": "Draw points"}
STEPS = tuple(floor_sweep.shipped("moons").floors)
POINTS, ITERATIONS = (20, 40, 80, 160), (200, 400, 800, 1600, 3000)


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
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "floor data": one_of(*DATA),
        "floor": one_of(*STEPS),
        "floor points": one_of(*POINTS),
        "floor iterations": one_of(*ITERATIONS),
        "floor seed": whole(0, 9999),
    }

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker("likelihood floors")
        with controls, st.container(border=True):
            kept("floor data", "moons")
            self.data = st.selectbox(
                "Points", list(DATA), format_func=DATA.get, key="keep.floor data"
            )
            drawn = canvas("floor", "P") if self.data == "drawn" else None
            kept("floor", 1e-3)
            floor = st.select_slider(
                "Floor ξ of the variance", STEPS, format_func=power, key="keep.floor"
            )
            self.config = None
            with st.expander("Train it here", expanded=self.data == "drawn"):
                settings = self._settings()
                if self.data != "drawn" or drawn:
                    self.config = Config(self.data, FLOORS, every=20, drawn=drawn, **settings)
                else:
                    st.caption("Draw some points.")
                self.run = self._current()
                self.live = self.run is not None and self.run.live
                self._buttons()
        self.floor = float(floor)

    def _settings(self) -> dict[str, int]:
        kept("floor points", 40)
        points = st.select_slider("Training points", POINTS, key="keep.floor points")
        kept("floor iterations", 800)
        iterations = st.select_slider("Iterations", ITERATIONS, key="keep.floor iterations")
        kept("floor seed", 0)
        seed = st.number_input("Seed", 0, 9999, key="keep.floor seed")
        settings = {"points": points, "iterations": iterations, "seed": seed}
        return {name: int(value) for name, value in settings.items()}

    def _current(self) -> jobs.Run | None:
        """The run of these settings; for the first ones there is a shipped, longer one."""
        run = self.worker.run
        if run is not None and run.key == self.config:
            return run
        self.worker.stop()
        if self.config is None:
            return None
        if self.data != "drawn" and self.config == Config(self.data, FLOORS, every=20):
            return None
        self._start()
        return self.worker.run

    def _buttons(self) -> None:
        left, right = st.columns(2)
        left.button(
            "Train" if self.run is None else "Again",
            icon=":material/play_arrow:",
            type="primary",
            width="stretch",
            disabled=self.config is None,
            on_click=self._start,
        )
        if self.live:
            right.button(
                "Stop", icon=":material/stop:", on_click=self.worker.stop, width="stretch"
            )

    def _start(self) -> None:
        config = self.config
        self.worker.start(config, lambda: trained(config))

    def show(self) -> None:
        """The models, and what they are worth."""
        if self.config is None:
            st.info("Draw some points, and models are trained on them.")
        elif self.run is None:
            _story(st_shipped(self.data), self.floor, "Trained beforehand, 3,000 iterations.")
        else:
            jobs.follow(
                self.run, lambda: _followed(self.config, self.run, self.floor), 0.6, live=self.live
            )


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


def _followed(config: Config, run: jobs.Run, floor: float) -> None:
    items = list(run.items)
    if run.state == "failed":
        st.error("This run broke off on the server. Start it again.")
    if items and isinstance(items[-1], Sweep):
        _story(items[-1], floor, f"Trained here, {config.iterations:,} iterations.")
        return
    frames = [item for item in items if isinstance(item, Frame)]
    rows = [item for item in items if isinstance(item, Row)]
    if not frames:
        if run.live:
            st.progress(0.0, jobs.beginning())
        else:
            st.caption("Stopped before the first frame. Press Again.")
        return
    last = frames[-1]
    if run.live:
        said = (
            f"Training, {last.seconds:.0f} s" if not rows else f"Measuring, floor {len(rows) + 1}"
        )
        st.progress(0.8 * last.done + 0.2 * len(rows) / len(config.floors), said)
    elif run.state != "failed":
        st.caption(f"Stopped at {last.done:.0%} of the training: as it was then.")
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
