"""Samplers of p(x_mis, z | x_obs), each a pair of pure functions `init` and `step`.

    >>> from dgm_core import data
    >>> from dgm_core.missing import masks
    >>> from dgm_core.models.dlvm import fully_connected_dlvm
    >>> from dgm_core.rng import generator
    >>> from dgm_core.types import Masked
    >>> x = data.threshold(data.load("digits", "test").x[:3])
    >>> masked = Masked(x, masks.top_half(28, 28).expand_as(x))
    >>> sampler = metropolis_within_gibbs(fully_connected_dlvm(latent_dim=4, hidden=8), masked)
    >>> source = generator(0)
    >>> state, info = sampler.step(sampler.init(source), source)
    >>> state.x.shape, info.accepted.shape
    (torch.Size([3, 1, 28, 28]), torch.Size([3]))

`CATALOGUE` has the Markov chains. Two methods are different: `lair` moves K completions of an
image together and weights their proposals, which `Pool` collects; `annealed_smc` moves particles
from the prior to p(z | x_obs). `flow_inpainting` completes data with a flow-matching model, which
has no latents.
"""

from dgm_core.samplers.annealed_smc import annealed_smc
from dgm_core.samplers.collapsed import CollapsedState, collapsed_metropolis
from dgm_core.samplers.hmc import HmcState, hmc
from dgm_core.samplers.initial import INITIALISATIONS, partial_draw, start_of
from dgm_core.samplers.iterated_sir import iterated_sir
from dgm_core.samplers.lair import LairInfo, lair
from dgm_core.samplers.metropolis import metropolis_within_gibbs
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.samplers.pool import Pool
from dgm_core.samplers.pseudo_gibbs import pseudo_gibbs
from dgm_core.samplers.state import Info, State

CATALOGUE = {
    "pseudo-Gibbs": pseudo_gibbs,
    "Metropolis-within-Gibbs": metropolis_within_gibbs,
    "collapsed Metropolis": collapsed_metropolis,
    "HMC": hmc,
    "iterated SIR": iterated_sir,
}
"""Name → constructor(model, masked, initialisation): one chain per row.

The state of each begins with the fields of `State`. Each returns an `Info`, can use one stream per
row, accepts the state of another as its start, and passes the tests of samplers. `lair` has the
same `State` on `masked.repeat(K)`, but returns a `LairInfo` and needs one generator.
"""

__all__ = [
    "CATALOGUE",
    "INITIALISATIONS",
    "CollapsedState",
    "HmcState",
    "Info",
    "LairInfo",
    "Pool",
    "State",
    "annealed_smc",
    "collapsed_metropolis",
    "hmc",
    "iterated_sir",
    "lair",
    "log_prob_observed",
    "metropolis_within_gibbs",
    "partial_draw",
    "pseudo_gibbs",
    "start_of",
]
