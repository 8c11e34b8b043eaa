"""Amputation removes the planned values and no others."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.missing.amputation import KINDS, Amputation, ampute
from dgm_core.rng import generator, normal
from dgm_core.types import Masked

N, D = 4000, 5


@pytest.fixture(scope="module")
def known() -> Masked:
    x = normal((N, D), generator(0))
    seen = torch.ones(N, D, dtype=torch.bool)
    seen[:7, 1] = False
    return Masked(x, seen)


def plan(kind: str, **settings: object) -> Amputation:
    driver = 3 if kind == "another column" else None
    return Amputation(kind, columns=(1, 4), driver=driver, base_rate=0.2, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_only_chosen_columns_lose_values_and_missing_cells_are_not_scored(
    kind: str, known: Masked
) -> None:
    problem = ampute(known, plan(kind))
    assert problem.masked.losing == [1, 4]
    assert not problem.masked.observed[:7, 1].any()
    assert not problem.hidden[:7, 1].any()
    assert torch.equal(problem.masked.x[:, [0, 2, 3]], known.x[:, [0, 2, 3]])
    again = ampute(known, plan(kind))
    assert torch.equal(again.masked.observed, problem.masked.observed)


@pytest.mark.parametrize(("direction", "sign"), [("high", 1), ("low", -1)])
def test_self_masking_hides_values_in_its_direction(
    direction: str, sign: int, known: Masked
) -> None:
    problem = ampute(known, Amputation(columns=(0,), direction=direction, threshold=0.5))
    far = sign * (known.x[:, 0] - 0.5) > 0.2
    near = sign * (known.x[:, 0] - 0.5) < -0.2
    assert problem.hidden[far, 0].all()
    assert not problem.hidden[near, 0].any()


def test_another_column_decides_independently_of_the_own_value(known: Masked) -> None:
    problem = ampute(known, Amputation("another column", (1,), driver=3, strength=50.0))
    hidden = problem.hidden[7:, 1].double()
    assert torch.corrcoef(torch.stack([hidden, known.x[7:, 3].double()]))[0, 1] > 0.7
    own = torch.corrcoef(torch.stack([hidden, known.x[7:, 1].double()]))[0, 1]
    assert abs(own) < 4 / math.sqrt(N)


def test_chance_removes_the_given_fraction(known: Masked) -> None:
    hidden = ampute(known, Amputation("chance", (0,), base_rate=0.3)).hidden[:, 0].double()
    assert abs(hidden.mean() - 0.3) < 4 * math.sqrt(0.21 / N)


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"kind": "magic"}, "kind"),
        ({"columns": ()}, "columns"),
        ({"kind": "another column"}, "driver"),
        ({"strength": 1e9}, "strength"),
        ({"threshold": math.nan}, "threshold"),
        ({"direction": "up"}, "direction"),
    ],
)
def test_a_wrong_plan_is_an_error(wrong: dict, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        Amputation(**wrong)


def test_an_absent_column_is_an_error(known: Masked) -> None:
    with pytest.raises(ValueError, match="below 5"):
        ampute(known, Amputation(columns=(5,)))
