"""The MIWAE family as an imputer of tables: weighted completions and their estimates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dgm_core.models.miwae import MIWAE
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance, median, sir_completions
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, Masked

ENTRIES_AT_ONCE = 2**22
"""Largest number of completed values in memory at a time."""


@dataclass(frozen=True)
class CompletionImputer:
    """Weights K completions of each row, for MIWAE, not-MIWAE and their supervised forms.

    `parts["median"]` of the imputation minimises the absolute loss. All K completions of a row are
    in memory at once; rows are handled in blocks.
    """

    model: MIWAE
    samples: int = setting(1000, "Importance samples K", 10, 20_000, "More are better and slower.")
    draws: int = setting(24, "Draws", 1, 64, "Completions to show, by importance resampling.")

    def __post_init__(self) -> None:
        check(self)

    @torch.no_grad()
    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        rows = max(1, ENTRIES_AT_ONCE // (self.samples * masked.x[0].numel()))
        pieces = [
            self._impute(masked[start : start + rows], generator)
            for start in range(0, len(masked), rows)
        ]
        mean, variance = (torch.cat([getattr(p, n) for p in pieces]) for n in ("mean", "variance"))
        draws = torch.cat([piece.draws for piece in pieces if piece.draws is not None], 1)
        diagnostics, parts = (
            {name: torch.cat([getattr(p, field)[name] for p in pieces], dim) for name in first}
            for field, first, dim in (
                ("diagnostics", pieces[0].diagnostics, 0),
                ("parts", pieces[0].parts, 1),
            )
        )
        yield Imputation(mean, draws, variance, diagnostics=diagnostics, parts=parts)

    def _impute(self, masked: Masked, generator: torch.Generator) -> Imputation:
        sample = weighted_completions(self.model, masked, self.samples, generator)
        mean, variance = mean_and_variance(sample)
        return Imputation(
            mean,
            sir_completions(sample, self.draws, generator),
            variance,
            diagnostics={
                "ESS": sample.effective_draws,
                "Pareto k": sample.pareto_k,
                "bound": sample.bound,
            },
            parts={"median": median(sample)[None]},
        )
