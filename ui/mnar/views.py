"""The views of the lab, in the order in which a lesson would take them."""

from __future__ import annotations

from typing import Protocol

from ui import jobs
from ui.mnar.assume import Assume
from ui.mnar.identify import Identify
from ui.mnar.images import Images
from ui.mnar.one_cell import OneEntry
from ui.mnar.predict import Predict
from ui.mnar.side_by_side import Watch


class View(Protocol):
    """What stands beside the controls."""

    name: str
    about: str

    def show(self) -> None:
        """What there is without a run."""


class RunningView(View, Protocol):
    """A view with work in the background."""

    config: object
    worker: jobs.Worker
    action: str  # on the button that starts it
    by_itself: bool  # does it start without a press?

    @property
    def at_hand(self) -> bool:
        """Can it be shown without a run?"""

    def start(self) -> None:
        """Begin, in place of what runs."""

    def above(self) -> None:
        """Widgets over the figures."""

    def follow(self, run: jobs.Run) -> None:
        """Where the run stands."""

    def below(self, *, live: bool) -> None:
        """What stands under the figures."""


VIEWS = {view.name: view for view in (Watch, Assume, Identify, Predict, OneEntry, Images)}
