"""The views of the lab, in the order of a lesson."""

from __future__ import annotations

from typing import Protocol

from ui import jobs
from ui.mnar.assume import Assume
from ui.mnar.identify import Identify
from ui.mnar.images import Images
from ui.mnar.one_cell import OneCell
from ui.mnar.predict import Predict
from ui.mnar.side_by_side import Watch


class View(Protocol):
    """What is shown beside the controls."""

    name: str
    about: str

    def show(self) -> None:
        """Draw what there is without a run."""


class RunningView(View, Protocol):
    """A view with a background run."""

    config: object
    worker: jobs.Worker
    action: str  # label of the button that starts the run
    automatic: bool  # does the run start without a click?

    @property
    def available(self) -> bool:
        """Can results be shown without a run?"""

    def start(self) -> None:
        """Start the run; it replaces the current one."""

    def above(self) -> None:
        """Widgets above the figures."""

    def follow(self, run: jobs.Run) -> None:
        """Draw the results of the run so far."""

    def below(self, *, live: bool) -> None:
        """What is shown below the figures."""


VIEWS = {view.name: view for view in (Watch, Assume, Identify, Predict, OneCell, Images)}
