"""A flow is invertible, and its density is normalised."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from dgm_core.models.flow import Flow, coupling_flow
from dgm_core.rng import generator, normal


def random_flow(couplings: int = 6) -> Flow:
    """A flow far from the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        flow = coupling_flow(couplings, 16)
        for coupling in flow.couplings:
            torch.nn.init.normal_(coupling.network[-1].weight, std=0.15)
            torch.nn.init.normal_(coupling.network[-1].bias, std=0.15)
    return flow.requires_grad_(False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_inverse_undoes_the_flow(dtype: torch.dtype) -> None:
    flow, z = random_flow().to(dtype), normal((500, 2), generator(0), dtype)
    there = flow(z)
    back = flow.inverse(there.points)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert (back.points - z).abs().max() < tolerance
    assert (there.log_det + back.log_det).abs().max() < tolerance
    assert (there.points - z).abs().mean() > 0.1


def test_the_log_determinant_is_that_of_the_jacobian() -> None:
    flow, z = random_flow().double(), normal((20, 2), generator(1), torch.float64)
    for count in range(len(flow) + 1):
        part = flow.first(count)
        jacobians = torch.stack(
            [
                torch.autograd.functional.jacobian(lambda at: part(at[None]).points[0], each)  # noqa: B023
                for each in z
            ]
        )
        expected = torch.linalg.slogdet(jacobians).logabsdet
        torch.testing.assert_close(part(z).log_det, expected, rtol=1e-9, atol=1e-9)
    assert expected.std() > 0.1  # it differs between points


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_the_density_integrates_to_one(count: int) -> None:
    flow = random_flow().double().first(count)
    axis = torch.linspace(-14, 14, 561, dtype=torch.float64)
    density = flow.log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert float(density.sum() * (axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=1e-6)


def test_draws_lie_where_the_density_says() -> None:
    flow = random_flow().double()
    drawn = flow(normal((40_000, 2), generator(2), torch.float64)).points
    axis = torch.linspace(-14, 14, 561, dtype=torch.float64)
    plane = torch.cartesian_prod(axis, axis)
    probability = flow.log_prob(plane).softmax(0)
    inside = (plane[:, 0] > 0.3) & (plane[:, 1] > 0)
    expected = float(probability[inside].sum())
    found = ((drawn[:, 0] > 0.3) & (drawn[:, 1] > 0)).double().mean()
    error = math.sqrt(expected * (1 - expected) / len(drawn))
    assert abs(found - expected) < 4 * error + 0.004  # the edges of the cells


def test_an_untrained_flow_is_the_standard_normal() -> None:
    flow, x = coupling_flow(4, 8), normal((50, 2), generator(3))
    expected = MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(x)
    torch.testing.assert_close(flow.log_prob(x), expected)
    path = list(flow.path(x))
    assert len(path) == len(flow) + 1 == 5
    assert all(torch.equal(each.points, x) for each in path)
