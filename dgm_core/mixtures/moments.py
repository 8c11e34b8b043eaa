"""Sufficient statistics of each cluster, for all clusters and chains in one product.

    N_k = Σ_n r_nk,   s_k = Σ_n r_nk x_n,   S_k = Σ_n r_nk x_n x_nᵀ

For an uncertain point q_n = N(m_n, diag v_n), such as the output of an encoder, E_q x xᵀ is
m mᵀ + diag v. For given responsibilities these are the moments of the aggregate posterior
(1/N) Σ_n q_n; moments of the means alone would make the clusters too narrow.

Sums are in float64, so S_k − N_k x̄ x̄ᵀ is accurate. They run over pieces of the points, so the
additional memory does not grow with N.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

POINTS_AT_ONCE = 4096


class Moments(NamedTuple):
    """Sufficient statistics in float64; leading dimensions are chains."""

    counts: Tensor  # (…, K) N_k
    sums: Tensor  # (…, K, D) s_k
    squares: Tensor  # (…, K, D, D) S_k

    @property
    def means(self) -> Tensor:
        """s_k / N_k, (…, K, D); 0 for an empty cluster."""
        return self.sums / torch.where(self.counts > 0, self.counts, 1)[..., None]

    @property
    def scatters(self) -> Tensor:
        """Σ_n r_nk (x_n − x̄_k)(x_n − x̄_k)ᵀ, (…, K, D, D)."""
        return self.squares - self.sums[..., :, None] * self.means[..., None, :]


def moments_of(
    x: Tensor, belonging: Tensor, clusters: int, variance: Tensor | None = None
) -> Moments:
    """Counts, sums and sums of outer products of the points of each cluster.

    Args:
        x: (N, D), the same for all chains, or (…, N, D).
        belonging: cluster of each point, (…, N) integer; or responsibilities (…, N, K), float.
        clusters: K.
        variance: of each point, shaped as `x`; added to the diagonal of its outer product.

    Raises:
        ValueError: `belonging` has another number of clusters or of points.

    Example:
        >>> moments_of(torch.tensor([[1.0], [3.0], [9.0]]), torch.tensor([0, 0, 1]), 2).means
        tensor([[2.],
                [9.]], dtype=torch.float64)
    """
    soft = belonging.is_floating_point()
    shape = belonging.shape if soft else (*belonging.shape, clusters)
    points, dim = x.shape[-2:]
    if shape[-2:] != (points, clusters):
        want = (points, clusters) if soft else (points,)
        raise ValueError(f"expected clusters of shape (…, {want}), got {tuple(belonging.shape)}")
    row, column = torch.triu_indices(dim, dim, device=x.device)
    chains = torch.broadcast_shapes(shape[:-2], x.shape[:-2])
    totals = x.new_zeros((*chains, clusters, 1 + dim + len(row)), dtype=torch.float64)
    names = torch.arange(clusters, device=x.device)[:, None]
    for start in range(0, points, POINTS_AT_ONCE):
        end = start + POINTS_AT_ONCE
        if soft:
            r = belonging[..., start:end, :].mT.double()
        else:
            r = (belonging[..., None, start:end] == names).double()
        spread = None if variance is None else variance.expand_as(x)[..., start:end, :]
        totals += r @ _features(x[..., start:end, :], spread).mT
    counts, sums, upper = totals.split([1, dim, len(row)], -1)
    squares = totals.new_empty((*chains, clusters, dim, dim))
    squares[..., row, column] = upper
    squares[..., column, row] = upper
    return Moments(counts[..., 0], sums, squares)


def _features(x: Tensor, variance: Tensor | None) -> Tensor:
    """1, x and the upper triangle of E x xᵀ of each point, (…, 1 + D + D(D+1)/2, n), float64."""
    dim = x.shape[-1]
    each = x.mT.double().contiguous()
    found = each.new_ones((*each.shape[:-2], 1 + dim + dim * (dim + 1) // 2, each.shape[-1]))
    found[..., 1 : 1 + dim, :] = each
    row = 1 + dim
    for d in range(dim):
        torch.mul(each[..., d:, :], each[..., d, None, :], out=found[..., row : row + dim - d, :])
        if variance is not None:
            found[..., row, :] += variance[..., d]
        row += dim - d
    return found
