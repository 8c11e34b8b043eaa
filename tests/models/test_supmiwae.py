"""supMIWAE against quadrature: bounds with a target, and predictions from incomplete rows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

from dgm_core.models.miwae import MIWAE
from dgm_core.models.supmiwae import CategoricalPredictor, GaussianPredictor, SupMIWAE
from dgm_core.models.tabular import tanh_network, tanh_networks
from dgm_core.rng import generator
from dgm_core.samplers.completions import Completions, weighted_completions
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Labelled, Masked
from tests.linear_table import (
    SEEN,
    SelfMasking,
    conditional_on_a_grid,
    networks,
    rows,
    standard_errors_off,
)

PROCESS = SelfMasking([2.5, 0.8], [0.2, -0.4])
PROCESSES = {"supMIWAE": None, "sup-not-MIWAE": PROCESS}


class Curve(nn.Module):
    """Two nonlinear outputs of the hidden column, for which a zero is not a substitute."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[..., 0].square() + x[..., 1], 2 * x[..., 0]], -1)


def predictor(kind: str) -> nn.Module:
    if kind == "classes":
        return CategoricalPredictor(Curve())
    return GaussianPredictor(nn.Sequential(Curve(), nn.Linear(2, 1).double())).double()


def model(kind: str, name: str) -> SupMIWAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = predictor(kind)
    return SupMIWAE(**networks(1.4), predictor=made, missing_process=PROCESSES[name])


@torch.no_grad()
def drawn(which: SupMIWAE, count: int, draws: int, y: Tensor | None = None) -> Completions:
    return weighted_completions(which, rows(count), draws, generator(0), y=y)


CASES = {"number": torch.tensor(0.7).double(), "classes": torch.tensor(1)}


@torch.no_grad()
def by_quadrature(which: SupMIWAE, name: str, y: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x_1, s, y) and p(y | x_1, s)."""
    log_p, grid, weights = conditional_on_a_grid(PROCESSES[name])
    distribution = which.predictor(torch.stack([grid, torch.full_like(grid, SEEN)], 1))
    p_y = (weights * distribution.log_prob(y).exp()).sum()
    return log_p + p_y.log(), p_y


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("kind", CASES)
def test_bound_and_prediction_are_those_of_quadrature(kind: str, name: str) -> None:
    which, y = model(kind, name), CASES[kind]
    log_p, p_y = by_quadrature(which, name, y)
    sample = drawn(which, 50, 4000, y.expand(50))
    assert standard_errors_off(sample.log_w.exp().mean(0), log_p.exp()) < 5
    with torch.no_grad():
        distribution = which.predict(drawn(which, 50, 4000))
    assert standard_errors_off(distribution.log_prob(y.expand(50)).exp(), p_y) < 5


def test_a_predictor_with_zeros_for_hidden_values_misses_both() -> None:
    which, y = model("number", "sup-not-MIWAE"), CASES["number"]
    _, p_y = by_quadrature(which, "sup-not-MIWAE", y)
    sample = drawn(which, 50, 4000)
    zeros = sample._replace(drawn=rows(50).x.expand_as(sample.x))
    with torch.no_grad():
        wrong = which.predict(zeros).log_prob(y.expand(50)).exp()
        right = which.predict(sample).log_prob(y.expand(50)).exp()
    error = right.std() / 50**0.5
    assert ((wrong - p_y).abs() > 20 * error).all()


def test_the_target_has_no_influence_on_its_prediction() -> None:
    which, y = model("number", "sup-not-MIWAE"), CASES["number"].expand(5)
    with_y, without = drawn(which, 5, 40, y), drawn(which, 5, 40)
    assert with_y.terms.keys() == {"x_obs", "latent", "missing", "target"}
    assert without.terms.keys() == {"x_obs", "latent", "missing"}
    assert not torch.allclose(with_y.log_w, without.log_w)
    with torch.no_grad():
        torch.testing.assert_close(which.predict(with_y).mean, which.predict(without).mean)


def test_without_target_and_process_it_equals_miwae() -> None:
    plain = MIWAE(**networks(1.4))
    with torch.no_grad():
        theirs = weighted_completions(plain, rows(5), 20, generator(0))
    ours = drawn(model("classes", "supMIWAE"), 5, 20)
    torch.testing.assert_close(ours.bound, theirs.bound, rtol=0, atol=0)
    assert not ours.tilted


def test_predictors_are_the_distributions_of_torch_with_a_floor() -> None:
    x = torch.randn(3, 4, 2, generator=generator(1), dtype=torch.float64)
    number = predictor("number")
    distribution = number(x)
    scale = 1e-3 + nn.functional.softplus(number.scale.raw)
    y = torch.randn(4, generator=generator(2), dtype=torch.float64)
    expected = Normal(number.network(x)[..., 0], scale).log_prob(y)
    torch.testing.assert_close(distribution.log_prob(y), expected)
    classes = torch.tensor([0, 1, 1, 0])
    expected = Categorical(logits=Curve()(x)).log_prob(classes)
    torch.testing.assert_close(predictor("classes")(x).log_prob(classes), expected)
    with torch.no_grad():
        number.scale.raw.fill_(-60)
    assert (number(x).scale >= 1e-3).all()


@pytest.mark.parametrize("kind", CASES)
def test_gradients_reach_encoder_decoder_process_and_predictor(kind: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = (
            GaussianPredictor(tanh_network(4, 1, 8))
            if kind == "number"
            else CategoricalPredictor(tanh_network(4, 3, 8))
        )
        parts = tanh_networks(4, hidden=8)
        process = SelfMasking([0.5] * 4, [0.1] * 4)
        which = SupMIWAE(**parts, predictor=made, missing_process=process).double()
    x = torch.randn(6, 4, generator=generator(0), dtype=torch.float64)
    masked = Masked(x, torch.rand(x.shape, generator=generator(1)) < 0.6)
    y = x[:, 0] if kind == "number" else torch.arange(6) % 3
    negative_completion_bound(5)(which, Labelled(masked, y), generator(2)).backward()
    for name, parameter in which.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_labelled_rows_stay_together() -> None:
    data = Labelled(rows(4), torch.arange(4))
    assert data[torch.tensor([3, 1])].y.tolist() == [3, 1]
    assert len(data[1:3].masked) == len(data[1:3]) == 2
    with pytest.raises(ValueError, match="shape"):
        Labelled(rows(4), torch.arange(3))
