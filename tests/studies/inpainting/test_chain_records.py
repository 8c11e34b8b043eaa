"""Records of running chains, compared with a naive computation from the finished traces."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal

from dgm_core.distributions import TriangularNormal
from dgm_core.metrics import diagnostics
from dgm_core.rng import generator
from dgm_core.studies.inpainting.chain_records import (
    TRACED,
    WINDOW,
    EncodesOnce,
    Record,
    Recorder,
    most_variable_latents,
    proposals,
)
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Result
from tests.studies.inpainting.test_two_samplers import config, finished, model

METROPOLIS = SAMPLERS[1]


@cache
def run() -> Result:
    return finished(config(iterations=330, warmup=40))


def records(name: str) -> list[Record]:
    return [frame.samplers[name].record for frame in run().frames]


@pytest.mark.parametrize("name", SAMPLERS)
def test_traces_of_all_records_join_to_the_traces_of_the_run(name: str) -> None:
    for field, whole in run().traces[name]._asdict().items():
        joined = np.concatenate([getattr(r.traces, field) for r in records(name)], 1)
        assert np.array_equal(joined, whole), field


@pytest.mark.parametrize("name", SAMPLERS)
def test_diagnoses_equal_a_naive_computation(name: str) -> None:
    result, warmup = run(), run().config.warmup
    history = records(name)[-1].history
    assert history[-1].iteration == 330
    assert len(history) >= 6
    for iteration, rhat, ess in history:
        for at, trace in enumerate(TRACED):
            values = getattr(result.traces[name], trace)[:, warmup:iteration]
            draws = torch.from_numpy(values.astype(float))
            np.testing.assert_allclose(rhat[at], diagnostics.rhat(draws), rtol=1e-9)
            np.testing.assert_allclose(
                ess[at], diagnostics.effective_sample_size(draws), rtol=1e-9
            )


def test_a_frame_has_the_diagnoses_up_to_its_iteration_only() -> None:
    for frame in run().frames:
        history = frame.samplers[METROPOLIS].record.history
        assert all(each.iteration <= frame.iteration for each in history)
        assert frame.iteration - (history[-1].iteration if history else 0) < WINDOW


@pytest.mark.parametrize("name", SAMPLERS)
def test_acceptance_and_unmoved_iterations_equal_a_count_by_hand(name: str) -> None:
    warmup, accepted = run().config.warmup, run().traces[name].accepted
    assert not accepted[:, warmup:].all() or name == "pseudo-Gibbs"
    for frame in run().frames:
        record, done = frame.samplers[name].record, frame.iteration
        first = max(done - WINDOW, warmup if done > warmup else 0)
        for chain in range(len(accepted)):
            mean = accepted[chain, first:done].mean()
            assert record.acceptance[chain] == pytest.approx(mean)
            still = 0
            while still < done and not accepted[chain, done - 1 - still]:
                still += 1
            assert record.unmoved[chain] == still


def test_latents_stay_the_same_where_a_proposal_was_rejected() -> None:
    own = records(METROPOLIS)
    numbers = np.concatenate([r.numbers for r in own])
    assert np.array_equal(numbers, np.unique(numbers))
    assert {frame.iteration for frame in run().frames} <= set(numbers.tolist())
    z = np.concatenate([r.z for r in own], 1)
    accepted = run().traces[METROPOLIS].accepted
    for at in range(1, len(numbers)):
        moved = accepted[:, numbers[at - 1] : numbers[at]].any(1)
        same = (z[:, at] == z[:, at - 1]).all(-1)
        assert np.array_equal(same, ~moved)


def test_long_runs_are_thinned() -> None:
    chosen = config(iterations=5000, warmup=0)
    recorder = Recorder(model(), 5000, 0, chosen.frame_numbers())
    assert 300 <= len([n for n in recorder.points if 0 < n <= 5000]) <= 430


def test_proposals_are_the_encoders_gaussians_at_the_completed_images() -> None:
    frame = run().frames[-3]
    shot = frame.samplers[METROPOLIS]
    distribution = model().encode(torch.from_numpy(shot.draws).float()[:, None])
    np.testing.assert_allclose(shot.record.proposals.mean, distribution.mean, atol=2e-3)
    _, covariance = shot.record.proposals.marginal([3, 1])
    expected = distribution.covariance_matrix[:, [[3, 3], [1, 1]], [[3, 1], [3, 1]]]
    np.testing.assert_allclose(covariance, expected, rtol=2e-3, atol=1e-4)
    few = shot.record.proposals.restricted([4, 3, 1])
    for a, b in zip(few.marginal([3, 1]), shot.record.proposals.marginal([3, 1]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_image_is_encoded_once() -> None:
    calls, own = [], model()
    encode = own.encode
    own.encode = lambda x: calls.append(x) or encode(x)
    twice = EncodesOnce(own)
    x, other = torch.zeros(2, 1, 28, 28), torch.zeros(2, 1, 28, 28)
    assert twice.encode(x) is twice.encode(x)
    assert twice.encode(other) is not twice.encode(x)
    assert len(calls) == 3


def test_marginals_of_a_full_covariance_are_those_of_its_draws() -> None:
    source = generator(1)
    below = torch.randn(2, 5, 5, generator=source).tril(-1)
    distribution = TriangularNormal(
        torch.randn(2, 5, generator=source), 0.3 * torch.randn(2, 5, generator=source), below
    )
    draws = distribution.from_noise(torch.randn(200_000, 2, 5, generator=source))
    mean, covariance = proposals(distribution).marginal([4, 0])
    for row in range(2):
        pair = draws[:, row, [4, 0]].T
        sd = pair.std(1).numpy()
        off = (mean[row] - pair.mean(1).numpy()) / sd
        assert np.abs(off).max() < 5 / np.sqrt(len(draws)) + 1e-3  # half precision
        wrong = (covariance[row] - torch.cov(pair).numpy()) / np.outer(sd, sd)
        assert np.abs(wrong).max() < 0.02


def test_marginals_of_a_diagonal_covariance_have_no_correlation() -> None:
    scale = torch.tensor([[0.5, 1.0, 2.0]])
    mean, covariance = proposals(Independent(Normal(scale, scale), 1)).marginal([2, 0])
    assert mean.tolist() == [[2.0, 0.5]]
    assert covariance.tolist() == [[[4.0, 0.0], [0.0, 0.25]]]


def test_the_most_variable_latents_are_those_in_which_the_chains_differ() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 3, 50, 6)) * 0.1
    noise[0, 1, :, 4] += 3  # one chain of one sampler differs
    noise[1, :, :, 2] += np.array([-1, 0, 1])[:, None]
    noise[:, :, :, 5] += 9  # the same shift in all chains
    assert most_variable_latents(list(noise), 2) == [4, 2]
    path = noise[0, :1].copy()
    path[0, :, 3] = np.linspace(-2, 2, 50)
    assert most_variable_latents([path], 1) == [3]
