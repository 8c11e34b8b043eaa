"""The best mixture there is: the nonparametric maximum-likelihood estimator, NPMLE.

A model with a Gaussian decoder is a mixture of diagonal Gaussians, over a law G of their
parameters that prior and decoder make together:

    p_θ(x) = ∫ N(x; μ(z), diag v(z)) p(z) dz = ∫ N(x; μ, diag v) dG_θ(μ, v)

So with Θ = {(μ, v): floor ≤ v_d ≤ ceiling}, a set that holds whatever the decoder may put out,

    ELBO ≤ ℓ(θ) ≤ ℓ(Ĝ) = max over all laws G on Θ of Σ_n log ∫ N(x_n; μ, diag v) dG(μ, v)

(Lindsay 1983; Mattei & Frellsen 2018, who call ℓ(Ĝ) − ℓ(θ) the parsimony gap). The maximum is
reached by a law of at most n atoms. Without a floor it is infinite: one atom shrinks onto one
point. It bounds the likelihood of the points it is fitted to, whichever these are, and says
nothing of others.

ℓ is concave in G. So if D is the directional derivative towards one more atom,

    D(μ, v) = (1/n) Σ_n N(x_n; μ, diag v) / p_G(x_n),   ℓ(Ĝ) ≤ ℓ(G) + n log sup D   for every G

by Jensen's inequality, log being concave: at the maximum sup D = 1, and before it the second
term is how much may be lacking. What `fit` finds by EM is thus below ℓ(Ĝ), and with
`dual_gap.log_sup_bound` above log sup D, which is rigorous, comes a number that is above it.
EM alone, run too short or from a poor start, would give a "bound" that bounds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture

DEAD = 1e-9
"""Points below which an atom is dropped between rounds of EM."""

SEEN = 0.01
"""Points above which an atom counts as a component."""


class Family(NamedTuple):
    """The parameters that a Gaussian decoder may put out, Θ: any mean, variances in a range."""

    floor: float  # least variance of an entry
    ceiling: float = math.inf  # largest; equal to the floor for a decoder of one known scale

    def checked(self) -> Family:
        """Itself.

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
        """log N(x_n; μ_k, diag v_k) of x (N, D), (N, K) nats: two products of matrices."""
        # About a centre, so that squares of large numbers do not cancel.
        centre = x.mean(0)
        x, means, precision = x - centre, self.means - centre, 1 / self.variances
        square = x.square() @ precision.T - 2 * x @ (means * precision).T
        constant = (means.square() * precision + self.variances.log()).sum(1)
        return -0.5 * (square + constant + x.shape[1] * math.log(2 * math.pi))

    def log_prob(self, x: Tensor) -> Tensor:
        """log Σ_k π_k N(x_n; μ_k, diag v_k), (N,) nats."""
        return (self.log_prob_each(x) + self.log_weights).logsumexp(1)

    def mixture(self) -> GaussianMixture:
        """The same as a `GaussianMixture`."""
        return GaussianMixture(self.log_weights.exp(), self.means, self.variances.sqrt())


class Iterate(NamedTuple):
    """A mixture, and how well it fits."""

    atoms: Atoms
    log_likelihood: float  # nats, summed over points


def em_steps(
    x: Tensor, start: Atoms, family: Family, *, weights_only: bool = False
) -> Iterator[Iterate]:
    """EM iterates without end, the first being `start` within the family; none lowers ℓ.

    The M-step of a variance is exact: log v + S / v falls up to v = S and rises from there, so
    within a range its minimum is S clamped to it.

    Args:
        x: (N, D).
        start: as many atoms as there will be.
        family: of the atoms.
        weights_only: atoms stay where they are; then ℓ is concave, and EM ends at its maximum.
    """
    low, high = family.checked()
    x = x.double()
    atoms = start._replace(variances=start.variances.clamp(low, high))
    fixed = atoms.log_prob_each(x) if weights_only else None
    while True:
        log_joint = (atoms.log_prob_each(x) if fixed is None else fixed) + atoms.log_weights
        log_p = log_joint.logsumexp(1, keepdim=True)
        yield Iterate(atoms, log_p.sum().item())
        share = (log_joint - log_p).exp()  # (N, K) responsibilities
        count = share.sum(0)
        log_weights = (count / len(x)).log()
        if weights_only:
            atoms = atoms._replace(log_weights=log_weights)
        else:
            means, variances = _moments(x, share, atoms, family)
            atoms = Atoms(log_weights, means, variances)


