"""The view Slow motion: single iterations of one chain of the step-by-step run, in five stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.inpainting import slow_motion, two_samplers
from dgm_core.studies.inpainting.slow_motion import Approaching, Config, Moment
from dgm_core.studies.inpainting.two_samplers import LIMITS
from ui import cache, formulas, jobs
from ui.components import slow_motion as component
from ui.frame import kept
from ui.inpainting import inputs, methods, shipped, slow_words
from ui.links import Read, one_of, whole

SAMPLERS = ("Metropolis-within-Gibbs", "pseudo-Gibbs")
"""In the order of the choice; the sampler that tests its proposals comes first."""


class SlowMotion:
    """The stages of an iteration, the choice of the iteration, and the run.

    Args:
        problem: the image and its hidden pixels; None if there is nothing to fill in.
        settings: container for the settings of the chains.
    """

    work = "slow motion"
    picture = True
    run_label = "Run"
    about = (
        "**Look first** at the mean image of z′ and at the bars: does z′ fit better, and how "
        "likely is the reverse move? **Then** look at the sum: proposals often fail on the hidden "
        "pixels, because these were drawn given the old z. **Last** switch to pseudo-Gibbs, which "
        "accepts the proposals that Metropolis rejects."
    )
    fields: ClassVar[dict[str, Read]] = {
        "slow sampler": one_of(*SAMPLERS),
        "slow chain": whole(1, LIMITS["chains"][1]),
        "slow iteration": whole(1, LIMITS["iterations"][1]),
    }

    def __init__(self, problem: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.shipped = shipped.st_slow_motion()
        self.default = Config(
            **self.shipped.config | {"run": two_samplers.Config(**self.shipped.config["run"])}
        )
        self.worker = jobs.worker(self.work)
        with settings:
            chains = inputs.chains(problem, self.default.run)
        choice = _choose(self.default, chains)
        self.config = None
        if chains is not None:  # the thinning concerns the player of the other view only
            self.config = Config(replace(chains, thin=self.default.run.thin), **choice)

    @property
    def available(self) -> bool:
        """Whether the result can be shown without a run."""
        return self.config == self.default

    def start(self) -> None:
        """Start the run in the background; it replaces the current one."""
        config, model = self.config, cache.st_model(self.config.run.model)
        self.worker.start(config, lambda: slow_motion.run(config, model))

    def show(self) -> None:
        """Show the shipped window if it has these settings."""
        if self.available:
            component.slow_motion("slow motion", self.shipped.message)

    def follow(self, run: jobs.Run) -> None:
        """Show the window when it is there, and until then the progress of the run."""
        items = list(run.items)
        moments = [item for item in items if isinstance(item, Moment)]
        if run.live or not moments:
            reached = max(
                (each.number for each in items if isinstance(each, Approaching)), default=0
            )
            if run.live:
                st.progress(reached / run.key.window[-1], f"Iteration {reached} …")
            elif run.state == "stopped":
                st.caption("Stopped before the window.")
            return
        component.slow_motion("slow motion", message(run.key, moments, run=run.name))

    def below(self, *, live: bool) -> None:
        """Show the formulas under the stages."""
        formulas.slow_motion()


def message(config: Config, moments: Sequence[Moment], *, run: str) -> dict[str, Any]:
    """The window as the component reads it."""
    return component.slow_motion_message(
        run=run,
        hidden=~config.run.observed,
        moments=moments,
        sentences=[slow_words.sentences(each, config.chain, config.sampler) for each in moments],
        odds=[slow_words.odds(each.log_ratio, each.log_u) for each in moments],
    )


def _choose(default: Config, chains: two_samplers.Config | None) -> dict[str, Any]:
    """Widgets for sampler, chain and first iteration; at most what the run has."""
    kept("slow sampler", default.sampler)
    kept("slow chain", default.chain)
    kept("slow iteration", default.first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampler = st.segmented_control(
            "Sampler",
            SAMPLERS,
            required=True,
            format_func=methods.TITLES.get,
            key="keep.slow sampler",
        )
        chain = st.number_input("Chain", 1, LIMITS["chains"][1], key="keep.slow chain", width=110)
        first = st.number_input(
            "From iteration",
            1,
            LIMITS["iterations"][1],
            key="keep.slow iteration",
            width=140,
            help=f"The view shows {default.count} iterations. During the warm-up, Metropolis runs "
            "as pseudo-Gibbs.",
        )
    if chains is None:
        return {}
    if chain > chains.chains or first > chains.iterations:
        st.caption(
            f"The run has {chains.chains} chains and {chains.iterations} iterations; "
            "the view shows the last available one."
        )
    return {
        "sampler": sampler,
        "chain": min(int(chain), chains.chains),
        "first": min(int(first), chains.iterations),
        "count": default.count,
    }
