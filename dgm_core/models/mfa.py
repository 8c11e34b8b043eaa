"""The mixture of factor analysers (MFA), fitted by expectation-maximisation (EM).

    z ~ N(0, I_R),  x | z, m ~ N(μ_m + A_m z, diag(d_m)),  p(x) = Σ_m π_m N(x; μ_m, A_m A_mᵀ + D_m)

E-step: given what is observed of a row, with L = I + Aᵀ D⁻¹ A over those entries,

    z | x_obs, m ~ N(w, L⁻¹),   w = L⁻¹ Aᵀ D⁻¹ (x_obs − μ),   r_nm ∝ π_m N(x_obs; μ_m, Σ_m)

M-step (Ghahramani & Hinton 1996): with z̃ = (z, 1) and Ã = [A μ], a regression for each entry i
over the rows n in which i is observed,

    Ã_i = (Σ r_nm x_i E[z̃]ᵀ) (Σ r_nm E[z̃ z̃ᵀ])⁻¹
    d_i = max(floor, Σ r_nm E(x_i − Ã_i z̃)² / Σ r_nm)

Given z, the hidden entries are independent of the rest and integrate to one, so they need no
expectations. Ã does not depend on d, and the expected log-likelihood has one maximum in each d_i.
So the floor is the best allowed d below it, and the likelihood never decreases.

    model = MixtureOfFactorAnalysers([1, 28, 28], components=30, factors=6)
    initialise_mfa(model, x, generator)
    for step in em_steps(model, x, iterations=20): ...      # save, plot, or stop after any step
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.models.factor_expectations import Statistics, expectation_of
from dgm_core.rng import normal
from dgm_core.types import Masked

NEGLIGIBLE = 1e-6
"""A component that explains fewer rows than this keeps its parameters."""


class MixtureOfFactorAnalysers(nn.Module):
    """Σ_m π_m N(μ_m, A_m A_mᵀ + diag(d_m)) over the D entries of an event.

    Buffers `log_weights` (M,), `mean` (M, D), `loadings` (M, D, R) and `noise` (M, D). With one
    component and `isotropic` noise this is probabilistic PCA (PPCA).

    Args:
        event_shape: shape of one x, for example [1, 28, 28].
        components: M.
        factors: R.
        noise_floor: the least variance d that a fit may choose.
        isotropic: all entries of a component get the same d in a fit.
    """

    log_weights: Tensor
    mean: Tensor
    loadings: Tensor
    noise: Tensor

    def __init__(
        self,
        event_shape: Sequence[int],
        components: int,
        factors: int,
        noise_floor: float = IMAGE_VARIANCE_FLOOR,
        isotropic: bool = False,
    ) -> None:
        super().__init__()
        if components < 1 or factors < 1 or noise_floor <= 0:
            raise ValueError(
                "expected at least one component, one factor and a noise floor above 0, "
                f"got {components}, {factors} and {noise_floor}"
            )
        self.event_shape = tuple(event_shape)
        self.noise_floor, self.isotropic = noise_floor, isotropic
        size = math.prod(self.event_shape)
        self.register_buffer("log_weights", torch.full((components,), -math.log(components)))
        self.register_buffer("mean", torch.zeros(components, size))
        self.register_buffer("loadings", torch.zeros(components, size, factors))
        self.register_buffer("noise", torch.ones(components, size))

    def conditional(self, masked: Masked) -> LowRankMixture:
        """p(x_mis | x_obs) over entries in one row, (B, D).

        It is exact up to rounding. Components with less than e⁻³⁰ of the largest posterior weight
        are left out; these are most components if many entries are observed.
        """
        x, observed = masked.x.flatten(1), masked.observed.flatten(1)
        expectation = expectation_of(self, observed, self.mean.dtype)
        parts = [expectation.posterior(*rows) for rows in expectation.chunks(x, observed)]
        log_joint, w, covariance = (torch.cat(each) for each in zip(*parts, strict=True))
        relevant = log_joint > log_joint.amax(1, keepdim=True) - 30
        log_weights, chosen = log_joint.topk(int(relevant.sum(1).max()), 1)  # (B, k)
        row = torch.arange(len(x), device=x.device)[:, None]
        factors = w[row, chosen].to(x.dtype)
        spread = torch.linalg.cholesky(covariance[row, chosen]).to(x.dtype)
        loadings = self.loadings[chosen]  # (B, k, D, R)
        return LowRankMixture(
            log_weights.to(x.dtype),
            self.mean[chosen] + (loadings @ factors[..., None])[..., 0],
            loadings @ spread,
            self.noise[chosen],
            ~observed,
        )

    def log_prob(self, x: Tensor, observed: Tensor | None = None) -> Tensor:
        """log p(x_obs) of x (B, \\*event): (B,) nats, summed in float64.

        `observed` is bool in the shape of x; None = all observed.
        """
        expectation = expectation_of(self, observed, torch.float64)
        each = [
            expectation.posterior(*rows).log_joint.logsumexp(-1)
            for rows in expectation.chunks(*_flat(self, x, observed))
        ]
        return torch.cat(each).to(x.dtype)


class EMStep(NamedTuple):
    """One finished iteration."""

    iteration: int  # from 1
    log_likelihood: float  # nats per row, at the parameters before this step


@torch.no_grad()
def initialise_mfa(
    model: MixtureOfFactorAnalysers,
    x: Tensor,
    generator: torch.Generator,
    observed: Tensor | None = None,
) -> None:
    """Initialise with k-means clusters and the principal axes of each cluster.

    Hidden entries get the mean of their column. Each cluster gets one additional row with the mean
    and variance of the whole table, because a few rows alone underestimate the variance.

    Args:
        model: changed in place.
        x: (N, \\*event), N at least the number of components.
        generator: source for the clusters and for the axes.
        observed: bool, as x; None = all.

    Raises:
        ValueError: fewer rows than components, or shapes differ.
    """
    from sklearn.cluster import MiniBatchKMeans  # scikit-learn costs a second of start-up

    x, observed = _flat(model, x, observed)
    components, _, factors = model.loadings.shape
    if len(x) < components:
        raise ValueError(f"expected at least {components} rows, one per component, got {len(x)}")
    if observed is not None:
        x = torch.where(observed, x, 0)
        x = torch.where(observed, x, x.sum(0) / observed.sum(0).clamp_min(1))
    seed = int(torch.randint(2**31 - 1, (), generator=generator, device=generator.device))
    # The type of n_init is inferred from its default, "auto".
    clusters = MiniBatchKMeans(
        components,
        n_init=3,  # pyright: ignore[reportArgumentType]
        random_state=seed,
    )
    labels = torch.from_numpy(clusters.fit_predict(x.cpu().numpy())).to(x.device)
    centre, spread = x.mean(0), x.var(0, correction=0)
    for m in range(components):
        rows = x[labels == m]
        mean = (rows.sum(0) + centre) / (len(rows) + 1)
        axes, rest = _principal_axes(rows - mean, factors, generator)
        noise = (len(rows) * rest + spread) / (len(rows) + 1)
        if model.isotropic:
            noise = noise.mean().expand_as(noise)
        noise = noise.clamp_min(model.noise_floor)
        # Loadings of zero would stay zero under EM.
        nudge = normal(tuple(axes.shape), generator, axes.dtype).to(axes.device)
        model.mean[m], model.noise[m] = mean, noise
        model.loadings[m] = axes + 0.01 * noise.sqrt()[:, None] * nudge
        model.log_weights[m] = math.log((len(rows) + 1) / (len(x) + components))


def _principal_axes(x: Tensor, factors: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Loadings (D, R) of centred rows, by subspace iteration, and the remaining variance (D,)."""
    basis = normal((x.shape[1], factors), generator, x.dtype).to(x.device)
    for _ in range(4):
        basis = torch.linalg.qr(x.mT @ (x @ basis)).Q
    projected = x @ basis
    values, vectors = torch.linalg.eigh(projected.mT @ projected / max(len(x), 1))
    axes = basis @ (vectors * values.clamp_min(0).sqrt())
    rest = x.square().sum(0) / max(len(x), 1) - axes.square().sum(-1)
    return nn.functional.pad(axes, (0, factors - axes.shape[1])), rest.clamp_min(0)


