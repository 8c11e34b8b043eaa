"""Simple methods against dense algebra and naive loops, on small images and tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from dgm_core.baselines import (
    PPCA,
    Biharmonic,
    IterativePCA,
    MeanImage,
    NearestNeighbours,
)
from dgm_core.baselines import principal_axes as axes
from dgm_core.baselines import training_images as training
from dgm_core.baselines.principal_axes import principal_axes
from dgm_core.distributions.gaussian import condition
from dgm_core.rng import generator
from dgm_core.types import Imputation, Imputer, Masked

SHAPE = (2, 4, 5)
D, R = 40, 3

METHODS: dict[str, Callable[[Tensor], Imputer]] = {
    "mean": MeanImage,
    "nearest neighbours": lambda images: NearestNeighbours(images, neighbours=4),
    "iterative PCA": lambda images: IterativePCA(images, components=R, iterations=30),
    "PPCA": lambda images: PPCA(images, components=R),
    "diffusion": lambda images: Biharmonic(),
}
FITTED = [name for name in METHODS if name != "diffusion"]
OF_TABLES = ["mean", "nearest neighbours", "iterative PCA", "PPCA"]


def images(count: int = 60, seed: int = 0) -> Tensor:
    """Images with three factors and noise, so that principal axes exist; values in [0, 1]."""
    source = generator(7)
    loadings = torch.randn(R, D, generator=source, dtype=torch.float64)
    source = generator(seed)
    z = torch.randn(count, R, generator=source, dtype=torch.float64)
    noise = torch.randn(count, D, generator=source, dtype=torch.float64)
    x = 0.5 + 0.08 * z @ loadings + 0.05 * noise
    return x.clamp(0, 1).view(count, *SHAPE)


def problem(rows: int = 6) -> tuple[Masked, Tensor]:
    """Incomplete images outside the training set, and the originals.

    All pixels of the first row are hidden, none of the last one.
    """
    original = images(rows, seed=1)
    observed = torch.rand(original.shape, generator=generator(2)) < 0.5
    observed[0], observed[-1] = False, True
    return Masked(original, observed), original


def last(method: Imputer, masked: Masked, seed: int = 0) -> Imputation:
    *_, imputation = method.run(masked, generator(seed))
    return imputation


@pytest.mark.parametrize("name", METHODS)
def test_observed_entries_are_unchanged_bit_for_bit(name: str) -> None:
    masked, original = problem()
    masked, original = Masked(masked.x.float(), masked.observed), original.float()
    for result in METHODS[name](images().float()).run(masked, generator(0)):
        assert result.mean.dtype == torch.float32
        assert torch.isfinite(result.mean).all()
        assert torch.equal(result.mean[masked.observed], original[masked.observed])
        for draw in () if result.draws is None else result.draws:
            assert torch.equal(draw[masked.observed], original[masked.observed])
        if result.variance is not None:
            assert (result.variance[masked.observed] == 0).all()
        if result.log_density is not None:
            log_p = result.log_density(original)
            assert log_p.shape == (6,)
            assert log_p[-1] == 0  # nothing is hidden, so nothing is predicted
            changed = torch.where(masked.observed, torch.nan, original)
            assert torch.equal(result.log_density(changed), log_p)
    assert result.done == 1


@pytest.mark.parametrize("name", METHODS)
def test_the_result_depends_on_the_generator_only(name: str) -> None:
    masked, _ = problem()
    method = METHODS[name](images())
    before = torch.random.get_rng_state()
    first, second, other = (last(method, masked, seed) for seed in (3, 3, 4))
    assert torch.equal(first.mean, second.mean)
    if first.draws is not None:
        assert torch.equal(first.draws, second.draws)
        assert not torch.equal(first.draws, other.draws)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", FITTED)
def test_bytes_are_levels_of_255_and_may_come_in_chunks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked, _ = problem()
    as_bytes = (images() * 255).round().to(torch.uint8)
    whole = last(METHODS[name](as_bytes.double() / 255), masked)
    monkeypatch.setattr(training, "CHUNK", 7 * D)
    chunked = last(METHODS[name](as_bytes), masked)
    rows = slice(1, None)  # ties of the first row are broken chunk by chunk
    torch.testing.assert_close(chunked.mean[rows], whole.mean[rows])


@pytest.mark.parametrize("name", OF_TABLES)
def test_a_table_is_an_image_of_one_row(name: str) -> None:
    masked, _ = problem()
    picture = last(METHODS[name](images()), masked)
    flat = Masked(masked.x.flatten(1), masked.observed.flatten(1))
    table = last(METHODS[name](images().flatten(1)), flat)
    torch.testing.assert_close(table.mean, picture.mean.flatten(1))


@pytest.mark.parametrize("name", FITTED)
def test_training_images_of_another_shape_are_refused(name: str) -> None:
    masked, _ = problem()
    with pytest.raises(ValueError, match=r"expected training images of shape \('N', 2, 4, 5\)"):
        last(METHODS[name](images()[..., :4]), masked)


@pytest.mark.parametrize("kind", [MeanImage, NearestNeighbours, IterativePCA, PPCA])
def test_settings_outside_their_ranges_are_refused(kind: type) -> None:
    settings = [each for each in fields(kind) if "range" in each.metadata]
    assert settings
    for each in settings:
        assert each.metadata["label"]
        assert each.metadata["help"]
        low, high = each.metadata["range"]
        assert low <= each.default <= high
        with pytest.raises(ValueError, match=each.name):
            kind(images(), **{each.name: high + 1})


def test_the_mean_image_has_the_moments_of_the_training_images() -> None:
    masked, original = problem()
    x = images()
    x[:, 0, 0, 0] = 0.0  # a pixel without variance
    result = last(MeanImage(x, draws=64), masked)
    mean, variance = x.mean(0), x.var(0, correction=0)
    for b in range(6):
        hidden = ~masked.observed[b]
        distribution = Normal(mean[hidden], variance[hidden].clamp_min(1e-4).sqrt())
        torch.testing.assert_close(result.mean[b][hidden], distribution.mean)
        torch.testing.assert_close(result.variance[b][hidden], distribution.variance)
        expected = distribution.log_prob(original[b][hidden]).sum()
        torch.testing.assert_close(result.log_density(original)[b], expected)
    residual = (result.draws[:, 0] - result.mean[0]) / result.variance[0].sqrt()
    assert abs(residual.mean()) < 5 / math.sqrt(residual.numel())
    assert residual.square().mean().item() == pytest.approx(1, abs=5 * math.sqrt(2 / 64 / D))


def test_neighbours_are_those_of_a_loop_over_observed_pixels() -> None:
    masked, original = problem()
    x = images()
    result = last(NearestNeighbours(x, neighbours=4), masked)
    for b in range(1, 5):
        seen, hidden = masked.observed[b], ~masked.observed[b]
        distance = torch.stack([(original[b][seen] - t[seen]).square().mean() for t in x])
        nearest, order = distance.sort()
        chosen = x[order[:4]][:, hidden]
        assert torch.equal(result.draws[:, b][:, hidden], chosen)
        torch.testing.assert_close(result.mean[b][hidden], chosen.mean(0))
        torch.testing.assert_close(result.variance[b][hidden], chosen.var(0, correction=0))
        torch.testing.assert_close(
            result.diagnostics["distance"][b], nearest[:4].mean(), rtol=1e-6, atol=1e-8
        )
        scale = result.diagnostics["bandwidth"][b].sqrt().expand_as(chosen)
        distribution = MixtureSameFamily(
            Categorical(torch.ones(4).double()), Independent(Normal(chosen, scale), 1)
        )
        torch.testing.assert_close(
            result.log_density(original)[b],
            distribution.log_prob(original[b][hidden]),
            rtol=1e-6,
            atol=1e-6,
        )
        # Distance over all pixels, hidden ones at 0, would choose others.
        wrong = (masked.x[b] - x).square().flatten(1).sum(1).argsort()[:4]
        assert set(wrong.tolist()) != set(order[:4].tolist())


def test_an_image_among_the_training_images_is_its_own_neighbour() -> None:
    masked, original = problem()
    result = last(NearestNeighbours(torch.cat([images(), original]), neighbours=1), masked[1:5])
    assert torch.equal(result.mean, original[1:5])
    assert (result.diagnostics["bandwidth"] == 1e-4).all()


def test_with_nothing_observed_any_training_image_may_be_a_neighbour() -> None:
    x = images(20)
    nothing = Masked(torch.zeros(400, *SHAPE), torch.zeros(400, *SHAPE) > 0)
    result = last(NearestNeighbours(x, neighbours=5), nothing)
    first = result.draws[:, :, 0, 0, 0].flatten()
    counts = torch.stack([(first - one).abs() < 1e-6 for one in x[:, 0, 0, 0]]).sum(1)
    # 2,000 neighbours among 20 images: 100 of each, deviation √(400 · ¼ · ¾).
    assert counts.sum() == 2000
    assert ((counts - 100).abs() < 5 * math.sqrt(75)).all()
    spread = result.draws.var(0, correction=0).flatten(1).mean(1)
    torch.testing.assert_close(result.diagnostics["bandwidth"], spread.clamp_min(1e-4))


def test_fewer_training_images_than_neighbours_are_all_neighbours() -> None:
    masked, _ = problem()
    result = last(NearestNeighbours(images(3), neighbours=10), masked)
    assert len(result.draws) == 3


def dense(floor: float = 1e-4) -> tuple[Tensor, Tensor]:
    """Mean and D × D covariance of PPCA, from numpy's plain definitions."""
    x = images().flatten(1)
    covariance = torch.cov(x.mT, correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[:-R].mean().clamp_min(floor)
    loadings = vectors[:, -R:] * (values[-R:] - noise).sqrt()
    return x.mean(0), loadings @ loadings.mT + noise * torch.eye(D)


@pytest.mark.parametrize("floor", [1e-4, 0.01])
def test_ppca_is_the_exact_conditional_of_its_dense_gaussian(floor: float) -> None:
    masked, original = problem()
    result = last(PPCA(images(), components=R, noise_floor=floor), masked)
    mean, covariance = dense(floor)
    for b in range(1, 5):
        observed = masked.observed[b].flatten()
        distribution = condition(mean, covariance, original[b].flatten(), observed)
        torch.testing.assert_close(result.mean[b].flatten()[~observed], distribution.mean)
        torch.testing.assert_close(
            result.variance[b].flatten()[~observed], distribution.covariance.diagonal()
        )
        expected = torch.distributions.MultivariateNormal(
            distribution.mean, distribution.covariance
        ).log_prob(original[b].flatten()[~observed])
        torch.testing.assert_close(result.log_density(original)[b], expected)


def test_ppca_draws_have_its_mean_and_covariance() -> None:
    masked, original = problem()
    observed = masked.observed[1].flatten()
    many = Masked(original[1:2], masked.observed[1:2]).repeat(500)
    draws = last(PPCA(images(), components=R, draws=8), many).draws.flatten(2).flatten(0, 1)
    distribution = condition(*dense(), original[1].flatten(), observed)
    root = torch.linalg.cholesky(distribution.covariance)
    white = torch.linalg.solve_triangular(
        root, (draws[:, ~observed] - distribution.mean).mT, upper=False
    )
    assert (white.mean(1).abs() < 5 / math.sqrt(len(draws))).all()
    covariance = torch.cov(white)
    assert (covariance - torch.eye(len(white))).abs().max() < 5 * math.sqrt(2 / len(draws))


def log_likelihood(mean: Tensor, loadings: Tensor, noise: Tensor) -> float:
    covariance = loadings @ loadings.mT + noise * torch.eye(D)
    distribution = torch.distributions.MultivariateNormal(mean, covariance)
    return distribution.log_prob(images().flatten(1)).mean().item()


@pytest.mark.parametrize("floor", [0.0, 0.01])
def test_ppca_maximises_the_likelihood(floor: float) -> None:
    fit = principal_axes(images(), R)
    top = log_likelihood(fit.mean, fit.loadings(floor), fit.noise(floor))
    source = generator(3)
    for step in (1e-3, 1e-2):
        for _ in range(10):
            aside = step * torch.randn(D, R, generator=source, dtype=torch.float64)
            assert log_likelihood(fit.mean, fit.loadings(floor) + aside, fit.noise(floor)) < top
    assert log_likelihood(fit.mean, fit.loadings(floor), fit.noise(floor) * 1.01) < top
    if floor:  # the loadings of the unconstrained maximum are not the best at the floor
        assert log_likelihood(fit.mean, fit.loadings(), fit.noise(floor)) < top - 1e-4


def test_subspace_iteration_finds_the_axes_of_the_covariance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = principal_axes(images(), R)
    monkeypatch.setattr(axes, "EXACT", 0)
    iterated = principal_axes(images(), R)
    torch.testing.assert_close(iterated.eigenvalues, exact.eigenvalues)
    torch.testing.assert_close(iterated.remainder, exact.remainder)
    torch.testing.assert_close(
        iterated.axes @ iterated.axes.mT, exact.axes @ exact.axes.mT, rtol=1e-5, atol=1e-5
    )


def test_a_fit_is_kept_as_long_as_its_images() -> None:
    x = images()
    fit = principal_axes(x, R)
    assert principal_axes(x, R) is fit
    assert principal_axes(x, 2) is not fit
    kept = len(axes._FITTED)
    del x
    assert len(axes._FITTED) == kept - 1


def test_few_images_have_few_axes_and_one_image_has_none() -> None:
    masked, _ = problem()
    few = last(PPCA(images(4), components=50), masked)
    assert torch.isfinite(few.log_density(images(6, seed=1))).all()
    assert principal_axes(images(4), 50).axes.shape == (D, 3)
    with pytest.raises(ValueError, match="at least two training images"):
        last(PPCA(images(1)), masked)


def test_iterative_pca_ends_at_the_exact_conditional_mean() -> None:
    masked, original = problem()
    method = IterativePCA(images(), components=R, iterations=3000, tolerance=1e-12)
    result = last(method, masked)
    mean, covariance = dense()
    for b in range(1, 5):
        observed = masked.observed[b].flatten()
        distribution = condition(mean, covariance, original[b].flatten(), observed)
        torch.testing.assert_close(
            result.mean[b].flatten()[~observed], distribution.mean, rtol=1e-6, atol=1e-8
        )
    assert result.diagnostics["iterations"][0] < 3000
    # Without shrinkage it would converge to the least squares fit, which is different.
    fit = principal_axes(images(), R)
    observed = masked.observed[1].flatten()
    z = torch.linalg.lstsq(
        fit.axes[observed], (original[1].flatten() - fit.mean)[observed]
    ).solution
    plain = (fit.mean + fit.axes @ z)[~observed]
    assert (result.mean[1].flatten()[~observed] - plain).abs().max() > 1e-3


def test_iterative_pca_increases_the_likelihood_and_reports_each_step() -> None:
    masked, _ = problem()
    shots = list(
        IterativePCA(images(), components=R, iterations=60, tolerance=0).run(masked, generator(0))
    )
    assert len(shots) == 20
    assert [shot.done for shot in shots] == [(i + 1) / 20 for i in range(20)]
    distribution = torch.distributions.MultivariateNormal(*dense())
    likelihoods = torch.stack([distribution.log_prob(shot.mean.flatten(1)) for shot in shots])
    assert (likelihoods.diff(dim=0) > -1e-9).all()
    assert (likelihoods[-1] - likelihoods[0])[1:5].min() > 0
    settled = list(IterativePCA(images(), components=R, tolerance=0.1).run(masked, generator(0)))
    assert settled[-1].done == 1
    assert settled[-1].diagnostics["iterations"][0] < 100


def test_diffusion_continues_smooth_images_and_is_one_half_without_pixels() -> None:
    rows, columns = torch.meshgrid(
        torch.linspace(0, 1, 28), torch.linspace(0, 1, 28), indexing="ij"
    )
    plane = (0.2 + 0.3 * rows + 0.4 * columns).expand(2, 3, 28, 28).clone()
    observed = torch.ones_like(plane, dtype=torch.bool)
    observed[0, :, 8:20, 9:21] = False
    observed[1, 0, 8:20, 9:21] = False  # masks may differ by channel
    observed[1, 2] = False
    result = last(Biharmonic(), Masked(plane, observed))
    # The plane is biharmonic, so it is recovered; the mean of the edge would be flat.
    torch.testing.assert_close(result.mean[0], plane[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(result.mean[1, :2], plane[1, :2], rtol=0, atol=1e-5)
    assert (result.mean[1, 2] == 0.5).all()
    assert result.draws is None
    assert result.log_density is None


def test_diffusion_from_one_pixel_is_its_level_everywhere() -> None:
    observed = torch.zeros(1, 1, 9, 8, dtype=torch.bool)
    observed[0, 0, 3, 4] = True
    result = last(Biharmonic(), Masked(torch.full((1, 1, 9, 8), 0.3), observed))
    torch.testing.assert_close(result.mean, torch.full_like(result.mean, 0.3))


def test_diffusion_needs_images() -> None:
    table = Masked(torch.zeros(2, 3), torch.zeros(2, 3) > 0)
    with pytest.raises(ValueError, match="expected images"):
        last(Biharmonic(), table)
