"""Small Gaussian models side by side: their likelihood, their bound, and their floors."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from dgm_core.bounds import elbo, log_weights
from dgm_core.bounds.quadrature import log_evidence
from dgm_core.models.floored import FlooredDLVMs
from dgm_core.rng import generator, normal
from dgm_core.types import LatentVariableModel, Masked

FLOORS = (0.1, 0.02, 1e-3)


def models(latent_dim: int = 1, dim: int = 2) -> FlooredDLVMs:
    return FlooredDLVMs(FLOORS, dim, latent_dim, 8, generator(0), bumps=10)


def everything(x: Tensor) -> Masked:
    return Masked(x, torch.ones_like(x, dtype=torch.bool))


def test_the_likelihood_by_strata_is_right_on_average() -> None:
    """Its exponential is unbiased; with many strata it equals the integral, too."""
    made, x = models(), normal((5, 2), generator(1))
    exact = torch.stack([log_evidence(made.member(r), everything(x)).value for r in range(3)])
    with torch.no_grad():
        many = made.log_likelihood(x, 20_000, generator(2))
        few = torch.stack([made.log_likelihood(x, 3, generator(seed)) for seed in range(1000)])
    torch.testing.assert_close(many.double(), exact, rtol=0, atol=1e-3)
    relative = (few.double() - exact).exp()
    off = (relative.mean(0) - 1) / (relative.std(0) / 1000**0.5)
    assert off.abs().max() < 5
    assert (few.double().mean(0) < exact).all()


def test_the_bound_is_that_of_the_members() -> None:
    made, x = models(latent_dim=3, dim=4), normal((6, 4), generator(1))
    with torch.no_grad():
        draws = torch.stack([made.elbo(x, generator(seed)) for seed in range(2000)]).double()
    for r in range(3):
        member = made.member(r)
        assert isinstance(member, LatentVariableModel)
        log_w = log_weights(member, x, 2000, generator(9)).double()
        error = (draws[:, r].var(0) / 2000 + log_w.var(0) / 2000).sqrt()
        assert ((draws[:, r].mean(0) - elbo(log_w)) / error).abs().max() < 5


def test_no_variance_is_below_its_own_floor_and_members_keep_theirs() -> None:
    made = models()
    with torch.no_grad():
        made.decoder.biases[-1][..., 2:] = -100.0
    z = normal((7, 1), generator(3))
    for r, floor in enumerate(FLOORS):
        member = made.member(r)
        assert math.isclose(member.floor, floor, rel_tol=1e-6)
        torch.testing.assert_close(member.decode(z).variance, torch.full((7, 2), floor))
        both = made.decoded(z.expand(3, -1, -1))[0][r]
        torch.testing.assert_close(member.decode(z).mean, both)


def test_a_member_does_not_change_after_it_was_taken() -> None:
    made = models(latent_dim=2)
    member, z = made.member(1), normal((4, 2), generator(3))
    before = member.decode(z).mean.clone()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 1.0
    assert torch.equal(member.decode(z).mean, before)


def test_gradients_reach_every_parameter() -> None:
    for latent_dim in (1, 3):
        made, x = models(latent_dim), normal((5, 2), generator(1))
        value = (
            made.log_likelihood(x, 50, generator(2))
            if latent_dim == 1
            else made.elbo(x, generator(2))
        )
        value.sum().backward()
        for parameter in made.parameters():
            assert parameter.grad is not None
            assert (parameter.grad.flatten(1) != 0).any(1).all()


def curves_through(x: Tensor, floors: tuple[float, ...]) -> FlooredDLVMs:
    """Decoders whose means pass through the points x, with variances at the floor."""
    count = len(x)
    made = FlooredDLVMs(floors, 2, 1, count, generator(0), bumps=count)
    centres = (torch.arange(count) + 0.5) / count
    with torch.no_grad():
        for weight, bias in zip(made.decoder.weights, made.decoder.biases, strict=True):
            weight.zero_()
            bias.zero_()
        made.decoder.weights[0].copy_(torch.eye(count))
        made.decoder.weights[1][..., :2] = torch.linalg.solve(made.bumps_at(centres[:, None]), x)
        made.decoder.biases[1][..., 2:] = -100.0
    return made


def test_the_likelihood_of_a_decoder_is_unbounded() -> None:
    """It grows by −(D − L)/2 to −(D/2) log ξ per point; on other points it falls."""
    x, others = normal((8, 2), generator(4)), normal((8, 2), generator(5))
    floors = (1e-2, 1e-3, 1e-4, 1e-5)
    made = curves_through(x, floors)
    own, rest = (
        [
            log_evidence(made.member(r), everything(rows), most_points=2**18).value.mean().item()
            for r in range(len(floors))
        ]
        for rows in (x, others)
    )
    steps = [(b - a) / math.log(10) for a, b in pairwise(own)]
    assert all(0.45 < step <= 1.0 for step in steps)
    falls = [a - b for a, b in pairwise(rest)]
    assert all(fall > 10 for fall in falls)
    assert falls == sorted(falls)


def test_no_floor_is_refused() -> None:
    for floors in ((), (0.1, 0.0)):
        with pytest.raises(ValueError, match="floors above 0"):
            FlooredDLVMs(floors, 2, 1, 8, generator(0))
