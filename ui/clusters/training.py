"""Training in the page: a run and its control in the background."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import streamlit as st

from dgm_core.data.cluster_images import are_available, cluster_images
from dgm_core.studies.clusters.history import History, history_of
from dgm_core.training import mutual
from dgm_core.training.mixture_fits import FITS
from dgm_core.training.mutual import Config, Frame, Result
from ui import data_fetching, jobs
from ui.clusters.runs import OWN_RUN, TrainedRun
from ui.frame import renew
from ui.links import Setting

WORKER = "cluster training"
OPENED = "cluster run opened"
"""Session key of the background run whose result was opened last."""
DATASETS = {"digits": "scikit-learn's digits", "mnist": "MNIST", "omniglot": "Omniglot"}
FORMS = {
    "mutual": "alternating",
    "joint": "both at once",
    "one pass": "VAE first, then the mixture",
}
SHOWN = 5_000
"""Images of a run that the page shows, at most."""

DATASET = Setting("train set", "digits", options=DATASETS)
IMAGES = Setting("train images", 1497, options=(500, 1000, 1497, 2000, 3000, 5000))
MOST_IMAGES = 5000
CLUSTERS = Setting("train clusters", 10, low=2, high=30)
FORM = Setting("train form", "mutual", options=FORMS)
ROUNDS = Setting("train rounds", 6, low=1, high=12)
DESKEWED = Setting("train upright", True)
SPREAD = Setting("train spread", True)
HARD = Setting("train hard", False)
DIAGONAL = Setting("train diagonal", False)
FIT = Setting("train fit", "EM", options=tuple(FITS))
BLUR = Setting("train blur", 0.1, options=(0.0, 0.05, 0.1, 0.2, 0.5))
WEIGHT = Setting("train weight", 1.0, options=(0.0, 0.5, 1.0, 2.0, 4.0))
LATENTS = Setting("train latents", 12, options=(2, 4, 6, 8, 12, 16, 24))
SEED = Setting("train seed", 0, low=0, high=9999)
SETTINGS = (
    *(DATASET, IMAGES, CLUSTERS, FORM, ROUNDS),
    *(DESKEWED, SPREAD, HARD, DIAGONAL, FIT, BLUR, WEIGHT, LATENTS, SEED),
)


class Item(NamedTuple):
    """An item of the background run."""

    control: bool  # whether it belongs to the control
    item: Frame | Result


def choose() -> Config:
    """Draw the settings of a run, and return them."""
    available = [name for name in DATASETS if name == "digits" or are_available(name, MOST_IMAGES)]
    dataset = DATASET.widget(st.selectbox, "Images", options=available)
    if absent := [name for name in DATASETS if name not in available]:
        _offer(absent)
    images = IMAGES.widget(
        st.select_slider,
        "Number of images",
        help="The first images of the data set. There are 1,497 of scikit-learn's digits.",
    )
    clusters = CLUSTERS.widget(st.slider, "Clusters K")
    form = FORM.widget(
        st.selectbox,
        "How both models learn",
        help="Alternating: in each round the mixture is fitted to the latents, and then the VAE "
        "is trained with the mixture as its prior. Both at once: one step of online EM after "
        "every batch.",
    )
    rounds = ROUNDS.widget(st.slider, "Rounds")
    with st.expander("Details of the exchange"):
        more = _exchange()
    schedule = {"warmup": 30, "rounds": rounds, "epochs": 5}
    return Config(dataset, images, form=form, clusters=clusters, **schedule, **more)


def _offer(absent: list[str]) -> None:
    """Offer the images that are not here; of Omniglot, a part would not do."""
    with data_fetching.more([DATASETS[name] for name in absent], absent):
        if "mnist" in absent:
            data_fetching.offer("mnist", part="training")
        if "omniglot" in absent:
            st.caption(
                "Omniglot needs all its training images. Whoever runs the app can add them: "
                "`dgm data fetch omniglot`"
            )


EXCHANGE: list[tuple[str, Setting, str, str]] = [
    (
        "deskewed",
        DESKEWED,
        "Deskew the images",
        "Each image is sheared until row and column of its ink are uncorrelated.",
    ),
    (
        "spread",
        SPREAD,
        "Fit the mixture to means and variances of q(z|x)",
        "Off: only the means are used, as in the paper.",
    ),
    (
        "hard",
        HARD,
        "Hard assignments",
        "The prior of each image is its most probable cluster alone.",
    ),
    ("diagonal", DIAGONAL, "Diagonal covariances", "Clusters have no correlations."),
    ("fit", FIT, "Fit the mixture by", "EM keeps the best of several restarts."),
    (
        "blur",
        BLUR,
        "Added cluster variance",
        "This variance is added to every cluster before the VAE is trained with it.",
    ),
    (
        "weight",
        WEIGHT,
        "Weight of the mixture term",
        "At 1 the objective is the bound on log p(x).",
    ),
    ("latent_dim", LATENTS, "Latent dimensions", "L, the dimension of z."),
]
"""Field of the config, its setting, label and help."""


def _exchange() -> dict[str, Any]:
    """Draw the settings of what VAE and mixture pass to each other, and return them."""
    values = {}
    for field, setting, label, text in EXCHANGE:
        draw = st.toggle if setting.options is None else st.select_slider
        values[field] = setting.widget(draw, label, help=text)
    return values | {"seed": SEED.widget(st.number_input, "Seed")}


def work(config: Config) -> Iterator[Item]:
    """The run, then its control. A run of one pass has no control."""
    for control in (False, True):
        current = config.control if control else config
        if control and config.form == "one pass":
            return
        images = cluster_images(current.dataset, current.images, deskewed=current.deskewed)
        for item in mutual.run(current, images):
            yield Item(control, item)


def worker() -> jobs.Worker:
    """The worker of this session."""
    return jobs.worker(WORKER)


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
