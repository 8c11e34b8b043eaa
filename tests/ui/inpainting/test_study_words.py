"""Sentences and charts of a study, from constructed results."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dgm_core.studies.inpainting.sampler_sweeps import PUBLISHED_F1, SAMPLERS, Row
from ui.inpainting import study_charts, study_words
from ui.inpainting.study_charts import Group

PSEUDO, METROPOLIS = SAMPLERS


def row(
    sweep: str, setting: str, sampler: str, *hits: float, warmup: int = 0, stuck: float = 0.0
) -> Row:
    """50 images with about `hits` of 100 pixels right after 50, 100, … iterations."""
    lengths = tuple(50 * (at + 1) for at in range(len(hits)))
    noise = np.random.default_rng(0).integers(-5, 6, 50)
    counts = np.stack([[[[h + n, 100 - h - n] for n in noise]] * 2 for h in hits])
    each = (0.1,) * len(hits), (stuck,) * len(hits), (math.nan,) * len(hits)
    pattern = setting if sweep == "missing rate" else "top half"
    return Row(
        "mnist",
        sweep,
        setting,
        sampler,
        pattern,
        "zeros",
        warmup,
        1,
        0,
        lengths,
        *each,
        counts.astype(np.uint16),
        np.full(50, 30),
    )


def sentences(sweep: str, *rows: Row) -> str:
    return study_words.sentences(sweep, rows, 50)


def test_the_sampler_that_is_clearly_ahead_is_named() -> None:
    rates = (
        row("missing rate", "40 % at random", PSEUDO, 60),
        row("missing rate", "40 % at random", METROPOLIS, 70),
        row("missing rate", "80 % at random", PSEUDO, 60),
        row("missing rate", "80 % at random", METROPOLIS, 50, stuck=0.25),
        row("missing rate", "top half", PSEUDO, 50),
        row("missing rate", "top half", METROPOLIS, 50),
    )
    text = sentences("missing rate", *rates)
    assert "**Metropolis is ahead** at 40 % at random" in text
    assert "**Pseudo-Gibbs is ahead** at 80 % at random" in text
    assert "At the other 1 setting they tie." in text
    assert "Metropolis chains are stuck at 80 % at random: 25\u00a0%." in text
    assert "The two samplers tie at every setting." in sentences("missing rate", *rates[4:])


def lead(setting: str, hits: np.ndarray) -> tuple[Row, Row]:
    """Two rows whose F1 differ by a mean of `hits` (50,) of 100 pixels."""
    low, high = (row("missing rate", setting, sampler, 60) for sampler in SAMPLERS)
    counts = high.counts.astype(np.int64)
    counts[..., 0] += hits
    counts[..., 1] -= hits
    return low, high._replace(counts=counts.astype(np.uint16))


def test_one_of_many_settings_at_two_standard_errors_is_a_tie() -> None:
    low, high = lead("first", np.repeat((-2, 4), 25))
    value, error = high.f1_difference(low)
    assert 2 < value / error < 2.5
    assert "**Metropolis is ahead** at first" in sentences("missing rate", low, high)
    others = [each for n in range(17) for each in lead(f"{n}", np.repeat((-3, 3), 25))]
    text = sentences("missing rate", low, high, *others)
    assert "The two samplers tie at every setting." in text


def test_dependence_on_the_initialisation_is_stated() -> None:
    same = [row("initialisation", name, PSEUDO, 60) for name in ("zeros", "ones")]
    other = [
        row("initialisation", name, METROPOLIS, hits)
        for name, hits in (("zeros", 60), ("ones", 40))
    ]
    text = sentences("initialisation", *same, *other)
    assert "With pseudo-Gibbs, all initialisations tie with the best." in text
    assert "**Metropolis still depends on its initialisation**: ones is behind zeros" in text


def test_warm_ups_are_compared_with_none() -> None:
    rows = [row("warm-up", f"{n}", METROPOLIS, 50 + n, warmup=n) for n in (0, 10, 30)]
    assert "**Clearly better than no warm-up**: 10 and 30 iterations" in sentences(
        "warm-up", *rows
    )
    assert "All warm-ups tie with none." in sentences(
        "warm-up", rows[0], rows[0]._replace(warmup=10)
    )


def test_rising_and_constant_scores_are_distinguished() -> None:
    text = sentences(
        "iterations",
        row("iterations", "top half", PSEUDO, 60, 60),
        row("iterations", "top half", METROPOLIS, 50, 70),
    )
    assert "The F1 of pseudo-Gibbs does not clearly change" in text
    assert "**The F1 of Metropolis still rises** from 50 to 100 iterations" in text
    assert "**At the end, Metropolis is ahead**" in text


@pytest.mark.parametrize("pixels", ["hidden", "all"])
def test_published_values_are_shown_only_for_all_pixels(pixels: str) -> None:
    rows = [
        row("missing rate", name, each, 60) for name in PUBLISHED_F1["mnist"] for each in SAMPLERS
    ]
    rows.append(row("missing rate", "top half", PSEUDO, 60))
    names = [*PUBLISHED_F1["mnist"], "top half"]
    groups = [Group("", rows, "solid", "circle")]
    figure = study_charts.chart("missing rate", names, groups, 50, pixels)
    hollow = [each for each in figure.data if each.marker.symbol == "circle-open"]
    assert len(hollow) == (2 if pixels == "all" else 0)
    assert all(max(each.y) < 0.95 for each in hollow)
    drawn = figure.data[0]
    assert drawn.y[-2] is None  # halves are not joined by a line
    assert drawn.error_y.array[0] == pytest.approx(rows[0].f1(50, pixels=pixels)[1])
    assert ("all" in figure.layout.yaxis.title.text) == (pixels == "all")
