"""DMFA and MFA as imputers: the distribution of the hidden pixels is a low-rank mixture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.settings import check, setting, switch
from dgm_core.types import Imputation, Masked


class ConditionalModel(Protocol):
    """A model with p(x_mis | x_obs) in closed form, over flattened events."""

    def conditional(self, masked: Masked) -> LowRankMixture:
        """p(x_mis | x_obs) of each row, with events flattened to D."""
        ...


@dataclass(frozen=True)
class MFAConditional:
    """The exact conditional of a mixture of factor analysers fitted by EM."""

    model: ConditionalModel
    draws: int = setting(24, "Draws", 1, 64, "Completions to show.")
    noisy: bool = switch(
        default=True,
        label="Noise in the draws",
        about="Without noise, a draw is a smooth image from the factors, not a draw of p(x_mis | "
        "x_obs). Published images leave the noise out.",
    )

    needs: ClassVar[str] = "mfa"

    def __post_init__(self) -> None:
        check(self)

    @torch.no_grad()
    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        conditional, event = self.model.conditional(masked), masked.x.shape[1:]
        draws = conditional.sample_with(generator, self.draws, noisy=self.noisy)
        yield Imputation(
            masked.complete(conditional.mean.unflatten(1, event)),
            masked.complete(draws.unflatten(2, event)),
            conditional.variance.unflatten(1, event),
            lambda true_values: conditional.log_prob(true_values.flatten(1)),
            {"components": conditional.log_weights.exp().square().sum(1).reciprocal()},
            _parts(conditional, event),
        )


class DMFAImputer(MFAConditional):
    """A network predicts the mixture of factor analysers of the hidden pixels in one pass."""

    needs: ClassVar[str] = "dmfa"


def _parts(mixture: LowRankMixture, event: torch.Size) -> dict[str, Tensor]:
    """Factors and noise standard deviation of the likeliest component of each row."""
    row = torch.arange(len(mixture.log_weights), device=mixture.log_weights.device)
    best = mixture.log_weights.argmax(1)
    loadings = mixture.loadings[row, best]  # (B, D, R)
    deviation = mixture.noise[row, best].sqrt() * mixture.hidden
    return {
        "factors": loadings.permute(2, 0, 1).unflatten(2, event),
        "noise": deviation[None].unflatten(2, event),
    }
