"""supMIWAE and sup-not-MIWAE: predicting y from incomplete rows.

    L_K = E log (1/K) Σ_k p(x_obs|z_k) p(s|x_obs, x_mis,k) p(y|x_obs, x_mis,k) p(z_k)/q(z_k|x_obs)
    p(y | x_obs, s) ≈ Σ_k α_k p(y | x_obs, x_mis,k),   α from the weights without p(y|·)

Ipsen, Mattei & Frellsen 2022; without p(s|·) it is supMIWAE. The predictor reads K completions of
each row, never a row with zeros at hidden entries. So the hidden entries are integrated out.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Normal

from dgm_core.distributions.likelihoods import ChannelScale
from dgm_core.missing.base import MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.samplers.completions import Completions, Term, missing_term
from dgm_core.samplers.estimates import mixture
from dgm_core.types import Masked


class GaussianPredictor(nn.Module):
    """p(y|x) = N(y; f(x), s²), with one learned scale s.

    Args:
        network: (…, D) → (…, 1).
        scale_floor: the least s, in the units of y.
    """

    def __init__(self, network: nn.Module, scale_floor: float = 1e-3) -> None:
        super().__init__()
        self.network = network
        self.scale = ChannelScale(1, scale_floor, initial=1.0)

    def forward(self, x: Tensor) -> Normal:
        """x (…, D) → a distribution with batch (…)."""
        mean = self.network(x)[..., 0]
        return Normal(mean, self.scale(mean).expand_as(mean), validate_args=False)


class CategoricalPredictor(nn.Module):
    """p(y|x) = softmax(f(x))_y.

    Args:
        network: (…, D) → (…, classes), logits.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Categorical:
        """x (…, D) → a distribution with batch (…)."""
        return Categorical(logits=self.network(x), validate_args=False)


class SupMIWAE(MIWAE):
    """A `MIWAE` with a predictor of y and, if given, a missing process (sup-not-MIWAE).

    Args:
        encoder, posterior, decoder, likelihood, latent_dim: as in `MIWAE`.
        predictor: completed x (K, B, \\*event) → p(y|x), a distribution with batch (K, B).
        missing_process: p(s|x); None = missingness carries no information about the values.
    """

    predictor: nn.Module
    missing_process: MissingProcess | None

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        latent_dim: int,
        *,
        predictor: nn.Module,
        missing_process: MissingProcess | None = None,
    ) -> None:
        super().__init__(encoder, posterior, decoder, likelihood, latent_dim)
        self.predictor, self.missing_process = predictor, missing_process

    def completion_terms(self, masked: Masked, y: Tensor | None = None) -> Mapping[str, Term]:
        """The terms "missing", if there is a missing process, and "target", if y (B,) is given."""
        terms: dict[str, Term] = {}
        if self.missing_process is not None:
            terms["missing"] = missing_term(self.missing_process, masked)
        if y is not None:
            terms["target"] = lambda x: self.predictor(x).log_prob(y)
        return terms

    def predict(self, sample: Completions) -> Distribution:
        """p(y | x_obs, s) from completions of B rows: a mixture with batch (B,).

        Normal components give a `MixtureSameFamily`, classes give a `Categorical`. The weights
        leave out a "target" term, because the target must not influence its own prediction.
        """
        return mixture(self.predictor(sample.x), sample.without("target").log_weights)
