"""not-MIWAE: a MIWAE that also models why values are missing, with a bound on log p(x_obs, s).

    L_K = E log (1/K) Σ_k p(x_obs|z_k) p(s|x_obs, x_mis,k) p(z_k) / q(z_k|x_obs)

Ipsen, Mattei & Frellsen 2021. Whether a value is missing may depend on the value itself, in the
assumed form of p(s|x); the data alone cannot verify this form. With a constant process the bound
is that of MIWAE plus a constant. `dgm_core.samplers.completions` has the bound, and
`dgm_core.samplers.estimates` has the imputations. `importance_sample` and `incomplete_log_weights`
use weights of z alone, so they ignore p(s|x).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from dgm_core.missing.base import MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.samplers.completions import Term, missing_term
from dgm_core.types import Masked


class NotMIWAE(MIWAE):
    """A `MIWAE` with a missing process p(s|x).

    Args:
        encoder, posterior, decoder, likelihood, latent_dim: as in `MIWAE`.
        missing_process: p(s|x) on the flattened entries of x; learned if it has parameters.
    """

    missing_process: MissingProcess

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        latent_dim: int,
        *,
        missing_process: MissingProcess,
    ) -> None:
        super().__init__(encoder, posterior, decoder, likelihood, latent_dim)
        self.missing_process = missing_process

    def completion_terms(self, masked: Masked, y: Tensor | None = None) -> Mapping[str, Term]:
        """The term "missing": log p(s|x), (K, B), for completed x (K, B, \\*event)."""
        return {"missing": missing_term(self.missing_process, masked)}
