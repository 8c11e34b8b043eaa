"""A small VAE trained before the visitor's eyes, in the background, with Stop and Continue."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st

from dgm_core import data
from dgm_core.studies.likelihood import small_vae
from dgm_core.studies.likelihood.small_vae import Config, Frame
from ui import figures, jobs
from ui.frame import kept
from ui.likelihood import vae_charts

WORK = "small vae"
NAMES = {"digits": "scikit-learn's digits", "binarized_mnist": "statically binarised MNIST"}
SIZES = {"digits": 1297, "binarized_mnist": 4000}
LATENTS = [2, 3, 5, 10, 20, 50]
HIDDEN = [32, 64, 128, 256, 512]
WEIGHTS = [0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0]
EPOCHS = [10, 20, 40, 80, 160]
SCALE = 400.0
"""Nats of reconstruction that are shown below the best: training begins far lower."""


class Training:
    """Settings, buttons, and what the run has reached."""

    def __init__(self) -> None:
        self.worker = jobs.worker(WORK)
        self.config = _choose()
        if self.worker.run is None:
            self._start()
        self._buttons()

    @property
    def live(self) -> bool:
        """Is it under way?"""
        return self.worker.run.live

    def _start(self) -> None:
        config = self.config
        self.worker.start(config, lambda: small_vae.run(config))

    def _buttons(self) -> None:
        run = self.worker.run
        if self.live:
            st.button(
                "Stop",
                icon=":material/stop:",
                type="primary",
                width="stretch",
                on_click=self.worker.stop,
            )
        else:
            if run.state in ("stopped", "timed out"):
                st.button(
                    "Continue",
                    icon=":material/resume:",
                    width="stretch",
                    on_click=self.worker.resume,
                )
            st.button(
                "Train",
                icon=":material/play_arrow:",
                type="primary",
                width="stretch",
                on_click=self._start,
            )
        if run.key != self.config:
            st.caption("The settings have changed; what is shown is of those before. Train again.")

    def show(self) -> None:
        """The last statement of a page."""
        run = self.worker.run
        jobs.follow(run, lambda: _shown(run), 0.7, live=self.live)


def _choose() -> Config:
    here = [name for name in NAMES if name == "digits" or data.is_available(name)]
    dataset = here[0]
    if len(here) > 1:
        kept("vae train set", here[0])
        dataset = st.selectbox("Images", here, format_func=NAMES.get, key="keep.vae train set")
    kept("vae latents", 10)
    latents = st.select_slider("Latents", LATENTS, key="keep.vae latents")
    kept("vae hidden", 128)
    hidden = st.select_slider("Hidden units", HIDDEN, key="keep.vae hidden")
    kept("vae weight", 1.0)
    weight = st.select_slider(
        "KL weight β",
        WEIGHTS,
        key="keep.vae weight",
        help="1 is the bound. Far above, the posterior collapses onto the prior.",
    )
    kept("vae epochs", 40)
    epochs = st.select_slider("Epochs", EPOCHS, key="keep.vae epochs")
    kept("vae seed", 0)
    seed = st.number_input("Seed", 0, 9999, key="keep.vae seed")
    return Config(
        dataset,
        SIZES[dataset],
        int(latents),
        int(hidden),
        float(weight),
        int(epochs),
        seed=int(seed),
    )


def _shown(run: jobs.Run) -> None:
    frames = [item for item in list(run.items) if isinstance(item, Frame)]
    if run.state == "failed":
        st.error("This training broke off on the server. Start it again.")
    if not frames:
        st.progress(0.0, jobs.beginning() if run.live else "Stopped before the first step.")
        return
    last = frames[-1]
    st.progress(last.done, _where(run, last))
    left, right = st.columns([6, 5], gap="large")
    with left:
        _curves(run.key, frames)
    with right:
        _pictures(run.key, last)
    if not run.live:
        st.download_button(
            "Download the curves (.csv)",
            lambda: as_csv(frames),
            "small vae.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _where(run: jobs.Run, last: Frame) -> str:
    words = {"stopped": "stopped", "timed out": "stopped at the time limit", "failed": "broke off"}
    ending = "" if run.live else f", {words.get(run.state, 'finished')}"
    return (
        f"Epoch {last.epoch:.1f} of {run.key.epochs}, {last.seconds:.0f} s: bound "
        f"{last.elbo:.1f} nats{ending}"
    ).replace("-", "−")


def _curves(config: Config, frames: list[Frame]) -> None:
    epochs = [frame.epoch for frame in frames]
    terms = {
        "ELBO": [frame.elbo for frame in frames],
        "reconstruction": [frame.reconstruction for frame in frames],
    }
    figure = vae_charts.course(epochs, terms, "ELBO", config.epochs)
    top = max(terms["reconstruction"])
    low = max(min(terms["ELBO"]), top - SCALE)
    figure.update_yaxes(range=[low - 0.05 * (top - low) - 1, top + 0.05 * (top - low) + 1])
    figures.show("vae bound", figure, "Held-out bound = reconstruction − KL")
    figure = vae_charts.course(
        epochs, {"KL": [frame.divergence for frame in frames]}, "KL", config.epochs
    )
    figure.update_layout(height=150)
    figure.update_yaxes(rangemode="tozero")
    figures.show("vae divergence", figure, "KL(q(z|x) ‖ p(z))")
    last = frames[-1]
    active = last.units.active.tolist()
    figure = vae_charts.units(last.units.divergence.tolist(), active)
    figures.show("vae units", figure, f"KL by unit: {sum(active)} of {config.latent_dim} active")


def _pictures(config: Config, last: Frame) -> None:
    st.markdown("**Samples**")
    st.image(
        vae_charts.sheet(last.samples, 9, enlarged=2),
        width="stretch",
        output_format="PNG",
        caption="E[x|z] at 36 draws of the prior, the same all along.",
        alt="Samples",
    )
    st.markdown("**Manifold**")
    across, up = last.plane
    others = "" if config.latent_dim == 2 else ", the others 0"
    st.image(
        vae_charts.sheet(last.manifold, small_vae.SIDE, enlarged=2, gap=0),
        width="stretch",
        output_format="PNG",
        alt="The manifold of two units",
        caption=f"E[x|z], units {across + 1} (across) and {up + 1} (up) through the prior's "
        f"quantiles{others}.",
    )


def as_csv(frames: list[Frame]) -> str:
    """One row a frame: epoch, terms of the bound, KL of every unit."""
    file = io.StringIO()
    rows = csv.writer(file)
    count = len(frames[0].units.divergence)
    rows.writerow(
        [
            "epoch",
            "seconds",
            "elbo",
            "reconstruction",
            "kl",
            *(f"kl unit {u + 1}" for u in range(count)),
        ]
    )
    for frame in frames:
        numbers = (frame.seconds, frame.elbo, frame.reconstruction, frame.divergence)
        each = np.round([*numbers, *frame.units.divergence.tolist()], 4)
        rows.writerow([f"{frame.epoch:.4g}", *each.tolist()])
    return file.getvalue()
