"""The view that takes single iterations apart, of one chain of the step-by-step run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.inpainting import slow_motion, two_samplers
from dgm_core.studies.inpainting.slow_motion import Config, Moment, OnTheWay
from dgm_core.studies.inpainting.two_samplers import LIMITS
from ui import cache, formulas, jobs
from ui.components import slow_motion as component
from ui.frame import kept
from ui.inpainting import inputs, shipped, slow_words
from ui.links import Read, one_of, whole

SHORT = {"Metropolis-within-Gibbs": "Metropolis-within-Gibbs", "pseudo-Gibbs": "Pseudo-Gibbs"}
"""Samplers in the order of the choice; Metropolis, which asks, first."""


class SlowMotion:
    """The stages of an iteration, whose they are, and their run.

    Args:
        asked: what is to be filled in; None for nothing.
        settings: where the settings of the chains go.
    """

    work = "slow motion"
    picture = True
    run_label = "Run"
    about = (
        "**Look first** at what z′ paints and at the bars: does it fit better, and would the "
        "encoder propose the way back? **Then** at the sum: proposals often fail on hidden "
        "pixels, which were drawn at the old z and speak for it. **Last** switch to pseudo-Gibbs, "
        "which takes what Metropolis refuses."
    )
    fields: ClassVar[dict[str, Read]] = {
        "slow sampler": one_of(*SHORT),
        "slow chain": whole(1, LIMITS["chains"][1]),
        "slow iteration": whole(1, LIMITS["iterations"][1]),
    }

    def __init__(self, asked: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.shipped = shipped.st_slow_motion()
        self.default = Config(
            **self.shipped.config | {"run": two_samplers.Config(**self.shipped.config["run"])}
        )
        self.worker = jobs.worker(self.work)
        with settings:
            chains = inputs.chains(asked, self.default.run)
        choice = _choose(self.default, chains)
        self.config = None
        if chains is not None:  # which iterations the player shows is none of its business
            self.config = Config(replace(chains, thin=self.default.run.thin), **choice)

    @property
    def at_hand(self) -> bool:
        """Can it be shown without a run?"""
        return self.config == self.default

    def start(self) -> None:
        """Run in the background, in place of what runs."""
        config, model = self.config, cache.st_model(self.config.run.model)
        self.worker.start(config, lambda: slow_motion.run(config, model))

    def show(self) -> None:
        """What is at hand without a run, if anything."""
        if self.at_hand:
            component.slow_motion("slow motion", self.shipped.message)

    def follow(self, run: jobs.Run) -> None:
        """The window once it is there, and before that how far the run is."""
        items = list(run.items)
        moments = [item for item in items if isinstance(item, Moment)]
        if run.live or not moments:
            reached = max((each.number for each in items if isinstance(each, OnTheWay)), default=0)
            if run.live:
                st.progress(reached / run.key.window[-1], f"Iteration {reached} …")
            elif run.state == "stopped":
                st.caption("Stopped before the window.")
            return
        component.slow_motion("slow motion", message(run.key, moments, run=run.name))

    def below(self, *, live: bool) -> None:
        """What stands under the stages."""
        formulas.slow_motion()


def message(config: Config, moments: Sequence[Moment], *, run: str) -> dict[str, Any]:
    """The window as the component takes it."""
    return component.slow_motion_message(
        run=run,
        hidden=~config.run.observed,
        moments=moments,
        sentences=[slow_words.sentences(each, config.chain, config.sampler) for each in moments],
        odds=[slow_words.odds(each.log_ratio, each.log_u) for each in moments],
    )


def _choose(default: Config, chains: two_samplers.Config | None) -> dict[str, Any]:
    """Sampler, chain and first iteration, no larger than the run has."""
    kept("slow sampler", default.sampler)
    kept("slow chain", default.chain)
    kept("slow iteration", default.first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampler = st.segmented_control(
            "Sampler", list(SHORT), required=True, format_func=SHORT.get, key="keep.slow sampler"
        )
        chain = st.number_input("Chain", 1, LIMITS["chains"][1], key="keep.slow chain", width=110)
        first = st.number_input(
            "From iteration",
            1,
            LIMITS["iterations"][1],
            key="keep.slow iteration",
            width=140,
            help=f"The window has {default.count} iterations. Up to the end of the warm-up, "
            "Metropolis runs as pseudo-Gibbs.",
        )
    if chains is None:
        return {}
    if chain > chains.chains or first > chains.iterations:
        st.caption(
            f"The run has {chains.chains} chains and {chains.iterations} iterations; "
            "this shows the last there is."
        )
    return {
        "sampler": sampler,
        "chain": min(int(chain), chains.chains),
        "first": min(int(first), chains.iterations),
        "count": default.count,
    }
