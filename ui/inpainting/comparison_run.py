"""A comparison under way: what its thread has reached, and what need not be computed again.

A method's outcome depends on the problem, its settings and the seed, not on which others run. So
a method that has ended stays when another is added, and only the new one is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dgm_core.imputers import CATALOGUE
from dgm_core.studies.inpainting import comparison
from dgm_core.studies.inpainting.comparison import Config, Control, Frame, Outcome, Settings
from ui import cache

Ended = dict[tuple[str, Settings], Outcome]
"""(method, its settings) → where it ended, all for one problem and seed."""


class Progress:
    """The latest outcome of each method; written by the thread of a run, read by the page.

    Args:
        config: what is to be compared.
        ended: outcomes that are taken over.
    """

    def __init__(self, config: Config, ended: Ended) -> None:
        self.config, self.control = config, Control()
        self._ended = dict(ended)
        self._latest = {
            name: ended[name, settings]
            for name, settings in config.methods
            if (name, settings) in ended
        }

    @property
    def complete(self) -> bool:
        """Is there nothing left to compute?"""
        return len(self._latest) == len(self.config.methods)

    def work(self) -> Iterator[str]:
        """Compute what is missing, quick methods first; yields the method that has advanced.

        Outcomes stay out of what is yielded: those of faces are a megabyte each, and only the
        latest counts.
        """
        missing = [pair for pair in self.config.methods if pair[0] not in self._latest]
        missing.sort(key=lambda pair: CATALOGUE[pair[0]].needs == "dlvm")  # those iterate
        settings = dict(missing)
        todo = replace(self.config, methods=tuple(missing))
        for item in comparison.run(todo, self.control, cache.st_material):
            if isinstance(item, Frame):
                outcome = item.outcome
                self._latest[outcome.method] = outcome
                if outcome.state in ("finished", "stopped"):
                    self._ended[outcome.method, settings[outcome.method]] = outcome
                yield outcome.method

    def outcomes(self) -> list[Outcome]:
        """Of all methods in their order, also of those that have not begun."""
        latest = dict(self._latest)
        return [
            latest.get(name, Outcome(name, "running", "", 0.0, 0.0))
            for name, _ in self.config.methods
        ]

    @property
    def begun(self) -> bool:
        """Is there anything to see?"""
        return bool(self._latest)

    def ended_for(self, config: Config) -> Ended:
        """What has ended and holds for another configuration too."""
        return dict(self._ended) if _problem(self.config) == _problem(config) else {}


def resumed(config: Config, *sources: Progress) -> Progress:
    """A progress that takes over what has ended in others, the last of which counts most."""
    ended: Ended = {}
    for source in sources:
        ended |= source.ended_for(config)
    return Progress(config, ended)


def shipped(config: Config, outcomes: Sequence[Outcome]) -> Progress:
    """The progress of a run that was made elsewhere."""
    settings = dict(config.methods)
    return Progress(config, {(each.method, settings[each.method]): each for each in outcomes})


def _problem(config: Config) -> Config:
    return replace(config, methods=())
