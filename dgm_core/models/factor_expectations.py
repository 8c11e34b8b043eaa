"""The E-step of mixtures of factor analysers: the posterior of components and factors.

    L_m = I + A_mᵀ D_m⁻¹ A_m over the observed entries,   z | x_obs, m ~ N(w, L_m⁻¹)
    log N(x_obs; μ, Σ) = −½ [ (x − μ)ᵀ D⁻¹ (x − μ) − |h|² + log |D| + log |L| + D log 2π ]

with h = root⁻¹ Aᵀ D⁻¹ (x − μ) for L = root rootᵀ (Woodbury). The code uses products of large
matrices, over chunks of rows. `models.mfa` has the model and the M-step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

CHUNK = 2**20
"""Numbers in the largest array that one chunk of rows may need."""


class FactorMixture(Protocol):
    """The parameters of Σ_m π_m N(μ_m, A_m A_mᵀ + diag(d_m))."""

    log_weights: Tensor  # (M,) up to a constant
    mean: Tensor  # (M, D)
    loadings: Tensor  # (M, D, R)
    noise: Tensor  # (M, D)


class Posterior(NamedTuple):
    """The posterior of the component and its factors, for each row."""

    log_joint: Tensor  # (B, M) log π_m N(x_obs; μ_m, Σ_m), float64
    factors: Tensor  # (B, M, R) w
    covariance: Tensor  # (M, R, R), or (B, M, R, R): L⁻¹


class Statistics(NamedTuple):
    """Expected sums over rows, weighted by responsibilities.

    The D entries form G groups of P entries. A complete row is one group of all D entries;
    otherwise each entry is a group of its own. K = R + 1.
    """

    rows: Tensor  # (M,)
    weight: Tensor  # (M, G)       Σ r over the rows that have the group observed
    square: Tensor  # (M, G, P)    Σ r x²
    cross: Tensor  # (M, G, P, K)  Σ r x E[z̃]
    outer: Tensor  # (M, G, K, K)  Σ r E[z̃ z̃ᵀ]


class Expectation(ABC):
    """The E-step for one set of parameters, as products of large matrices.

    Data and means are taken relative to a common `centre`, so that no digits cancel in squares.
    """

    def __init__(self, model: FactorMixture, dtype: torch.dtype) -> None:
        self.dtype = dtype
        weights = model.log_weights.double().log_softmax(0)
        centre = (weights.exp()[:, None] * model.mean.double()).sum(0)
        self.centre = centre.to(dtype).double()  # the same to the last bit for data and means
        self.log_weights = weights
        self.mean = model.mean.double() - self.centre
        self.loadings = model.loadings.double()
        self.precision = 1 / model.noise.double()
        self.scaled = self.loadings * self.precision[..., None]  # D⁻¹ A
        self.eye = torch.eye(self.loadings.shape[-1]).to(self.loadings)

    def chunks(self, x: Tensor, observed: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Chunks of centred rows, 0 where hidden, and their masks."""
        rows = max(1, CHUNK // self.width())
        for start in range(0, len(x), rows):
            part = x[start : start + rows].to(self.log_weights.device, self.dtype)
            part = part - self.centre.to(self.dtype)
            seen = None
            if observed is not None:
                seen = observed[start : start + rows].to(part.device)
                part = torch.where(seen, part, 0)
            yield part, seen

    @abstractmethod
    def width(self) -> int:
        """Numbers in memory per row."""

    @abstractmethod
    def posterior(self, x: Tensor, observed: Tensor | None) -> Posterior:
        """The posterior of a chunk (B, D)."""

    @abstractmethod
    def statistics(self, x: Tensor, observed: Tensor | None, posterior: Posterior) -> Statistics:
        """The statistics of a chunk (B, D) with its posterior."""

    def columns(self, matrices: Tensor) -> Tensor:
        """(M, D, …) → (D, M · …), for products with rows."""
        return matrices.movedim(1, 0).flatten(1).to(self.dtype)


def expectation_of(
    model: FactorMixture, observed: Tensor | None, dtype: torch.dtype
) -> Expectation:
    """The E-step at the parameters of a model, for complete (None) or incomplete rows.

    `dtype` is the type of the large products with the data; the rest is float64.
    """
    return (_Complete if observed is None else _Incomplete)(model, dtype)


class _Complete(Expectation):
    """Complete rows: L is the same for all of them."""

    def __init__(self, model: FactorMixture, dtype: torch.dtype) -> None:
        super().__init__(model, dtype)
        root = torch.linalg.cholesky(self.eye + self.loadings.mT @ self.scaled)
        self.covariance = torch.cholesky_inverse(root)
        # h = root⁻¹ Aᵀ D⁻¹ (x − μ): the factors explain |h|², and w = root⁻ᵀ h.
        self.unroot = torch.linalg.solve_triangular(root, self.eye.expand_as(root), upper=False)
        whiten = self.scaled @ self.unroot.mT  # (M, D, R)
        self.offset = (whiten * self.mean[..., None]).sum(1)  # (M, R)
        self.linear = torch.cat(
            [self.columns(whiten), self.columns(self.mean * self.precision)], 1
        )
        self.quadratic = self.columns(self.precision)
        log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1) - self.precision.log().sum(-1)
        self.constant = self.log_weights - 0.5 * (
            (self.mean.square() * self.precision).sum(-1)
            + log_det
            + self.mean.shape[1] * math.log(2 * math.pi)
        )

    def width(self) -> int:
        return self.mean.shape[1] + self.linear.shape[1]

    def posterior(self, x: Tensor, observed: Tensor | None) -> Posterior:
        components, factors = self.offset.shape
        linear = (x @ self.linear).double()
        explained, lean = linear.split([components * factors, components], 1)
        h = explained.unflatten(1, (components, factors)) - self.offset
        square = (x.square() @ self.quadratic).double() - 2 * lean - h.square().sum(-1)
        w = torch.einsum("bmr,mrq->bmq", h, self.unroot)
        return Posterior(self.constant - 0.5 * square, w, self.covariance)

    def statistics(self, x: Tensor, observed: Tensor | None, posterior: Posterior) -> Statistics:
        r, z = _responsibilities_and_factors(posterior)
        weighted = r[..., None] * z
        outer = torch.einsum("bmk,bml->mkl", weighted, z)
        outer[:, :-1, :-1] += r.sum(0)[:, None, None] * posterior.covariance
        cross = (x.mT @ weighted.flatten(1).to(x.dtype)).unflatten(1, z.shape[1:])
        square = (x.square().mT @ r.to(x.dtype)).mT
        return Statistics(
            r.sum(0),
            r.sum(0)[:, None],
            square[:, None],
            cross.movedim(0, 1)[:, None],
            outer[:, None],
        )


