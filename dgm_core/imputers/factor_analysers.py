"""DMFA and MFA as imputers: a closed-form law of the hidden pixels, a mixture of few factors."""

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
        about="Without it a draw is a smooth picture from the factors, not a draw of p(x_mis | "
        "x_obs): published pictures leave it out.",
    )

    needs: ClassVar[str] = "mfa"

    def __post_init__(self) -> None:
        check(self)

    @torch.no_grad()
    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        law, event = self.model.conditional(masked), masked.x.shape[1:]
        draws = law.sample_with(generator, self.draws, noisy=self.noisy)
        yield Imputation(
            masked.complete(law.mean.unflatten(1, event)),
            masked.complete(draws.unflatten(2, event)),
            law.variance.unflatten(1, event),
            lambda truth: law.log_prob(truth.flatten(1)),
            {"components": law.log_weights.exp().square().sum(1).reciprocal()},
            _parts(law, event),
        )


class DMFAImputer(MFAConditional):
    """A network's mixture of factor analysers for the hidden pixels, in one pass."""

    needs: ClassVar[str] = "dmfa"


def _parts(law: LowRankMixture, event: torch.Size) -> dict[str, Tensor]:
    """Of the likeliest component of each row: its factors and the deviation of its noise."""
    row = torch.arange(len(law.log_weights), device=law.log_weights.device)
    best = law.log_weights.argmax(1)
    loadings = law.loadings[row, best]  # (B, D, R)
    deviation = law.noise[row, best].sqrt() * law.hidden
    return {
        "factors": loadings.permute(2, 0, 1).unflatten(2, event),
        "noise": deviation[None].unflatten(2, event),
    }
