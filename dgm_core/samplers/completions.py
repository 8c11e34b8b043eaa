"""Importance samples of (z, x_mis) whose log-weight is a sum of named terms.

    z_k ~ q(z | x_obs),   x_mis,k ~ p(x_mis | z_k)

    log w_k = log p(x_obs | z_k)                      "x_obs"
            + log p(z_k) − log q(z_k | x_obs)         "latent"
            + log p(s | z_k)                          "mask", of IM-IWAE
            + log p(s | x_obs, x_mis,k)               "missing", of not-MIWAE
            + log p(y | x_obs, x_mis,k)               "target", of supMIWAE

    L_K = E log (1/K) Σ_k w_k  ≤  log p(x_obs, s, y),   growing with K

The first two terms are those of Mattei & Frellsen 2019, the last two of Ipsen, Mattei & Frellsen
2021 and 2022. The last two read completed data, and a model names them in `completion_terms`. The
term "mask" reads z alone; a model names such terms in `latent_terms`. The bound and all estimates
use the same log-weights. So a term can be left out, added or replaced after the draw: `without`
and `reweighted` run no network.

Gradients pass through x_mis,k if its distribution is reparameterised. For binary, categorical and
discretised entries the bound has a score-function term of value 0 with leave-one-out baselines
(Mnih & Rezende 2016), L − L₋ₖ for draw k. So the gradient is unbiased without a relaxation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.bounds import iwae_bound
from dgm_core.distributions.columns import MixedRow
from dgm_core.metrics import diagnostics
from dgm_core.missing.base import MissingProcess
from dgm_core.rng import Source, draw
from dgm_core.samplers.importance import proposal_for
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import LatentVariableModel, Masked

Term = Callable[[Tensor], Tensor]
"""Completed data x (K, B, \\*event) → a term of the log-weight, (K, B) nats."""


@runtime_checkable
class ScoresCompletions(Protocol):
    """A latent-variable model with further terms for completed data: of the mask, or a target."""

    def completion_terms(self, masked: Masked, y: Tensor | None) -> Mapping[str, Term]:
        """Name → term of the log-weight of a completion of `masked`."""
        ...


@runtime_checkable
class ScoresLatents(Protocol):
    """A latent-variable model with further terms for the latent variable: of the mask."""

    def latent_terms(self, masked: Masked, z: Tensor) -> Mapping[str, Tensor]:
        """Name → term of the log-weight, (K, B) nats, for z (K, B, L)."""
        ...


TERMS_OF_Z = {"x_obs", "latent", "mask"}
"""Terms that do not read x_mis."""


class Completions(NamedTuple):
    """K weighted completions of each of B incomplete rows."""

    masked: Masked  # B rows
    z: Tensor  # (K, B, L)
    drawn: Tensor | None  # (K, B, *event), x_mis,k where hidden; None if not requested
    likelihood: Distribution  # p(x|z_k) of all draws, the rows of draw 0 first: batch (K B,)
    terms: Mapping[str, Tensor]  # name → (K, B) nats
    log_score: Tensor | None = None  # (K, B) log p of discrete entries of x_mis,k, for gradients

    @property
    def x(self) -> Tensor:
        """The completed data, (K, B, \\*event).

        Raises:
            ValueError: x_mis was not drawn.
        """
        if self.drawn is None:
            raise ValueError("expected completions with x_mis drawn; use completed=True")
        return self.drawn

    @property
    def log_w(self) -> Tensor:
        """log w, (K, B): the sum of the terms."""
        return torch.stack(list(self.terms.values())).sum(0)

    @property
    def log_weights(self) -> Tensor:
        """log α, (K, B): they sum to 1 over K."""
        return self.log_w.log_softmax(0)

    @property
    def bound(self) -> Tensor:
        """log (1/K) Σ_k w_k, (B,) nats, with the gradient of its expectation."""
        log_w = self.log_w
        value = iwae_bound(log_w)
        if self.log_score is None:
            return value
        advantage = (value - _without_each(log_w)).detach()
        return value + (advantage * (self.log_score - self.log_score.detach())).sum(0)

    @property
    def effective_draws(self) -> Tensor:
        """Effective sample size of the weights, (B,), from 1 to K."""
        return diagnostics.importance_ess(self.log_w)

    @property
    def pareto_k(self) -> Tensor:
        """Shape of the weights' tail, (B,); above 0.7 the estimates are unreliable."""
        return diagnostics.pareto_k(self.log_w)

    @property
    def tilted(self) -> bool:
        """Whether the weights depend on x_mis,k and not only on z_k."""
        return bool(self.terms.keys() - TERMS_OF_Z)

    def without(self, name: str) -> Completions:
        """The same draws without one term of the weights; without "missing" they are MIWAE's."""
        return self._replace(terms={k: term for k, term in self.terms.items() if k != name})


