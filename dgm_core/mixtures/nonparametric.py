"""The mixture of largest likelihood: the nonparametric maximum-likelihood estimator, NPMLE.

A model with a Gaussian decoder is a mixture of diagonal Gaussians. Prior and decoder together
define a distribution G_θ of their parameters:

    p_θ(x) = ∫ N(x; μ(z), diag v(z)) p(z) dz = ∫ N(x; μ, diag v) dG_θ(μ, v)

Let Θ = {(μ, v): floor ≤ v_d ≤ ceiling} contain every output of the decoder. Then

    ELBO ≤ ℓ(θ) ≤ ℓ(Ĝ) = max over distributions G on Θ of Σ_n log ∫ N(x_n; μ, diag v) dG(μ, v)

(Lindsay 1983; Mattei & Frellsen 2018, who call ℓ(Ĝ) − ℓ(θ) the parsimony gap). A distribution with
at most n atoms reaches the maximum. Without a floor the maximum is infinite, because an atom can
shrink to one point. ℓ(Ĝ) bounds the likelihood of the points to which Ĝ is fitted, and of no other
points.

ℓ is concave in G. With the directional derivative D towards one more atom,

    D(μ, v) = (1/n) Σ_n N(x_n; μ, diag v) / p_G(x_n),   ℓ(Ĝ) ≤ ℓ(G) + n log sup D   for every G

by Jensen's inequality. At the maximum sup D = 1; otherwise the second term bounds the difference.
The log-likelihood found by EM in `fit` is thus below ℓ(Ĝ). Adding the rigorous upper bound
`dual_gap.log_sup_bound` on log sup D gives a number above ℓ(Ĝ). EM alone gives no upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture

DEAD = 1e-9
"""An atom with a smaller weight, in points, is removed between rounds of EM."""

COUNTED = 0.01
"""An atom with a larger weight, in points, counts as a component."""


class Family(NamedTuple):
    """Θ, the possible outputs of a Gaussian decoder: any mean, variances in a range."""

    floor: float  # smallest variance of a dimension
    ceiling: float = math.inf  # largest; equal to the floor if the scale is fixed

    def checked(self) -> Family:
        """This family, if its range is valid.

        Raises:
            ValueError: a floor not above 0 or above the ceiling.
        """
        if not 0 < self.floor <= self.ceiling:
            raise ValueError(f"expected 0 < floor ≤ ceiling, got {self.floor} and {self.ceiling}")
        return self


class Atoms(NamedTuple):
    """Σ_k π_k N(μ_k, diag v_k); float64."""

    log_weights: Tensor  # (K,)
    means: Tensor  # (K, D)
    variances: Tensor  # (K, D)

    def log_prob_each(self, x: Tensor) -> Tensor:
        """log N(x_n; μ_k, diag v_k) of x (N, D), (N, K) nats, by two matrix products."""
        # Relative to a centre, so squares of large numbers do not cancel.
        centre = x.mean(0)
        x, means, precision = x - centre, self.means - centre, 1 / self.variances
        square = x.square() @ precision.T - 2 * x @ (means * precision).T
        constant = (means.square() * precision + self.variances.log()).sum(1)
        return -0.5 * (square + constant + x.shape[1] * math.log(2 * math.pi))

    def log_prob(self, x: Tensor) -> Tensor:
        """log Σ_k π_k N(x_n; μ_k, diag v_k), (N,) nats."""
        return (self.log_prob_each(x) + self.log_weights).logsumexp(1)

    def mixture(self) -> GaussianMixture:
        """The atoms as a `GaussianMixture`."""
        return GaussianMixture(self.log_weights.exp(), self.means, self.variances.sqrt())


class Iterate(NamedTuple):
    """A mixture and its log-likelihood."""

    atoms: Atoms
    log_likelihood: float  # nats, summed over points


def em_steps(
    x: Tensor, start: Atoms, family: Family, *, weights_only: bool = False
) -> Iterator[Iterate]:
    """EM iterates without end; the first is `start` clamped to the family. No step lowers ℓ.

    The M-step of a variance is exact: log v + S / v decreases up to v = S and then increases, so
    its minimum within a range is S clamped to the range.

    Args:
        x: (N, D).
        start: the first atoms; their number does not change.
        family: of the atoms.
        weights_only: change only the weights; ℓ is then concave, and EM converges to its maximum.
    """
    low, high = family.checked()
    x = x.double()
    atoms = start._replace(variances=start.variances.clamp(low, high))
    fixed = atoms.log_prob_each(x) if weights_only else None
    while True:
        log_joint = (atoms.log_prob_each(x) if fixed is None else fixed) + atoms.log_weights
        log_p = log_joint.logsumexp(1, keepdim=True)
        yield Iterate(atoms, log_p.sum().item())
        responsibilities = (log_joint - log_p).exp()  # (N, K)
        count = responsibilities.sum(0)
        log_weights = (count / len(x)).log()
        if weights_only:
            atoms = atoms._replace(log_weights=log_weights)
        else:
            means, variances = _moments(x, responsibilities, atoms, family)
            atoms = Atoms(log_weights, means, variances)


def _moments(
    x: Tensor, responsibilities: Tensor, atoms: Atoms, family: Family
) -> tuple[Tensor, Tensor]:
    """Weighted means, and variances within the family; an atom without weight does not change."""
    count = responsibilities.sum(0)[:, None]
    alive = count > 1e-200
    divisor = torch.where(alive, count, 1)
    centre = x.mean(0)
    off = x - centre
    means = responsibilities.T @ off / divisor
    squares = responsibilities.T @ off.square() / divisor - means.square()
    variances = squares.clamp(family.floor, family.ceiling)
    return (
        torch.where(alive, means + centre, atoms.means),
        torch.where(alive, variances, atoms.variances),
    )


def climb(x: Tensor, log_p: Tensor, start: Atoms, family: Family, steps: int = 100) -> Atoms:
    """Ascend D for `log_p` = log p_G(x) from each atom of `start`; the weights are then log D.

    As in EM, replacing mean and variance by those of the points weighted with
    r_n ∝ N(x_n; μ, v) / p_G(x_n) does not lower D.
    """
    atoms = start
    for _ in range(steps):
        log_ratio = atoms.log_prob_each(x) - log_p[:, None]
        means, variances = _moments(x, log_ratio.softmax(0), atoms, family)
        atoms = atoms._replace(means=means, variances=variances)
    log_d = (atoms.log_prob_each(x) - log_p[:, None]).logsumexp(0) - math.log(len(x))
    return atoms._replace(log_weights=log_d)


def seeds(x: Tensor, family: Family, scales: int = 4) -> Atoms:
    """Atoms at every point with each of several variances, all with the same weight.

    The likelihood is concave in the weights, so a mixture of many starts is at least as good as
    the best of them alone.

    Args:
        x: (N, D).
        family: of the atoms.
        scales: number of variances, in even ratios from the floor to the variance of the points.
    """
    low, high = family.checked()
    spread = x.double().var(0, correction=0).clamp(low, high)
    parts = torch.linspace(0, 1, scales, dtype=torch.float64, device=x.device)
    if low == high:
        parts = parts[:1]
    variances = low * (spread / low) ** parts[:, None]  # (scales, D)
    means = x.double().repeat(len(parts), 1)
    each = variances.repeat_interleave(len(x), 0)
    log_weights = torch.full_like(means[:, 0], -math.log(len(means)))
    return Atoms(log_weights, means, each)


def fit(
    x: Tensor,
    family: Family,
    *,
    rounds: int = 8,
    iterations: int = 200,
    tolerance: float = 1e-4,
) -> Iterator[Iterate]:
    """Iterates towards ℓ(Ĝ) for points x (N, D), one per round, each better than the previous one.

    A round adds atoms where D is above 1 (vertex direction method, Lindsay 1983; Böhning 1985),
    optimises the weights, removes atoms without weight, and moves all atoms by EM. The fit ends
    early if no atom found by `climb` would gain `tolerance` nats per point.
    """
    x = x.double()
    everywhere = seeds(x, family)
    atoms = _settled(x, everywhere, family, iterations)
    for _ in range(rounds):
        *_, last = _first(em_steps(x, atoms, family), iterations)
        yield last
        log_p = last.atoms.log_prob(x)
        found = climb(x, log_p, _join(last.atoms, everywhere), family)
        if found.log_weights.max() < tolerance:
            break
        better = found.log_weights > 0
        gaining = Atoms(*(each[better] for each in found))
        gaining = gaining._replace(log_weights=gaining.log_weights.log_softmax(0) - math.log(10))
        atoms = _settled(x, _join(last.atoms, _distinct(gaining)), family, iterations)
        # The loss by removed atoms or rounding can be larger than the gain by new ones.
        if atoms.log_prob(x).sum() < last.log_likelihood:
            break


def components(atoms: Atoms, points: int) -> int:
    """Number of atoms; atoms within a tenth of their widths of each other count as one.

    EM merges atoms slowly: near the end several atoms lie close to each other and share a weight.
    """
    heavy = atoms.log_weights > math.log(COUNTED / points)
    return len(_distinct(Atoms(*(each[heavy] for each in atoms))).means)


def _settled(x: Tensor, atoms: Atoms, family: Family, iterations: int) -> Atoms:
    """The atoms with optimal weights, without those of almost no weight."""
    atoms = atoms._replace(log_weights=atoms.log_weights.log_softmax(0))
    *_, last = _first(em_steps(x, atoms, family, weights_only=True), iterations)
    kept = last.atoms.log_weights > math.log(DEAD / len(x))
    atoms = Atoms(*(each[kept] for each in last.atoms))
    return atoms._replace(log_weights=atoms.log_weights.log_softmax(0))


def _distinct(atoms: Atoms) -> Atoms:
    """Only the heaviest of atoms that lie within a tenth of their widths of each other."""
    order = atoms.log_weights.argsort(descending=True)
    means, variances = atoms.means[order], atoms.variances[order]
    width = variances.sqrt()
    kept: list[int] = []
    for k in range(len(order)):
        if kept:
            off = ((means[kept] - means[k]) / width[k]).abs().amax(1)
            ratio = (width[kept] / width[k]).log().abs().amax(1)
            if ((off < 0.1) & (ratio < 0.1)).any():
                continue
        kept.append(k)
    return Atoms(*(each[order[kept]] for each in atoms))


def _join(a: Atoms, b: Atoms) -> Atoms:
    return Atoms(*(torch.cat(each) for each in zip(a, b, strict=True)))


def _first(iterates: Iterator[Iterate], count: int) -> Iterator[Iterate]:
    for number, each in enumerate(iterates):
        yield each
        if number >= count:
            return
