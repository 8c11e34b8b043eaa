"""Partial encoders: the loss against a closed form, and importance sampling with them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from dgm_core.missing import mixed_masks
from dgm_core.models.dlvm import convolutional_dlvm
from dgm_core.models.partial import PartiallyEncoded, convolutional_partial_encoder
from dgm_core.rng import draw, generator
from dgm_core.samplers import INITIALISATIONS, partial_draw, start_of
from dgm_core.samplers.importance import IncompleteEncoder, incomplete_log_weights
from dgm_core.training import losses
from dgm_core.types import Masked
from tests.toys import LinearGaussian

MASKS = mixed_masks.Proportions(square=0.1, box=0.3, half=0.3)


class Rows(LinearGaussian):
    """The model of five numbers, for images of one row of five pixels."""

    def encode(self, x: Tensor) -> Distribution:
        return super().encode(x.flatten(1))

    def exact(self, masked: Masked, shift: float = 0.0, stretch: float = 1.0) -> Distribution:
        """The mean of q(z|x) over p(x_mis | x_obs): a Gaussian, as everything is linear."""
        x, seen = masked.x.flatten(1), masked.observed.flatten(1)
        weights = self.weights * seen[:, :, None]  # a hidden pixel says nothing on z
        precision = torch.eye(2) + weights.mT @ weights / self.noise**2
        covariance = torch.linalg.inv(precision)
        residual = ((x - self.offset) * seen)[:, :, None]
        mean = (covariance @ (weights.mT @ residual))[..., 0] / self.noise**2
        complete = torch.linalg.inv(torch.eye(2) + self.weights.T @ self.weights / self.noise**2)
        # The spread of the means of q(z|x) over completions, and that of q(z|x).
        covariance = covariance - complete + torch.diag(self.scale**2)
        return MultivariateNormal(mean + shift, covariance * stretch)


def drawn(model: Rows, rows: int) -> Tensor:
    z = draw(model.prior().expand((rows,)), generator(1))
    return draw(model.decode(z), generator(2))[:, None, None]


def excess(shift: float = 0.0, stretch: float = 1.0, rows: int = 20_000) -> float:
    """Loss of a partial encoder minus the least possible one, in standard errors."""
    model, values = Rows(), []
    x = drawn(model, rows)
    for number, part in enumerate(x.split(500)):
        loss = losses.posterior_matching(model, MASKS)
        value = loss(lambda masked: model.exact(masked, shift, stretch), part, generator(number))
        observed = mixed_masks.mixed(len(part), 1, 5, generator(number), MASKS).expand_as(part)
        entropy = model.exact(Masked(part, observed)).entropy().mean()
        values.append((value - entropy).item())
    found = torch.tensor(values)
    return (found.mean() / found.std() * math.sqrt(len(found))).item()


def test_the_least_loss_is_the_entropy_of_the_mean_proposal() -> None:
    assert abs(excess()) < 4


@pytest.mark.parametrize("wrong", [{"shift": 0.3}, {"stretch": 0.5}, {"stretch": 2.0}])
def test_every_other_proposal_loses_more(wrong: dict[str, float]) -> None:
    assert excess(**wrong) > 10


def test_latents_of_the_prior_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rows, "encode", lambda self, x: self.prior().expand((len(x),)))
    assert excess() > 10


def both() -> PartiallyEncoded:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dlvm = convolutional_dlvm(latent_dim=4, channels=4, hidden=16)
        return PartiallyEncoded(dlvm, convolutional_partial_encoder(4, 4, 16)).eval()


def halves(rows: int = 3) -> Masked:
    x = (torch.rand(rows, 1, 28, 28, generator=generator(0)) < 0.3).float()
    observed = torch.zeros_like(x, dtype=torch.bool)
    observed[:, :, 14:] = True
    return Masked(x, observed)


def test_hidden_pixels_are_not_read() -> None:
    model, masked = both(), halves()
    other = Masked(torch.where(masked.observed, masked.x, 1.0), masked.observed)
    first, second = (model.encode_incomplete(each).mean for each in (masked, other))
    assert torch.equal(first, second)
    seen = model.encode_incomplete(Masked(masked.x, torch.ones_like(masked.observed))).mean
    assert not torch.allclose(first, seen)  # a hidden pixel is not a black one


@torch.no_grad()
def test_its_weights_estimate_the_same_likelihood_as_those_of_the_prior() -> None:
    """In standard errors of the difference; the decoder is nearly flat, so both are precise."""
    model, masked = both(), halves()
    assert isinstance(model, IncompleteEncoder)
    count = 4000
    log_w = incomplete_log_weights(model, masked, count, generator(1)).double()
    z = draw(model.prior().expand((len(masked),)), generator(2), count)
    x = masked.tile(count)
    each = model.decode(z.flatten(0, 1)).logits
    seen = (x.x * each - torch.nn.functional.softplus(each)) * x.observed
    log_p = seen.flatten(1).sum(1).view(count, -1).double()
    values = []
    for weights in (log_w, log_p):
        top = weights.max(0).values
        scaled = (weights - top).exp()
        error = scaled.std(0) / scaled.mean(0) / count**0.5
        values.append((scaled.mean(0).log() + top, error))
    (a, a_error), (b, b_error) = values
    assert (a_error < 0.1).all()
    assert ((a - b).abs() < 4 * (a_error**2 + b_error**2).sqrt()).all()


def test_chains_start_from_it_where_there_is_one() -> None:
    model, masked = both(), halves()
    assert start_of(model, "zeros") is partial_draw
    assert start_of(model.model, "zeros") is INITIALISATIONS["zeros"]
    x = partial_draw(model, masked, generator(0))
    assert x.shape == masked.x.shape
    assert set(x.unique().tolist()) <= {0.0, 1.0}
    with pytest.raises(ValueError, match="completion"):
        partial_draw(model.model, masked, generator(0))
