"""Missing processes: closed forms, signs, and parameters recovered from masks."""

import doctest
import math
import pickle

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli

from dgm_core.missing import processes
from dgm_core.missing.processes import (
    PROCESSES,
    ByColumn,
    Clipping,
    KnownSignSelfMasking,
    LinearMasking,
    MissingCompletelyAtRandom,
    MissingProcess,
    MLPMasking,
    Restricted,
    SelfMasking,
    Sinusoidal,
    WithBaseRate,
    above_the_mean,
)
from dgm_core.rng import Streams, generator, normal, uniform

D = 4


def documented_example() -> type[MissingProcess]:
    """The class that the module's docstring defines."""
    names: dict = {}
    for example in doctest.DocTestParser().get_examples(processes.__doc__ or ""):
        if not example.want:
            exec(example.source, names)
    return names["HeatFailure"]


HeatFailure = documented_example()
CASES = {**PROCESSES, "custom": lambda features: HeatFailure(0.3, 0.8)}


def made(name: str, dtype: torch.dtype = torch.float32) -> MissingProcess:
    """The process `name` with parameters away from their initial values."""
    process = CASES[name](D)
    noise = generator(7)
    with torch.no_grad():
        for each in process.parameters():
            each += 0.5 * normal(tuple(each.shape), noise)
    return process.to(dtype)