@torch.no_grad()
def em_steps(
    model: MixtureOfFactorAnalysers,
    x: Tensor,
    *,
    iterations: int,
    observed: Tensor | None = None,
) -> Iterator[EMStep]:
    """Exact EM, starting from the current parameters of the model and changing them in each step.

    A stopped run continues from the saved state of the model with the same result as an
    uninterrupted run.

    Args:
        model: changed in place; sums over a chunk use its dtype, totals use float64.
        x: (N, \\*event); moved to the device and dtype of the model in chunks of rows.
        iterations: number of steps.
        observed: bool, as x; None = all, which is faster. Hidden entries of x are not read.

    Raises:
        ValueError: shapes differ, or an observed entry is NaN or infinite.
    """
    x, observed = _flat(model, x, observed)
    for iteration in range(1, iterations + 1):
        expectation = expectation_of(model, observed, model.mean.dtype)
        log_likelihood, total = 0.0, None
        for rows in expectation.chunks(x, observed):
            posterior = expectation.posterior(*rows)
            log_likelihood += posterior.log_joint.logsumexp(-1).sum().item()
            part = expectation.statistics(*rows, posterior)
            part = Statistics(*(each.double() for each in part))
            total = part if total is None else Statistics(*map(torch.add, total, part))
        if total is None or not math.isfinite(log_likelihood):
            raise ValueError("x has no rows, or an observed entry that is NaN or infinite")
        _maximise(model, total, expectation.centre)
        yield EMStep(iteration, log_likelihood / len(x))