def _moments(x: Tensor, share: Tensor, atoms: Atoms, family: Family) -> tuple[Tensor, Tensor]:
    """Weighted means, and variances within the family; a dead atom stays where it is."""
    count = share.sum(0)[:, None]
    alive = count > 1e-200
    inside = torch.where(alive, count, 1)
    centre = x.mean(0)
    off = x - centre
    means = share.T @ off / inside
    squares = share.T @ off.square() / inside - means.square()
    variances = squares.clamp(family.floor, family.ceiling)
    return (
        torch.where(alive, means + centre, atoms.means),
        torch.where(alive, variances, atoms.variances),
    )


def climb(x: Tensor, log_p: Tensor, start: Atoms, family: Family, steps: int = 100) -> Atoms:
    """Local maxima of D for `log_p` = log p_G(x), from each atom of `start`; weights are log D.

    By a bound that EM, too, rests on: with r_n ∝ N(x_n; μ, v) / p_G(x_n), the weighted mean and
    variance of the points do not lower D.
    """
    atoms = start
    for _ in range(steps):
        log_ratio = atoms.log_prob_each(x) - log_p[:, None]
        means, variances = _moments(x, log_ratio.softmax(0), atoms, family)
        atoms = atoms._replace(means=means, variances=variances)
    log_d = (atoms.log_prob_each(x) - log_p[:, None]).logsumexp(0) - math.log(len(x))
    return atoms._replace(log_weights=log_d)


def seeds(x: Tensor, family: Family, scales: int = 4) -> Atoms:
    """Atoms of every point with each of several variances, all of the same weight.

    The likelihood is concave in the weights: many starts in one mixture are no worse than the
    best of them alone.

    Args:
        x: (N, D).
        family: of the atoms.
        scales: variances, from the floor to that of the points, in even ratios.
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
    """Towards ℓ(Ĝ) of points x (N, D); after every round, that is better than the one before.

    A round puts atoms where D is above 1 (the vertex direction method, Lindsay 1983; Böhning
    1985), finds the best weights, drops what has none, and moves all by EM. It ends early when no
    atom that `climb` finds would gain `tolerance` nats a point.
    """
    x = x.double()
    everywhere = seeds(x, family)
    atoms = _settled(x, everywhere, family, iterations)
    for _ in range(rounds):
        *_, now = _first(em_steps(x, atoms, family), iterations)
        yield now
        log_p = now.atoms.log_prob(x)
        found = climb(x, log_p, _join(now.atoms, everywhere), family)
        if found.log_weights.max() < tolerance:
            break
        better = found.log_weights > 0
        gaining = Atoms(*(each[better] for each in found))
        gaining = gaining._replace(log_weights=gaining.log_weights.log_softmax(0) - math.log(10))
        atoms = _settled(x, _join(now.atoms, _distinct(gaining)), family, iterations)
        # It may be dropped atoms, or rounding, that cost more than the new ones gained.
        if atoms.log_prob(x).sum() < now.log_likelihood:
            break


def components(atoms: Atoms, points: int) -> int:
    """How many atoms there are, those counted as one that a tenth of their widths parts.

    EM merges atoms slowly: towards the end they lie side by side and share what one will have.
    """
    heavy = atoms.log_weights > math.log(SEEN / points)
    return len(_distinct(Atoms(*(each[heavy] for each in atoms))).means)


def _settled(x: Tensor, atoms: Atoms, family: Family, iterations: int) -> Atoms:
    """With the best weights, without atoms that have next to none."""
    atoms = atoms._replace(log_weights=atoms.log_weights.log_softmax(0))
    *_, last = _first(em_steps(x, atoms, family, weights_only=True), iterations)
    kept = last.atoms.log_weights > math.log(DEAD / len(x))
    atoms = Atoms(*(each[kept] for each in last.atoms))
    return atoms._replace(log_weights=atoms.log_weights.log_softmax(0))


def _distinct(atoms: Atoms) -> Atoms:
    """The heaviest of atoms that lie within a tenth of their widths of each other."""
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