def rows(count: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return normal((count, D), generator(seed), dtype)


def fit(process: MissingProcess, x: Tensor, observed: Tensor) -> None:
    """Fit p(s | x) on complete rows by maximum likelihood."""
    optimiser = torch.optim.LBFGS(
        process.parameters(), max_iter=150, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = -process.log_prob(observed, x).mean()
        value.backward()
        return value

    optimiser.step(loss)


# --- every process ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_samples_are_missing_at_the_rates_of_the_logits(name: str) -> None:
    process, draws = made(name), 20_000
    x = rows(5)
    p = torch.sigmoid(process.logits(x)).detach()
    assert torch.allclose(process.missing_probability(x), 1 - p, atol=1e-6)
    observed = process.sample(x.expand(draws, 5, D), generator(3))
    assert observed.dtype == torch.bool
    standard_error = (p * (1 - p) / draws).sqrt()
    # A probability of 1e-9 may give no case in 20,000: one count of tolerance.
    assert ((observed.float().mean(0) - p).abs() <= 5 * standard_error + 1 / draws).all()


@pytest.mark.parametrize("name", CASES)
def test_log_prob_is_that_of_bernoulli_with_any_leading_dimensions(name: str) -> None:
    process = made(name, torch.float64)
    x = rows(3 * 7, 1, torch.float64).reshape(3, 7, D)
    observed = process.sample(x, generator(5))
    logits = process.logits(x)
    may_go = logits.isfinite()
    each = Bernoulli(logits=torch.where(may_go, logits, 0)).log_prob(observed.double())
    expected = torch.where(may_go, each, 0).sum(-1)
    torch.testing.assert_close(process.log_prob(observed, x), expected)
    one_mask = process.log_prob(observed[0], x)  # (B, D) against (K, B, D)
    assert one_mask.shape == (3, 7)
    torch.testing.assert_close(one_mask[2], process.log_prob(observed[0], x[2]))
    torch.testing.assert_close(one_mask[2, 4], process.log_prob(observed[0, 4], x[2, 4]))


@pytest.mark.parametrize("name", CASES)
def test_log_prob_and_gradients_are_finite_for_extreme_values(name: str) -> None:
    process = made(name)
    x = torch.tensor([[-1e4] * D, [1e4] * D]).requires_grad_()
    seen = torch.tensor([[True] * D, [False] * D])
    for observed in (seen, ~seen):
        value = process.log_prob(observed, x)
        gradients = torch.autograd.grad(
            value.sum(), [x, *process.parameters()], allow_unused=True, materialize_grads=True
        )
        assert all(each.isfinite().all() for each in (value, *gradients))


@pytest.mark.parametrize("name", CASES)
def test_sensitivity_is_the_finite_difference(name: str) -> None:
    process = made(name, torch.float64)
    x, step = rows(9, 2, torch.float64), 1e-6
    expected = torch.empty(D, D, dtype=torch.float64)
    for j in range(D):
        by = step * torch.eye(D, dtype=torch.float64)[j]
        rise = process.missing_probability(x + by) - process.missing_probability(x - by)
        expected[:, j] = rise.detach().mean(0) / (2 * step)
    with torch.no_grad():
        found = process.sensitivity(x)
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-5)
    assert not found.requires_grad
    for each in process.parameters():
        each.requires_grad_(False)
    torch.testing.assert_close(process.sensitivity(x), found)


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_parameter(name: str) -> None:
    process = made(name)
    x = rows(64, 4)
    process.log_prob(process.sample(x, generator(1)), x).sum().backward()
    for which, each in process.named_parameters():
        assert each.grad is not None, which
        assert each.grad.abs().max() > 0, which


@pytest.mark.parametrize("name", CASES)
def test_a_round_trip_through_the_state_keeps_the_process(name: str) -> None:
    process, again = made(name), CASES[name](D)
    again.load_state_dict(process.state_dict())
    x = rows(6)
    assert torch.equal(process.logits(x), again.logits(x))
    assert repr(process.interpret()) == repr(again.interpret())  # NaN == NaN


@pytest.mark.parametrize("name", CASES)
def test_randomness_comes_from_the_given_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    process, x = CASES[name](D), rows(50)
    first, second = (process.sample(x, generator(9)) for _ in range(2))
    by_row = process.sample(x[:2], Streams.from_seeds([5, 6]))
    assert torch.equal(first, second)
    assert torch.equal(by_row[1:], process.sample(x[1:2], Streams.from_seeds([6])))
    again = CASES[name](D).state_dict()
    assert all(torch.equal(each, again[key]) for key, each in process.state_dict().items())
    process.interpret()
    process.sensitivity(x)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", CASES)
def test_curves_are_the_probability_along_one_feature(name: str) -> None:
    process = made(name)
    values = torch.linspace(-2, 2, 5)
    at = torch.tensor([0.3, -1.0, 0.8, 0.1])
    curve = process.curve(1, values, at)
    for value, p in zip(values, curve, strict=True):
        x = at.clone()
        x[1] = value
        torch.testing.assert_close(process.missing_probability(x).detach()[1], p)
    default = process.curve(1, values, torch.zeros(D))
    torch.testing.assert_close(process.curve(1, values), default)


@pytest.mark.parametrize("name", CASES)
def test_interpretations_agree_with_the_curves(name: str) -> None:
    process = made(name, torch.float64)
    found = process.interpret()
    assert len(found) == (process.features or 1)
    for d, each in enumerate(found):
        assert each.feature == (None if process.features is None else d)
        if each.direction == "none":
            continue
        assert not math.isnan(each.slope)
        assert (each.slope > 0) == (each.direction == "high")
        if not math.isnan(each.threshold):
            step = 1e-3
            around = torch.tensor([-step, 0, step], dtype=torch.float64) + each.threshold
            curve = process.curve(d, around)
            assert curve[1].item() == pytest.approx(0.5, abs=1e-3)
            slope = (curve.logit()[2] - curve.logit()[0]).item() / (2 * step)
            assert slope == pytest.approx(each.slope, rel=0.02)


def test_wrong_shapes_and_types_are_errors() -> None:
    process, x = SelfMasking(D), rows(3)
    with pytest.raises(ValueError, match="dtype bool"):
        process.log_prob(torch.ones(3, D), x)
    with pytest.raises(ValueError, match=r"\(…, 4\), got \(3, 1\)"):
        process.log_prob(torch.ones(3, 1, dtype=torch.bool), x)
    with pytest.raises(ValueError, match=r"\(…, 4\), got \(3, 1\)"):
        process.sample(x[:, :1], generator(0))
    with pytest.raises(ValueError, match="signs"):
        KnownSignSelfMasking([1.0, 0.0])
    with pytest.raises(ValueError, match="positive strength"):
        KnownSignSelfMasking([1.0], strength=-2.0)
    with pytest.raises(ValueError, match="direction"):
        Clipping(direction="up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive strength"):
        Clipping(strength=-50.0)
    with pytest.raises(ValueError, match="rate"):
        MissingCompletelyAtRandom(1.0)
    with pytest.raises(ValueError, match="rate"):
        WithBaseRate(process, 0.0)
    with pytest.raises(ValueError, match=r"affected of shape \(4,\), got \(2,\)"):
        Restricted(process, [True, False])


# --- signs and closed forms -------------------------------------------------------------------


def test_logits_are_those_of_the_formulas() -> None:
    x = torch.tensor([[1.0, -2.0]])
    self_masking = SelfMasking(2, weight=[2.0, -0.5], threshold=[0.5, 1.0])
    torch.testing.assert_close(self_masking.logits(x), torch.tensor([[-1.0, -1.5]]))
    known = KnownSignSelfMasking([1.0, -1.0], strength=[2.0, 0.5], threshold=[0.5, 1.0])
    torch.testing.assert_close(known.logits(x), self_masking.logits(x))
    linear = LinearMasking(2, torch.tensor([[0.0, 1.0], [3.0, 0.0]]), torch.tensor([0.5, 0.0]))
    torch.testing.assert_close(linear.logits(x), torch.tensor([[-1.5, 3.0]]))
    svhn = Clipping()
    torch.testing.assert_close(svhn.logits(x), -50 * (x - 0.75))
    wave = Sinusoidal(amplitude=2.0, frequency=0.25, phase=0.0, offset=0.5)
    torch.testing.assert_close(wave.logits(x), torch.tensor([[-2.5, -0.5]]))
    constant = MissingCompletelyAtRandom([0.2, 0.9]).missing_probability(x)
    torch.testing.assert_close(constant, torch.tensor([[0.2, 0.9]]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_known_sign_fixes_the_direction_for_all_parameters(sign: float) -> None:
    process = KnownSignSelfMasking([sign] * D).double()
    values = torch.linspace(-2, 2, 30, dtype=torch.float64)
    for seed in range(5):
        with torch.no_grad():
            process.raw.copy_(3 * normal((D,), generator(seed)))
            process.threshold.copy_(normal((D,), generator(seed + 10)))
        assert (sign * process.curve(2, values).diff() > 0).all()
        assert (sign * process.sensitivity(rows(20).double()).diagonal() > 0).all()


def test_clipping_hides_values_beyond_the_threshold() -> None:
    pixels = torch.tensor([0.0, 0.3, 0.6, 0.9, 1.0]).expand(1000, 5)
    seen_high = Clipping().sample(pixels, generator(0)).float().mean(0)
    seen_low = Clipping(0.45, 100.0, "low").sample(pixels, generator(0)).float().mean(0)
    torch.testing.assert_close(
        seen_high, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]), atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        seen_low, torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0]), atol=0.01, rtol=0
    )
    images = rows(6).reshape(6, 1, 2, 2)
    assert Clipping().logits(images.flatten(1)).shape == (6, D)


