"""IM-IWAE: a MIWAE whose mask depends on the latent variable, without self-censoring given it.

    p(x, s, z) = p(z) p(x|z) Π_c Bernoulli(s_c; σ(g_c(z))),   s_c = 1 if column c is observed

    L_K = E log (1/K) Σ_k p(x_obs|z_k) p(s|z_k) p(z_k) / q(z_k|x_obs, s)   ≤   log p(x_obs, s)

    p(x_mis | x_obs, s) ≈ Σ_k α_k p(x_mis|z_k),   α_k = w_k / Σ_j w_j,   w_k the terms of L_K

Given z, neither a value itself nor any other value of the row decides whether it is missing. A
value goes missing together with others because the same latent variable drives them. This is not
missing at random: s carries information about z, and so about x_mis. not-MIWAE assumes the
opposite, that a value acts on its own mask. The two models can have equal bounds on the same table
and complete it differently; the data cannot choose between them.

The weights depend on z alone. So x_mis is never drawn in training, its distribution is a mixture,
and imputations have the mixture's moments. With a constant g the bound is that of MIWAE plus a
constant. With as many latents as columns, z could hold each value itself, and then the assumption
would exclude little: choose L well below D.

The assumption is that of arXiv 2603.24771 (IM-IWAE). What is implemented is this variant alone:
independent Bernoullis given z, one network g for all columns, and an encoder that reads the mask.
It was not compared with the paper's equations or code. So three things were not checked: whether
they let s_c also depend on other columns' values or masks, as in itemwise conditionally
independent nonresponse (Sadinle & Reiter 2017); their form of the bound; and the conditions under
which they prove identification.

`dgm_core.samplers.completions` has the bound, and `dgm_core.samplers.estimates` the imputations.
`importance_sample` and `incomplete_log_weights` ignore p(s|z).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from dgm_core.models.miwae import MIWAE
from dgm_core.networks import evaluate
from dgm_core.types import Masked


class IMIWAE(MIWAE):
    """A `MIWAE` with a model p(s|z) of the mask.

    Args:
        encoder, posterior, decoder, likelihood, latent_dim: as in `MIWAE`.
        masking: g, from z (…, L) to the log-odds of being observed, (…, C) nats.
        entries: (C,), one flattened entry of each column, in the order of the columns; None = each
            entry is a column, so C = D. The entries of a column are missing together.
    """

    masking: nn.Module

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        latent_dim: int,
        *,
        masking: nn.Module,
        entries: Sequence[int] | None = None,
    ) -> None:
        super().__init__(encoder, posterior, decoder, likelihood, latent_dim)
        self.masking = masking
        self.entries = slice(None) if entries is None else list(entries)

    def latent_terms(self, masked: Masked, z: Tensor) -> Mapping[str, Tensor]:
        """The term "mask": log p(s|z), (K, B) nats, for z (K, B, L)."""
        observed = masked.observed.flatten(1)[:, self.entries]
        logits = evaluate(self.masking, z)
        return {"mask": logsigmoid(torch.where(observed, logits, -logits)).sum(-1)}

    def missing_probability(self, z: Tensor) -> Tensor:
        """P(s_c = 0 | z) of each column: z (…, L) → (…, C)."""
        return torch.sigmoid(-evaluate(self.masking, z))
