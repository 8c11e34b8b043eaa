"""The view "Watch them learn": the history of a run, and training in the page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.checkout import ASSETS
from dgm_core.metrics.comparison import RULE, Difference, clear, paired
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.history import History
from ui import figures, glossary, jobs, playback, run_panel
from ui.clusters import charts, training
from ui.clusters.compare import colourings
from ui.clusters.layouts import Layouts
from ui.clusters.runs import TrainedRun
from ui.components.linked_scatter import Categories, Panel, Ramp, linked_scatter
from ui.links import InLink
from ui.run_panel import Progress, RunPanel

TABLE = ASSETS / "clusters.toml"
ACTION = "Train"
TICK = 1.2
"""Seconds between two snapshots of the player."""


class Learn:
    """The history of a run, and training in the page.

    Args:
        trained: the run that is shown while no training is live.
        controls: container for the settings of a training.
    """

    name = "Watch them learn"
    about = (
        "In each round the mixture is fitted to the latents and becomes the prior of the VAE. "
        "**First** press Play and watch the points: do the clusters become tighter, and how many "
        "points change their cluster? **Then** look at the bound. The control is trained for as "
        "long, so only the difference between the two curves is an effect of the mixture. "
        "**Last** compare the gain of each choice, below."
    )
    settings: ClassVar[tuple[InLink, ...]] = training.SETTINGS

    def __init__(self, trained: TrainedRun, controls: DeltaGenerator) -> None:
        self.trained = trained
        with controls, st.container(border=True):
            st.markdown("**Train your own**")
            self.panel = RunPanel(
                training.WORKER,
                training.choose(),
                training.work,
                action=ACTION,
                keeps_previous=True,
            )
            self.panel.buttons()

    def show(self) -> None:
        """Draw the live training, or the history of the run and the gains of the choices."""
        if self.panel.live:
            self.panel.show(_live, progress=_progress, seconds=0.7)
            return
        run = self.panel.run
        if run is not None:
            run_panel.status(run, _progress(run), ACTION)
            if run.state != "finished" and training.result(run) is not None:
                st.caption("The run is available as “Yours”, without its control.")
        player = st.container()
        _gains()
        with player:
            Player(self.trained).show()


class Player:
    """The snapshots of a run, one after the other, beside its curves.

    Args:
        trained: the run.
    """

    def __init__(self, trained: TrainedRun) -> None:
        self.trained = trained
        self.names = [name for name in trained.snapshots if name != "Control"]
        self.snapshots = [trained.snapshots[name] for name in self.names]
        shipped = all(snapshot.xy is not None for snapshot in self.snapshots)
        method = "t-SNE" if shipped else "PCA"
        self.layouts = Layouts(trained, self.names, embeddings.Config(method))

    def show(self) -> None:
        """Draw slider, plane and curves; it may rerun the page, so call it last."""
        playback.play(
            "cluster playback",
            self.trained.revision,
            [self._title(index) for index in range(len(self.names))],
            self._snapshot,
            label="Snapshot",
            seconds=TICK,
        )

    def _snapshot(self, index: int) -> None:
        snapshot, name = self.snapshots[index], self.names[index]
        left, right = st.columns([5, 4], gap="large")
        with left:
            linked_scatter(
                "cluster player",
                [Panel(name, self.layouts.planes()[name])],
                colourings(self.trained, snapshot),
                label=f"Images after {snapshot.epoch} epochs",
                pictures=self.trained.sheet,
                revision=self.trained.revision,
            )
        with right:
            curves(self.trained.history, at=snapshot.epoch)

    def _title(self, index: int) -> str:
        """Name and epoch of a snapshot."""
        name, epoch = self.names[index], f"epoch {self.snapshots[index].epoch}"
        return name if name.lower() == epoch else f"{name}, {epoch}"


def curves(history: History, *, at: int | None = None) -> None:
    """Draw bound and accuracy of a run and its control over epochs."""
    both = {"with the mixture": history.whole_curve}
    if history.control_curve is not None:
        both["control"] = history.control_curve
    for field, title in (
        ("elbo", "Bound on log p(x), nats per image"),
        ("accuracy", "Accuracy against the labels"),
    ):
        figure = charts.over_epochs(both, field, at=at, legend=field == "elbo")
        figure.update_yaxes(range=_range(history, field))
        figures.show(field, figure, title)
    text = "The prior in each bound is the mixture of the same snapshot."
    if history.control_curve is not None:
        text += (
            " Control: the VAE alone, trained for the same number of epochs. Its mixture is "
            "fitted afterwards."
        )
    st.caption(text)


def _range(history: History, field: str) -> list[float]:
    """Range of the axis for the run and its control; the warm-up may lie below it."""
    shown = [curve for curve in (history.curve, history.control_curve) if curve is not None]
    values = np.concatenate([getattr(curve, field) for curve in shown])
    low, high = values.min(), values.max()
    span = max(high - low, 0.02)
    return [low - 0.5 * span, high + 0.15 * span]


def _progress(run: jobs.Run) -> Progress | None:
    """Fraction done and current step, of the run or of its control."""
    current = training.progress(run)
    if current.frame is None:
        return None
    doing = f"Control: {current.frame.doing}" if current.control else current.frame.doing
    return Progress(current.frame.done, f"{doing}, {current.frame.seconds:.0f} s")


def _live(run: jobs.Run) -> None:
    current = training.progress(run)
    if current.frame is None:
        return
    frame, history = current.frame, current.history
    if history is None:
        loss = f"Loss {frame.loss:.1f} nats per image. " if np.isfinite(frame.loss) else ""
        glossary.caption(
            f"{loss}The VAE is first trained with the prior N(0, I). Then the first mixture is "
            "fitted."
        )
    left, right = st.columns(2, gap="large")
    with left:
        if frame.fitting is not None:
            trace(run.key.fit, frame.fitting.trace.numpy(), frame.fitting.rhat)
        if history is not None:
            _plane(history)
    if history is not None:
        with right:
            if len(history.snapshots) > 1:
                curves(history)
            else:
                st.caption("Bound and accuracy will be drawn after the next round.")


def trace(fit: str, log_likelihoods: np.ndarray, rhat: float | None) -> None:
    """Draw the log-likelihoods (C, iterations) of the last fit of the mixture."""
    count = {"Gibbs": "four chains", "EM": f"{len(log_likelihoods)} restarts"}.get(fit, "one fit")
    figures.show("trace", charts.trace(log_likelihoods), f"Fit of the mixture by {fit}, {count}")
    text = "Log-likelihood, nats per point."
    if rhat is not None and np.isfinite(rhat):
        verdict = (
            "no sign that the chains disagree"
            if rhat < 1.05
            else "the chains have not converged; the one with the largest evidence is used"
        )
        text += f" R-hat {rhat:.2f}: {verdict}."
    elif rhat is not None:
        text += " R-hat needs more iterations."
    glossary.caption(text)


def _plane(history: History) -> None:
    """Draw the latents in the plane of the largest variance."""
    snapshot = history.snapshots[-1]
    pca = embeddings.Config("PCA")
    *_, first = embeddings.run(pca, history.snapshots[0].mean)
    *_, current = embeddings.run(pca, snapshot.mean, start=first.xy)
    names = [str(k + 1) for k in range(history.config.clusters)]
    linked_scatter(
        "cluster live",
        [Panel(f"Plane of the largest variance, after {snapshot.epoch} epochs", current.xy)],
        [
            Categories("cluster", snapshot.assignment, names),
            Ramp("confidence", snapshot.confidence, "unsure", "sure"),
        ],
        label="Latents during training",
        height=320,
    )


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _gains() -> None:
    """Draw the measured effect of each choice."""
    rows = st_choices()
    if not rows:
        return
    st.subheader("Which choices help", anchor=False)
    st.markdown(
        "The first row has the default settings. Every other row changes one thing. All rows use "
        "the first 10,000 images of MNIST, deskewed, unless they say otherwise. The control is "
        "the same VAE, trained for as long with the prior N(0, I); the same kind of mixture is "
        "fitted to its latents afterwards. Lines show two standard errors of the difference, "
        "paired by seed. Raw and deskewed digits are different data and have a figure each."
    )
    st.markdown(summary(rows))
    groups = {
        title: [row for row in rows if row["deskewed"] == deskewed]
        for title, deskewed in (("Deskewed digits", True), ("Raw digits", False))
    }
    groups = {title: own for title, own in groups.items() if own}
    for title, own in groups.items():
        heading = f"{title}: gain in accuracy over the control"
        figures.show(f"worth {title}", charts.gains(own), heading)
    with st.expander("Table of results", icon=":material/table:"):
        for title, own in groups.items():
            st.markdown(f"**{title}**")
            _table(own)


def _table(rows: list[dict[str, Any]]) -> None:
    st.dataframe(
        [
            {
                "choice": row["choice"],
                "seeds": row["seeds"],
                "before": row["before"],
                "after": row["after"],
                "± s.e.": row["after_error"],
                "control": row["control"],
                "bound after": row["elbo_after"],
                "bound of the control": row["elbo_control"],
                "difference from the first row": row["about"],
            }
            for row in rows
        ],
        hide_index=True,
        height="content",
        column_config={
            **dict.fromkeys(
                ("before", "after", "± s.e.", "control"),
                st.column_config.NumberColumn(format="%.3f"),
            ),
            **dict.fromkeys(
                ("bound after", "bound of the control"),
                st.column_config.NumberColumn(format="%.1f"),
            ),
        },
    )


def summary(rows: list[dict[str, Any]]) -> str:
    """Result of the first choice, and which choices clearly gain or lose by Holm's rule."""
    gains = {row["choice"]: paired(row["accuracies"], row["controls"]) for row in rows}
    clearly, first = clear(gains), rows[0]
    tie = "" if first["choice"] in clearly else ", a tie,"
    bound = first["elbo_after"] - first["elbo_control"]
    sentences = [
        f"**{_capitalised(first['choice'])}: the rounds change accuracy by "
        f"{_signed(gains[first['choice']])}**{tie} and the bound by {bound:+.1f} nats per image."
    ]
    for sign, words in ((1, "raise"), (-1, "lower")):
        found = [name for name in clearly if sign * gains[name].value > 0]
        named = "; ".join(f"**{name}** ({_signed(gains[name])})" for name in found)
        sentences += [f"The rounds clearly {words} accuracy with: {named}."] if found else []
    ties = len(rows) - len(clearly)
    sentences.append(f"{ties} of {len(rows)} comparisons with a control are ties. {RULE}")
    return re.sub(r"-(?=\d)", "−", " ".join(sentences))


def _signed(gain: Difference) -> str:
    return f"{gain.value:+.3f} ± {gain.error:.3f}"


@st.cache_data(show_spinner=False)
def st_choices() -> list[dict[str, Any]]:
    """Rows of the shipped table of choices."""
    return _rows(TABLE)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return tomllib.loads(path.read_text(encoding="utf-8")).get("choices", [])
