"""Bounds on log p(x) from importance weights, all in nats per image, summed over pixels.

    log w_k = log p(x|z_k) + log p(z_k) − log q(z_k|x),   z_k ~ q(z|x)
    ELBO = E log w   ≤   IWAE_K = E log (1/K) Σ_k w_k   ≤   log p(x)

(Burda, Grosse & Salakhutdinov 2016.)  With a large K the last inequality is nearly an equality.
`log_likelihood` gives IWAE_K of one set of weights together with its standard error.

    >>> log_w = torch.tensor([[-3.0, -1.0], [-1.0, -1.0]])  # two draws of two images
    >>> elbo(log_w), iwae_bound(log_w).round(decimals=3)
    (tensor([-2., -1.]), tensor([-1.5660, -1.0000]))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import Source, draw
from dgm_core.types import LatentVariableModel

FEW = 10
"""With fewer blocks than this, their spread is a poor estimate of the error of their mean."""


class Estimate(NamedTuple):
    """A Monte-Carlo estimate and its standard error, both (B,)."""

    value: Tensor
    standard_error: Tensor


def log_weights(model: LatentVariableModel, x: Tensor, draws: int, source: Source) -> Tensor:
    """log w of `draws` importance samples for each x (B, \\*event): (K, B)."""
    proposal = model.encode(x)
    z = draw(proposal, source, draws)  # (K, B, L)
    return log_joint(model, x, z) - proposal.log_prob(z)


def log_joint(model: LatentVariableModel, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z_k) for x (B, \\*event) and each z_k of z (K, B, L): (K, B)."""
    each_x = x.expand(z.shape[:1] + x.shape).flatten(0, 1)
    log_likelihood = model.decode(z.flatten(0, 1)).log_prob(each_x).unflatten(0, z.shape[:2])
    return log_likelihood + model.prior().log_prob(z)


def elbo(log_w: Tensor) -> Tensor:
    """The evidence lower bound: the mean of log-weights (K, B) over K."""
    return log_w.mean(0)


def iwae_bound(log_w: Tensor) -> Tensor:
    """log (1/K) Σ_k w_k for log-weights (K, B)."""
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


def log_likelihood(log_w: Tensor) -> Estimate:
    """log p(x) by importance sampling, with standard error sd(w) / (√K mean(w)) (delta method)."""
    relative = torch.exp(log_w - iwae_bound(log_w))  # mean 1 over K
    return Estimate(iwae_bound(log_w), relative.std(0) / math.sqrt(len(log_w)))


def iwae_curve(log_w: Tensor, draws: Sequence[int]) -> Estimate:
    """The bound as a function of K, from one set of log-weights (K, B): (len(draws), B) each.

    For each k the weights are cut into as many blocks of k as possible, and the bounds of the
    blocks are averaged. This is unbiased for E log (1/k) Σ w and less noisy than a single block.
    The standard error comes from the spread of the blocks. With fewer than `FEW` blocks it comes
    from the delta method within each block; it is NaN for a single block of fewer than `FEW`
    draws.

    Raises:
        ValueError: a k is below 1 or above K.
    """
    total = len(log_w)
    if not all(1 <= k <= total for k in draws):
        raise ValueError(f"expected numbers of draws in 1 … {total}, got {list(draws)}")
    values, errors = [], []
    for k in draws:
        blocks = log_w[: total - total % k].unflatten(0, (-1, k)).transpose(0, 1)  # (k, n, B)
        each, count = iwae_bound(blocks), total // k
        values.append(each.mean(0))
        if count < FEW <= k:
            within = log_likelihood(blocks).standard_error
            errors.append(within.square().sum(0).sqrt() / count)
        elif count > 1:
            errors.append(each.std(0) / math.sqrt(count))
        else:
            errors.append(torch.full_like(values[-1], math.nan))
    return Estimate(torch.stack(values), torch.stack(errors))


@torch.no_grad()
def estimate_log_likelihood(
    model: LatentVariableModel,
    x: Tensor,
    draws: int,
    source: torch.Generator,
    decoded_at_once: int = 2000,
) -> Estimate:
    """`log_likelihood` with `draws` samples for each image, in pieces that fit into memory.

    The weights of one image are pooled over all pieces before the logarithm.
    """
    values, errors = [], []
    for image in x.split(1):
        pieces = [decoded_at_once] * (draws // decoded_at_once) + [draws % decoded_at_once]
        log_w = torch.cat([log_weights(model, image, k, source) for k in pieces if k])
        value, error = log_likelihood(log_w)
        values.append(value)
        errors.append(error)
    return Estimate(torch.cat(values), torch.cat(errors))
