"""Training in the page: a run and its control, in the background, with Stop."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import streamlit as st

from dgm_core import data
from dgm_core.data.cluster_images import cluster_images
from dgm_core.studies.clusters.course import Course, course_of
from dgm_core.training import mutual
from dgm_core.training.mixture_fits import FITS
from dgm_core.training.mutual import Config, Frame, Result
from ui import jobs
from ui.clusters.runs import YOURS, Story
from ui.frame import kept, renew

WORK = "cluster training"
TAKEN = "cluster run taken"
NAMES = {"digits": "scikit-learn's digits", "mnist": "MNIST", "omniglot": "Omniglot"}
FORMS = {
    "mutual": "in turns",
    "joint": "both at once",
    "one pass": "VAE first, then the mixture",
}
SIZES = [500, 1000, 1497, 2000, 3000, 5000]
BLURS = [0.0, 0.05, 0.1, 0.2, 0.5]
WEIGHTS = [0.0, 0.5, 1.0, 2.0, 4.0]
SHOWN = 5_000
"""Images of a run that are looked at, at most."""
LATENTS = [2, 4, 6, 8, 12, 16, 24]


class Item(NamedTuple):
    """What a training yields."""

    control: bool
    item: Frame | Result


def choose() -> Config:
    """The settings of a run, as widgets."""
    here = [name for name in NAMES if name == "digits" or data.is_available(name)]
    kept("train set", here[0])
    dataset = st.selectbox("Images", here, format_func=NAMES.get, key="keep.train set")
    kept("train images", 1497)
    images = st.select_slider(
        "How many",
        SIZES,
        key="keep.train images",
        help="The first of the set; of scikit-learn's digits there are 1,497.",
    )
    kept("train clusters", 10)
    clusters = st.slider("Clusters K", 2, 30, key="keep.train clusters")
    kept("train form", "mutual")
    form = st.selectbox(
        "They learn",
        list(FORMS),
        format_func=FORMS.get,
        key="keep.train form",
        help="In turns: rounds of fitting the mixture and training the VAE under it. Both at "
        "once: a step of online EM after every batch.",
    )
    kept("train rounds", 6)
    rounds = st.slider("Rounds", 1, 12, key="keep.train rounds")
    with st.expander("What they tell each other"):
        more = _messages()
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


def _messages() -> dict[str, object]:
    return {
        "set_upright": _switch(
            "upright",
            True,
            "Set images upright",
            "Sheared until rows and columns of the ink are uncorrelated.",
        ),
        "spread": _switch(
            "spread",
            True,
            "The mixture hears of the spread of q(z|x)",
            "Off: of its mean alone, as in the source.",
        ),
        "hard": _switch(
            "hard", False, "Hard messages", "The VAE hears of each image's own cluster alone."
        ),
        "diagonal": _switch("diagonal", False, "Diagonal covariances", "Without correlations."),
        "fit": _one_of("fit", "EM", list(FITS), "Mixture by", "EM keeps the best of several."),
        "blur": _one_of(
            "blur",
            0.1,
            BLURS,
            "Blur of the clusters",
            "Variance added to every cluster before the VAE learns from it.",
        ),
        "weight": _one_of("weight", 1.0, WEIGHTS, "Weight of the message", "1 is the bound."),
        "latent_dim": _one_of("latents", 12, LATENTS, "Latent dimensions", "L."),
        "seed": _seed(),
    }


def _switch(name: str, first: bool, label: str, about: str) -> bool:
    kept(f"train {name}", first)
    return bool(st.toggle(label, key=f"keep.train {name}", help=about))


def _one_of(name: str, first: Any, options: list[Any], label: str, about: str) -> Any:
    kept(f"train {name}", first)
    return st.select_slider(label, options, key=f"keep.train {name}", help=about)


def _seed() -> int:
    kept("train seed", 0)
    return int(st.number_input("Seed", 0, 9999, key="keep.train seed"))


def work(config: Config) -> Iterator[Item]:
    """The run, then its control."""
    for control in (False, True):
        which = config.control if control else config
        if control and config.form == "one pass":
            return
        images = cluster_images(which.dataset, which.images, set_upright=which.set_upright)
        for item in mutual.run(which, images):
            yield Item(control, item)


def worker() -> jobs.Worker:
    """This session's."""
    return jobs.worker(WORK)


def start(config: Config) -> None:
    """Begin, in place of whatever runs."""
    worker().start(config, lambda: work(config))


class Standing(NamedTuple):
    """How far a training is."""

    frame: Frame | None  # the last of the run or its control
    control: bool  # is it of the control?
    course: Course | None  # of what was seen so far; None before the first shot


def standing(run: jobs.Run) -> Standing:
    """What a run has come to."""
    items = list(run.items)
    ours = next((each.item for each in reversed(items) if not each.control), None)
    theirs = next((each.item for each in reversed(items) if each.control), None)
    frames = [each.item for each in items if isinstance(each.item, Frame)]
    if ours is None or not ours.shots:
        return Standing(frames[-1] if frames else None, False, None)
    control = () if theirs is None else theirs.shots
    course = course_of(run.key, ours.shots, control, SHOWN)
    return Standing(frames[-1], theirs is not None, course)


def result(run: jobs.Run) -> Result | None:
    """The end of the run itself, whatever became of its control."""
    ends = (each.item for each in list(run.items) if isinstance(each.item, Result))
    return next(ends, None)


def take_over() -> None:
    """A run that has ended, with its control or without, can be looked at in every view."""
    run = worker().run
    if run is None or run.live or st.session_state.get(TAKEN) is run:
        return
    st.session_state[TAKEN] = run
    found = result(run)
    if found is not None:
        course = standing(run).course
        if run.state != "finished":  # half a control is none
            course = dataclasses.replace(course, control=None, control_curve=None)
        st.session_state[YOURS] = Story("yours", course, found.model)
        renew("cluster story", "yours")
