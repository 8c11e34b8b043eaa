"""Quadrature over latents against Gaussian algebra and a sum over all images."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.distributions import MultivariateNormal

from dgm_core.bounds.quadrature import Plane, evidence_by_halving, log_evidence, log_joint_at
from dgm_core.distributions.gaussian import condition
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.miwae import MIWAE
from dgm_core.rng import generator
from dgm_core.types import Masked
from tests import linear_table
from tests.toys import LinearGaussian, SmallBernoulli


def everything(x: torch.Tensor) -> Masked:
    return Masked(x, torch.ones_like(x, dtype=torch.bool))


def gaussian_problem() -> tuple[LinearGaussian, Masked, torch.Tensor]:
    """Rows with different masks, and their exact log p(x_obs)."""
    model = LinearGaussian()
    x = model.offset + 1.5 * torch.randn(4, 5, generator=generator(0), dtype=torch.float64)
    observed = torch.tensor(
        [[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 1, 0]], dtype=torch.bool
    )
    exact = [
        MultivariateNormal(model.offset[seen], model.covariance[seen][:, seen]).log_prob(row[seen])
        for row, seen in zip(x, observed, strict=True)
    ]
    return model, Masked(x * observed, observed), torch.stack(exact)


def test_the_evidence_of_a_gaussian_model_is_exact() -> None:
    model, masked, exact = gaussian_problem()
    found = log_evidence(model, masked, tolerance=1e-9)
    torch.testing.assert_close(found.value, exact, rtol=0, atol=1e-7)
    assert (found.error < 1e-9).all()
    assert (found.edge < 1e-6).all()


def test_the_evidence_with_one_latent_is_exact() -> None:
    model = MIWAE(**linear_table.networks()).double()
    found = log_evidence(model, linear_table.rows(2), tolerance=1e-9)
    exact = linear_table.log_p_seen().expand(2)
    torch.testing.assert_close(found.value, exact, rtol=0, atol=1e-7)


def test_halving_keeps_all_points() -> None:
    """The partial sums of the generator add up to the sum over the whole grid."""
    model, masked, _ = gaussian_problem()
    *_, found = itertools.islice(evidence_by_halving(model, masked, intervals=5, reach=4.0), 3)
    axis = torch.linspace(-4, 4, 21, dtype=torch.float64)
    whole = log_joint_at(model, masked, torch.cartesian_prod(axis, axis)).logsumexp(0)
    assert found.points == 21**2
    torch.testing.assert_close(found.value, whole + 2 * (axis[1] - axis[0]).log())


def test_the_stated_error_is_not_too_small() -> None:
    """The second grid is off by 2.4 nats and by chance changed by 0.4: it may not state that."""
    model, masked, exact = gaussian_problem()
    for found in itertools.islice(evidence_by_halving(model, masked, intervals=4), 1, 6):
        assert ((found.value - exact).abs() <= found.error + 1e-7).all()


def test_a_grid_that_ends_too_early_is_reported() -> None:
    model, masked, exact = gaussian_problem()
    found = log_evidence(model, masked, reach=1.0)
    off = (found.value - exact).abs() > 1e-3
    assert off.any()
    assert (found.edge[off] > 1e-4).all()


def test_the_evidence_of_all_images_sums_to_one() -> None:
    model = SmallBernoulli()
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6))).double()
    found = log_evidence(model, everything(images), tolerance=1e-8)
    torch.testing.assert_close(found.value.exp().sum().item(), 1.0, rtol=0, atol=1e-7)
    # With two pixels hidden, the evidence is the sum over their possible values.
    observed = torch.tensor([True, True, False, True, False, True])
    part = log_evidence(model, Masked(images[:1] * observed, observed[None]), tolerance=1e-8)
    alike = (images[:, observed] == images[0, observed]).all(1)
    torch.testing.assert_close(part.value[0], found.value[alike].logsumexp(0))


def test_the_posterior_on_a_grid_is_the_gaussian_one() -> None:
    model, masked, exact = gaussian_problem()
    axis = torch.linspace(-5, 5, 301, dtype=torch.float64)
    plane = Plane(model, axis, axis[:280])
    found = plane.log_posterior(masked, exact)
    for row, seen in enumerate(masked.observed):
        # (z, x) is jointly Gaussian; hidden are z and the other entries of x.
        weights = model.weights
        joint = torch.cat(
            [
                torch.cat([torch.eye(2, dtype=torch.float64), weights.T], 1),
                torch.cat([weights, model.covariance], 1),
            ]
        )
        mean = torch.cat([torch.zeros(2, dtype=torch.float64), model.offset])
        both = torch.cat([torch.zeros(2, dtype=torch.float64), masked.x[row]])
        known = torch.cat([torch.zeros(2, dtype=torch.bool), seen])
        distribution = condition(mean, joint, both, known)
        z_mean, z_cov = distribution.mean[:2], distribution.covariance[:2, :2]
        expected = MultivariateNormal(z_mean, z_cov).log_prob(plane.z)
        torch.testing.assert_close(found[row].flatten(), expected, rtol=0, atol=1e-8)
        one, spread = plane.moments(found[row : row + 1])
        torch.testing.assert_close(one[0], z_mean, rtol=0, atol=1e-4)
        torch.testing.assert_close(spread[0], z_cov, rtol=0, atol=1e-4)
    own = plane.log_posterior(masked)
    torch.testing.assert_close(own, found, rtol=0, atol=1e-5)


def test_rows_and_columns_of_the_plane_are_not_exchanged() -> None:
    model, masked, _ = gaussian_problem()
    across, up = torch.linspace(-3, 3, 40).double(), torch.linspace(-2, 2, 30).double()
    plane = Plane(model, across, up)
    z = torch.stack([across[7], up[21]])[None]
    torch.testing.assert_close(
        plane.log_joint(masked)[:, 21, 7], log_joint_at(model, masked, z)[0]
    )


def test_draws_from_the_grid_follow_the_posterior() -> None:
    model, masked, exact = gaussian_problem()
    axis = torch.linspace(-5, 5, 201, dtype=torch.float64)
    plane = Plane(model, axis, axis)
    log_posterior = plane.log_posterior(masked, exact)
    mean, covariance = plane.moments(log_posterior)
    draws = plane.draw(log_posterior, 1500, generator(2))
    error = covariance.diagonal(dim1=1, dim2=2).sqrt() / 1500**0.5
    assert ((draws.mean(0) - mean).abs() < 5 * error).all()


def test_more_than_two_latents_are_refused() -> None:
    model = fully_connected_dlvm(latent_dim=3, hidden=4)
    masked = everything(torch.zeros(1, 1, 28, 28))
    with pytest.raises(ValueError, match="1 or 2 latents"):
        log_evidence(model, masked)
    with pytest.raises(ValueError, match="2 latents"):
        Plane(model, torch.linspace(-1, 1, 3), torch.linspace(-1, 1, 3))
