"""Training in the page: a run and its control in the background."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import streamlit as st

from dgm_core import data
from dgm_core.data.cluster_images import cluster_images
from dgm_core.studies.clusters.history import History, history_of
from dgm_core.training import mutual
from dgm_core.training.mixture_fits import FITS
from dgm_core.training.mutual import Config, Frame, Result
from ui import jobs
from ui.clusters.runs import OWN_RUN, TrainedRun
from ui.frame import kept, renew

WORKER = "cluster training"
OPENED = "cluster run opened"
"""Session key of the background run whose result was opened last."""
DATASETS = {"digits": "scikit-learn's digits", "mnist": "MNIST", "omniglot": "Omniglot"}
FORMS = {
    "mutual": "alternating",
    "joint": "both at once",
    "one pass": "VAE first, then the mixture",
}
SIZES = [500, 1000, 1497, 2000, 3000, 5000]
BLURS = [0.0, 0.05, 0.1, 0.2, 0.5]
WEIGHTS = [0.0, 0.5, 1.0, 2.0, 4.0]
SHOWN = 5_000
"""Images of a run that the page shows, at most."""
LATENTS = [2, 4, 6, 8, 12, 16, 24]


class Item(NamedTuple):
    """An item of the background run."""

    control: bool  # whether it belongs to the control
    item: Frame | Result


def choose() -> Config:
    """Draw the settings of a run, and return them."""
    available = [name for name in DATASETS if name == "digits" or data.is_available(name)]
    kept("train set", available[0])
    dataset = st.selectbox("Images", available, format_func=DATASETS.get, key="keep.train set")
    kept("train images", 1497)
    images = st.select_slider(
        "Number of images",
        SIZES,
        key="keep.train images",
        help="The first images of the data set. There are 1,497 of scikit-learn's digits.",
    )
    kept("train clusters", 10)
    clusters = st.slider("Clusters K", 2, 30, key="keep.train clusters")
    kept("train form", "mutual")
    form = st.selectbox(
        "Training of VAE and mixture",
        list(FORMS),
        format_func=FORMS.get,
        key="keep.train form",
        help="Alternating: in each round the mixture is fitted to the latents, and then the VAE "
        "is trained with the mixture as its prior. Both at once: one step of online EM after "
        "every batch.",
    )
    kept("train rounds", 6)
    rounds = st.slider("Rounds", 1, 12, key="keep.train rounds")
    with st.expander("Details of the exchange"):
        more = _exchange()
    return Config(
        dataset,
        int(images),
        form=form,
        clusters=int(clusters),
        warmup=30,
        rounds=int(rounds),
        epochs=5,
        **more,
    )


def _exchange() -> dict[str, object]:
    """Draw the settings of what VAE and mixture pass to each other, and return them."""
    return {
        "set_upright": _switch(
            "upright",
            True,
            "Deskew the images",
            "Each image is sheared until row and column of its ink are uncorrelated.",
        ),
        "spread": _switch(
            "spread",
            True,
            "Fit the mixture to means and variances of q(z|x)",
            "Off: only the means are used, as in the paper.",
        ),
        "hard": _switch(
            "hard",
            False,
            "Hard assignments",
            "The prior of each image is its most probable cluster alone.",
        ),
        "diagonal": _switch(
            "diagonal", False, "Diagonal covariances", "Clusters have no correlations."
        ),
        "fit": _one_of(
            "fit", "EM", list(FITS), "Fit the mixture by", "EM keeps the best of several restarts."
        ),
        "blur": _one_of(
            "blur",
            0.1,
            BLURS,
            "Added cluster variance",
            "This variance is added to every cluster before the VAE is trained with it.",
        ),
        "weight": _one_of(
            "weight",
            1.0,
            WEIGHTS,
            "Weight of the mixture term",
            "At 1 the objective is the bound on log p(x).",
        ),
        "latent_dim": _one_of(
            "latents", 12, LATENTS, "Latent dimensions", "L, the dimension of z."
        ),
        "seed": _seed(),
    }


def _switch(name: str, default: bool, label: str, text: str) -> bool:
    kept(f"train {name}", default)
    return bool(st.toggle(label, key=f"keep.train {name}", help=text))


def _one_of(name: str, default: Any, options: list[Any], label: str, text: str) -> Any:
    kept(f"train {name}", default)
    return st.select_slider(label, options, key=f"keep.train {name}", help=text)


def _seed() -> int:
    kept("train seed", 0)
    return int(st.number_input("Seed", 0, 9999, key="keep.train seed"))


def work(config: Config) -> Iterator[Item]:
    """The run, then its control. A run of one pass has no control."""
    for control in (False, True):
        current = config.control if control else config
        if control and config.form == "one pass":
            return
        images = cluster_images(current.dataset, current.images, set_upright=current.set_upright)
        for item in mutual.run(current, images):
            yield Item(control, item)


def worker() -> jobs.Worker:
    """The worker of this session."""
    return jobs.worker(WORKER)


def start(config: Config) -> None:
    """Start a training; it replaces the one that is running."""
    worker().start(config, lambda: work(config))


class Progress(NamedTuple):
    """How far a training is."""

    frame: Frame | None  # the latest, of the run or of its control
    control: bool  # whether the control is being trained
    history: History | None  # until now; None before the first snapshot


def progress(run: jobs.Run) -> Progress:
    """How far a background run is."""
    items = list(run.items)
    latest = next((each.item for each in reversed(items) if not each.control), None)
    of_control = next((each.item for each in reversed(items) if each.control), None)
    frames = [each.item for each in items if isinstance(each.item, Frame)]
    if latest is None or not latest.shots:
        return Progress(frames[-1] if frames else None, False, None)
    control = () if of_control is None else of_control.shots
    history = history_of(run.key, latest.shots, control, SHOWN)
    return Progress(frames[-1], of_control is not None, history)


def result(run: jobs.Run) -> Result | None:
    """The result of the run without its control; None if it has none yet."""
    results = (each.item for each in list(run.items) if isinstance(each.item, Result))
    return next(results, None)


def open_finished() -> None:
    """Offer a training that has ended as the run "Yours", and choose it once.

    A control that was stopped is left out.
    """
    run = worker().run
    if run is None or run.live or st.session_state.get(OPENED) is run:
        return
    st.session_state[OPENED] = run
    trained = result(run)
    if trained is not None:
        history = progress(run).history
        if run.state != "finished":
            history = dataclasses.replace(history, control=None, control_curve=None)
        st.session_state[OWN_RUN] = TrainedRun("yours", history, trained.model)
        renew("cluster run", "yours")
