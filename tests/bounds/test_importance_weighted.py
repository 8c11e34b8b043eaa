"""Bounds against a model whose likelihood is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from dgm_core.bounds import (
    elbo,
    estimate_log_likelihood,
    iwae_bound,
    iwae_curve,
    log_likelihood,
    log_weights,
)
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from tests.toys import LinearGaussian


def problem() -> tuple[LinearGaussian, torch.Tensor, torch.Tensor]:
    model = LinearGaussian(shift=0.2, stretch=1.2)
    exact = MultivariateNormal(model.offset, model.covariance)
    x = model.offset + torch.randn(6, 5, generator=generator(0), dtype=torch.float64)
    return model, x, exact.log_prob(x)


def test_importance_sampling_reaches_log_p_within_its_standard_error() -> None:
    model, x, exact = problem()
    estimate = log_likelihood(log_weights(model, x, 20_000, generator(1)))
    assert (((estimate.value - exact) / estimate.standard_error).abs() < 4).all()
    in_pieces = estimate_log_likelihood(model, x, 20_000, generator(2), decoded_at_once=3_001)
    assert (((in_pieces.value - exact) / in_pieces.standard_error).abs() < 4).all()


def test_the_standard_error_is_the_spread_of_repeated_estimates() -> None:
    model, x, _ = problem()
    log_w = log_weights(model, x[:1], 400 * 1000, generator(3)).reshape(400, 1000)
    repeated = log_likelihood(log_w)  # 1000 estimates of 400 draws each
    claimed = repeated.standard_error.square().mean().sqrt()
    assert math.isclose(repeated.value.std().item(), claimed.item(), rel_tol=0.15)


def test_the_bound_grows_with_k_and_stays_below_log_p() -> None:
    model, x, exact = problem()
    log_w = log_weights(model, x, 64 * 4000, generator(4)).reshape(64, 4000, len(x))
    bounds = [
        iwae_bound(log_w[:k].transpose(0, 1).reshape(4000, k, -1).transpose(0, 1))
        for k in (1, 4, 16, 64)
    ]
    means = torch.stack([bound.mean(0) for bound in bounds])
    assert (means.diff(dim=0) > 0).all()
    assert (means < exact).all()
    torch.testing.assert_close(means[0], elbo(log_w.reshape(-1, len(x))), rtol=0.02, atol=0.02)


def test_the_exact_posterior_gives_constant_weights() -> None:
    """If q is the posterior, every weight is p(x). Since q is diagonal, W must be orthogonal."""
    model = LinearGaussian()
    model.weights, _ = torch.linalg.qr(model.weights)
    precision = 1 + model.noise**-2
    model.gain = model.weights.T / model.noise**2 / precision
    model.scale = torch.full((2,), precision**-0.5, dtype=torch.float64)
    x = torch.randn(4, 5, generator=generator(5), dtype=torch.float64)
    log_w = log_weights(model, x, 10, generator(6))
    exact = MultivariateNormal(model.offset, model.covariance).log_prob(x)
    torch.testing.assert_close(log_w, exact.expand(10, 4))


def test_an_elbo_sums_over_pixels_and_latents() -> None:
    """−ELBO of a Bernoulli VAE by hand, with binary cross-entropy summed over all 784 pixels."""
    model = fully_connected_dlvm(latent_dim=3, hidden=8, full_covariance=False).double()
    x = (torch.rand(2, 1, 28, 28, generator=generator(7)) < 0.5).double()
    log_w = log_weights(model, x, 1, generator(8))[0]
    q = model.encode(x).base_dist
    eps = torch.randn(2, 1, 3, generator=generator(8), dtype=torch.float64)[:, 0]
    z = q.loc + q.scale * eps
    logits = model.decoder(z)
    log_p_x = (x * logits - torch.nn.functional.softplus(logits)).flatten(1).sum(1)
    log_prior = -0.5 * z.square().sum(1)
    log_q = (-0.5 * eps.square() - q.scale.log()).sum(1)  # the same 2π terms cancel
    torch.testing.assert_close(log_w, log_p_x + log_prior - log_q)


def test_the_curve_averages_blocks() -> None:
    log_w = torch.randn(11, 2, generator=generator(8), dtype=torch.float64)

    def by_hand(k: int) -> torch.Tensor:
        blocks = [log_w[i : i + k].exp().mean(0).log() for i in range(0, 11 - k + 1, k)]
        return torch.stack(blocks).mean(0)

    found = iwae_curve(log_w, [1, 3, 11])
    torch.testing.assert_close(found.value, torch.stack([by_hand(k) for k in (1, 3, 11)]))
    torch.testing.assert_close(found.standard_error[0], log_w.std(0) / 11**0.5)
    torch.testing.assert_close(found.standard_error[2], log_likelihood(log_w).standard_error)
    assert iwae_curve(log_w[:1], [1]).standard_error.isnan().all()
    with pytest.raises(ValueError, match="1 … 11"):
        iwae_curve(log_w, [12])


def test_the_standard_errors_of_the_curve_are_the_spread_of_repeated_curves() -> None:
    model, x, _ = problem()
    draws = (1, 10, 100, 500)
    log_w = log_weights(model, x[:1], 300 * 1000, generator(3)).reshape(1000, 300)
    found = iwae_curve(log_w, draws)  # 300 curves of 1000 draws each
    claimed = found.standard_error.square().mean(1).sqrt()
    torch.testing.assert_close(found.value.std(1), claimed, rtol=0.2, atol=0)
