"""The steps of the page, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import streamlit as st

from dgm_core.studies.your_table import completion
from dgm_core.studies.your_table.completion import Config, Result
from dgm_core.studies.your_table.understanding import modelled
from ui import figures, jobs, links
from ui.run_panel import RunPanel
from ui.your_table import (
    assumption,
    columns,
    completed,
    downloads,
    method,
    regression,
    sensitivity,
    shipped,
    source,
    strengths,
)
from ui.your_table.outcome import Outcome
from ui.your_table.source import Given

SETTINGS = (
    source.SOURCE,
    assumption.REASON,
    assumption.STRENGTH,
    method.METHOD,
    method.MODELS,
    method.LENGTH,
    method.SEED,
)
WORKER = "your table"


class Task(NamedTuple):
    """By what a run is recognised."""

    digest: str
    config: Config


class Refusal(NamedTuple):
    """The last item of a run that could not complete the table."""

    sentence: str
    done: float = 1.0


def show() -> None:
    """Draw the page."""
    _title("1. The table")
    given = source.choose()
    config = None if given is None else _config(given)
    links.send(links.texts(SETTINGS, skip_first=True))
    if given is None or config is None:
        return

    def work(task: Task) -> Iterator[object]:
        try:
            yield from completion.steps(task.config, given.reading.every_row)
        except ValueError as error:  # the sentence says what is wrong with the table
            yield Refusal(str(error))

    task = Task(given.digest, config)
    panel = RunPanel(WORKER, task, work, action="Complete the table")
    panel.buttons()
    progress = st.container()
    outcome, run = _outcome(given, config, panel)
    if outcome is not None:
        _results(outcome, run)
    with progress:
        panel.show(_scores, without=lambda: _invite(outcome))


def _config(given: Given) -> Config | None:
    _title("2. What was understood")
    plans = columns.choose(given)
    if plans is None:
        return None
    _title("3. Why might values be missing?")
    why = assumption.choose(given, modelled(plans, given.reading.every_row))
    if why is None:
        return None
    _title("4. The method")
    return method.choose(plans, why)


def _outcome(given: Given, config: Config, panel: RunPanel) -> tuple[Outcome | None, str]:
    """The finished completion with these settings, and its name; None if there is none."""
    run = panel.run
    if run is not None:
        items = list(run.items)
        if not panel.live and items and isinstance(items[-1], Result):
            result = items[-1]
            return run.once("outcome", lambda: Outcome(given, config, result)), run.name
        return None, ""
    ready = shipped.st_outcome()
    if given.digest == ready.given.digest and config == ready.config:
        return ready, "shipped"
    return None, ""


def _invite(outcome: Outcome | None) -> None:
    if outcome is None:
        st.caption(
            "Press **Complete the table**. Small tables take less than a minute; you can stop at "
            "any time."
        )
    else:
        st.caption(
            "This table was completed beforehand with these settings. Press **Complete the "
            "table** to repeat it here."
        )
        if outcome.result.scores is not None:
            method.scores(
                outcome.result.scores, outcome.result.method, outcome.config.why.hidden_by
            )


def _scores(run: jobs.Run) -> None:
    """The scores of the methods, as soon as they are there."""
    newest = run.items[-1]
    if isinstance(newest, Refusal):
        st.error(f"The table could not be completed: {figures.plain(newest.sentence)}")
        return
    found = getattr(newest, "scores", None)
    if found is not None:
        used = getattr(newest, "method", None) or completion.best(found)
        method.scores(found, used, run.key.config.why.hidden_by)


def _results(outcome: Outcome, run: str) -> None:
    for sentence in outcome.result.cautions:
        st.warning(sentence)
    for sentence in outcome.result.bounded:
        st.caption(sentence)
    _title("5. The completed table")
    completed.show(outcome)
    _title("6. What if the missing values are different?")
    sensitivity.show(outcome)
    _title("7. What if high values go missing more often?")
    strengths.show(outcome, run)
    _title("8. A regression")
    regression.show(outcome)
    _title("9. Downloads")
    downloads.show(outcome, run)
    clause = outcome.config.why.clause_of(outcome.result.method)
    st.caption(figures.plain(f"These results assume that {clause}."))


def _title(text: str) -> None:
    st.subheader(text, anchor=False, divider="gray")
