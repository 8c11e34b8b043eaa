"""The history of the collapsed sampler, and which completions a proposal may use."""

from __future__ import annotations

import pytest
import torch

from dgm_core.rng import generator, uniform
from dgm_core.samplers import collapsed_metropolis, pseudo_gibbs
from dgm_core.samplers.chains import run
from dgm_core.samplers.history import begun, choose, remember
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli


def problem(rows: int = 40) -> Masked:
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 0.0]]).double()
    return Masked(x, torch.tensor([[True, False] * 3])).repeat(rows)


def test_usable_completions_do_not_come_from_the_current_latent() -> None:
    """Completions are continuous, so each is identified with the z that produced it."""
    wrong = LinearGaussian(shift=0.5, stretch=1.5)
    masked = Masked(torch.zeros(30, 5).double(), torch.arange(5).expand(30, 5) < 2)
    made: list[set] = [set() for _ in range(30)]  # by the current z
    for step in run(collapsed_metropolis(wrong, masked, history=4), generator(1), 60):
        for row in range(30):
            if step.info.accepted[row]:
                made[row] = set()
            made[row].add(tuple(step.state.x[row].tolist()))
            history = step.state.history
            usable = history.completions[:, row][history.usable[:, row]]
            assert len(usable) > 0
            assert not made[row] & {tuple(each) for each in usable.tolist()}


def test_the_cached_target_is_that_of_the_latent() -> None:
    model, masked = SmallBernoulli(), problem()
    for step in run(collapsed_metropolis(model, masked), generator(1), 30):
        z = step.state.z
        expected = log_prob_observed(model.decode(z), masked) + model.prior().log_prob(z)
        torch.testing.assert_close(step.state.log_target, expected)


def test_the_history_is_a_uniform_sample_of_all_completions() -> None:
    """Every completion is equally likely to be in the history, early or late."""
    chains, size, steps = 4000, 5, 40
    source = generator(0)
    history = begun(torch.zeros(chains, 1), size)
    for number in range(1, steps):
        # Each completion by a new z, so that all are usable and none is protected.
        history = history._replace(moves=history.moves + 1)
        u = uniform((chains,), source, torch.float64)
        history = remember(history, torch.full((chains, 1), float(number)), u)
    counts = history.completions.flatten().long().bincount(minlength=steps)
    expected = chains * size / steps
    # Binomial within a completion; 5 standard errors.
    assert (counts - expected).abs().max() < 5 * (expected * (1 - size / steps)) ** 0.5


def test_a_choice_is_uniform_over_usable_completions() -> None:
    history = begun(torch.zeros(1, 1), 4)
    history = history._replace(
        completions=torch.arange(4.0)[:, None, None], made_at=torch.tensor([[0], [3], [1], [2]])
    )
    for moves, usable in ((1, {0}), (2, {0, 2}), (3, {0, 2, 3}), (4, {0, 1, 2, 3})):
        here = history._replace(moves=torch.tensor([moves]))
        u = torch.linspace(0, 1, 601)[:-1].tolist() + [1 - 2**-24]
        chosen = torch.cat([choose(here, torch.tensor([each])).flatten() for each in u])
        values, counts = chosen.unique(return_counts=True)
        assert set(values.int().tolist()) == usable
        assert counts.float().std(correction=0) < 1


def test_a_stuck_chain_keeps_a_completion_to_propose_from() -> None:
    """A latent that never moves would fill a history of 2 with its own completions."""
    source = generator(0)
    history = begun(torch.zeros(50, 1), 2)
    for number in range(1, 400):
        u = uniform((50,), source, torch.float64)
        history = remember(history, torch.full((50, 1), float(number)), u)
    assert (history.usable.sum(0) == 1).all()
    assert (history.completions[history.usable] == 0).all()
    assert (history.completions[1] > 0).all()


def test_it_accepts_every_proposal_from_the_true_posterior() -> None:
    """Nothing is observed: the prior is the target, and `prior_fraction=1` proposes from it."""
    masked = Masked(torch.zeros(50, 6).double(), torch.zeros(50, 6, dtype=torch.bool))
    for step in run(
        collapsed_metropolis(SmallBernoulli(), masked, prior_fraction=1.0), generator(1), 9
    ):
        assert step.info.log_ratio.abs().max() < 1e-12
        assert step.info.accepted.all()


def test_the_prior_fraction_is_part_of_the_density_of_the_proposal() -> None:
    """log ρ of one step, from the definition."""
    model, masked, fraction = SmallBernoulli(), problem(), 0.3
    sampler = collapsed_metropolis(model, masked, prior_fraction=fraction)
    start = sampler.init(generator(3))
    after, info = sampler.step(start, generator(4))
    prior, encoder = model.prior(), model.encode(start.x)  # the only completion so far

    def log_importance(z: torch.Tensor) -> torch.Tensor:
        target = log_prob_observed(model.decode(z), masked) + prior.log_prob(z)
        mixture = (1 - fraction) * encoder.log_prob(z).exp() + fraction * prior.log_prob(z).exp()
        return target - mixture.log()

    expected = log_importance(after.z) - log_importance(start.z)
    assert info.accepted.any()
    torch.testing.assert_close(info.log_ratio[info.accepted], expected[info.accepted])


def test_a_state_of_another_sampler_starts_a_history() -> None:
    model, masked = SmallBernoulli(), problem()
    state = pseudo_gibbs(model, masked).init(generator(1))
    after, _ = collapsed_metropolis(model, masked).step(state, generator(2))
    assert torch.equal(after.history.completions[0], state.x)
    assert after.history.made == 2


@pytest.mark.parametrize(
    "settings", [{"prior_fraction": -0.1}, {"prior_fraction": 1.1}, {"history": 0}]
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        collapsed_metropolis(SmallBernoulli(), problem(), **settings)
