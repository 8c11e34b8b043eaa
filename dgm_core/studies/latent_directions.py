"""Which way to move in a WGAN's latent space to make an image more of something.

A classifier scores what the WGAN makes, f_c(z) = logit of class or attribute c of g(z). On average
over z ~ N(0, I) its steepest ascent is, by Stein's lemma,

    E ∇f_c(z) = E z f_c(z) = Cov(z, f_c(z))

which takes draws alone, no gradients. It is also the slope of the linear regression of f_c on z;
the share of the variance of f_c that this line explains tells how far to trust the direction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator


class Directions(NamedTuple):
    """One for each class or attribute of the classifier."""

    names: tuple[str, ...]
    units: Tensor  # (classes, L), each of length 1
    explained: Tensor  # (classes,) share of the variance of the logit, 0 … 1


@torch.no_grad()
def directions(
    model: WGAN, classifier: Classifier, draws: int = 10_000, seed: int = 0
) -> Directions:
    """The direction of each class in latent space, on the CPU.

    Args:
        model: whose latents.
        classifier: of the same images; its classes name the directions.
        draws: latents; the error of a direction falls as their root.
        seed: of the latents.
    """
    z = model.latents(draws, generator(seed))
    device = next(model.parameters()).device
    logits = torch.cat(
        [
            classifier.head(classifier.features(model.generate(part.to(device)))).cpu()
            for part in z.split(500)
        ]
    )
    centred = logits - logits.mean(0)
    slopes = torch.linalg.lstsq(z - z.mean(0), centred).solution.T  # (classes, L)
    fitted = (z - z.mean(0)) @ slopes.T
    return Directions(
        classifier.classes,
        slopes / torch.linalg.vector_norm(slopes, dim=1, keepdim=True).clamp_min(1e-12),
        fitted.square().sum(0) / centred.square().sum(0).clamp_min(1e-12),
    )