def test_a_constant_process_adds_a_constant() -> None:
    process = MissingCompletelyAtRandom(0.3)
    observed = torch.tensor([True, False, True, True])
    values = process.log_prob(observed, 10 * rows(50))
    expected = math.log(0.3) + 3 * math.log(0.7)
    torch.testing.assert_close(values, torch.full((50,), expected))
    assert process.interpret()[0].details["rate"] == pytest.approx(0.3)
    assert not process.sensitivity(rows(5)).any()


def test_features_outside_a_restriction_are_observed_and_add_zero() -> None:
    inner = SelfMasking(D, weight=3.0)
    process = Restricted(inner, [True, False, True, False])
    x = rows(200)
    observed = process.sample(x, generator(0))
    assert observed[:, [1, 3]].all()
    assert not observed[:, [0, 2]].all()
    alone = SelfMasking(2, weight=3.0).log_prob(observed[:, [0, 2]], x[:, [0, 2]])
    assert torch.equal(process.log_prob(observed, x), alone)
    incomplete = observed.clone()
    incomplete[:, 1] = False  # missing for a different reason
    assert torch.equal(process.log_prob(incomplete, x), alone)
    kinds = [each.kind for each in process.interpret()]
    assert kinds == ["self-masking", "always observed"] * 2
    shared = Restricted(Clipping(), [False, True]).interpret()
    assert [(each.feature, each.direction) for each in shared] == [(0, "none"), (1, "high")]


