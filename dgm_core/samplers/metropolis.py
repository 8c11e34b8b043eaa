"""Metropolis-within-Gibbs sampling of p(z, x_mis | x_obs) (Mattei & Frellsen 2018, algorithm 2).

One iteration, with x = (x_obs, x_mis) the current completion:

    z' ~ q(z | x)
    ρ  = [ p(x | z') p(z') / q(z' | x) ] / [ p(x | z) p(z) / q(z | x) ]
    z  ← z' with probability min(1, ρ)
    x_mis ~ p(x_mis | z)          a draw at every iteration, also after a rejection

The likelihood is over *all* pixels, x is the same in numerator and denominator, and the densities
of the proposal are part of ρ. The chain leaves p(z, x_mis | x_obs) invariant for any encoder. How
fast it converges depends on the encoder; with low acceptance, chains can get stuck.
"""

import torch

from dgm_core.distributions import where
from dgm_core.rng import Source, draw
from dgm_core.samplers.acceptance import accept, log_acceptance_ratio
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.state import Info, State, redraw_missing, start
from dgm_core.types import LatentVariableModel, Masked, Sampler


def metropolis_within_gibbs(
    model: LatentVariableModel, masked: Masked, initialisation: Initialisation = uniform_noise
) -> Sampler:
    """The sampler for a model and incomplete data (B, \\*event): one chain per row.

    It has the same `State` as `pseudo_gibbs`. For a warm-up, run pseudo-Gibbs first and continue
    from its state.
    """
    prior = model.prior()

    def init(source: Source) -> State:
        return start(model, masked, initialisation, source)

    def step(state: State, source: Source) -> tuple[State, Info]:
        proposal = model.encode(state.x)
        z_new = draw(proposal, source)
        likelihood_new = model.decode(z_new)
        log_joint_new = likelihood_new.log_prob(state.x) + prior.log_prob(z_new)
        log_ratio = log_acceptance_ratio(
            log_joint_new,
            proposal.log_prob(z_new),
            state.log_joint,
            proposal.log_prob(state.z),
        )
        accepted, log_u = accept(log_ratio, source)
        z = torch.where(accepted[:, None], z_new, state.z)
        likelihood = where(likelihood_new, accepted, state.likelihood)
        state = redraw_missing(model, masked, z, likelihood, source)
        return state, Info(accepted, log_ratio, z_new, proposal, log_u)

    return Sampler(init, step)
