"""Importance sampling of p(z | x_obs): weights, imputation and its diagnostics.

    z_k ~ q(z | x_obs),   w_k = p(x_obs|z_k) p(z_k) / q(z_k|x_obs),   α_k = w_k / Σ_j w_j

    log p(x_obs) ≈ log (1/K) Σ_k w_k       a lower bound in expectation, growing with K
    E[x | x_obs] ≈ Σ_k α_k E[x|z_k]        self-normalised: its bias falls as 1/K

p(x_obs|z) is the likelihood with the hidden entries integrated out. The bound is that of MIWAE
(Mattei & Frellsen 2019). Any latent-variable model with a proposal can be used; `effective_draws`
and `pareto_k` measure the quality of the proposal. Choosing z_k with probability α_k and then
drawing x_mis ~ p(x_mis|z_k) is multiple imputation by sampling-importance-resampling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.bounds import iwae_bound
from dgm_core.metrics import diagnostics
from dgm_core.rng import Source, draw, noise, uniform
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import LatentVariableModel, Masked


@runtime_checkable
class IncompleteEncoder(Protocol):
    """A model with a proposal q(z | x_obs) on (L,) from incomplete data, as MIWAE."""

    def encode_incomplete(self, masked: Masked) -> Distribution:
        """q(z | x_obs), batch (B,)."""
        ...


class ImportanceSample(NamedTuple):
    """Weighted draws of p(z | x_obs), and the moments of the mixture Σ_k α_k p(x|z_k)."""

    masked: Masked  # B rows
    z: Tensor  # (K, B, L)
    log_w: Tensor  # (K, B)
    mean: Tensor  # (B, *event) of the mixture; x itself where observed
    variance: Tensor  # (B, *event) within plus between components; 0 where observed

    @property
    def log_weights(self) -> Tensor:
        """log α, (K, B): they sum to 1 over K."""
        return self.log_w.log_softmax(0)

    @property
    def bound(self) -> Tensor:
        """log (1/K) Σ_k w_k ≤ log p(x_obs) in expectation, (B,) nats."""
        return iwae_bound(self.log_w)

    @property
    def effective_draws(self) -> Tensor:
        """Effective sample size of the weights, (B,), from 1 to K."""
        return diagnostics.importance_ess(self.log_w)

    @property
    def pareto_k(self) -> Tensor:
        """Shape of the weights' tail, (B,); above 0.7 the estimates are unreliable."""
        return diagnostics.pareto_k(self.log_w)


def incomplete_log_weights(
    model: LatentVariableModel,
    masked: Masked,
    draws: int,
    source: Source,
    *,
    completion: Tensor | None = None,
    decoded_at_once: int | None = None,
) -> Tensor:
    """log w of `draws` importance samples for each incomplete row: (K, B), with gradients.

    `bounds.iwae_bound` of these weights is the MIWAE bound. With everything observed they are
    `bounds.log_weights`.

    Args:
        model: its proposal is `encode_incomplete` if it has one, else `encode`.
        masked: B rows.
        draws: K.
        source: source of all randomness.
        completion: (B, \\*event), fills the hidden entries for a model that only has `encode`.
        decoded_at_once: rows per decoder pass; None = K B.

    Raises:
        ValueError: the model only has `encode`, and there is no `completion`.
    """
    proposal = proposal_for(model, masked, completion)
    z = draw(proposal, source, draws)
    log_likelihood = log_prob_observed_by_latent(model, masked, z, decoded_at_once)
    return log_likelihood + model.prior().log_prob(z) - proposal.log_prob(z)


@torch.no_grad()
def importance_sample(
    model: LatentVariableModel,
    masked: Masked,
    draws: int,
    source: Source,
    *,
    completion: Tensor | None = None,
    decoded_at_once: int = 250,
) -> ImportanceSample:
    """Impute by self-normalised importance sampling; arguments as in `incomplete_log_weights`.

    It decodes in pieces and keeps only the weights and moments of each. So the memory does not
    grow with K times the number of pixels.
    """
    proposal = proposal_for(model, masked, completion)
    z = draw(proposal, source, draws)  # (K, B, L)
    log_rest = model.prior().log_prob(z) - proposal.log_prob(z)
    mixture, log_w = MixtureMoments(), []
    for distribution, log_likelihood in _decoded(model, masked, z, decoded_at_once):
        done = sum(map(len, log_w))
        log_w.append(log_likelihood + log_rest[done : done + len(log_likelihood)])
        shape = log_likelihood.shape
        mixture.add(
            log_w[-1],
            distribution.mean.unflatten(0, shape),
            distribution.variance.unflatten(0, shape),
        )
    return ImportanceSample(
        masked,
        z,
        torch.cat(log_w),
        masked.complete(mixture.mean),
        mixture.variance * ~masked.observed,
    )