def test_a_base_rate_is_the_missing_rate_where_the_process_hides_nothing() -> None:
    process = WithBaseRate(SelfMasking(1, weight=2.0, threshold=0.5), rate=0.1).double()
    x = torch.tensor([[-30.0], [0.0], [0.5], [2.0], [30.0]], dtype=torch.float64)
    expected = 1 - 0.9 * torch.sigmoid(-2 * (x - 0.5))
    torch.testing.assert_close(
        process.missing_probability(x).detach(), expected, atol=1e-7, rtol=0
    )
    (found,) = process.interpret()
    assert found.details["base rate"] == pytest.approx(0.1)
    assert found.threshold == pytest.approx(0.5 + math.log(0.8) / 2, abs=1e-6)
    mostly = WithBaseRate(SelfMasking(1, weight=2.0, threshold=0.5), rate=0.6).interpret()[0]
    assert mostly.direction == "high"
    assert math.isnan(mostly.threshold)
    both = WithBaseRate(Restricted(SelfMasking(2, weight=2.0), [True, False]), rate=0.1)
    rate = both.missing_probability(torch.zeros(1, 2))
    torch.testing.assert_close(rate.detach(), torch.tensor([[0.55, 0.1]]))


def test_a_hot_sensor_fails() -> None:
    process = HeatFailure()
    assert process.missing_probability(torch.tensor(80.0)) > 0.99
    assert process.missing_probability(torch.tensor(20.0)) < 0.01
    assert process.sensitivity(torch.full((3, 2), 60.0)).diagonal().min() > 0
    (found,) = process.interpret(low=0.0, high=100.0)
    assert (found.kind, found.direction, found.driver) == ("heat failure", "high", "itself")
    assert found.threshold == pytest.approx(60, abs=0.1)


def test_the_documented_example_runs() -> None:
    result = doctest.testmod(processes)
    assert result.attempted > 5
    assert result.failed == 0


def test_above_the_mean_hides_the_upper_half_of_the_first_features() -> None:
    x = normal((100_000, 5), generator(2), torch.float64)
    observed = above_the_mean(x)
    assert torch.equal(observed[:, :2], x[:, :2] <= x[:, :2].mean(0))
    assert observed[:, 2:].all()
    assert not above_the_mean(x, 5).all(0).any()
    hidden, seen = x[~observed[:, 0], 0], x[observed[:, 0], 0]
    squares = (hidden - seen.mean()).square()
    # E (x − E[x | x < 0])² over x > 0 is 1 + 3 · 2/π. The imputed mean has its own error.
    slack = 2 * 2 * math.sqrt(2 / math.pi) * seen.std() / len(seen) ** 0.5
    error = math.hypot(squares.std() / len(squares) ** 0.5, slack)
    assert abs(squares.mean() - (1 + 6 / math.pi)) < 5 * error
    assert abs(squares.mean().sqrt() - 1.706) < 0.02


# --- recovery of true parameters --------------------------------------------------------------

ROWS = 20_000

