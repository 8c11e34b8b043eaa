"""The contract of every sampler, for each in the catalogue."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from dgm_core.models.dlvm import convolutional_dlvm, fully_connected_dlvm
from dgm_core.rng import Streams, generator
from dgm_core.samplers import (
    CATALOGUE,
    INITIALISATIONS,
    State,
    lair,
    metropolis_within_gibbs,
    pseudo_gibbs,
)
from dgm_core.samplers.chains import RunningMean, run
from dgm_core.types import Masked

pytestmark = pytest.mark.filterwarnings("error")

COMPLETIONS = 3
EVERY = {**CATALOGUE, "LAIR": partial(lair, completions=COMPLETIONS, prior_proposals=2)}
"""The chains, and LAIR where the same contract applies to it."""


TRAJECTORIES = ("HMC", "iterated SIR")
"""Long trajectories amplify the rounding by which a batch differs from a row."""


def rows(name: str, masked: Masked) -> Masked:
    """The problem in the rows of a sampler's state."""
    return masked.repeat(COMPLETIONS) if name == "LAIR" else masked


def untrained(body: str = "fully connected") -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make = {"fully connected": fully_connected_dlvm, "convolutional": convolutional_dlvm}[body]
        return make(latent_dim=6, hidden=32).double().eval().requires_grad_(False)


def problem(rows: int = 5, seed: int = 0) -> Masked:
    source = generator(seed)
    x = (torch.rand(rows, 1, 28, 28, generator=source) < 0.3).double()
    rate = torch.linspace(0.1, 1.0, rows)[:, None, None, None]
    return Masked(x, torch.rand(x.shape, generator=source) >= rate)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_observed_pixels_come_back_bit_identical(name: str, initialisation: str) -> None:
    masked = problem()
    sampler = EVERY[name](untrained(), masked, INITIALISATIONS[initialisation])
    states = [sampler.init(generator(1))]
    states += [step.state for step in run(sampler, generator(1), 10)]
    masked = rows(name, masked)
    for state in states:
        assert torch.equal(state.x[masked.observed], masked.x[masked.observed])


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("body", ["fully connected", "convolutional"])
def test_the_same_seed_gives_the_same_chain(name: str, body: str) -> None:
    sampler = EVERY[name](untrained(body), problem())
    first, again, other = (
        [step.state.x for step in run(sampler, generator(seed), 10)] for seed in (4, 4, 5)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[-1], other[-1])


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("body", ["fully connected", "convolutional"])
def test_a_batch_with_different_masks_equals_each_row_alone(name: str, body: str) -> None:
    model, masked = untrained(body), problem()
    make = CATALOGUE[name]
    tolerance, length = ({"rtol": 1e-4, "atol": 1e-5}, 6) if name in TRAJECTORIES else ({}, 15)
    seeds = range(10, 10 + len(masked))
    together = [s.state for s in run(make(model, masked), Streams.from_seeds(seeds), length)]
    for row, seed in enumerate(seeds):
        alone = run(make(model, masked[row : row + 1]), Streams.from_seeds([seed]), length)
        for both, one in zip(together, alone, strict=True):
            assert torch.equal(both.x[row], one.state.x[0])
            torch.testing.assert_close(both.z[row], one.state.z[0], **tolerance)
            torch.testing.assert_close(both.log_joint[row], one.state.log_joint[0], **tolerance)


@pytest.mark.parametrize("name", EVERY)
def test_the_cached_log_joint_belongs_to_the_state(name: str) -> None:
    model = untrained()
    for step in run(EVERY[name](model, problem()), generator(1), 10):
        state = step.state
        again = model.decode(state.z).log_prob(state.x) + model.prior().log_prob(state.z)
        torch.testing.assert_close(state.log_joint, again)


def test_chains_continue_with_another_sampler() -> None:
    """Warm-up by pseudo-Gibbs, then Metropolis, equals the two runs in sequence."""
    model, masked = untrained(), problem()
    warm, exact = pseudo_gibbs(model, masked), metropolis_within_gibbs(model, masked)
    source = generator(7)
    state: State = warm.init(source)
    by_hand = []
    for number in range(12):
        state, _ = (warm if number < 5 else exact).step(state, source)
        by_hand.append(state)
    steps = list(run(exact, generator(7), 12, warmup=5, warmup_sampler=warm, state=None))
    assert [step.warming_up for step in steps] == [True] * 5 + [False] * 7
    for step, expected in zip(steps, by_hand, strict=True):
        assert torch.equal(step.state.x, expected.x)
        assert torch.equal(step.state.z, expected.z)


@pytest.mark.parametrize("name", EVERY)
def test_a_chain_resumed_in_the_middle_is_the_same_chain(name: str) -> None:
    """A step does not modify the state that it receives."""
    sampler = EVERY[name](untrained(), problem())
    source = generator(9)
    first = list(run(sampler, source, 30))
    rest = list(run(sampler, source, 6, state=first[-1].state))
    whole = list(run(sampler, generator(9), 36))
    assert torch.equal(rest[-1].state.x, whole[-1].state.x)
    position = generator(5)
    again = [list(run(sampler, position.clone_state(), 6, state=first[3].state)) for _ in "ab"]
    assert torch.equal(again[0][-1].state.x, again[1][-1].state.x)


@pytest.mark.parametrize("name", EVERY)
def test_every_sampler_continues_from_a_pseudo_gibbs_warm_up(name: str) -> None:
    model, masked = untrained(), problem()
    warm = pseudo_gibbs(model, rows(name, masked))
    sampler = EVERY[name](model, masked)
    *_, last = run(sampler, generator(7), 8, warmup=4, warmup_sampler=warm)
    source = generator(7)
    by_hand = sampler.init(source)
    for number in range(8):
        by_hand, _ = (warm if number < 4 else sampler).step(by_hand, source)
    assert torch.equal(last.state.x, by_hand.x)


def test_nothing_hidden_and_everything_hidden_both_run() -> None:
    model, masked = untrained(), problem()
    for observed in (torch.ones_like(masked.observed), torch.zeros_like(masked.observed)):
        for make in EVERY.values():
            for initialisation in INITIALISATIONS.values():
                sampler = make(model, Masked(masked.x, observed), initialisation)
                *_, last = run(sampler, generator(1), 3)
                assert torch.isfinite(last.state.log_joint).all()


def test_running_mean_is_the_mean() -> None:
    values = torch.randn(9, 3, generator=generator(0))
    running = RunningMean()
    for value in values:
        mean = running.add(value)
    torch.testing.assert_close(mean, values.mean(0))
    assert running.count == 9


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_random_draw_decides_on_acceptance(name: str) -> None:
    infos = [step.info for step in run(CATALOGUE[name](untrained(), problem()), generator(2), 30)]
    for info in infos:
        assert torch.equal(info.accepted, info.log_u < info.log_ratio)
        assert (info.log_u <= 0).all()
