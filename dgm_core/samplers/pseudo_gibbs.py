"""Pseudo-Gibbs sampling (Rezende, Mohamed & Wierstra 2014).

    z ~ q(z | x_obs, x_mis),   x_mis ~ p(x_mis | z)

It would be Gibbs sampling if the encoder q were the true posterior. It is not, so the chain
converges to another distribution, which is as close to p(x_mis | x_obs) as q is to p(z|x).
"""

import torch

from dgm_core.rng import Source, draw
from dgm_core.samplers.initial import Initialisation, uniform_noise
from dgm_core.samplers.state import Info, State, redraw_missing, start
from dgm_core.types import LatentVariableModel, Masked, Sampler


def pseudo_gibbs(
    model: LatentVariableModel, masked: Masked, initialisation: Initialisation = uniform_noise
) -> Sampler:
    """The sampler for a model and incomplete data (B, \\*event): one chain per row.

    Example:
        >>> sampler = pseudo_gibbs(model, masked)           # doctest: +SKIP
        >>> state = sampler.init(generator)                 # doctest: +SKIP
        >>> state, info = sampler.step(state, generator)    # doctest: +SKIP
    """

    def init(source: Source) -> State:
        return start(model, masked, initialisation, source)

    def step(state: State, source: Source) -> tuple[State, Info]:
        proposal = model.encode(state.x)
        z = draw(proposal, source)
        always = torch.ones(len(z), dtype=torch.bool, device=z.device)
        log_ratio = torch.zeros_like(state.log_joint)  # not computed
        info = Info(always, log_ratio, z, proposal, torch.full_like(log_ratio, -torch.inf))
        return redraw_missing(model, masked, z, model.decode(z), source), info

    return Sampler(init, step)
