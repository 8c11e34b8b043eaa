"""The view that follows two samplers from iteration to iteration."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import Result
from ui import cache, formulas, jobs
from ui.compact_memory import in_one_block
from ui.components.chain_player import chain_player
from ui.components.chain_story import chain_story, untold
from ui.inpainting import chain_panel, inputs, player_data, run_downloads, shipped
from ui.links import Read

OVERLAP = 30
"""Frames that are sent once more."""
CROWD = 3
"""Runs in line; with more, the chains' story is told at their end: it takes most of a look."""


class StepByStep:
    """The chain player, its settings and its run.

    Args:
        asked: what is to be filled in; None for nothing.
        settings: where the settings go.
    """

    work = "inpainting"
    picture = True
    run_label = "Run"
    about = (
        "**Look first** at the two posterior means: where they differ, pseudo-Gibbs is biased or "
        "Metropolis has not arrived. **Then** at the chains' draws: do they agree on one digit, "
        "or see several? **Last** at the acceptance and R-hat: a chain that never moves is exact "
        "only in theory."
    )
    fields: ClassVar[dict[str, Read]] = {}

    def __init__(self, asked: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.shipped = shipped.st_showcase()
        self.default = inputs.first_settings()
        self.worker = jobs.worker(self.work)
        with settings:
            self.config = inputs.chains(asked, self.default)

    @property
    def at_hand(self) -> bool:
        """Can it be shown without a run?"""
        return self.config == self.default

    def start(self) -> None:
        """Run in the background, in place of what runs."""
        config, model = self.config, cache.st_model(self.config.model)
        work = partial(two_samplers.run_with_breaths, config, model)
        self.worker.start(config, work, in_one_block)

    def show(self) -> None:
        """What is at hand without a run, if anything."""
        if self.at_hand:
            chain_player("player", self.shipped.message)
            chain_story("story", self.shipped.story)

    def follow(self, run: jobs.Run) -> None:
        """Send on what the run has produced since last time; at the end, everything."""
        state = run.state  # first: what is read after it may only be more
        frames = [item for item in list(run.items) if not isinstance(item, Result)]
        if not frames:
            if state == "running":
                st.caption("Starting …")
            elif state == "stopped":
                st.caption("Stopped before the first iteration.")
            return
        live = state == "running"
        made = run.once
        about = {"run": run.name, "state": state.replace("timed out", "stopped")}
        # A browser that is still loading a component, or is slow, misses messages: send with
        # overlap, and everything at first and at the end.
        start = max(run.shown - OVERLAP, 0) if live else 0
        chain_player(
            "player",
            made(
                f"player {state} {run.shown > 0}",
                lambda: player_data.chains(run.key, frames[start:], start=start, **about),
            ),
        )
        if live and (not run.shown or jobs.waiting() > CROWD):
            # At the next look, the picture comes sooner; in a crowd at the end, all come sooner.
            chain_story("story", untold(f"{run.name} {len(frames)}"))
        else:
            start_told = max(run.told - OVERLAP, 0) if live else 0
            chain_story(
                "story",
                made(
                    f"story {state} {run.told > 0}",
                    lambda: chain_panel.message(run.key, frames, start=start_told, **about),
                ),
            )
            run.told = len(frames)
        run.shown = len(frames)

    def below(self, *, live: bool) -> None:
        """What stands under the player: the files of the run, and the formulas."""
        if self.config is not None and not live:
            run = self.worker.run
            run_downloads.chains(self.config, run if run and run.key == self.config else None)
        formulas.two_samplers()
