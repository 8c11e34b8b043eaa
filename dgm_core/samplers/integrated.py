"""Weighted completions with x_mis integrated out, for entrywise missing processes.

    p(s | x_obs, z) = Π_obs p(s_d = 1 | x_d)  Π_mis ∫ p(x_d|z) p(s_d = 0 | x_d) dx_d
    p(x_mis | x_obs, s, z) ∝ Π_mis p(x_d|z) p(s_d = 0 | x_d)

If the log-odds of an entry depend only on its own value, each integral is one-dimensional. The
weights of `weighted_completions` have a term in the drawn x_mis, whose noise grows with the number
of hidden entries. With many hidden entries, one of the K draws gets nearly all the weight. The
integrals remove this noise without changing the expectation (Rao-Blackwell): the weights depend on
z alone, and each component contributes the mean of x_mis given s instead of a draw.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Independent, Normal
from torch.nn.functional import logsigmoid

from dgm_core.bounds import iwae_bound
from dgm_core.metrics import diagnostics
from dgm_core.missing.base import MissingProcess
from dgm_core.samplers.completions import Completions
from dgm_core.samplers.importance import MixtureMoments


class Quadrature(NamedTuple):
    """Equally spaced points for p(x_d|z): exact up to rounding unless the process is a step."""

    reach: float = 8.0  # standard deviations either way
    points: int = 65


FAST = Quadrature(5.0, 21)
"""Enough for a gradient while a step of the process is wider than half a standard deviation."""


class WeightedEstimate(NamedTuple):
    """Moments of x from K weighted latents for each of B rows."""

    mean: Tensor  # (B, *event) E[x | x_obs, s]; x itself where observed
    variance: Tensor  # (B, *event) within plus between components; 0 where observed
    log_w: Tensor  # (K, B)

    @property
    def bound(self) -> Tensor:
        """log (1/K) Σ_k w_k ≤ log p(x_obs, s) in expectation, (B,) nats."""
        return iwae_bound(self.log_w)

    @property
    def effective_draws(self) -> Tensor:
        """Effective sample size of the weights, (B,), from 1 to K."""
        return diagnostics.importance_ess(self.log_w)


def integrated(
    sample: Completions,
    process: MissingProcess,
    quadrature: Quadrature = Quadrature(),  # noqa: B008
) -> WeightedEstimate:
    """The mean, variance and weights of a sample under p(s|x), by quadrature in each entry.

    Gradients pass if they are enabled: the bound is tighter for training and needs fewer draws.

    Args:
        sample: completions of a model with a Gaussian p(x|z); its own term for s is not used.
        process: an entrywise process, learned or assumed.
        quadrature: the points of each integral.

    Raises:
        ValueError: the process is not entrywise, or the weights have a further term in x_mis.
        NotImplementedError: p(x|z) is not Gaussian.
    """
    if not process.entrywise:
        raise ValueError("expected a process in which an entry depends on its own value alone")
    if further := sample.terms.keys() - {"x_obs", "latent", "missing"}:
        raise ValueError(f"the term {further.pop()!r} depends on x_mis and cannot be integrated")
    distribution = (
        sample.likelihood.base_dist
        if isinstance(sample.likelihood, Independent)
        else sample.likelihood
    )
    if not isinstance(distribution, Normal):
        raise NotImplementedError(f"no integral over {type(distribution).__name__}")
    masked = sample.masked
    shape = (*sample.z.shape[:2], *masked.x.shape[1:])  # (K, B, *event)
    hidden = ~masked.observed.flatten(1)
    steps = torch.linspace(-quadrature.reach, quadrature.reach, quadrature.points).to(masked.x)
    log_seen = logsigmoid(process.logits(masked.x.flatten(1)))
    locs, scales = (
        each.reshape(*shape[:2], -1) for each in (distribution.loc, distribution.scale)
    )
    log_s, means, variances = [], [], []
    for loc, scale in zip(locs, scales, strict=True):
        one = _tilted(loc[hidden], scale[hidden], steps[:, None], process, hidden)
        log_p = torch.where(hidden, 0, log_seen).masked_scatter(hidden, one.log_p)
        log_s.append(log_p.sum(1))
        means.append(loc.masked_scatter(hidden, one.mean))
        variances.append(torch.zeros_like(loc).masked_scatter(hidden, one.variance))
    log_w = sample.without("missing").log_w + torch.stack(log_s)
    mixture = MixtureMoments()
    mixture.add(log_w, torch.stack(means).view(shape), torch.stack(variances).view(shape))
    return WeightedEstimate(
        masked.complete(mixture.mean), mixture.variance * ~masked.observed, log_w
    )


class _Tilted(NamedTuple):
    """p(x) ∝ N(x; m, s²) p(missing|x) of some entries (M,)."""

    log_p: Tensor  # log of the integral
    mean: Tensor
    variance: Tensor


def _tilted(
    loc: Tensor, scale: Tensor, steps: Tensor, process: MissingProcess, hidden: Tensor
) -> _Tilted:
    log_normal = (-0.5 * steps.square()).log_softmax(0)
    log_p = log_normal + logsigmoid(-_logits(process, loc + scale * steps, hidden))  # (n, M)
    probability = log_p.softmax(0)
    centre = (probability * steps).sum(0)
    spread = (probability * (steps - centre).square()).sum(0)
    return _Tilted(log_p.logsumexp(0), loc + scale * centre, scale.square() * spread)


def _logits(process: MissingProcess, values: Tensor, hidden: Tensor) -> Tensor:
    """Log-odds of the hidden entries alone: values (n, entries) of hidden (B, D) → the same."""
    if process.features is None:  # the same process for every entry
        return process.logits(values)
    rows = values.new_zeros(len(values), *hidden.shape)
    rows[:, hidden] = values
    return process.logits(rows)[:, hidden]
