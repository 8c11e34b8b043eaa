"""Paths through a latent space have the expected lengths and ends."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.rng import generator, normal
from dgm_core.studies.latent.paths import linear, perturbed, spherical, steps_between, truncated

A, B = normal((2, 48), generator(0)).double()


@pytest.mark.parametrize("path", [linear, spherical])
def test_a_path_leads_from_end_to_end(path: object) -> None:
    found = path(A, B, 9)
    assert found.shape == (9, 48)
    torch.testing.assert_close(found[0], A)
    torch.testing.assert_close(found[-1], B)
    torch.testing.assert_close(path(B, A, 9), found.flip(0))


def test_the_circle_keeps_the_length_and_the_line_does_not() -> None:
    a, b = A / A.norm() * 7, B - (B @ A) * A / (A @ A)  # at right angles
    b = b / b.norm() * 7
    torch.testing.assert_close(spherical(a, b, 11).norm(dim=1), torch.full((11,), 7.0).double())
    assert linear(a, b, 3)[1].norm() == pytest.approx(7 / math.sqrt(2))


def test_the_direction_turns_at_constant_speed() -> None:
    unit = spherical(A, B, 7)
    unit = unit / unit.norm(dim=1, keepdim=True)
    turns = torch.acos((unit[1:] * unit[:-1]).sum(1))
    torch.testing.assert_close(turns, turns[:1].expand(6))
    lengths = spherical(A, B, 5).norm(dim=1)
    torch.testing.assert_close(
        lengths, torch.linspace(A.norm(), B.norm(), 5).double(), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-6, math.pi - 1e-9, math.pi])
def test_parallel_and_opposite_latents_have_a_path_too(angle: float) -> None:
    a = torch.tensor([2.0, 0.0, 0.0], dtype=torch.double)
    b = 2 * torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.double)
    found = spherical(a, b, 5)
    assert found.isfinite().all()
    torch.testing.assert_close(found.norm(dim=1), torch.full((5,), 2.0).double())
    torch.testing.assert_close(found[-1], b, atol=1e-6, rtol=0)


def test_invalid_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="length 0"):
        spherical(torch.zeros(3), torch.ones(3), 4)
    with pytest.raises(ValueError, match="2 steps"):
        linear(A, B, 1)


def test_a_grid_moves_one_dimension_at_a_time() -> None:
    grid = perturbed(A, torch.eye(48).double()[[3, 7]], [-5.0, 0.0, 4.0])
    assert grid.shape == (2, 3, 48)
    moved = (grid - A).abs() > 0
    assert moved[0, 0].nonzero().tolist() == [[3]]
    assert moved[1, 2].nonzero().tolist() == [[7]]
    assert not moved[:, 1].any()
    assert (grid[1, 2] - A)[7] == pytest.approx(4)


def test_no_path_is_shorter_than_the_cross_fade() -> None:
    ends = torch.rand(2, 1, 4, 4, generator=generator(1))
    straight = steps_between(linear(ends[0], ends[1], 20)).sum()
    torch.testing.assert_close(straight, (ends[1] - ends[0]).norm())
    bent = (
        linear(ends[0], ends[1], 20)
        + 0.1 * torch.sin(torch.linspace(0, math.pi, 20))[:, None, None, None]
    )
    assert steps_between(bent).sum() > straight
    torch.testing.assert_close(truncated(A, 0.5).norm(), A.norm() / 2)
