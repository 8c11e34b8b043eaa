"""Markov chains for p(x_mis, z | x_obs), each a pair of pure functions `init` and `step`.

    from dgm_core.samplers import metropolis_within_gibbs, pseudo_gibbs

`CATALOGUE` maps a name to the constructor; every test of samplers runs over it.
"""

from dgm_core.samplers.initial import INITIALISATIONS
from dgm_core.samplers.metropolis import metropolis_within_gibbs
from dgm_core.samplers.pseudo_gibbs import pseudo_gibbs
from dgm_core.samplers.state import Info, State

CATALOGUE = {
    "pseudo-Gibbs": pseudo_gibbs,
    "Metropolis-within-Gibbs": metropolis_within_gibbs,
}

__all__ = [
    "CATALOGUE",
    "INITIALISATIONS",
    "Info",
    "State",
    "metropolis_within_gibbs",
    "pseudo_gibbs",
]
