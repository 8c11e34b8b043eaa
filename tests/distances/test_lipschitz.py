"""The penalty on a critic's slope: known values, the wrong norm, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from dgm_core.distances.lipschitz import between, lipschitz_penalty, slopes
from dgm_core.rng import generator

IMAGES = (3, 32, 32)


def rows(count: int, *event: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *event, generator=generator(seed), dtype=torch.float64)


def linear(direction: Tensor):  # noqa: ANN201
    return lambda x: x.flatten(1) @ direction.flatten()


def of_one_dimension(critic, x: Tensor) -> Tensor:  # noqa: ANN001
    """The error to detect: the norm over dimension 1 alone, on images that of one pixel."""
    x = x.requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return torch.relu(gradient.norm(dim=1) - 1).square().mean()


@pytest.mark.parametrize("event", [(2,), IMAGES])
def test_a_critic_of_slope_one_or_less_has_no_penalty(event: tuple[int, ...]) -> None:
    direction = torch.randn(event, generator=generator(1), dtype=torch.float64)
    unit = direction / direction.norm()
    for slope in (1.0, 0.3, 0.0):
        x, y = rows(5, *event), rows(5, *event, seed=1)
        found = lipschitz_penalty(linear(slope * unit), x, y, generator(0))
        assert found.item() == pytest.approx(0.0, abs=1e-25)
    steep = lipschitz_penalty(linear(4 * unit), x, y, generator(0))
    assert steep.item() == pytest.approx(9.0)


def test_on_images_the_norm_is_over_all_features() -> None:
    """f = .9 × the sum of 3·32·32 entries: slope .9 √3072, of one pixel's colours .9 √3."""
    x, y = rows(4, *IMAGES), rows(4, *IMAGES, seed=1)
    critic = linear(torch.full(IMAGES, 0.9, dtype=torch.float64))
    right, wrong = (0.9 * math.sqrt(3072) - 1) ** 2, (0.9 * math.sqrt(3) - 1) ** 2
    assert int(right) == 2389
    assert round(wrong, 2) == 0.31
    assert lipschitz_penalty(critic, x, y, generator(0)).item() == pytest.approx(right)
    assert of_one_dimension(critic, x).item() == pytest.approx(wrong)


def test_each_sample_has_its_own_slope_at_its_own_point() -> None:
    """f = ‖x‖² has slope 2 ‖x̂‖, so the penalty reveals at which points it was computed."""
    x, y = 2 + rows(6, 1, 4, 4), -rows(6, 1, 4, 4)
    found = lipschitz_penalty(lambda x: x.square().flatten(1).sum(1), x, y, generator(3))
    t = torch.rand(6, 1, 1, 1, generator=generator(3), dtype=torch.float64)
    points = t * x + (1 - t) * y
    by_hand = [max(2 * point.norm().item() - 1, 0.0) ** 2 for point in points]
    assert found.item() == pytest.approx(sum(by_hand) / 6)


def test_interpolated_points_use_one_t_for_all_features() -> None:
    x, y = rows(50, 3, 4, 4), rows(50, 3, 4, 4, seed=1)
    t = ((between(x, y, generator(0)) - y) / (x - y)).flatten(1)
    torch.testing.assert_close(t, t[:, :1].expand_as(t), rtol=1e-6, atol=1e-6)
    assert t[:, 0].min() < 0.1
    assert t[:, 0].max() > 0.9
    assert len(t[:, 0].unique()) == 50


def test_the_penalty_passes_gradcheck_in_the_weights_of_the_critic() -> None:
    x, y = rows(3, 2, 4, 4), rows(3, 2, 4, 4, seed=1)

    def penalty(weight: Tensor, last: Tensor) -> Tensor:
        def critic(x: Tensor) -> Tensor:
            return torch.tanh(nn.functional.conv2d(x, weight)).flatten(1) @ last

        return lipschitz_penalty(critic, x, y, generator(0))

    weight = 2 * torch.randn(3, 2, 3, 3, generator=generator(1), dtype=torch.float64)
    last = torch.randn(12, generator=generator(2), dtype=torch.float64)
    assert penalty(weight, last) > 0.1
    assert torch.autograd.gradcheck(
        penalty, (weight.requires_grad_(), last.requires_grad_()), eps=1e-6
    )


def test_inputs_of_wrong_shapes_are_refused() -> None:
    x = rows(4, *IMAGES)
    with pytest.raises(ValueError, match="one shape"):
        lipschitz_penalty(linear(torch.ones(1)), x, x[:3], generator(0))
    with pytest.raises(ValueError, match=r"returns \(4,\), got \(4, 1\)"):
        slopes(lambda x: x.flatten(1).sum(1, keepdim=True), x)
