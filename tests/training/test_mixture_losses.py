"""Training a VAE with a mixture prior: the loss, and the parameters that it changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgm_core.mixtures import GaussianMixture, online_em_step
from dgm_core.models.vae_gmm import MixtureVAE, mixture_vae
from dgm_core.rng import generator, normal
from dgm_core.training.losses import negative_joint_bound, negative_mixture_bound
from dgm_core.types import LabelledImages

SIDE, K, L = 4, 3, 2
PARTS = ("weights", "means", "scales")


def model() -> MixtureVAE:
    made = mixture_vae(L, 8, K, side=SIDE, source=generator(1))
    means = 1.5 * normal((K, L), generator(5))
    factors = 0.6 * normal((K, L, L), generator(6))
    covariances = factors @ factors.mT + 0.2 * torch.eye(L)
    weights = torch.tensor([0.5, 0.3, 0.2])
    made.adopt(GaussianMixture.of_covariances(weights, means, covariances))
    return made


def images(count: int = 12) -> LabelledImages:
    x = torch.randint(256, (count, 1, SIDE, SIDE), generator=generator(2), dtype=torch.uint8)
    return LabelledImages(x, torch.arange(count) % K)


def gradients(of: MixtureVAE, loss: Tensor) -> dict[str, Tensor]:
    of.zero_grad()
    loss.backward()
    return {name: each.grad.clone() for name, each in of.named_parameters()}


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0, 2.0])
def test_the_weight_is_that_of_the_divergence_alone(weight: float, hard: bool) -> None:
    made, batch = model(), images()
    terms = made.bound_terms(batch.x / 255, generator(0))
    own = terms.message[torch.arange(12), batch.y] if hard else terms.message.logsumexp(1)
    by_hand = terms.reconstruction + weight * (terms.entropy + own)
    found = negative_mixture_bound(weight, hard=hard)(made, batch, generator(0))
    torch.testing.assert_close(found, -by_hand.mean())


def test_a_different_assignment_of_clusters_gives_a_different_loss() -> None:
    made, batch = model(), images()
    other = LabelledImages(batch.x, batch.y.roll(1))
    soft, hard = (negative_mixture_bound(hard=hard) for hard in (False, True))
    assert soft(made, batch, generator(0)) == soft(made, other, generator(0))
    assert (hard(made, batch, generator(0)) - hard(made, other, generator(0))).abs() > 0.1
    # An assigned cluster is one choice of q(c|x), so its bound is never better than the best one.
    assert hard(made, batch, generator(0)) > soft(made, batch, generator(0))


@pytest.mark.parametrize("hard", [False, True])
def test_gradients_reach_every_parameter_and_no_mixture(hard: bool) -> None:
    made = model()
    found = gradients(made, negative_mixture_bound(hard=hard)(made, images(), generator(0)))
    for name, gradient in found.items():
        assert gradient.isfinite().all(), name
        assert gradient.abs().max() > 0, name
    assert not {"weights", "means", "scales"} & found.keys()
    assert all(getattr(made, part).grad is None for part in PARTS)


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_joint_loss_updates_the_mixture_and_networks_use_the_previous_one(
    diagonal: bool,
) -> None:
    batch, floor = images(), 0.3
    alone, made = model(), model()
    value = negative_mixture_bound(0.7)(alone, batch, generator(0))
    joint = negative_joint_bound(48, 0.7, floor=floor, diagonal=diagonal)
    found = joint(made, batch, generator(0))
    assert torch.equal(found, value)
    latents = alone.latents(batch.x / 255)
    moved = online_em_step(
        alone.mixture,
        latents.mean.detach(),
        12 / 48,
        variance=latents.variance.detach(),
        floor=floor,
        diagonal=diagonal,
    )
    for part in PARTS:
        now = getattr(made.mixture, part)
        assert not now.requires_grad
        assert (now - getattr(alone.mixture, part)).abs().max() > 0.01, part
    torch.testing.assert_close(made.mixture.covariances, moved.covariances)
    torch.testing.assert_close(made.means, moved.means)
    torch.testing.assert_close(made.weights, moved.weights)
    # The graph of the loss does not depend on the update of the mixture.
    plain, with_step = gradients(alone, value), gradients(made, found)
    assert all(torch.equal(plain[name], with_step[name]) for name in plain)


def test_a_small_batch_changes_the_mixture_by_less() -> None:
    joint = negative_joint_bound(12, floor=1e-3, diagonal=False)
    distances = []
    for count in (1, 3, 12):
        made = model()
        before = made.means.clone()
        joint(made, images(count), generator(0))
        distances.append((made.means - before).norm().item())
    assert distances[0] < 0.5 * distances[2]
    assert distances[1] < distances[2]
    # The whole data set in one batch gives a step of EM.
    batch = images()
    mean, variance = made.latents(batch.x / 255)
    whole = online_em_step(model().mixture, mean, 1.0, variance=variance)
    torch.testing.assert_close(made.means, whole.means)
