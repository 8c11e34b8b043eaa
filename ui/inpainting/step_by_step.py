"""The view Step by step: two samplers from iteration to iteration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache as once_cached
from typing import Any, ClassVar

from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.inpainting import two_samplers
from ui import cache, formulas, jobs
from ui.components.chain_diagnostics import chain_diagnostics, unchanged
from ui.components.chain_player import chain_player
from ui.inpainting import chain_panel, inputs, kept_run, player_data, run_downloads, shipped
from ui.links import InLink
from ui.run_panel import Progress, RunPanel

WORKER = "inpainting"
"""Name of the worker of the session."""
OVERLAP = 30
"""Frames that are sent again with the next message."""
BUSY = 3
"""Waiting runs; with more, diagnostics are sent only at the end, because they take most of the
time of an update."""


class StepByStep:
    """The chain player, its settings and its run.

    Args:
        problem: the image and its hidden pixels; None if there is nothing to fill in.
        settings: container for the settings.
    """

    name = "Step by step"
    picture = True
    about = (
        "**Look first** at the two posterior means: where they differ, pseudo-Gibbs is biased or "
        "Metropolis has not converged. **Then** look at the draws of the chains: do they agree on "
        "one digit, or do they show several? **Last** look at the acceptance and at R-hat: "
        "Metropolis is exact only in the limit of many iterations, and its chains must move to "
        "get there."
    )
    settings: ClassVar[tuple[InLink, ...]] = ()

    def __init__(self, problem: inputs.Problem | None, settings: DeltaGenerator) -> None:
        self.shipped = shipped.st_showcase()
        self.default = inputs.first_settings()
        self.origin = None if problem is None else problem.picture.origin
        with settings:
            self.config = inputs.chains(problem)

    @property
    def available(self) -> bool:
        """Whether the result can be shown without a run."""
        return self.config == self.default

    def load(self) -> None:
        """Load the model of the run.

        Raises:
            BrokenModel: its file is damaged.
        """
        cache.st_model(self.config.model)

    def panel(self, **options: Any) -> RunPanel:
        """The run with the settings on screen."""
        return RunPanel(WORKER, self.config, _work, at_end=kept_run.kept, **options)

    def show(self) -> None:
        """Show the shipped run if it has these settings."""
        if self.available:
            chain_player("player", self.shipped.message)
            chain_diagnostics("diagnostics", self.shipped.diagnostics)

    def follow(self, run: jobs.Run) -> None:
        """Send the frames that are new since the last update; at the end, all of them."""
        state = run.state  # read before the items, which may grow meanwhile
        items = list(run.items)
        if not items:
            return
        if kept_run.is_kept(items):
            state = "finished"
        live, first = state == "running", not run.shown
        frames = once_cached(lambda: kept_run.frames(items))
        about = {"run": run.name, "state": state.replace("timed out", "stopped")}
        # A browser that is slow or still loading a component misses messages. Hence messages
        # overlap, and the first and the last one hold every frame.
        start = max(run.shown - OVERLAP, 0) if live else 0
        chain_player(
            "player",
            run.once(
                "player",
                lambda: player_data.chains(
                    run.key, frames()[start:], start=start, origin=self.origin, **about
                ),
                of=(state, first),
            ),
        )
        if live and (first or jobs.waiting() > BUSY):
            # The first images come sooner without the diagnostics; so does everything if many
            # runs wait.
            chain_diagnostics("diagnostics", unchanged(f"{run.name} {len(items)}"))
        else:
            late = max(run.shown_late - OVERLAP, 0) if live else 0
            chain_diagnostics(
                "diagnostics",
                run.once(
                    "diagnostics",
                    lambda: chain_panel.message(run.key, frames(), start=late, **about),
                    of=(state, not run.shown_late),
                ),
            )
            run.shown_late = len(items)
        run.shown = len(items)

    def run_progress(self, run: jobs.Run) -> Progress | None:
        """None: the player shows the progress."""
        return None

    def below(self, panel: RunPanel) -> None:
        """Show the downloads of the run and the formulas under the player."""
        if self.config is not None and not panel.live:
            run_downloads.chains(self.config, panel.run, scored=self.origin.scored)
        formulas.two_samplers()


def _work(config: two_samplers.Config) -> Iterator[Any]:
    return two_samplers.run_with_pauses(config, cache.st_model(config.model))
