"""The views of the lab, in the order of a lesson, and the settings in its share links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ui.links import InLink, Setting, one_of, settings_of
from ui.mnar import mechanism, table_choice
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
    settings: tuple[InLink, ...]

    def show(self) -> None:
        """Draw figures, the results of a run, and what belongs to them: the end of a page."""


VIEWS = {view.name: view for view in (Watch, Assume, Identify, Predict, OneCell, Images)}
EARLIER_NAMES = {"One entry": OneCell.name}
"""Earlier name of a view, still found in links → its name."""


def _view_name(text: str) -> str:
    return one_of(*VIEWS)(EARLIER_NAMES.get(text, text))


VIEW = Setting("mnar view", Watch.name, options=tuple(VIEWS), read=_view_name, link="view")


def all_settings() -> Iterator[InLink]:
    """Everything that a link holds; the table comes before the settings that depend on it.

    An uploaded table is not in the link.
    """
    yield VIEW
    yield table_choice.TABLE
    yield from mechanism.settings(table_choice.st_table(table_choice.TABLE.value))
    yield from settings_of(VIEWS.values())
