"""Adaptive collapsed Metropolis-within-Gibbs, AC-MWG (Simkus & Gutmann 2023, arXiv 2308.09078).

The target is p(z | x_obs): the hidden entries are integrated out of the acceptance ratio. One
iteration, with x_hist an earlier completion:

    x_hist ~ the completions made before the current z was last accepted
    z' ~ q_mix(z) = (1 − ε) q(z | x_obs, x_hist) + ε p(z)
    ρ  = [ p(x_obs | z') p(z') / q_mix(z') ] / [ p(x_obs | z) p(z) / q_mix(z) ]
    z  ← z' with probability min(1, ρ)
    x_mis ~ p(x_mis | z)

Given x_hist this is an independence sampler. It leaves p(z | x_obs) invariant if x_hist does not
depend on the current z, so completions made by the current z are not used.

The paper keeps every completion. Here each chain keeps `history` of them, a uniform sample of all
its completions (Vitter's reservoir, 1985): the n-th enters with probability history / n. So the
proposal changes more and more rarely (diminishing adaptation). The fraction ε of the prior bounds
the importance ratio if p(x_obs | z) is bounded (uniform ergodicity for any history). Under these
two conditions an adaptive chain converges to its target (Roberts & Rosenthal 2007). A window of
the latest completions would never stop adapting.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.distributions import where
from dgm_core.rng import Source, draw, uniform
from dgm_core.samplers.acceptance import accept, log_acceptance_ratio
from dgm_core.samplers.history import History, begun, choose, remember
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.samplers.state import Info, State, redraw_missing, start
from dgm_core.types import LatentVariableModel, Masked, Sampler


class CollapsedState(NamedTuple):
    """The fields of `State`, the log-density of the collapsed target, and the history."""

    x: Tensor  # (B, *event) completed data; observed entries never change
    z: Tensor  # (B, L)
    likelihood: Distribution  # p(x | z) at this z
    log_joint: Tensor  # (B,) log p(x, z) at this x and z
    log_target: Tensor  # (B,) log p(x_obs, z)
    history: History


def collapsed_metropolis(
    model: LatentVariableModel,
    masked: Masked,
    initialisation: Initialisation = uniform_noise,
    *,
    prior_fraction: float = 0.05,
    history: int = 20,
) -> Sampler:
    """The sampler for a model and incomplete data (B, \\*event): one chain per row.

    `step` also accepts the `State` of another sampler, for example after a warm-up; its completion
    is then the first of the history. `Info.proposal` is the encoder's part of q_mix.

    Args:
        model: its p(x|z) needs a rule in `log_prob_observed`.
        masked: the problem.
        initialisation: first values of the hidden entries.
        prior_fraction: ε, the fraction of proposals from the prior; the paper uses 0.05 and 0.3.
        history: completions kept for each chain.

    Raises:
        ValueError: `prior_fraction` is not a fraction, or `history` is not positive.
    """
    if not 0 <= prior_fraction <= 1:
        raise ValueError(f"expected prior_fraction in [0, 1], got {prior_fraction}")
    if history < 1:
        raise ValueError(f"expected a history of at least 1 completion, got {history}")
    prior = model.prior()
    fractions = torch.tensor([1 - prior_fraction, prior_fraction], dtype=torch.float64)
    log_encoder_fraction, log_prior_fraction = fractions.log().tolist()

    def begin(state: State) -> CollapsedState:
        log_target = log_prob_observed(state.likelihood, masked) + prior.log_prob(state.z)
        return CollapsedState(*state, log_target, begun(state.x, history))

    def init(source: Source) -> CollapsedState:
        return begin(start(model, masked, initialisation, source))

    def step(state: CollapsedState | State, source: Source) -> tuple[CollapsedState, Info]:
        if not isinstance(state, CollapsedState):
            state = begin(state)
        rows, dtype = len(state.z), state.log_target.dtype
        encoder = model.encode(choose(state.history, uniform((rows,), source, dtype)))
        from_prior = uniform((rows,), source, dtype) < prior_fraction
        from_encoder = draw(encoder, source)
        z_new = torch.where(from_prior[:, None], draw(prior.expand((rows,)), source), from_encoder)

        def log_mixture(z: Tensor, log_prior: Tensor) -> Tensor:
            return torch.logaddexp(
                log_encoder_fraction + encoder.log_prob(z), log_prior_fraction + log_prior
            )

        log_prior_new = prior.log_prob(z_new)
        likelihood_new = model.decode(z_new)
        log_target_new = log_prob_observed(likelihood_new, masked) + log_prior_new
        log_ratio = log_acceptance_ratio(
            log_target_new,
            log_mixture(z_new, log_prior_new),
            state.log_target,
            log_mixture(state.z, prior.log_prob(state.z)),
        )
        accepted, log_u = accept(log_ratio, source)
        moved = redraw_missing(
            model,
            masked,
            torch.where(accepted[:, None], z_new, state.z),
            where(likelihood_new, accepted, state.likelihood),
            source,
        )
        kept = state.history._replace(moves=state.history.moves + accepted)
        kept = remember(kept, moved.x, uniform((rows,), source, torch.float64))
        log_target = torch.where(accepted, log_target_new, state.log_target)
        info = Info(accepted, log_ratio, z_new, encoder, log_u)
        return CollapsedState(*moved, log_target, kept), info

    return Sampler(init, step)