class _Incomplete(Expectation):
    """Incomplete rows: each row and component has its own L, an R × R matrix."""

    def width(self) -> int:
        components, entries, factors = self.loadings.shape
        return entries + 3 * components * (factors + 1) ** 2

    def posterior(self, x: Tensor, observed: Tensor | None) -> Posterior:
        assert observed is not None  # rows without hidden entries have `_Complete`
        seen = observed.to(x.dtype)
        components, _, factors = self.loadings.shape

        def over_seen(values: Tensor) -> Tensor:  # (M, D, …) → (B, M, …)
            return (seen @ self.columns(values)).double().unflatten(1, (components, -1))

        outer = (self.scaled[..., None] * self.loadings[..., None, :]).flatten(2)
        capacitance = self.eye + over_seen(outer).unflatten(2, (factors, factors))
        covariance, log_det = inverse_and_log_det(capacitance)
        lean = (x @ self.columns(self.scaled)).double().unflatten(1, (components, factors))
        lean = lean - over_seen(self.scaled * self.mean[..., None])
        w = (covariance @ lean[..., None])[..., 0]
        fixed = self.mean.square() * self.precision - self.precision.log() + math.log(2 * math.pi)
        square = (
            (x.square() @ self.columns(self.precision)).double()
            - 2 * (x @ self.columns(self.mean * self.precision)).double()
            + over_seen(fixed)[..., 0]
            - (lean * w).sum(-1)
        )
        return Posterior(self.log_weights - 0.5 * (square + log_det), w, covariance)

    def statistics(self, x: Tensor, observed: Tensor | None, posterior: Posterior) -> Statistics:
        assert observed is not None  # as in `posterior`
        r, z = _responsibilities_and_factors(posterior)
        seen = observed.to(x.dtype).mT
        outer = z[..., None] * z[..., None, :]
        outer[..., :-1, :-1] += posterior.covariance

        def over_rows(left: Tensor, values: Tensor) -> Tensor:  # (D, B), (B, M, …) → (M, D, …)
            sums = left @ values.flatten(1).to(x.dtype)
            return sums.unflatten(1, values.shape[1:]).movedim(0, 1)

        return Statistics(
            r.sum(0),
            over_rows(seen, r),
            over_rows(x.square().mT, r)[..., None],
            over_rows(x.mT, r[..., None] * z)[..., None, :],
            over_rows(seen, r[..., None, None] * outer),
        )


def inverse_and_log_det(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """The inverses and log-determinants of many small positive definite matrices (…, R, R).

    The sweep operator (Goodnight 1979) replaces one row and column after the other by those of
    the inverse; the pivots multiply to the determinant. Each step is one operation on all
    matrices, so for small R this takes a fraction of the time of a factorisation of each matrix.

    Example:
        >>> inverse_and_log_det(torch.tensor([[2.0, 1.0], [1.0, 1.0]]))
        (tensor([[ 1., -1.],
                [-1.,  2.]]), tensor(0.))
    """
    size = matrices.shape[-1]
    swept = matrices.reshape(-1, size, size).permute(1, 2, 0).contiguous()  # (R, R, N)
    log_det = torch.zeros_like(swept[0, 0])
    for k in range(size):
        pivot, column = swept[k, k].clone(), swept[:, k].clone()
        log_det += pivot.log()
        row = swept[k] / pivot
        swept.addcmul_(column[:, None], row[None], value=-1)
        swept[k], swept[:, k] = row, -column / pivot
        swept[k, k] = 1 / pivot
    inverse = swept.permute(2, 0, 1).reshape(matrices.shape)
    return inverse, log_det.view(matrices.shape[:-2])


def _responsibilities_and_factors(posterior: Posterior) -> tuple[Tensor, Tensor]:
    """r (B, M) and E[z̃] (B, M, R + 1)."""
    r = posterior.log_joint.softmax(-1)
    return r, torch.cat([posterior.factors, torch.ones_like(r)[..., None]], -1)
