"""Verdicts of several trainings: counts, gaps in standard errors, and every sentence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dgm_core.rng import generator, normal
from dgm_core.studies.mnar.agreement import Verdict, directions, sentence, verdict


def bounds(*means: float, noise: float = 1.0) -> Tensor:
    """(R, 400): a large variation of rows shared by all trainings, and independent noise."""
    rows = 5 * normal((400,), generator(0), torch.float64)
    own = normal((len(means), 400), generator(1), torch.float64)
    own = (own - own.mean(1, keepdim=True)) / own.std(1, keepdim=True)
    return torch.tensor(means, dtype=torch.float64)[:, None] + rows + noise * own


def judged(signs: list[list[int]], *means: float, true_sign: float | None = None) -> Verdict:
    return verdict(torch.tensor(signs), bounds(*means), true_sign)


def test_directions_are_those_of_the_ends_unless_they_hardly_differ() -> None:
    steps = torch.linspace(0, 1, 9)
    curves = torch.stack([steps, 1 - 0.5 * steps, 0.3 + 0.04 * steps, 0.5 * torch.ones(9)])
    assert directions(curves).tolist() == [1, -1, 0, 0]


def test_trainings_that_agree_have_no_gap() -> None:
    found = judged([[1, 1], [1, 1], [1, 1]], 0.1, 0.3, 0.2, true_sign=1.0)
    assert found.agree
    assert not found.decisive
    assert (found.high, found.low, found.agreeing, found.right) == ((3, 3), (0, 0), 3, True)
    assert math.isnan(found.gap)
    assert judged([[-1], [-1]], 0.0, 0.0, true_sign=1.0).right is False


def test_the_gap_is_to_the_best_bound_of_another_finding_and_paired_by_row() -> None:
    signs, means = [[1, 1], [-1, 1], [1, 1], [-1, -1]], (0.9, 0.4, 0.7, 0.1)
    found = judged(signs, *means, true_sign=-1.0)
    assert (found.high, found.low) == ((2, 3), (2, 1))
    assert found.best == (1, 1)
    assert (found.agreeing, found.agree, found.uniform, found.right) == (2, False, False, False)
    assert found.gap == pytest.approx(0.5)
    assert found.spread == pytest.approx(0.2)
    difference = bounds(*means)[0] - bounds(*means)[1]
    assert found.gap_error == pytest.approx(difference.std().item() / 20)
    unpaired = (bounds(*means)[:2].var(1).sum() / 400).sqrt()
    assert found.decisive
    assert not found.gap > 2 * unpaired  # rows differ more than trainings do


def test_a_gap_within_its_error_or_the_training_noise_is_not_decisive() -> None:
    assert not judged([[1], [-1]], 0.1, 0.0).decisive
    assert judged([[1], [-1]], 0.2, 0.0).decisive
    assert judged([[1], [-1], [1], [-1], [-1]], 0.5, 0.0, 0.4, -0.45, -3.0).decisive
    assert not judged([[1], [-1], [1], [-1], [-1]], 0.5, 0.0, 0.4, -0.55, -3.0).decisive


def sentence_of(
    signs: list[list[int]], *means: float, names: str = "A", true_sign: float | None = None
) -> str:
    return sentence(judged(signs, *means, true_sign=true_sign), list(names))


@pytest.mark.parametrize(
    ("signs", "names", "true_sign", "expected"),
    [
        (
            [[1]] * 5,
            "A",
            1.0,
            "All five trainings find that high values of A go missing. That is how",
        ),
        (
            [[-1, -1]] * 2,
            "AB",
            1.0,
            "Both trainings find that low values go missing. That is not",
        ),
        (
            [[1, -1]] * 3,
            "AB",
            None,
            "find that high values of A go missing and low values of B go",
        ),
        (
            [[1, 0]] * 3,
            "AB",
            None,
            "of A go missing and missingness of B does not depend on the value.",
        ),
        (
            [[0, 0]] * 3,
            "AB",
            None,
            "find that missingness of A and B does not depend on the value.",
        ),
    ],
)
def test_the_sentence_for_agreement_is_as_expected(
    signs: list[list[int]], names: str, true_sign: float | None, expected: str
) -> None:
    words = sentence_of(signs, *[0.0] * len(signs), names=names, true_sign=true_sign)
    assert expected in words
    assert words.count(".") == (1 if true_sign is None else 2)


def test_an_indecisive_disagreement_is_stated() -> None:
    words = sentence_of([[1], [-1], [1], [-1], [1]], 0.03, 0.0, 0.0, 0.0, 0.0, true_sign=1.0)
    assert words == (
        "Three of five trainings find that high values go missing, two that low values do. The "
        "best bounds of the different findings differ by 0.03 ± 0.07 nats per row. These data "
        "cannot decide between them."
    )
    words = sentence_of([[1], [-1], [1]], 0.5, 0.0, -0.2)
    assert words.endswith(
        "differ by 0.50 ± 0.07 nats per row. Bounds of trainings that agree differ by 0.70. These "
        "data cannot decide between them."
    )


def test_a_decisive_bound_is_stated() -> None:
    words = sentence_of([[-1], [0], [1]], 0.5, 0.0, 0.1, true_sign=-1.0)
    assert words == (
        "One of three trainings finds that high values go missing, one that low values do, one "
        "finds no dependence. The best bound is 0.40 ± 0.07 nats per row higher than that of any "
        "other finding. That training finds that low values of A go missing. That is how values "
        "were removed."
    )
    wrong = sentence_of([[-1], [1]], 0.5, 0.0, true_sign=1.0)
    assert wrong.endswith("low values of A go missing. That is not how values were removed.")


def test_disputed_columns_are_named_and_counted() -> None:
    signs = [[1, 1, 1, 1, 1, 1], [1, -1, -1, -1, 0, -1]]
    words = sentence_of(signs, 0.0, 0.0, names="ABCDEF")
    assert words.startswith("The two trainings disagree about B, C, D and 2 others. The best")
    words = sentence_of([[1, 1], [1, -1]], 1.0, 0.0, names="AB")
    assert words.startswith("The two trainings disagree about B. The best bound is 1.00")
    assert words.endswith("That training finds that high values go missing.")
