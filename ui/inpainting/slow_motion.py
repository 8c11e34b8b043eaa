"""The view Slow motion: single iterations of one chain of the step-by-step run, in five stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.inpainting import slow_motion, two_samplers
from dgm_core.studies.inpainting.slow_motion import Approaching, Config, Moment
from dgm_core.studies.inpainting.two_samplers import LIMITS
from ui import cache, formulas, jobs
from ui.components import slow_motion as component
from ui.inpainting import inputs, shipped, slow_words
from ui.links import InLink, Setting
from ui.method_titles import title
from ui.run_panel import Progress, RunPanel

WORKER = "slow motion"
"""Name of the worker of the session."""
SAMPLERS = ("Metropolis-within-Gibbs", "pseudo-Gibbs")
"""In the order of the choice; the sampler that tests its proposals comes first."""
SAMPLER = Setting("slow sampler", SAMPLERS[0], options={name: title(name) for name in SAMPLERS})
CHAIN = Setting("slow chain", shipped.WINDOW["chain"], low=1, high=LIMITS["chains"][1])
ITERATION = Setting("slow iteration", shipped.WINDOW["first"], low=1, high=LIMITS["iterations"][1])


class SlowMotion:
    """The stages of an iteration, the choice of the iteration, and the run.

    Args:
        problem: the image and its hidden pixels; None if there is nothing to fill in.
        settings: container for the settings of the chains.
    """

    name = "Slow motion"
    picture = True
    about = (
        "**Look first** at the mean image of z′ and at the bars: does z′ fit better, and how "
        "likely is the reverse move? **Then** look at the sum: proposals often fail on the hidden "
        "pixels, because these were drawn given the old z. **Last** switch to pseudo-Gibbs, which "
        "accepts the proposals that Metropolis rejects."
    )
    settings: ClassVar[tuple[InLink, ...]] = (SAMPLER, CHAIN, ITERATION)

    def __init__(self, problem: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.shipped = shipped.st_slow_motion()
        self.default = Config(
            **self.shipped.config | {"run": two_samplers.Config(**self.shipped.config["run"])}
        )
        with settings:
            chains = inputs.chains(problem)
        choice = _choose(self.default, chains)
        self.config = None
        if chains is not None:  # the thinning concerns the player of the other view only
            self.config = Config(replace(chains, thin=self.default.run.thin), **choice)

    @property
    def available(self) -> bool:
        """Whether the result can be shown without a run."""
        return self.config == self.default

    def load(self) -> None:
        """Load the model of the run.

        Raises:
            BrokenModel: its file is damaged.
        """
        cache.st_model(self.config.run.model)

    def panel(self, **options: Any) -> RunPanel:
        """The run with the settings on screen."""
        return RunPanel(WORKER, self.config, _work, **options)

    def show(self) -> None:
        """Show the shipped window if it has these settings."""
        if self.available:
            component.slow_motion("slow motion", self.shipped.message)

    def follow(self, run: jobs.Run) -> None:
        """Show the iterations at the end of the run."""
        moments = [item for item in list(run.items) if isinstance(item, Moment)]
        if run.live or not moments:
            return
        component.slow_motion("slow motion", message(run.key, moments, run=run.name))

    def run_progress(self, run: jobs.Run) -> Progress | None:
        """The last iteration of the run."""
        numbers = [item.number for item in list(run.items) if isinstance(item, Approaching)]
        if not numbers:
            return None
        return Progress(numbers[-1] / run.key.window[-1], f"iteration {numbers[-1]}")

    def below(self, panel: RunPanel) -> None:
        """Show the formulas under the stages."""
        formulas.slow_motion()


def _work(config: Config) -> Iterator[Any]:
    return slow_motion.run(config, cache.st_model(config.run.model))


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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampler = SAMPLER.widget(st.segmented_control, "Sampler", required=True)
        chain = CHAIN.widget(st.number_input, "Chain", width=110)
        first = ITERATION.widget(
            st.number_input,
            "From iteration",
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
        "chain": min(chain, chains.chains),
        "first": min(first, chains.iterations),
        "count": default.count,
    }