def _maximise(model: MixtureOfFactorAnalysers, total: Statistics, centre: Tensor) -> None:
    """The M-step, in place; parameters without data keep their values."""
    known = total.weight[..., None] > NEGLIGIBLE  # (M, G, 1)
    weight = total.weight[..., None].clamp_min(NEGLIGIBLE)
    eye = torch.eye(total.outer.shape[-1]).to(total.outer)
    outer = torch.where(known[..., None], total.outer / weight[..., None], eye)
    cross = total.cross / weight[..., None]
    augmented = torch.linalg.solve(outer, cross.mT).mT  # (M, G, P, K)
    noise = total.square / weight - (augmented * cross).sum(-1)
    noise_known = known
    if model.isotropic:
        weight = torch.where(known, weight, 0).expand_as(noise)
        noise = (weight * noise).sum((1, 2)) / weight.sum((1, 2)).clamp_min(NEGLIGIBLE)
        noise = noise[:, None, None].expand_as(weight)
        noise_known = known.any(1, keepdim=True)
    mean = augmented[..., -1] + centre.view(noise.shape[1:])
    _replace(model.mean, mean, known)
    _replace(model.loadings, augmented[..., :-1], known[..., None])
    _replace(model.noise, noise.clamp_min(model.noise_floor), noise_known)
    model.log_weights.copy_((total.rows / total.rows.sum()).log())


def _replace(old: Tensor, new: Tensor, known: Tensor) -> None:
    """Overwrite `old` (M, D, …) in place by `new` (M, G, P, …) where `known`."""
    old.copy_(torch.where(known, new, old.view(new.shape)).view_as(old))


def _flat(
    model: MixtureOfFactorAnalysers, x: Tensor, observed: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Rows of D entries.

    Raises:
        ValueError: x is not (B, \\*event), or observed not of its shape.
    """
    if tuple(x.shape[1:]) != model.event_shape:
        raise ValueError(f"expected x of shape (B, *{model.event_shape}), got {tuple(x.shape)}")
    if observed is None:
        return x.flatten(1), None
    if observed.shape != x.shape or observed.dtype != torch.bool:
        raise ValueError(
            f"expected observed of shape {tuple(x.shape)} and dtype bool, "
            f"got {tuple(observed.shape)} and {observed.dtype}"
        )
    return x.flatten(1), observed.flatten(1)
