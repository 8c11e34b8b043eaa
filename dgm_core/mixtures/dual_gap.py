"""An upper bound on sup D, and thereby on the log-likelihood of the best mixture.

    D(μ, v) = Σ_n w_n N(x_n; μ, diag v),   w_n = 1 / (N p_G(x_n)),   ℓ(Ĝ) ≤ ℓ(G) + N log sup D

(see `nonparametric`). D has many local maxima. An ascent finds some of them, so it gives a number
*below* the sup. Two upper bounds, both valid for every G up to rounding:

*By pairs.* With k_n = N(x_n; μ, v) / (2π floor)^(−D/2) ≤ 1 and Δ the difference of two points,
(x_n − μ)² + (x_m − μ)² ≥ Δ² / 2, so that

    k_n k_m ≤ κ_nm = Π_d max over v of (floor / v) exp(−Δ_d² / 4v)

Let k_n be the largest, a: then k_m ≤ min(a, κ_nm / a), and a sum of these is largest at one of
a = 1 or √κ_nm. The bound is tight if points lie further apart than the width of an atom at the
floor. This holds for images, and for all points if the floor is small enough. It works in any
number of dimensions.

*By cells.* In a box of means and precisions λ = 1 / v with centre (μ_c, λ_c), D is at most the
largest value over the corners of

    D(corner) · Π_d exp[ ½ λ_d (μ_d − μ_c,d)² + ½ (ρ_d − 1 − log ρ_d) ],   ρ = λ / λ_c

A Gaussian is exp(η · T(x) − A(η)) in natural parameters η, in which the box is a polytope. With A
replaced by its tangent at the centre, which lies below A, D becomes a sum of exponentials of
linear functions. This sum is convex, so its maximum is at a corner. The error decreases with the
square of the size of the box. Boxes with a bound above the goal are halved (branch and bound).
This bound is for one or two dimensions.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from dgm_core.mixtures.nonparametric import Family

MOST_DIMENSIONS = 2
"""Dimensions for the bound by cells, at most; a cell has twice as many."""

ENTRIES_AT_ONCE = 2**22
"""Cells times points that are processed at a time."""


def log_sup_bound(
    x: Tensor,
    log_p: Tensor,
    family: Family,
    *,
    tolerance: float = 0.01,
    most_cells: int = 200_000,
) -> float:
    """An upper bound on log sup D.

    Args:
        x: points, (N, D).
        log_p: log p_G(x) (N,) under any mixture G.
        family: the parameters over which the sup is taken.
        tolerance: the search by cells ends if its bound is this close to log sup D, or to 0.
        most_cells: number of cells after which the search ends with its current bound.
    """
    x, log_w = x.double(), -log_p.double() - math.log(len(x))
    found = bound_by_pairs(x, log_w, family.checked())
    if found > tolerance and x.shape[1] <= MOST_DIMENSIONS:
        found = min(found, bound_by_cells(x, log_w, family, tolerance, most_cells))
    return found


def bound_by_pairs(x: Tensor, log_w: Tensor, family: Family) -> float:
    """log of the bound by pairs, for log w (N,)."""
    low, high = family
    log_kappa = torch.zeros(len(x), len(x), dtype=x.dtype, device=x.device)
    for column in x.T:
        square = (column[:, None] - column).square()
        v = (square / 4).clamp(low, high)
        log_kappa += (low / v).log() - square / (4 * v)
    log_kappa, order = log_kappa.sort(1, descending=True)  # each point comes first, with 0
    log_scale = log_w.max()
    u = (log_w - log_scale).exp()[order]  # (N, N)
    a = (log_kappa / 2).exp()
    at_most_a = u.cumsum(1)
    product = u * log_kappa.exp()
    beyond = product.sum(1, keepdim=True) - product.cumsum(1)
    total = a * at_most_a + torch.where(a > 0, beyond.clamp_min(0) / a, 0)
    log_height = -0.5 * x.shape[1] * math.log(2 * math.pi * low)
    return (total.max().log() + log_scale + log_height).item()


def bound_by_cells(
    x: Tensor, log_w: Tensor, family: Family, tolerance: float, most_cells: int
) -> float:
    """log of the bound by cells, for log w (N,)."""
    low, high = family
    first, last = x.amin(0), x.amax(0)
    # A mean outside the range of the points, or a variance above its square, is never better.
    widest = (last - first).square().clamp(low, high)
    edges = [first, last, -widest.log(), torch.full_like(first, -math.log(low))]
    cells = torch.stack(edges, 1)[None]  # (M, D, 4): means from, to; log precisions from, to
    reached, settled, visited = 0.0, -math.inf, 0
    while len(cells):
        visited += len(cells)
        size = max(1, ENTRIES_AT_ONCE // len(x))
        parts = [_bounds(part, x, log_w) for part in cells.split(size)]
        above = torch.cat([bound for bound, _, _ in parts])
        penalty = torch.cat([each for _, each, _ in parts])
        reached = max(reached, *(value for _, _, value in parts))
        open_ = above > reached + tolerance
        if not open_.all():
            settled = max(settled, above[~open_].max().item())
        if visited + 2 * int(open_.sum()) > most_cells:
            return max(settled, above.max().item())
        cells = _halved(cells[open_], penalty[open_])
    return settled


def _bounds(cells: Tensor, x: Tensor, log_w: Tensor) -> tuple[Tensor, Tensor, float]:
    """Log of the bound (M,) and costs of the sides (M, D, 2) of each cell; a value of log D."""
    low_m, high_m, low_l, high_l = (each[..., None] for each in cells.unbind(2))  # (M, D, 1)
    points = x.T  # (D, N)
    # A coarse bound that is good far from all points: each term at its own maximum.
    off = torch.maximum(low_m - points, points - high_m).clamp_min(0).square()  # (M, D, N)
    v = off.clamp((-high_l).exp(), (-low_l).exp())
    each = -0.5 * ((2 * math.pi * v).log() + off / v)
    above = (each.sum(1) + log_w).logsumexp(1)
    half_m, half_l = 0.5 * (high_m - low_m)[..., 0], 0.5 * (high_l - low_l)[..., 0]
    penalty = torch.stack(
        [0.5 * high_l[..., 0].exp() * half_m.square(), 0.5 * (half_l.exp() - 1 - half_l)], 2
    )
    fine = (penalty.sum((1, 2)) < 3.0) & (above > 0)
    value = -math.inf
    if fine.any():
        corners, cost = _corners(cells[fine], points)
        value, best = _largest(corners, cost, log_w)
        above[fine] = torch.minimum(above[fine], best)
    return above, penalty, value


def _corners(cells: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """log N of each coordinate at the 4 corners of each side, (M, D, 4, N), and the costs."""
    low_m, high_m, low_l, high_l = cells.unbind(2)  # (M, D)
    half = 0.5 * (high_m - low_m)
    log_ratio = 0.5 * (high_l - low_l)
    log_n, cost = [], []
    for mean, log_precision, sign in (
        (low_m, low_l, -1),
        (high_m, low_l, -1),
        (low_m, high_l, 1),
        (high_m, high_l, 1),
    ):
        precision = log_precision.exp()
        square = (points - mean[..., None]).square()
        constant = log_precision - math.log(2 * math.pi)
        log_n.append(0.5 * (constant[..., None] - precision[..., None] * square))
        s = sign * log_ratio
        cost.append(0.5 * precision * half.square() + 0.5 * (s.exp() - 1 - s))
    return torch.stack(log_n, 2), torch.stack(cost, 2)


def _largest(corners: Tensor, cost: Tensor, log_w: Tensor) -> tuple[float, Tensor]:
    """The largest log D at a corner, and the largest log D + cost of each cell, (M,)."""
    value = torch.full_like(cost[:, 0, 0], -math.inf)
    bound = value.clone()
    sides = range(corners.shape[1])
    for corner in itertools.product(range(4), repeat=len(sides)):
        log_n = torch.stack([corners[:, d, corner[d]] for d in sides]).sum(0)
        log_d = (log_n + log_w).logsumexp(1)
        costs = torch.stack([cost[:, d, corner[d]] for d in sides]).sum(0)
        value, bound = value.maximum(log_d), bound.maximum(log_d + costs)
    return value.max().item(), bound


def _halved(cells: Tensor, penalty: Tensor) -> Tensor:
    """Each cell cut in two across the side with the largest cost."""
    side = penalty.flatten(1).argmax(1)
    rows, d, kind = torch.arange(len(cells), device=cells.device), side // 2, 2 * (side % 2)
    middle = 0.5 * (cells[rows, d, kind] + cells[rows, d, kind + 1])
    lower, upper = cells.clone(), cells.clone()
    lower[rows, d, kind + 1] = middle
    upper[rows, d, kind] = middle
    return torch.cat([lower, upper])
