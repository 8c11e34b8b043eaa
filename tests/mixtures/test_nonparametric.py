"""The best mixture: known cases, convergence of EM to it, and its upper bounds."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import pytest
import torch
from torch import Tensor

from dgm_core.data.plane import Moons
from dgm_core.mixtures import em_steps as diagonal_em_steps
from dgm_core.mixtures.dual_gap import bound_by_cells, bound_by_pairs, log_sup_bound
from dgm_core.mixtures.nonparametric import (
    Atoms,
    Family,
    climb,
    components,
    em_steps,
    fit,
    seeds,
)
from dgm_core.rng import generator, normal, uniform


def moons(count: int = 30) -> Tensor:
    return Moons(0.15).sample(count, generator(0)).double()


def random_atoms(count: int, dim: int, seed: int = 0) -> Atoms:
    source = generator(seed)
    weights = uniform((count,), source, torch.float64).log().log_softmax(0)
    means = normal((count, dim), source, torch.float64)
    return Atoms(weights, means, 0.05 + uniform((count, dim), source, torch.float64))


def directional_derivative(x: Tensor, log_p: Tensor, atoms: Atoms) -> Tensor:
    """log D at each atom, from its definition."""
    distribution = torch.distributions.Normal(
        atoms.means[:, None], atoms.variances.sqrt()[:, None]
    )
    return (distribution.log_prob(x).sum(2) - log_p).logsumexp(1) - math.log(len(x))


def test_densities_are_those_of_the_mixture() -> None:
    x, atoms = moons() + 100.0, random_atoms(4, 2)
    atoms = atoms._replace(means=atoms.means + 100.0)
    torch.testing.assert_close(atoms.log_prob(x), atoms.mixture().log_prob(x))


@pytest.mark.parametrize("weights_only", [False, True])
@pytest.mark.parametrize("family", [Family(1e-3), Family(0.02, 0.3), Family(0.05, 0.05)])
def test_em_never_lowers_the_likelihood_or_leaves_the_family(
    family: Family, weights_only: bool
) -> None:
    x = moons()
    history = list(islice(em_steps(x, random_atoms(6, 2), family, weights_only=weights_only), 80))
    assert all(b.log_likelihood >= a.log_likelihood - 1e-9 for a, b in pairwise(history))
    assert history[-1].log_likelihood > history[0].log_likelihood + 1
    for each in history:
        assert each.atoms.variances.min() >= family.floor * (1 - 1e-12)
        assert each.atoms.variances.max() <= family.ceiling * (1 + 1e-12)
        torch.testing.assert_close(each.atoms.log_weights.exp().sum().item(), 1.0)
        found = each.atoms.log_prob(x).sum().item()
        assert math.isclose(found, each.log_likelihood, rel_tol=1e-9)


def test_a_step_of_em_is_that_of_the_diagonal_mixture() -> None:
    """For mixtures with only a floor it is `mixtures.em_steps`."""
    x, start = moons(), random_atoms(3, 2)
    *_, ours = islice(em_steps(x, start, Family(0.04)), 5)
    *_, theirs = islice(diagonal_em_steps(x, start.mixture(), floor=0.04, diagonal=True), 5)
    torch.testing.assert_close(ours.atoms.means, theirs.mixture.means)
    torch.testing.assert_close(ours.atoms.variances, theirs.mixture.variances)


def best(x: Tensor, family: Family) -> tuple[Atoms, float]:
    *_, last = fit(x, family, iterations=400)
    return last.atoms, last.log_likelihood


def test_one_point_has_one_atom_of_the_least_variance() -> None:
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    atoms, reached = best(x, Family(0.01))
    assert components(atoms, 1) == 1
    assert math.isclose(reached, -1.5 * math.log(2 * math.pi * 0.01), rel_tol=1e-9)


@pytest.mark.parametrize(("half", "atoms"), [(0.6, 1), (0.9, 1), (1.3, 2), (3.0, 2)])
def test_two_points_have_separate_atoms_from_two_standard_deviations_on(
    half: float, atoms: int
) -> None:
    """Variance σ² = 1, points ±a: one atom at 0 if a ≤ σ, otherwise two inside (−a, a)."""
    x = torch.tensor([[-half], [half]], dtype=torch.float64)
    found, reached = best(x, Family(1.0, 1.0))
    assert components(found, 2) == atoms
    grid = torch.linspace(0, half, 4001, dtype=torch.float64)  # two atoms at ±m
    squares = torch.stack([(half - grid).square(), (half + grid).square()])
    expected = 2 * (
        (-0.5 * squares).logsumexp(0).max() - math.log(2) - 0.5 * math.log(2 * math.pi)
    )
    assert math.isclose(reached, expected.item(), abs_tol=1e-5)
    gap = 2 * log_sup_bound(x, found.log_prob(x), Family(1.0, 1.0), tolerance=1e-3)
    assert -1e-9 <= gap < 3e-3


def test_points_far_apart_have_an_atom_each() -> None:
    x = 50 * normal((12, 6), generator(1), torch.float64)
    floor = 0.01
    atoms, reached = best(x, Family(floor))
    assert components(atoms, 12) == 12
    exact = -12 * (math.log(12) + 3 * math.log(2 * math.pi * floor))
    assert math.isclose(reached, exact, rel_tol=1e-9)
    assert 12 * log_sup_bound(x, atoms.log_prob(x), Family(floor)) < 1e-6


def test_as_the_floor_falls_it_grows_by_half_a_nat_per_dimension_and_point() -> None:
    """dℓ/d log floor → −n D / 2, while the likelihood of other points goes to −∞."""
    x, other = moons(), Moons(0.15).sample(200, generator(9)).double()
    floors = [10.0**-k for k in range(3, 9)]
    found = [best(x, Family(floor)) for floor in floors]
    slopes = [(b[1] - a[1]) / math.log(10) / len(x) for a, b in pairwise(found)]
    assert all(0.8 < slope < 1.2 for slope in slopes)
    assert math.isclose(slopes[-1], 1.0, rel_tol=1e-3)
    outside = [atoms.log_prob(other).mean().item() for atoms, _ in found]
    assert all(b < a for a, b in pairwise(outside))
    assert outside[-1] < -1000


@pytest.mark.parametrize("family", [Family(0.003), Family(0.05), Family(0.1, 0.1)])
def test_the_bound_is_above_every_mixture_and_close(family: Family) -> None:
    x = moons()
    atoms, reached = best(x, family)
    gap = len(x) * log_sup_bound(x, atoms.log_prob(x), family, tolerance=2e-3)
    assert gap < 3e-3 * len(x)
    for seed in range(30):
        *_, one = islice(em_steps(x, random_atoms(1 + seed, 2, seed), family), 60)
        assert one.log_likelihood <= reached + gap


@pytest.mark.parametrize("dim", [1, 2])
def test_both_bounds_are_above_the_directional_derivative(dim: int) -> None:
    """For a poor mixture with a large D; the bound by cells is near its supremum."""
    x = moons()[:, :dim].contiguous()
    family = Family(0.01, 2.0)
    bad_atoms = Atoms(torch.zeros(1).double(), x.mean(0)[None], torch.ones(1, dim).double())
    log_p = bad_atoms.log_prob(x)
    log_w = -log_p - math.log(len(x))
    start = seeds(x, family, scales=6)
    found = climb(x, log_p, start, family, steps=400)
    assert (found.variances >= family.floor * (1 - 1e-9)).all()
    by_definition = directional_derivative(x, log_p, found)
    torch.testing.assert_close(found.log_weights, by_definition, rtol=0, atol=1e-9)
    before = directional_derivative(x, log_p, start)
    assert (by_definition >= before - 1e-9).all()
    highest = by_definition.max().item()
    cells = bound_by_cells(x, log_w, family, 5e-3, 400_000)
    pairs = bound_by_pairs(x, log_w, family)
    assert highest <= cells <= highest + 6e-3
    assert highest <= pairs
    # If stopped early it is still a bound, but a loose one.
    assert bound_by_cells(x, log_w, family, 5e-3, 500) >= cells


def test_em_from_one_start_is_no_bound_but_with_its_gap_it_is() -> None:
    """One or two atoms reach less than a model with more; the gap compensates for it."""
    x, family = moons(), Family(0.02)
    _, reached = best(x, family)
    for atoms in (1, 2, 5):
        *_, stopped = islice(em_steps(x, random_atoms(atoms, 2, 3), family), 30)
        assert stopped.log_likelihood < reached - 1
        gap = len(x) * log_sup_bound(x, stopped.atoms.log_prob(x), family)
        assert stopped.log_likelihood + gap > reached


def test_climbing_from_a_few_starts_would_be_detected() -> None:
    """D has a peak where no climb begins: a "gap" from the other climbs would not be a bound."""
    x, family = moons(), Family(1e-4, 1e-4)
    atoms, reached = best(x, family)
    far = (atoms.means - x[0]).norm(dim=1) > 0.3
    assert not far.all()
    kept = Atoms(*(each[far] for each in atoms))
    broad = Atoms(torch.tensor([-3.0]).double(), x.mean(0)[None], torch.ones(1, 2).double())
    both = Atoms(*(torch.cat(each) for each in zip(kept, broad, strict=True)))
    log_p = both._replace(log_weights=both.log_weights.log_softmax(0)).log_prob(x)
    climbed = climb(x, log_p, kept, family).log_weights.max().item()
    assert log_p.sum() + len(x) * climbed < reached
    assert log_p.sum() + len(x) * log_sup_bound(x, log_p, family) > reached


def test_an_invalid_family_is_refused() -> None:
    for family in (Family(0.0), Family(0.2, 0.1)):
        with pytest.raises(ValueError, match="0 < floor ≤ ceiling"):
            next(fit(moons(), family))
