"""Scores against naive loops, closed forms and other libraries, on the hidden entries alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from skimage.metrics import structural_similarity
from sklearn.metrics import f1_score, mean_squared_error
from torch import Tensor
from torch.distributions import MixtureSameFamily, Normal

from dgm_core import metrics
from dgm_core.metrics import DEFINITIONS, f1_hidden
from dgm_core.rng import generator

B, SHAPE = 5, (2, 9, 8)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def problem() -> tuple[Tensor, Tensor, Tensor]:
    """Imputation, true values, observed; nothing is observed in the first row."""
    guess, true_values = uniform(2, B, *SHAPE)
    observed = uniform(B, *SHAPE, seed=1) < 0.5
    observed[0] = False
    return guess, true_values, observed


def variance_of_one(draws: Tensor) -> Tensor:
    return torch.full_like(draws, 0.3)


SCORES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "F1": metrics.f1_hidden,
    "SSE": metrics.sse_hidden,
    "MSE": metrics.mse_hidden,
    "PSNR": metrics.psnr_hidden,
    "SSIM": metrics.ssim_hidden,
    "CRPS": lambda g, t, o: metrics.crps_hidden(torch.stack([g, 1 - g, g / 2]), t, o),
    "coverage": lambda g, t, o: metrics.coverage_hidden(torch.stack([g, g / 2]), t, o),
    "Gaussian coverage": lambda g, t, o: metrics.gaussian_coverage_hidden(g, g**2, t, o),
    "mixture density": lambda g, t, o: metrics.gaussian_mixture_log_density(
        torch.stack([g, 1 - g]), variance_of_one(g), t, o
    ),
    "reliability": lambda g, t, o: torch.cat(metrics.reliability(g, t, o)),
    "PIT": lambda g, t, o: metrics.pit(torch.stack([g, g / 2]), t, o, generator(5)),
}


@pytest.mark.parametrize("name", SCORES)
def test_observed_pixels_do_not_count(name: str) -> None:
    guess, true_values, observed = problem()
    score = SCORES[name](guess, true_values, observed)
    for wrong in (1 - guess, torch.full_like(guess, torch.nan)):
        changed = torch.where(observed, wrong, guess)
        torch.testing.assert_close(
            SCORES[name](changed, true_values, observed), score, rtol=0, atol=0, equal_nan=True
        )
    # Hidden pixels count.
    changed = torch.where(observed, guess, uniform(B, *SHAPE, seed=9))
    assert not torch.equal(SCORES[name](changed, true_values, observed), score)


def test_every_score_on_screen_is_defined() -> None:
    needed = {"F1", "SSE", "MSE", "PSNR", "SSIM", "NLL", "NLL, density", "CRPS", "90 % coverage"}
    assert needed == set(DEFINITIONS)


def test_f1_equals_that_of_scikit_learn_on_hidden_pixels() -> None:
    guess, true_values, seen = (torch.rand(3, 6, 1, 9, 9, generator=generator(0)) < 0.4).unbind(0)
    scores = f1_hidden(guess, true_values, seen)
    for row in range(6):
        hidden = ~seen[row]
        expected = f1_score(true_values[row][hidden].numpy(), guess[row][hidden].numpy())
        assert abs(scores[row] - expected) < 1e-6
    # Observed pixels do not count, even if they are wrong.
    assert torch.equal(scores, f1_hidden(torch.where(seen, ~guess, guess), true_values, seen))


def test_f1_without_any_ink_is_one() -> None:
    nothing = torch.zeros(1, 1, 4, 4)
    assert f1_hidden(nothing, nothing, nothing.bool()).item() == 1
    assert f1_hidden(nothing + 1, nothing, nothing.bool()).item() == 0
    assert f1_hidden(nothing + 1, nothing, ~nothing.bool()).item() == 1


def test_probabilities_count_as_ink_above_one_half() -> None:
    true_values = torch.tensor([[1.0, 1.0, 0.0]])
    mean = torch.tensor([[0.9, 0.4, 0.6]])
    seen = torch.zeros(1, 3, dtype=torch.bool)
    assert f1_hidden(mean, true_values, seen, event_dims=1).item() == 0.5


def test_squared_errors_equal_those_of_scikit_learn_on_hidden_entries() -> None:
    guess, true_values, observed = problem()
    sse, mse = metrics.sse_hidden(guess, true_values, observed), metrics.mse_hidden(*problem())
    for b in range(B):
        hidden = ~observed[b]
        expected = mean_squared_error(true_values[b][hidden].numpy(), guess[b][hidden].numpy())
        assert mse[b].item() == pytest.approx(expected, rel=1e-12)
        assert sse[b].item() == pytest.approx(expected * hidden.sum().item(), rel=1e-12)
    torch.testing.assert_close(10 ** (-metrics.psnr_hidden(*problem()) / 10), mse)


def test_a_row_with_nothing_hidden_has_no_average_and_no_sum() -> None:
    guess, true_values, observed = problem()
    observed[1] = True
    assert metrics.sse_hidden(guess, true_values, observed)[1] == 0
    for name in ("MSE", "PSNR", "SSIM", "CRPS", "coverage", "Gaussian coverage"):
        values = SCORES[name](guess, true_values, observed)
        assert values.isnan().tolist() == [False, True, False, False, False], name


def test_ssim_averages_the_map_of_scikit_image_over_hidden_pixels() -> None:
    guess, true_values, observed = problem()
    scores = metrics.ssim_hidden(guess, true_values, observed)
    for b in range(B):
        total, count = 0.0, 0
        for c in range(SHAPE[0]):
            completed = torch.where(observed, true_values, guess)[b, c].numpy()
            _, similarity = structural_similarity(
                completed, true_values[b, c].numpy(), win_size=7, data_range=1, full=True
            )
            total += similarity[~observed[b, c].numpy()].sum()
            count += (~observed[b, c]).sum().item()
        assert scores[b].item() == pytest.approx(total / count, rel=1e-12)
    torch.testing.assert_close(
        metrics.ssim_hidden(true_values, true_values, observed), torch.ones(B).double()
    )
    with pytest.raises(ValueError, match="7×7"):
        metrics.ssim_hidden(guess[..., :6], true_values[..., :6], observed[..., :6])


def test_ssim_at_an_inner_pixel_equals_its_formula() -> None:
    x, y = uniform(2, 1, 1, 7, 7, seed=3)
    observed = torch.ones(1, 1, 7, 7, dtype=torch.bool)
    observed[..., 3, 3] = False
    y = torch.where(observed, x, y)
    a, b = x.flatten(), y.flatten()
    covariance = torch.cov(torch.stack([a, b]))
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= (a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance.diagonal().sum() + c2)
    torch.testing.assert_close(metrics.ssim_hidden(y, x, observed)[0], expected)


def naive_crps(draws: Tensor, y: Tensor) -> Tensor:
    """For one entry: (n,) and ()."""
    n, spread = len(draws), 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                spread += (draws[i] - draws[j]).abs() / (n * (n - 1))
    return (draws - y).abs().mean() - spread / 2


def test_crps_equals_the_mean_over_all_pairs_of_draws() -> None:
    draws, true_values = normal(6, 3, 4), normal(3, 4, seed=1)
    draws[2] = draws[1]  # a tie
    observed = uniform(3, 4, seed=2) < 0.4
    scores = metrics.crps_hidden(draws, true_values, observed)
    for b in range(3):
        each = [
            naive_crps(draws[:, b, d], true_values[b, d]) for d in range(4) if not observed[b, d]
        ]
        torch.testing.assert_close(scores[b], torch.stack(each).mean())


@pytest.mark.parametrize("n", [2, 7])
def test_crps_of_gaussian_draws_has_the_gaussian_closed_form_as_its_mean(n: int) -> None:
    entries, y = 200_000, 0.7
    draws = normal(n, entries, 1)
    scores = metrics.crps_hidden(
        draws, torch.full((entries, 1), y).double(), torch.zeros(entries, 1, dtype=torch.bool)
    )
    standard, at = Normal(0.0, 1.0), torch.tensor(y)
    expected = (
        y * (2 * standard.cdf(at) - 1) + 2 * standard.log_prob(at).exp() - 1 / math.sqrt(math.pi)
    )
    mean, error = metrics.mean_and_error(scores)
    assert abs(mean - expected) < 4 * error
    # The ensemble formula with 1 / n² instead of 1 / (n (n − 1)) is far off.
    pairs = 2 / math.sqrt(math.pi)  # E|X − X′|
    assert abs(mean + pairs / (2 * n) - expected) > 20 * error


def test_crps_of_a_binary_distribution_is_the_squared_error_of_its_probability() -> None:
    entries, p = 200_000, 0.3
    draws = (uniform(4, entries, 1) < p).double()
    seen = torch.zeros(entries, 1, dtype=torch.bool)
    for y in (0.0, 1.0):
        scores = metrics.crps_hidden(draws, torch.full((entries, 1), y).double(), seen)
        mean, error = metrics.mean_and_error(scores)
        assert abs(mean - (p - y) ** 2) < 4 * error


def test_crps_of_a_point_imputation_is_its_absolute_error() -> None:
    guess, true_values, observed = problem()
    expected = torch.stack(
        [(g - t).abs()[~o].mean() for g, t, o in zip(guess, true_values, observed, strict=True)]
    )
    torch.testing.assert_close(metrics.crps_hidden(guess[None], true_values, observed), expected)


@pytest.mark.parametrize("n", [19, 39, 50, 16])
def test_draws_exchangeable_with_the_true_values_cover_at_the_nominal_level(n: int) -> None:
    entries = 100_000
    draws, true_values = normal(n, entries, 1), normal(entries, 1, seed=1)
    seen = torch.zeros(entries, 1, dtype=torch.bool)
    mean, error = metrics.mean_and_error(metrics.coverage_hidden(draws, true_values, seen))
    expected = 0.9 if n >= 19 else (n - 1) / (n + 1)
    slack = 0.003 if n == 50 else 0.0  # between two ranks the rule is not exact
    assert abs(mean - expected) < 4 * error + slack
    # The quantiles of numpy and torch are made for estimation; their intervals are too narrow.
    low, high = draws.quantile(torch.tensor([0.05, 0.95]).double(), dim=0)
    narrow = ((low <= true_values) & (true_values <= high)).double().mean()
    assert narrow < expected - 10 * error


def test_the_ends_of_an_interval_belong_to_it() -> None:
    draws = (torch.arange(40) < 20).double().view(40, 1, 1)
    seen = torch.zeros(1, 1, dtype=torch.bool)
    for y, inside in ((0.0, 1.0), (1.0, 1.0), (1.1, 0.0), (-0.1, 0.0)):
        true_values = torch.full((1, 1), y).double()
        assert metrics.coverage_hidden(draws, true_values, seen).item() == inside
    with pytest.raises(ValueError, match="level"):
        metrics.coverage_hidden(draws, true_values, seen, 90)


def test_coverage_of_a_gaussian_is_that_of_its_quantiles() -> None:
    mean, variance = normal(1, 1000), uniform(1, 1000, seed=1) + 0.1
    true_values = mean + 1.5 * variance.sqrt() * normal(1, 1000, seed=2)
    low, high = (Normal(mean, variance.sqrt()).icdf(torch.tensor(q)) for q in (0.05, 0.95))
    expected = ((low <= true_values) & (true_values <= high)).double().mean()
    seen = torch.zeros(1, 1000, dtype=torch.bool)
    assert metrics.gaussian_coverage_hidden(mean, variance, true_values, seen).item() == expected
    assert 0.5 < expected < 0.8


def test_mixture_density_equals_that_of_torch_one_row_at_a_time() -> None:
    n = 4
    means, true_values, observed = normal(n, B, *SHAPE), *problem()[1:]
    variances = uniform(n, B, *SHAPE, seed=4) * 0.02
    log_p = metrics.gaussian_mixture_log_density(means, variances, true_values, observed, 0.01)
    for b in range(B):
        hidden = ~observed[b]
        scale = variances[:, b, hidden].clamp_min(0.01).sqrt()
        distribution = MixtureSameFamily(
            torch.distributions.Categorical(torch.ones(n).double()),
            torch.distributions.Independent(Normal(means[:, b, hidden], scale), 1),
        )
        torch.testing.assert_close(log_p[b], distribution.log_prob(true_values[b][hidden]))


def test_reliability_counts_like_a_loop() -> None:
    guess, true_values, observed = problem()
    true_values = (true_values > 0.5).double()
    bins = metrics.reliability(guess, true_values, observed, bins=7)
    inside = [[] for _ in range(7)]
    for p, y, seen in zip(guess.flatten(), true_values.flatten(), observed.flatten(), strict=True):
        if not seen:
            inside[min(int(p * 7), 6)].append((p.item(), y.item()))
    for k, pairs in enumerate(inside):
        p, y = torch.tensor(pairs).double().unbind(1)
        assert bins.entries[k] == len(pairs)
        torch.testing.assert_close(bins.centre[k], p.mean())
        torch.testing.assert_close(bins.frequency[k], y.mean())
        error = (p * (1 - p)).sum().sqrt() / len(pairs)
        torch.testing.assert_close(bins.standard_error[k], error)


def test_correct_probabilities_are_reliable_and_overconfident_ones_are_not() -> None:
    p = uniform(1, 100_000)
    true_values = (uniform(1, 100_000, seed=1) < p).double()
    seen = torch.zeros_like(p, dtype=torch.bool)
    bins = metrics.reliability(p, true_values, seen)
    assert ((bins.frequency - bins.centre).abs() < 4 * bins.standard_error).all()
    wrong = metrics.reliability((3 * (p - 0.5) + 0.5).clamp(0, 1), true_values, seen)
    assert (wrong.frequency - wrong.centre).abs().max() > 0.1


def test_an_empty_bin_is_marked() -> None:
    bins = metrics.reliability(
        torch.tensor([[0.05, 1.0]]), torch.ones(1, 2), torch.zeros(1, 2) > 0
    )
    assert bins.entries.tolist() == [1] + [0] * 8 + [1]
    assert bins.frequency[1:-1].isnan().all()
    assert bins.centre[1].item() == pytest.approx(0.15)


@pytest.mark.parametrize("values_are", ["continuous", "discrete"])
def test_pit_of_exchangeable_draws_is_uniform(values_are: str) -> None:
    values = normal(8, 50_000, 1)
    if values_are == "discrete":
        values = values.round()
    draws, true_values = values[:7], values[7]
    seen = torch.zeros_like(true_values, dtype=torch.bool)
    pit = metrics.pit(draws, true_values, seen, generator(2))
    bins = metrics.pit_histogram(pit, 8)
    assert pit.shape == (50_000,)
    assert ((bins.density - 1).abs() < 4 * bins.standard_error).all()
    assert bins.density.mean().item() == pytest.approx(1)
    # Draws that are too narrow put the true value at the ends.
    narrow = metrics.pit_histogram(metrics.pit(draws / 2, true_values, seen, generator(2)), 8)
    assert narrow.density[[0, -1]].min() > 1.2
    if values_are == "discrete":  # without the random part, ranks of ties are not uniform
        plain = metrics.pit_histogram(((draws < true_values).double().mean(0)).flatten(), 8)
        assert (plain.density - 1).abs().max() > 20 * bins.standard_error[0]


def test_the_error_of_a_histogram_is_that_of_many_histograms() -> None:
    many = torch.stack(
        [metrics.pit_histogram(uniform(500, seed=s), 5).density for s in range(400)]
    )
    stated = metrics.pit_histogram(uniform(500), 5).standard_error[0]
    assert many.std(0).mean().item() == pytest.approx(stated.item(), rel=0.1)


def test_mean_and_error_leave_out_rows_without_a_score() -> None:
    values = normal(50)
    mean, error = metrics.mean_and_error(torch.cat([values, torch.tensor([torch.nan]).double()]))
    assert mean == values.mean()
    assert error == values.std() / 50**0.5
    assert metrics.mean_and_error(torch.ones(1)).standard_error.isnan()


def test_groups_of_one_give_the_error_of_independent_scores() -> None:
    values = normal(50)
    plain = metrics.mean_and_error(values)
    grouped = metrics.mean_and_error(values, torch.arange(50))
    assert grouped.mean == plain.mean
    assert grouped.standard_error.item() == pytest.approx(plain.standard_error.item())
    assert metrics.mean_and_error(values, torch.zeros(50).long()).standard_error.isnan()


def test_the_error_over_groups_is_the_spread_of_means_of_dependent_scores() -> None:
    """60 characters of unequal numbers of drawings; a character shifts all its drawings."""
    group = torch.arange(60).repeat_interleave(torch.arange(60) % 9 + 1)
    means, stated, naive = [], [], []
    for seed in range(400):
        shift = torch.randn(60, generator=generator(seed), dtype=torch.float64)
        noise = torch.randn(len(group), generator=generator(1000 + seed), dtype=torch.float64)
        values = shift[group] + 0.5 * noise
        means.append(values.mean())
        stated.append(metrics.mean_and_error(values, group).standard_error)
        naive.append(metrics.mean_and_error(values).standard_error)
    true = torch.stack(means).std().item()
    assert torch.stack(stated).mean().item() == pytest.approx(true, rel=0.12)
    assert torch.stack(naive).mean().item() < 0.6 * true


def test_pooled_rmse_counts_every_hidden_entry_the_same() -> None:
    x = torch.randn(30, 4, 5, generator=generator(20), dtype=torch.float64)
    observed = (
        torch.rand(30, 4, 5, generator=generator(21)) < torch.linspace(0, 1, 30)[:, None, None]
    )
    sse, entries = metrics.sse_hidden(x, 0 * x, observed), (~observed).flatten(1).sum(1)
    assert (entries == 0).any()
    rmse, error = metrics.pooled_rmse(sse, entries)
    assert rmse.item() == pytest.approx(x[~observed].square().mean().sqrt().item())
    kept = metrics.pooled_rmse(sse[entries > 0], entries[entries > 0])
    assert (rmse, error) == kept
    assert metrics.pooled_rmse(sse[:1], entries[:1]).standard_error.isnan()


def test_the_error_of_a_pooled_rmse_is_its_variation_between_data_sets() -> None:
    found = []
    for seed in range(200):
        x = torch.randn(60, 12, generator=generator(seed), dtype=torch.float64)
        x = x * (1 + torch.rand(60, 1, generator=generator(1000 + seed)))  # rows differ in size
        observed = torch.rand(60, 12, generator=generator(2000 + seed)) < 0.5
        sse = metrics.sse_hidden(x, 0 * x, observed)
        found.append(metrics.pooled_rmse(sse, (~observed).sum(1)))
    spread = torch.stack([each.mean for each in found]).std()
    errors = torch.stack([each.standard_error for each in found])
    assert errors.mean().item() == pytest.approx(spread.item(), rel=5 * 0.5**0.5 / 200**0.5)


def test_jackknife_of_the_mean_itself_is_its_standard_error() -> None:
    draws = normal(9, 3, 4)
    error = metrics.jackknife(lambda mean: mean[:, 2], draws)
    torch.testing.assert_close(error, draws[:, :, 2].std(0) / 3)
    assert metrics.jackknife(lambda mean: mean[:, 2], draws[:1]).isnan().all()


def test_jackknife_estimates_the_variation_of_the_score_of_a_mean() -> None:
    runs, n, entries = 400, 20, 6
    true_values = normal(1, entries, seed=4).expand(runs, entries)
    score = partial(
        metrics.mse_hidden, true_values=true_values, observed=torch.zeros_like(true_values) > 0
    )
    draws = normal(n, runs, entries)
    moved = score(draws.mean(0)).std()
    stated = metrics.jackknife(score, draws).square().mean().sqrt()
    assert stated.item() == pytest.approx(moved.item(), rel=0.15)
    # The spread of the scores of single draws is a different quantity.
    single = torch.stack([score(one) for one in draws]).std(0).mean()
    assert single > 2 * moved
