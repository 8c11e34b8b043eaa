"""The progress of a comparison, and the outcomes that need not be computed again.

The outcome of a method depends on the problem, its settings and the seed, but not on the other
methods. So when a method is added, the outcomes of the others stay and only the new one runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dgm_core.imputers import CATALOGUE
from dgm_core.studies.inpainting import comparison
from dgm_core.studies.inpainting.comparison import Config, Control, Frame, Outcome, Settings
from ui import cache

Ended = dict[tuple[str, Settings], Outcome]
"""(method, its settings) → its outcome, all for one problem and seed."""


class Progress:
    """The latest outcome of each method; written by the thread of a run, read by the page.

    Args:
        config: the comparison.
        ended: outcomes that are known already.
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
        """Whether every method has an outcome."""
        return len(self._latest) == len(self.config.methods)

    def work(self) -> Iterator[str]:
        """Run the methods without an outcome, fast ones first; yields the method that advanced.

        The outcomes themselves are not yielded: an outcome of a face takes a megabyte, and only
        the latest is needed.
        """
        missing = [pair for pair in self.config.methods if pair[0] not in self._latest]
        missing.sort(key=lambda pair: CATALOGUE[pair[0]].needs == "dlvm")  # these iterate
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
        """The outcomes of all methods in their order; those that wait have an empty one."""
        latest = dict(self._latest)
        return [
            latest.get(name, Outcome(name, "running", "", 0.0, 0.0))
            for name, _ in self.config.methods
        ]

    @property
    def started(self) -> bool:
        """Whether any method has an outcome to show."""
        return bool(self._latest)

    def restarted(self) -> Progress:
        """The progress of a new run: with the known outcomes, or without any if all are known."""
        progress = Progress(self.config, self._ended)
        return Progress(self.config, {}) if progress.complete else progress

    def ended_for(self, config: Config) -> Ended:
        """The outcomes that also hold for another configuration."""
        return dict(self._ended) if _problem(self.config) == _problem(config) else {}


def resumed(config: Config, *sources: Progress) -> Progress:
    """A progress with the outcomes of others; the last of them takes precedence."""
    ended: Ended = {}
    for source in sources:
        ended |= source.ended_for(config)
    return Progress(config, ended)


def shipped(config: Config, outcomes: Sequence[Outcome]) -> Progress:
    """The progress of a shipped run."""
    settings = dict(config.methods)
    return Progress(config, {(each.method, settings[each.method]): each for each in outcomes})


def _problem(config: Config) -> Config:
    return replace(config, methods=())
