"""Directions in latent space: exact for a linear map, and what they do to what is made."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.latent_directions import directions


class Linear(WGAN):
    """g(z) = z as an "image" (B, 1, 1, 4), so that the truth is known."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1), nn.Linear(1, 1), 4)

    def generate(self, z: Tensor) -> Tensor:
        return z[:, None, None, :]


def judged(body: nn.Module, features: int, weight: Tensor) -> Classifier:
    judge = Classifier(body, features, [str(c) for c in range(len(weight))])
    with torch.no_grad():
        judge.head.weight.copy_(weight)
        judge.head.bias.copy_(torch.arange(len(weight)) * 7.0)
    return judge


def test_of_a_linear_score_it_is_its_gradient_and_all_is_explained() -> None:
    weight = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, -2.0]])
    found = directions(Linear(), judged(nn.Flatten(), 4, weight), draws=50)
    expected = torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0]])
    torch.testing.assert_close(found.units, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.explained, torch.ones(2))
    assert found.names == ("0", "1")


class Curved(nn.Module):
    """(z₁³, z₂²): the first has the mean slope 3 along z₁, the second none at all."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1)
        return torch.stack([z[:, 0] ** 3, z[:, 1] ** 2], 1)


def test_of_a_curved_score_it_is_the_mean_gradient_by_steins_lemma() -> None:
    """E z₁⁴ = 3 along z₁; the line explains 3² of E z₁⁶ = 15, and of z₂² nothing."""
    found = directions(Linear(), judged(Curved(), 2, torch.eye(2)), draws=200_000)
    torch.testing.assert_close(
        found.units[0], torch.tensor([1.0, 0.0, 0.0, 0.0]), atol=0.02, rtol=0
    )
    torch.testing.assert_close(found.explained, torch.tensor([0.6, 0.0]), atol=0.02, rtol=0)


def test_the_same_seed_gives_the_same_directions() -> None:
    judge = judged(nn.Flatten(), 4, torch.randn(3, 4, generator=generator(0)))
    one, two = (directions(Linear(), judge, 100, seed=1) for _ in range(2))
    assert torch.equal(one.units, two.units)
