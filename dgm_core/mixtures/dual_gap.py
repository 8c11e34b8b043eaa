"""How far below the best mixture a mixture is at most: an upper bound on the sup of D.

    D(μ, v) = Σ_n w_n N(x_n; μ, diag v),   w_n = 1 / (N p_G(x_n)),   ℓ(Ĝ) ≤ ℓ(G) + N log sup D

(see `nonparametric`). D has many local maxima; climbing finds some of them, and so a number that
is *below* its sup. Two bounds from above, both valid for every G, to rounding:

*By pairs.* With k_n = N(x_n; μ, v) / (2π floor)^(−D/2) ≤ 1 and Δ the difference of two points,
(x_n − μ)² + (x_m − μ)² ≥ Δ² / 2, so that

    k_n k_m ≤ κ_nm = Π_d max over v of (floor / v) exp(−Δ_d² / 4v)

Let k_n be the largest, a: then k_m ≤ min(a, κ_nm / a), and a sum of these is largest at one of
a = 1 or √κ_nm. Tight where points lie further apart than the floor lets an atom reach, as images
do and as all points do when the floor falls; in any number of dimensions.

*By cells.* Within a box of means and precisions λ = 1 / v, with centre (μ_c, λ_c), D is at most
the largest over its corners of

    D(corner) · Π_d exp[ ½ λ_d (μ_d − μ_c,d)² + ½ (ρ_d − 1 − log ρ_d) ],   ρ = λ / λ_c

for a Gaussian is exp(η · T(x) − A(η)) in natural parameters η, where the box is a polytope: with A
replaced by its tangent at the centre, which is below it, D is a sum of exponentials of linear
functions, convex, so largest at a corner. What was lost falls with the square of the box. Boxes
whose bound is above the goal are halved (branch and bound). For one or two dimensions.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from dgm_core.mixtures.nonparametric import Family

MOST_DIMENSIONS = 2
"""For cells, which are boxes in twice as many."""

ENTRIES_AT_ONCE = 2**22
"""Cells times points that are worked on at a time."""


def log_sup_bound(
    x: Tensor,
    log_p: Tensor,
    family: Family,
    *,
    tolerance: float = 0.01,
    most_cells: int = 200_000,
) -> float:
    """A number that is at least log sup D, for points x (N, D) and log_p = log p_G(x) (N,).

    Args:
        x: the points.
        log_p: under the mixture G, which need not be a good one.
        family: the parameters over which the sup is taken.
        tolerance: the search by cells aims at a bound so close to log sup D, or to 0.
        most_cells: looked at, after which the search ends with the bound it has.
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
    log_kappa, order = log_kappa.sort(1, descending=True)  # each point first: its own is 0
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
    # A mean outside the points' range, or a variance above its square, is never better.
    widest = (last - first).square().clamp(low, high)
    cells = torch.stack([first, last, -widest.log(), torch.full_like(first, -math.log(low))], 1)[
        None
    ]  # (M, D, 4): means from, to; log precisions from, to
    reached, settled, seen = 0.0, -math.inf, 0
    while len(cells):
        seen += len(cells)
        size = max(1, ENTRIES_AT_ONCE // len(x))
        parts = [_bounds(part, x, log_w) for part in cells.split(size)]
        above = torch.cat([bound for bound, _, _ in parts])
        penalty = torch.cat([each for _, each, _ in parts])
        reached = max(reached, *(value for _, _, value in parts))
        open_ = above > reached + tolerance
        if not open_.all():
            settled = max(settled, above[~open_].max().item())
        if seen + 2 * int(open_.sum()) > most_cells:
            return max(settled, above.max().item())
        cells = _halved(cells[open_], penalty[open_])
    return settled


def _bounds(cells: Tensor, x: Tensor, log_w: Tensor) -> tuple[Tensor, Tensor, float]:
    """Of each cell log of the bound (M,), what its sides cost (M, D, 2), and a value of log D."""
    low_m, high_m, low_l, high_l = (each[..., None] for each in cells.unbind(2))  # (M, D, 1)
    points = x.T  # (D, N)
    # Coarse, but good where a cell is far from all points: each term at its own maximum.
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
    """log N of each coordinate at the 4 corners of each side, (M, D, 4, N), and their cost."""
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
    """The largest log D at a corner, and of each cell that of log D + cost, (M,)."""
    value = torch.full_like(cost[:, 0, 0], -math.inf)
    bound = value.clone()
    for which in itertools.product(range(4), repeat=corners.shape[1]):
        log_n = sum(corners[:, d, corner] for d, corner in enumerate(which))
        log_d = (log_n + log_w).logsumexp(1)
        dear = sum(cost[:, d, corner] for d, corner in enumerate(which))
        value, bound = value.maximum(log_d), bound.maximum(log_d + dear)
    return value.max().item(), bound


def _halved(cells: Tensor, penalty: Tensor) -> Tensor:
    """Each cell cut in two across the side that costs most."""
    side = penalty.flatten(1).argmax(1)
    rows, d, kind = torch.arange(len(cells), device=cells.device), side // 2, 2 * (side % 2)
    middle = 0.5 * (cells[rows, d, kind] + cells[rows, d, kind + 1])
    lower, upper = cells.clone(), cells.clone()
    lower[rows, d, kind + 1] = middle
    upper[rows, d, kind] = middle
    return torch.cat([lower, upper])
