"""not-MIWAE: a MIWAE that also models why values are missing, bounding log p(x_obs, s).

    L_K = E log (1/K) Σ_k p(x_obs|z_k) p(s|x_obs, x_mis,k) p(z_k) / q(z_k|x_obs)

Ipsen, Mattei & Frellsen 2021. Right where what is hidden was hidden because of its value, provided
that p(s|x) is of the assumed form; data alone cannot tell. With a constant process it is MIWAE
plus a constant. Bound and imputation: `dgm_core.samplers.completions` and its neighbour
`estimates`. `importance_sample` and `incomplete_log_weights` weigh by z alone, as if nothing were
known of s.
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
        encoder, posterior, decoder, likelihood, latent_dim: as of `MIWAE`.
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
        """The term "missing": x ↦ log p(s|x), (K, B) of completed x (K, B, \\*event)."""
        return {"missing": missing_term(self.missing_process, masked)}
