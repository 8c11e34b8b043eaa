"""The mixture of factor analysers: EM against naive loops, closed forms and properties of EM."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.decomposition import FactorAnalysis
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.models import factor_expectations
from dgm_core.models.mfa import MixtureOfFactorAnalysers, em_steps, initialise_mfa
from dgm_core.rng import draw, generator
from dgm_core.types import Masked

M, D, R = 3, 6, 2


def true_model(noise: float = 0.1) -> MixtureOfFactorAnalysers:
    """Three well separated components."""
    source = generator(0)
    model = MixtureOfFactorAnalysers([D], M, R).double()
    model.log_weights.copy_(torch.tensor([0.5, 0.3, 0.2]).log())
    model.mean.copy_(3 * torch.randn(M, D, generator=source))
    model.loadings.copy_(torch.randn(M, D, R, generator=source))
    model.noise.copy_(noise * (0.5 + torch.rand(M, D, generator=source)))
    return model


def simulated(rows: int, model: MixtureOfFactorAnalysers, seed: int = 1) -> Tensor:
    nothing = torch.zeros(1, *model.event_shape, dtype=torch.float64)
    distribution = model.conditional(Masked(nothing, nothing.bool()))
    return draw(distribution, generator(seed), rows)[:, 0]


def seen(rows: int, rate: float = 0.6) -> Tensor:
    """Entries observed at random: none in the first row, all in the second."""
    observed = torch.rand(rows, D, generator=generator(2)) < rate
    observed[0], observed[1] = False, True
    return observed


def started(x: Tensor, observed: Tensor | None = None, **settings: object) -> object:
    model = MixtureOfFactorAnalysers([D], M, R, **settings).double()  # type: ignore[arg-type]
    initialise_mfa(model, x, generator(3), observed)
    return model


def climb(
    model: MixtureOfFactorAnalysers, x: Tensor, iterations: int, observed: Tensor | None = None
) -> list[float]:
    """The log-likelihoods of the given number of EM steps."""
    steps = em_steps(model, x, iterations=iterations, observed=observed)
    return [step.log_likelihood for step in steps]


def dense_log_joint(model: MixtureOfFactorAnalysers, x: Tensor, o: Tensor) -> Tensor:
    """log π_m N(x_o; μ_o, Σ_oo) of one row, (M,), by dense algebra."""
    out = model.log_weights.log_softmax(0).clone()
    for m in range(len(out)):
        full = model.loadings[m] @ model.loadings[m].T + model.noise[m].diag()
        if o.any():
            out[m] += MultivariateNormal(model.mean[m, o], full[o][:, o]).log_prob(x[o])
    return out


def naive_step(model: MixtureOfFactorAnalysers, x: Tensor, observed: Tensor) -> None:
    """One EM step, row by row, component by component, entry by entry."""
    new = copy.deepcopy(model)
    pairs = list(zip(x, observed, strict=True))
    r = torch.stack([dense_log_joint(model, *pair).softmax(0) for pair in pairs])
    for m in range(len(model.mean)):
        full = model.loadings[m] @ model.loadings[m].T + model.noise[m].diag()
        first, second = [], []
        for row, o in pairs:
            gain = model.loadings[m][o].T @ torch.linalg.inv(full[o][:, o])
            z = torch.cat([gain @ (row[o] - model.mean[m, o]), torch.ones(1).double()])
            moment = torch.outer(z, z)
            moment[:-1, :-1] += torch.eye(R).double() - gain @ model.loadings[m][o]
            first.append(z)
            second.append(moment)
        noise = torch.zeros(D, dtype=torch.float64)
        count = torch.zeros(D, dtype=torch.float64)
        for i in range(D):
            rows = [n for n in range(len(x)) if observed[n, i]]
            outer = sum(r[n, m] * second[n] for n in rows)
            cross = sum(r[n, m] * x[n, i] * first[n] for n in rows)
            coefficients = torch.linalg.inv(outer) @ cross
            new.loadings[m, i], new.mean[m, i] = coefficients[:-1], coefficients[-1]
            for n in rows:
                square = x[n, i] ** 2 - 2 * x[n, i] * coefficients @ first[n]
                noise[i] += r[n, m] * (square + coefficients @ second[n] @ coefficients)
                count[i] += r[n, m]
        new.noise[m] = noise.sum() / count.sum() if model.isotropic else noise / count
    new.noise.clamp_(min=model.noise_floor)
    new.log_weights.copy_(r.mean(0).log())
    model.load_state_dict(new.state_dict())


def assert_same_parameters(a: MixtureOfFactorAnalysers, b: MixtureOfFactorAnalysers) -> None:
    for name, value in a.state_dict().items():
        torch.testing.assert_close(value, b.state_dict()[name], rtol=1e-8, atol=1e-9, msg=name)


SETTINGS = {
    "free noise": {},
    "floor active": {"noise_floor": 0.2},
    "isotropic": {"isotropic": True},
    "isotropic, floor active": {"isotropic": True, "noise_floor": 0.3},
}


@pytest.fixture(params=[None, 40], ids=["one chunk", "chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param:
        monkeypatch.setattr(factor_expectations, "CHUNK", request.param * D)
    return


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("incomplete", [False, True])
def test_log_prob_equals_that_of_dense_gaussians(incomplete: bool) -> None:
    model = true_model()
    x = simulated(50, model)
    observed = seen(50) if incomplete else torch.ones_like(x, dtype=torch.bool)
    expected = torch.stack(
        [dense_log_joint(model, *row).logsumexp(0) for row in zip(x, observed, strict=True)]
    )
    log_p = model.log_prob(x, observed if incomplete else None)
    torch.testing.assert_close(log_p, expected, rtol=1e-9, atol=1e-9)


def test_the_conditional_is_the_joint_over_the_marginal() -> None:
    model = true_model()
    x, observed = simulated(20, model), seen(20)
    conditional = model.conditional(Masked(x, observed)).log_prob(x)
    expected = model.log_prob(x) - model.log_prob(x, observed)
    torch.testing.assert_close(conditional, expected, rtol=1e-9, atol=1e-9)


def test_images_are_rows_of_pixels() -> None:
    flat, model = true_model(), MixtureOfFactorAnalysers([1, 2, 3], M, R).double()
    model.load_state_dict(flat.state_dict())
    x, observed = simulated(20, flat), seen(20)
    images, masks = x.view(-1, 1, 2, 3), observed.view(-1, 1, 2, 3)
    assert torch.equal(model.log_prob(images, masks), flat.log_prob(x, observed))
    distribution = model.conditional(Masked(images, masks))
    assert isinstance(distribution, LowRankMixture)
    assert torch.equal(distribution.mean, flat.conditional(Masked(x, observed)).mean)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("incomplete", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_equals_a_naive_loop(name: str, incomplete: bool) -> None:
    x = simulated(60, true_model())
    observed = seen(60, 0.8) if incomplete else torch.ones_like(x, dtype=torch.bool)
    model = started(x, observed, **SETTINGS[name])
    naive = copy.deepcopy(model)
    for step in em_steps(model, x, iterations=2, observed=observed if incomplete else None):
        expected = naive.log_prob(x, observed).mean().item()
        assert step.log_likelihood == pytest.approx(expected, rel=1e-10)
        naive_step(naive, x, observed)
        assert_same_parameters(model, naive)


@pytest.mark.parametrize("name", SETTINGS)
def test_both_paths_agree_when_nothing_is_missing(name: str) -> None:
    x = simulated(300, true_model())
    fast = started(x, **SETTINGS[name])
    slow = copy.deepcopy(fast)
    everything = torch.ones_like(x, dtype=torch.bool)
    assert climb(fast, x, 5) == pytest.approx(climb(slow, x, 5, everything), rel=1e-10)
    assert_same_parameters(fast, slow)


@pytest.mark.parametrize("incomplete", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_likelihood_never_falls(name: str, incomplete: bool) -> None:
    x = simulated(300, true_model())
    observed = seen(300) if incomplete else None
    model = started(x, observed, **SETTINGS[name])
    path = climb(model, x, 60, observed)
    path.append(model.log_prob(x, observed).mean().item())
    assert np.diff(path).min() > -1e-10
    assert path[-1] > path[0] + 0.05
    floor = SETTINGS[name].get("noise_floor")
    if floor is None:
        assert model.noise.min() > model.noise_floor
    else:
        assert model.noise.min() == floor  # the constraint is active


def test_hidden_entries_may_hold_anything_and_zero_filling_is_something_else() -> None:
    x, observed = simulated(300, true_model()), seen(300)
    with_nan = torch.where(observed, x, torch.nan)
    model = started(with_nan, observed)
    clean = copy.deepcopy(model)
    filled = copy.deepcopy(model)
    climb(model, with_nan, 20, observed)
    climb(clean, x, 20, observed)
    climb(filled, torch.where(observed, x, 0), 20)
    assert_same_parameters(model, clean)
    loss = model.log_prob(x, observed) - filled.log_prob(x, observed)
    assert loss.mean() > 0.5


@pytest.mark.parametrize("incomplete", [False, True])
def test_the_fit_beats_the_true_model_in_sample_and_nears_it_otherwise(incomplete: bool) -> None:
    x = simulated(3000, true_model())
    observed = seen(3000, 0.8) if incomplete else None
    model = started(x, observed)
    climb(model, x, 150, observed)
    assert model.log_prob(x, observed).mean() > true_model().log_prob(x, observed).mean()
    new = simulated(3000, true_model(), seed=9)
    assert model.log_prob(new).mean() > true_model().log_prob(new).mean() - 0.05
    weights = model.log_weights.exp().sort(descending=True).values
    assert (weights - torch.tensor([0.5, 0.3, 0.2])).abs().max() < 5 * math.sqrt(0.25 / 3000) * 2


def test_one_isotropic_component_is_probabilistic_pca() -> None:
    x = simulated(400, true_model())
    model = MixtureOfFactorAnalysers([D], 1, R, isotropic=True).double()
    initialise_mfa(model, x, generator(0))
    climb(model, x, 600)
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    noise = values[:-R].mean()  # of the omitted axes (Tipping & Bishop 1999)
    axes = vectors[:, -R:]
    torch.testing.assert_close(model.noise, noise.expand(1, D))
    torch.testing.assert_close(model.mean[0], x.mean(0))
    expected = axes @ (values[-R:] - noise).diag() @ axes.T
    torch.testing.assert_close(model.loadings[0] @ model.loadings[0].T, expected)


def test_one_component_is_factor_analysis() -> None:
    x = true_model().loadings[0, :, :1] * torch.randn(2000, 1, 1, generator=generator(5)).double()
    x = x[..., 0] + torch.randn(2000, D, generator=generator(6)).double() + 3
    model = MixtureOfFactorAnalysers([D], 1, 1).double()
    initialise_mfa(model, x, generator(0))
    climb(model, x, 300)
    other = FactorAnalysis(1, tol=1e-9, svd_method="lapack").fit(x.numpy())
    assert model.log_prob(x).mean().item() == pytest.approx(other.score(x.numpy()), abs=1e-7)
    assert model.noise[0].numpy() == pytest.approx(other.noise_variance_, rel=1e-3)


def test_a_resumed_run_equals_an_uninterrupted_one() -> None:
    x = simulated(200, true_model())
    whole = started(x)
    first = copy.deepcopy(whole)
    climb(whole, x, 6)
    climb(first, x, 3)
    second = MixtureOfFactorAnalysers([D], M, R).double()
    second.load_state_dict(first.state_dict())
    climb(second, x, 3)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_the_start_depends_on_the_generator_alone() -> None:
    x = simulated(200, true_model())
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert torch.equal(started(x).loadings, started(x).loadings)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@pytest.mark.parametrize("incomplete", [False, True])
def test_an_empty_component_keeps_its_parameters_without_side_effects(incomplete: bool) -> None:
    x = simulated(200, true_model())
    observed = seen(200) if incomplete else None
    if incomplete:
        observed[:, 1:] |= ~observed[:, 1:].any(1, keepdim=True)  # no row without a value
    model = started(x, observed)
    model.mean[1] = 1e4
    before = copy.deepcopy(model)
    path = climb(model, x, 20, observed)
    assert np.diff(path).min() > -1e-10
    for name in ("mean", "loadings", "noise"):
        assert torch.equal(getattr(model, name)[1], getattr(before, name)[1])
        assert getattr(model, name).isfinite().all()
    assert model.log_weights[1] < -100
    assert model.log_prob(x).isfinite().all()
    assert model.conditional(Masked(x, seen(200))).mean.isfinite().all()


def test_an_entry_that_was_never_observed_keeps_its_parameters() -> None:
    x, observed = simulated(200, true_model()), seen(200)
    observed[:, 2] = False
    model = started(x, observed)
    before = copy.deepcopy(model)
    climb(model, x, 10, observed)
    assert torch.equal(model.mean[:, 2], before.mean[:, 2])
    assert torch.equal(model.noise[:, 2], before.noise[:, 2])
    assert not torch.isclose(model.mean[:, 1], before.mean[:, 1]).any()


@pytest.mark.parametrize("rows", [M, M + 1, 8])
def test_few_and_equal_rows_are_allowed(rows: int) -> None:
    x = simulated(4, true_model())[:2].repeat(4, 1)[:rows]
    model = MixtureOfFactorAnalysers([D], M, D + 2).double()  # more factors than entries
    initialise_mfa(model, x, generator(0))
    path = climb(model, x, 30)
    assert np.diff(path).min() > -1e-8
    assert model.noise.min() >= model.noise_floor
    assert model.log_prob(x).isfinite().all()


def test_single_precision_follows_double() -> None:
    x = simulated(2000, true_model(noise=0.001)) + 10
    double = started(x)
    single = copy.deepcopy(double).float()
    assert climb(single, x.float(), 10) == pytest.approx(climb(double, x, 10), abs=0.01)
    torch.testing.assert_close(single.mean.double(), double.mean, rtol=1e-3, atol=1e-3)


def test_errors_say_what_was_expected() -> None:
    model, x = true_model(), simulated(20, true_model())
    with pytest.raises(ValueError, match=r"expected x of shape \(B, \*\(6,\)\), got \(20, 5\)"):
        model.log_prob(x[:, :5])
    with pytest.raises(ValueError, match=r"expected observed of shape \(20, 6\) and dtype bool"):
        climb(model, x, 1, x)
    with pytest.raises(ValueError, match="expected at least 3 rows"):
        initialise_mfa(model, x[:2], generator(0))
    x[3, 3] = torch.nan
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match="NaN or infinite"):
        climb(model, x, 1)
    assert_same_parameters(model, before)
    with pytest.raises(ValueError, match="a noise floor above 0"):
        MixtureOfFactorAnalysers([D], 1, 1, noise_floor=0)