TRUE_PROCESSES = {
    "self-masking, from no direction": (
        SelfMasking(2, weight=[2.0, -1.5], threshold=[0.5, -0.3]),
        lambda: SelfMasking(2),
    ),
    "known signs": (
        SelfMasking(2, weight=[2.0, -1.5], threshold=[0.5, -0.3]),
        lambda: KnownSignSelfMasking([1.0, -1.0]),
    ),
    "linear finds self-masking": (
        SelfMasking(2, weight=[2.0, -1.5], threshold=[0.5, -0.3]),
        lambda: LinearMasking(2),
    ),
    "linear": (
        LinearMasking(2, torch.tensor([[-1.0, 2.0], [0.3, 1.0]]), torch.tensor([0.5, -0.4])),
        lambda: LinearMasking(2),
    ),
    "network finds self-masking": (
        SelfMasking(2, weight=[2.0, -1.5], threshold=[0.5, -0.3]),
        lambda: MLPMasking(2, hidden=4),
    ),
    "clipping": (Clipping(0.4, 6.0), lambda: Clipping(0.0, 1.0)),
    "clipping low values": (Clipping(-0.4, 6.0, "low"), lambda: Clipping(0.0, 1.0, "low")),
    "sinusoidal": (
        Sinusoidal(2.0, 0.5, 0.7, -0.4),
        lambda: Sinusoidal(1.0, 0.4, 0.0, 0.0),
    ),
    "completely at random": (MissingCompletelyAtRandom(0.2), MissingCompletelyAtRandom),
    "restricted": (
        Restricted(SelfMasking(2, weight=2.0, threshold=0.5), [True, False]),
        lambda: Restricted(SelfMasking(2), [True, False]),
    ),
    "base rate": (
        WithBaseRate(SelfMasking(2, weight=[3.0, -3.0], threshold=0.5), 0.15),
        lambda: WithBaseRate(SelfMasking(2)),
    ),
    "custom": (HeatFailure(0.5, 0.5), lambda: HeatFailure(0.0, 1.0)),
}


def largest_gap(true_process: MissingProcess, learned: MissingProcess) -> float:
    """Largest difference of their curves over both features, within the range of the data."""
    values = torch.linspace(-2, 2, 41)
    gaps = [true_process.curve(d, values) - learned.curve(d, values) for d in range(2)]
    return torch.stack(gaps).abs().max().item()


@pytest.mark.parametrize("case", TRUE_PROCESSES)
def test_a_fit_on_complete_rows_recovers_the_process(case: str) -> None:
    true_process, start = TRUE_PROCESSES[case]
    x = normal((ROWS, 2), generator(11))
    observed = true_process.sample(x, generator(12))
    learned = start()
    fit(learned, x, observed)
    assert largest_gap(true_process, learned) < 0.02
    if true_process.kind == learned.kind:
        for true, found in zip(true_process.interpret(), learned.interpret(), strict=True):
            assert (true.direction, true.driver) == (found.direction, found.driver)
            if not math.isnan(true.threshold):
                assert found.threshold == pytest.approx(true.threshold, abs=0.06)
                assert found.slope == pytest.approx(true.slope, rel=0.1)


def test_a_network_reports_the_learned_direction_and_threshold() -> None:
    true_process = LinearMasking(
        2, torch.tensor([[-2.0, 0.0], [3.0, 0.0]]), torch.tensor([1.0, 0.0])
    )
    x = normal((ROWS, 2), generator(21))
    learned = MLPMasking(2, hidden=4)
    fit(learned, x, true_process.sample(x, generator(22)))
    own, other = learned.interpret(-2, 2)
    assert (own.direction, own.driver) == ("high", "itself")
    assert own.threshold == pytest.approx(0.5, abs=0.06)
    assert own.slope == pytest.approx(2, rel=0.15)
    assert (other.direction, other.driver) == ("none", 0)
    assert [each.driver for each in true_process.interpret()] == ["itself", 0]