def weighted_completions(
    model: LatentVariableModel,
    masked: Masked,
    draws: int,
    source: Source,
    *,
    y: Tensor | None = None,
    completed: bool = True,
) -> Completions:
    """Draw and weight `draws` completions of each row, with gradients if they are enabled.

    With everything observed and no further terms, the weights are `bounds.log_weights`.

    Args:
        model: a model of the MIWAE family.
        masked: B rows.
        draws: K.
        source: source of all randomness.
        y: targets (B,) for a model that predicts; None = no "target" term.
        completed: False = do not draw x_mis unless a term of the weight reads it.
    """
    proposal = proposal_for(model, masked)
    z = draw(proposal, source, draws)
    distribution = model.decode(z.flatten(0, 1))
    each = masked.tile(draws)
    terms = {
        "x_obs": log_prob_observed(distribution, each).unflatten(0, z.shape[:2]),
        "latent": model.prior().log_prob(z) - proposal.log_prob(z),
    }
    if isinstance(model, ScoresLatents):
        terms |= model.latent_terms(masked, z)
    has_terms = isinstance(model, ScoresCompletions)
    further = model.completion_terms(masked, y) if has_terms else {}
    x = log_score = None
    if further or completed:
        x = masked.complete(draw(distribution, source).unflatten(0, z.shape[:2]))
        terms |= {name: term(x) for name, term in further.items()}
        if further and torch.is_grad_enabled():
            log_score = log_prob_discrete(distribution, x.flatten(0, 1).detach(), ~each.observed)
            log_score = None if log_score is None else log_score.unflatten(0, z.shape[:2])
    return Completions(masked, z, x, distribution, terms, log_score)


def reweighted(sample: Completions, process: MissingProcess) -> Completions:
    """The same draws with weights for another p(s|x), for a sensitivity analysis.

    No network runs. `effective_draws` shows whether the draws still cover the new distribution.
    """
    term = missing_term(process, sample.masked)(sample.x)
    return sample._replace(terms={**sample.terms, "missing": term})


def missing_term(process: MissingProcess, masked: Masked) -> Term:
    """x ↦ log p(s | x), the entries of each x flattened to (K, B, D)."""

    def log_p_mask(x: Tensor) -> Tensor:
        entries = x.flatten(2)
        return process.log_prob(masked.observed.flatten(1).expand_as(entries), entries)

    return log_p_mask


@singledispatch
def log_prob_discrete(distribution: Distribution, x: Tensor, entries: Tensor) -> Tensor | None:
    """log p of the `entries` of x that `draw` does not reparameterise, (N,); None if none is so.

    Args:
        distribution: p(x|z), batch (N,).
        x: (N, \\*event).
        entries: bool, of the shape of x.
    """
    return (
        None if distribution.has_rsample else log_prob_observed(distribution, Masked(x, entries))
    )


@log_prob_discrete.register
def _(distribution: MixedRow, x: Tensor, entries: Tensor) -> Tensor | None:
    if distribution.layout.all_numeric:
        return None
    return torch.where(
        entries & ~distribution.layout.numeric, distribution.log_prob_each(x), 0
    ).sum(-1)


def _without_each(log_w: Tensor) -> Tensor:
    """log of the mean of all weights except one, (K, B); 0 for a single weight."""
    draws = len(log_w)
    if draws == 1:
        return torch.zeros_like(log_w)
    alone = torch.eye(draws, dtype=torch.bool, device=log_w.device)[..., None]
    others = log_w[None].masked_fill(alone, -torch.inf).logsumexp(1)
    return others - math.log(draws - 1)
