"""A VAE and a mixture of a few hundred small digits, trained in a second."""

from __future__ import annotations

from functools import cache

import torch

from dgm_core.data.cluster_images import ClusterImages, cluster_images
from dgm_core.training.mutual import Config, Result

SMALL = Config(
    "digits",
    images=200,
    clusters=5,
    latent_dim=3,
    hidden=24,
    warmup=16,
    rounds=2,
    epochs=4,
    batch_size=25,
    learning_rate=1e-2,
)


@cache
def small_images() -> ClusterImages:
    """The images of `SMALL`."""
    return cluster_images("digits", 200, deskewed=True)


def same(one: Result, other: Result) -> bool:
    """Whether weights, mixtures and all recorded results are equal, bit for bit."""
    a, b = one.model.state_dict(), other.model.state_dict()
    weights = all(torch.equal(a[name], b[name]) for name in a)
    return (
        weights
        and len(one.shots) == len(other.shots)
        and all(
            (x.epoch, x.round, x.bound, x.log_evidence)
            == (y.epoch, y.round, y.bound, y.log_evidence)
            and torch.equal(x.assignment, y.assignment)
            and torch.equal(x.confidence, y.confidence)
            and torch.equal(x.mixture.means, y.mixture.means)
            and torch.equal(x.mixture.scales, y.mixture.scales)
            and torch.equal(x.latents.mean, y.latents.mean)
            for x, y in zip(one.shots, other.shots, strict=True)
        )
    )