def test_the_wrong_known_sign_cannot_fit() -> None:
    true_process = SelfMasking(2, weight=2.0, threshold=0.5)
    x = normal((ROWS, 2), generator(11))
    observed = true_process.sample(x, generator(12))
    right, wrong = (KnownSignSelfMasking([sign] * 2) for sign in (1.0, -1.0))
    fit(right, x, observed)
    fit(wrong, x, observed)
    assert largest_gap(true_process, right) < 0.02
    assert largest_gap(true_process, wrong) > 0.3
    gain = right.log_prob(observed, x) - wrong.log_prob(observed, x)
    assert gain.mean() > 20 * gain.std() / ROWS**0.5


def test_uniform_pixels_show_the_clipping_threshold() -> None:
    true_process = Clipping()
    pixels = uniform((2000, 10), generator(1))
    learned = Clipping(0.5, 10.0)
    fit(learned, pixels, true_process.sample(pixels, generator(2)))
    (found,) = learned.interpret()
    assert found.threshold == pytest.approx(0.75, abs=0.01)
    assert found.slope == pytest.approx(50, rel=0.1)


# --- columns of several entries ---------------------------------------------------------------

COLUMN_OF = (0, 1, 1, 1)  # a number, and three levels


def by_column(inner: MissingProcess) -> tuple[ByColumn, MissingProcess]:
    return ByColumn(inner, COLUMN_OF), inner


@pytest.mark.parametrize("name", CASES)
def test_entries_of_a_column_are_missing_together(name: str) -> None:
    """p(s) is that of the inner process among the masks in which whole columns are hidden."""
    process, inner = by_column(made(name, torch.float64))
    x = rows(6, 2, torch.float64)
    first = torch.tensor([[a, b, b, b] for a in (False, True) for b in (False, True)])
    possible = first[:, None].expand(4, 6, D)
    logits = inner.logits(x)
    joint = torch.nn.functional.logsigmoid(torch.where(possible, logits, -logits)).sum(-1)
    expected = (joint - joint.logsumexp(0)).exp()
    may_be = expected > 0
    torch.testing.assert_close(process.log_prob(possible, x).exp()[may_be], expected[may_be])


def test_masks_of_columns_are_drawn_with_their_probability() -> None:
    process, _ = by_column(made("self-masking", torch.float64))
    x = rows(1, 2, torch.float64).expand(20_000, D)
    observed = process.sample(x, generator(3))
    assert torch.equal(observed[:, 1], observed[:, 2])
    assert torch.equal(observed[:, 1], observed[:, 3])
    p = torch.sigmoid(process.logits(x[0]))
    off = observed.double().mean(0) - p
    assert (off.abs() < 5 * (p * (1 - p) / len(x)).sqrt()).all()
    torch.testing.assert_close(process.missing_probability(x[0]), 1 - p)


def test_every_level_has_its_own_log_odds() -> None:
    inner = SelfMasking(D, weight=[1.0, 2.0, -1.0, 0.5], threshold=0.0)
    process, _ = by_column(inner)
    one_hot = torch.cat([torch.zeros(3, 1), torch.eye(3)], 1)
    torch.testing.assert_close(process.logits(one_hot)[:, 1], torch.tensor([-2.0, 1.0, -0.5]))
    assert process.interpret() == inner.interpret()


def test_a_missing_value_of_an_unaffected_column_is_ignored() -> None:
    inner = Restricted(SelfMasking(D, weight=1.0), [True, False, False, False])
    process, _ = by_column(inner)
    x, seen = rows(5, 4), torch.ones(5, D, dtype=torch.bool)
    incomplete = seen.clone()
    incomplete[:, 1:] = False
    assert torch.equal(process.log_prob(incomplete, x), process.log_prob(seen, x))
    with pytest.raises(ValueError, match=r"column_of of shape \(4,\)"):
        ByColumn(SelfMasking(D), [0, 1, 1])


@pytest.mark.parametrize("name", PROCESSES)
def test_constructors_can_be_pickled(name: str) -> None:
    again = pickle.loads(pickle.dumps(PROCESSES[name]))
    assert type(again(D)) is type(PROCESSES[name](D))
