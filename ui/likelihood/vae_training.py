"""A small VAE that is trained on the page, in the background."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st

from dgm_core import data
from dgm_core.studies.likelihood import small_vae
from dgm_core.studies.likelihood.small_vae import Config, Frame
from ui import figures, jobs
from ui.download_button import download_button
from ui.likelihood import vae_charts
from ui.links import Setting
from ui.run_panel import Progress, RunPanel

WORK = "small vae"
NAMES = {"digits": "scikit-learn's digits", "binarized_mnist": "statically binarised MNIST"}
SIZES = {"digits": 1297, "binarized_mnist": 4000}

DATA = Setting("vae train set", "digits", options=NAMES)
LATENTS = Setting("vae latents", 10, options=(2, 3, 5, 10, 20, 50))
HIDDEN = Setting("vae hidden", 128, options=(32, 64, 128, 256, 512))
WEIGHT = Setting("vae weight", 1.0, options=(0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0))
EPOCHS = Setting("vae epochs", 40, options=(10, 20, 40, 80, 160))
SEED = Setting("vae seed", 0, low=0, high=9999)
SETTINGS = (DATA, LATENTS, HIDDEN, WEIGHT, EPOCHS, SEED)

SCALE = 400.0
"""Nats below the best reconstruction that are shown; training begins far lower."""


class Training:
    """Settings, buttons, and the results so far."""

    def __init__(self) -> None:
        self.panel = RunPanel(
            WORK,
            _choose(),
            small_vae.run,
            action="Train",
            automatic=True,
            keeps_previous=True,
        )
        self.panel.buttons()

    def show(self) -> None:
        """The progress and results; the end of a page."""
        self.panel.show(_results, progress=_progress, seconds=0.7)


def _choose() -> Config:
    available = [name for name in NAMES if name == "digits" or data.is_available(name)]
    dataset = "digits"
    if len(available) > 1:
        dataset = DATA.widget(st.selectbox, "Images", options=available)
    return Config(
        dataset,
        SIZES[dataset],
        LATENTS.widget(st.select_slider, "Latents"),
        HIDDEN.widget(st.select_slider, "Hidden units"),
        WEIGHT.widget(
            st.select_slider,
            "KL weight β",
            help="1 is the bound. Far above 1 the posterior collapses to the prior.",
        ),
        EPOCHS.widget(st.select_slider, "Epochs"),
        seed=SEED.widget(st.number_input, "Seed"),
    )


def _progress(run: jobs.Run) -> Progress | None:
    frames = _frames(run)
    return Progress(frames[-1].done, _reached(run, frames[-1])) if frames else None


def _frames(run: jobs.Run) -> list[Frame]:
    return [item for item in list(run.items) if isinstance(item, Frame)]


def _reached(run: jobs.Run, last: Frame) -> str:
    """Epoch, time and bound of the newest frame."""
    return (
        f"Epoch {last.epoch:.1f} of {run.key.epochs}, {last.seconds:.0f} s: bound "
        f"{last.elbo:.1f} nats"
    ).replace("-", "−")


def _results(run: jobs.Run) -> None:
    frames = _frames(run)
    last = frames[-1]
    left, right = st.columns([6, 5], gap="large")
    with left:
        _curves(run.key, frames)
    with right:
        _pictures(run.key, last)
    if not run.live:
        st.caption(_reached(run, last))
        download_button(
            "Download the curves (.csv)",
            lambda: as_csv(frames),
            "small vae.csv",
            "text/csv",
        )


def _curves(config: Config, frames: list[Frame]) -> None:
    epochs = [frame.epoch for frame in frames]
    terms = {
        "ELBO": [frame.elbo for frame in frames],
        "reconstruction": [frame.reconstruction for frame in frames],
    }
    figure = vae_charts.history(epochs, terms, "ELBO", config.epochs)
    top = max(terms["reconstruction"])
    low = max(min(terms["ELBO"]), top - SCALE)
    figure.update_yaxes(range=[low - 0.05 * (top - low) - 1, top + 0.05 * (top - low) + 1])
    figures.show("vae bound", figure, "Held-out bound = reconstruction − KL")
    figure = vae_charts.history(
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
        caption="E[x|z] at 36 draws from the prior, the same throughout the training.",
        alt="Samples",
    )
    st.markdown("**Manifold**")
    across, up = last.plane
    others = "" if config.latent_dim == 2 else "; all other units are 0"
    st.image(
        vae_charts.sheet(last.manifold, small_vae.SIDE, enlarged=2, gap=0),
        width="stretch",
        output_format="PNG",
        alt="The manifold of two units",
        caption=f"E[x|z]; units {across + 1} (across) and {up + 1} (up) take quantiles of the "
        f"prior{others}.",
    )


def as_csv(frames: list[Frame]) -> str:
    """One row per frame: epoch, terms of the bound, KL of every unit."""
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
