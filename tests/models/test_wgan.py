"""The WGAN's networks: shapes, ranges, and a critic that scores each image independently."""

from __future__ import annotations

import pytest
import torch

from dgm_core import zoo
from dgm_core.models.wgan import WGAN, BatchNorm, recompute_batch_statistics, wgan
from dgm_core.networks import bfloat16_networks
from dgm_core.rng import generator

SIZES = {28: (1, [4, 6]), 32: (3, [4, 6, 8]), 64: (3, [4, 4, 6, 8])}


def small(size: int) -> WGAN:
    channels, widths = SIZES[size]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wgan(size, channels, latent_dim=5, widths=widths)


@pytest.mark.parametrize("size", SIZES)
def test_latents_become_images_and_images_scores(size: int) -> None:
    model = small(size).eval()
    images = model.sample(7, generator(0))
    assert images.shape == (7, SIZES[size][0], size, size)
    assert 0 <= images.min() <= images.max() <= 1
    assert model.criticise(images).shape == (7,)
    assert torch.equal(images, model.generate(model.latents(7, generator(0))))


@pytest.mark.parametrize("size", SIZES)
def test_in_training_the_critic_scores_each_image_independently(size: int) -> None:
    """The generator has batch norm, so its images depend on each other: a contrast."""
    model = small(size).train()
    z = model.latents(6, generator(1))
    images = model.generate(z).detach()
    together = model.criticise(images)
    torch.testing.assert_close(together[:2], model.criticise(images[:2]), atol=1e-6, rtol=1e-5)
    assert (model.generate(z[:2]) - images[:2]).abs().max() > 1e-3


def test_batch_norm_is_that_of_torch() -> None:
    ours, theirs = BatchNorm(3), torch.nn.BatchNorm2d(3)
    for seed in range(3):
        h = 2 + 3 * torch.randn(8, 3, 4, 4, generator=generator(seed))
        torch.testing.assert_close(ours(h), theirs(h))
    torch.testing.assert_close(ours.eval()(h), theirs.eval()(h))
    assert all(value.is_floating_point() for value in ours.state_dict().values())


def test_with_settled_statistics_images_keep_the_contrast_of_training() -> None:
    model = small(32)
    z = model.latents(4000, generator(1))
    wanted = model.generate(z)
    assert (model.eval().generate(z).std() / wanted.std() - 1).abs() > 0.05
    recompute_batch_statistics(model, generator(0))
    assert not model.training
    assert (model.generate(z).std() / wanted.std() - 1).abs() < 0.02


def test_in_bfloat16_images_and_scores_are_nearly_the_same() -> None:
    model = small(32).eval()
    z = model.latents(4, generator(2))
    images, scores = model.generate(z), model.criticise(model.generate(z))
    with bfloat16_networks():
        assert model.generate(z).dtype == torch.float32
        torch.testing.assert_close(model.generate(z), images, atol=0.02, rtol=0)
        torch.testing.assert_close(model.criticise(images), scores, atol=0.02, rtol=0.05)


def test_after_saving_and_loading_it_is_the_same_to_half_precision(tmp_path) -> None:  # noqa: ANN001
    model = small(28)
    recompute_batch_statistics(model, generator(0))
    about = {"name": "wgan", "size": 28, "image_channels": 1, "latent_dim": 5, "widths": [4, 6]}
    zoo.save("small", model, {"architecture": about}, tmp_path)
    loaded = zoo.load("small", folder=tmp_path)
    z = model.latents(4, generator(2))
    torch.testing.assert_close(loaded.generate(z), model.generate(z), atol=3e-3, rtol=0)


def test_inputs_of_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="28 pixels cannot be halved 3 times"):
        wgan(28, 1, widths=(4, 4, 4))
    with pytest.raises(ValueError, match=r"latents of shape \(B, 5\), got \(2, 4\)"):
        small(28).generate(torch.zeros(2, 4))
