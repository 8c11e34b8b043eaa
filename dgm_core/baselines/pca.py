"""Principal component analysis with hidden entries: exact conditional and iterative form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dgm_core.baselines.principal_axes import PrincipalAxes, principal_axes
from dgm_core.baselines.training_images import FromTrainingImages
from dgm_core.distributions.gaussian import low_rank_conditional
from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.settings import setting
from dgm_core.types import Imputation, Masked


@dataclass(frozen=True, eq=False)
class _OnPrincipalAxes(FromTrainingImages):
    """The part that both methods share.

    Args:
        components: R; fewer if there are too few images or entries.
    """

    components: int = setting(50, "Components", 1, 200, "Principal axes of the training images.")

    def fitted(self, masked: Masked) -> PrincipalAxes:
        """Principal axes of the training images, whose shape must match the incomplete ones."""
        self.check_events(masked)
        return principal_axes(self.images, self.components)


@dataclass(frozen=True, eq=False)
class PPCA(_OnPrincipalAxes):
    """Probabilistic PCA by maximum likelihood, and its exact Gaussian p(x_mis | x_obs).

    Args:
        images: (N, \\*event), floats or bytes. Fitted once; must not be changed in place.
        components: R; fewer if there are too few images or entries.
        draws: completions, noise included.
        noise_floor: least σ², squared levels.
    """

    draws: int = setting(16, "Draws", 1, 64, "Completions to show, noise included.")
    noise_floor: float = IMAGE_VARIANCE_FLOOR

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        x, event = masked.x, masked.x.shape[1:]
        fit = self.fitted(masked)
        # Float64: the factors' precision I + Wᵀ W / σ² spans six orders of magnitude on faces.
        mean, loadings = fit.mean.to(x.device), fit.loadings(self.noise_floor).to(x.device)
        noise = fit.noise(self.noise_floor).to(x.device).expand_as(mean)
        conditional = low_rank_conditional(
            mean.new_zeros(1),
            mean[None],
            loadings[None],
            noise[None],
            x.flatten(1).double(),
            masked.observed.flatten(1),
        )
        # One draw at a time: joint draws would copy W for each, 300 MB for 64 draws of a face.
        draws = [conditional.sample_with(generator).unflatten(1, event) for _ in range(self.draws)]
        yield Imputation(
            masked.complete(conditional.mean.unflatten(1, event).to(x.dtype)),
            masked.complete(torch.stack(draws).to(x.dtype)),
            conditional.variance.unflatten(1, event).to(x.dtype),
            lambda true_values: conditional.log_prob(true_values.flatten(1).double()).to(x.dtype),
        )


@dataclass(frozen=True, eq=False)
class IterativePCA(_OnPrincipalAxes):
    """Fill in, project onto the principal axes of the training images, repeat until convergence.

        x_mis ← [μ + U diag((λ − σ²) / λ) Uᵀ (x − μ)]_mis,   from x_mis = μ_mis

    The projection is regularised (Josse & Husson 2012): it is shrunk by the noise variance σ², the
    mean of the remaining eigenvalues. Each iteration raises log p(x_mis | x_obs) of PPCA, so the
    method converges to PPCA's conditional mean; slowly if much is hidden. It gives a point
    estimate: no draws, no density.

    Args:
        images: (N, \\*event), floats or bytes. Fitted once; must not be changed in place.
        components: R; fewer if there are too few images or entries.
        iterations: the largest number of iterations.
        tolerance: largest change of any entry at which iterations stop, in levels.
    """

    iterations: int = setting(100, "Iterations", 1, 10_000, "At most; fewer if it converges.")
    tolerance: float = setting(
        1e-4, "Tolerance", 0, 0.1, "Converged when no pixel changes by more than this."
    )

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields about twenty times, and at the end."""
        x, event = masked.x, masked.x.shape[1:]
        fit = self.fitted(masked)
        mean, axes = fit.mean.to(x.device), fit.axes.to(x.device)
        tiny = torch.finfo(axes.dtype).tiny
        shrink = (1 - fit.noise() / fit.eigenvalues.clamp_min(tiny)).clamp_min(0).to(x.device)
        known, hidden = x.flatten(1).double() - mean, ~masked.observed.flatten(1)
        centred = torch.where(hidden, 0, known)
        for iteration in range(1, self.iterations + 1):
            projected = (centred @ axes * shrink) @ axes.mT
            before, centred = centred, torch.where(hidden, projected, known)
            change = (centred - before).abs().amax(1)
            finished = bool((change <= self.tolerance).all()) or iteration == self.iterations
            if finished or iteration % max(1, self.iterations // 20) == 0:
                estimate = masked.complete((mean + centred).unflatten(1, event).to(x.dtype))
                diagnostics = {
                    "change": change.to(x.dtype),
                    "iterations": torch.full_like(change, iteration),
                }
                done = 1.0 if finished else iteration / self.iterations
                yield Imputation(estimate, diagnostics=diagnostics, done=done)
            if finished:
                return