def proposal_for(
    model: LatentVariableModel, masked: Masked, completion: Tensor | None = None
) -> Distribution:
    """q(z | x_obs) if the model has one, else q(z | x_obs, completion).

    Raises:
        ValueError: the model has none, and there is no `completion`.
    """
    if isinstance(model, IncompleteEncoder):
        return model.encode_incomplete(masked)
    if completion is None:
        raise ValueError(
            f"{type(model).__name__} encodes complete data only; expected a completion"
        )
    return model.encode(masked.complete(completion))


class MixtureMoments:
    """Mean and variance of a weighted mixture whose components are added in pieces.

    Pieces are merged by the law of total variance (Chan, Golub & LeVeque 1979), in which no digits
    cancel.
    """

    mean: Tensor  # (B, *event)
    variance: Tensor  # (B, *event)

    def __init__(self) -> None:
        self._log_total: Tensor | None = None

    @property
    def log_total(self) -> Tensor:
        """The logarithm of the sum of all weights, (B,).

        Raises:
            ValueError: nothing has been added.
        """
        if self._log_total is None:
            raise ValueError("expected at least one component, got none")
        return self._log_total

    def add(self, log_w: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Add components with log-weight (k, B), mean and variance (k, B, \\*event)."""
        log_piece = torch.logsumexp(log_w, 0)
        weights = torch.exp(log_w - log_piece).to(mean.dtype)
        piece_mean = _average(weights, mean)
        piece_variance = _average(weights, (mean - piece_mean).square_().add_(variance))
        if self._log_total is None:
            self._log_total, self.mean, self.variance = log_piece, piece_mean, piece_variance
            return
        self._log_total = torch.logaddexp(self._log_total, log_piece)
        new = torch.exp(log_piece - self._log_total).to(mean.dtype)  # weight of the new piece
        new = new.reshape((-1,) + (1,) * (mean.dim() - 2))
        step = piece_mean - self.mean
        within = (1 - new) * self.variance + new * piece_variance
        self.variance = within + new * (1 - new) * step.square()
        self.mean = self.mean + new * step


@torch.no_grad()
def sir_draws(
    sample: ImportanceSample, model: LatentVariableModel, draws: int, source: Source
) -> Tensor:
    """Multiple imputation: for each draw, z_k with probability α_k, then x_mis ~ p(x_mis|z_k).

    Returns:
        (draws, B, \\*event), with observed entries unchanged.
    """
    rows = torch.arange(len(sample.masked), device=sample.z.device)
    completed = []
    for chosen in resample(sample.log_w, draws, source):
        distribution = model.decode(sample.z[chosen, rows])
        completed.append(sample.masked.complete(draw(distribution, source)))
    return torch.stack(completed)


def resample(log_w: Tensor, draws: int, source: Source) -> Tensor:
    """Indices into K with probabilities ∝ exp(log_w), (K, B) → (draws, B), independent."""
    cumulative = log_w.T.double().softmax(1).cumsum(1).contiguous()  # (B, K)
    u = noise(uniform, cumulative[:, 0], source, draws).T.contiguous()  # (B, draws)
    chosen = torch.searchsorted(cumulative, u * cumulative[:, -1:], right=True)
    return chosen.clamp_max(len(log_w) - 1).T


@torch.no_grad()
def log_density(
    sample: ImportanceSample,
    model: LatentVariableModel,
    true_values: Tensor,
    *,
    decoded_at_once: int = 250,
) -> Tensor:
    """log Σ_k α_k p(x_mis|z_k) at the true values (B, \\*event) of hidden entries, (B,) nats."""
    hidden = Masked(true_values, ~sample.masked.observed)
    each = log_prob_observed_by_latent(model, hidden, sample.z, decoded_at_once)
    return torch.logsumexp(sample.log_weights + each, 0)


def log_prob_observed_by_latent(
    model: LatentVariableModel, masked: Masked, z: Tensor, decoded_at_once: int | None = None
) -> Tensor:
    """log p(x_obs | z_k) of each row under each of its latents z (K, B, L): (K, B) nats.

    `decoded_at_once` limits the rows per decoder pass; None = K B.
    """
    return torch.cat([part for _, part in _decoded(model, masked, z, decoded_at_once)])


def _decoded(
    model: LatentVariableModel, masked: Masked, z: Tensor, decoded_at_once: int | None
) -> Iterator[tuple[Distribution, Tensor]]:
    """p(x|z) of successive parts of z (K, B, L) and their log p(x_obs|z), (k, B)."""
    rows = len(masked)
    each = masked
    for part in z.split(len(z) if decoded_at_once is None else max(1, decoded_at_once // rows)):
        distribution = model.decode(part.flatten(0, 1))
        if len(each) != len(part) * rows:  # once, and for a shorter last part
            each = masked.tile(len(part))
        yield distribution, log_prob_observed(distribution, each).unflatten(0, part.shape[:2])


def _average(weights: Tensor, values: Tensor) -> Tensor:
    """Σ_k weights (k, B) · values (k, B, \\*event) → (B, \\*event)."""
    flat = torch.einsum("kb,kbd->bd", weights, values.flatten(2))
    return flat.unflatten(1, values.shape[2:])
