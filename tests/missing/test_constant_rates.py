"""The log-probability of a mask at constant rates, and the bounds that it makes comparable."""

from __future__ import annotations

import pytest
import torch

from dgm_core.distributions.columns import Categorical, Numeric
from dgm_core.missing.constant_rates import log_prob_at_constant_rates
from dgm_core.missing.processes import ByColumn, LinearMasking, Restricted
from dgm_core.rng import generator, normal
from dgm_core.samplers.completions import weighted_completions
from dgm_core.studies.mnar import side_by_side
from dgm_core.types import Masked

N = 90
COLUMNS = (Numeric(), Categorical(3), Numeric())
COLUMN_OF = torch.tensor([0, 1, 1, 1, 2])


def table() -> Masked:
    """Two numbers and one of three levels; the second number is always observed."""
    x = normal((N, 5), generator(0))
    x[:, 1:4] = torch.eye(3)[torch.arange(N) % 3]
    observed = torch.ones(N, 5, dtype=torch.bool)
    observed[::4, 0] = False
    observed[::3, 1:4] = False
    return Masked(torch.where(observed, x, 0), observed)


def test_it_is_the_largest_likelihood_of_constant_rates() -> None:
    observed = table().observed
    found = log_prob_at_constant_rates(observed, COLUMN_OF)
    columns = observed[:, [0, 1, 4]].double()

    def likelihood(rates: list[float]) -> float:
        law = torch.distributions.Bernoulli(torch.tensor(rates), validate_args=False)
        return law.log_prob(columns).sum(1).mean().item()

    best = columns.mean(0).clamp(max=1 - 1e-9).tolist()
    assert found == pytest.approx(likelihood(best), abs=1e-6)
    assert likelihood([best[0] + 0.05, *best[1:]]) < found
    assert log_prob_at_constant_rates(torch.ones(4, 2, dtype=torch.bool)) == 0


def test_not_miwae_with_constant_rates_has_miwaes_bound_plus_it() -> None:
    masked = table()
    config = side_by_side.Config("x", None, side_by_side.UNKNOWN, hidden=8)
    models = side_by_side.build(config, COLUMNS, [0, 1, 2, 3])
    rate = masked.observed.double().mean(0)[[0, 1, 4]].clamp(max=1 - 1e-9).logit().float()
    share = rate[COLUMN_OF] / torch.bincount(COLUMN_OF)[COLUMN_OF]  # entries add up to a column
    constant = LinearMasking(5, torch.zeros(5, 5), share)
    affected = torch.tensor([True, True, True, True, False])
    process = ByColumn(Restricted(constant, affected), COLUMN_OF)
    models["not-MIWAE"].missing_process = process
    models["not-MIWAE"].load_state_dict(models["MIWAE"].state_dict(), strict=False)
    with torch.no_grad():
        plain, both = (
            weighted_completions(model.eval(), masked, 7, generator(3)).bound.mean().item()
            for model in models.values()
        )
    constant_rates = log_prob_at_constant_rates(masked.observed, COLUMN_OF)
    assert both == pytest.approx(plain + constant_rates, abs=1e-4)
