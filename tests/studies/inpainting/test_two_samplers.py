"""The inpainting study: its frames against a computation by hand from its traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dgm_core.metrics import f1_hidden
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Result, pack


def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fully_connected_dlvm(latent_dim=5, hidden=24).eval().requires_grad_(False)


def config(**changes: object) -> Config:
    pixels = torch.rand(2, 28, 28, generator=generator(3)).numpy()
    base = Config("none", pack(pixels[0] < 0.3), pack(pixels[1] < 0.5), 150, 40, chains=4)
    return replace(base, **changes)  # type: ignore[arg-type]


def finished(of: Config) -> Result:
    *frames, result = two_samplers.run(of, model())
    assert isinstance(result, Result)
    assert [frame.iteration for frame in frames] == of.frame_numbers()
    return result


@pytest.mark.parametrize("iterations", [20, 21, 100, 500, 5000])
def test_frames_begin_dense_and_end_at_the_last_iteration(iterations: int) -> None:
    numbers = config(iterations=iterations, warmup=0).frame_numbers()
    assert numbers[:20] == list(range(1, 21))
    assert numbers[-1] == iterations
    assert len(numbers) <= 121


@pytest.mark.parametrize(
    ("iterations", "thin", "expected"),
    [(100, 10, range(10, 101, 10)), (105, 10, range(5, 106, 10)), (5000, 1, range(10, 5001, 10))],
)
def test_frames_are_thinned_as_requested_and_never_too_many(
    iterations: int, thin: int, expected: range
) -> None:
    assert config(iterations=iterations, warmup=0, thin=thin).frame_numbers() == list(expected)


def test_thinning_does_not_change_the_chains() -> None:
    plain, thinned = finished(config()), finished(config(thin=7))
    for name in SAMPLERS:
        last, last_of_thinned = plain.frames[-1].samplers[name], thinned.frames[-1].samplers[name]
        assert np.array_equal(last.draws, last_of_thinned.draws)
        assert np.array_equal(plain.traces[name].log_joint, thinned.traces[name].log_joint)


def test_the_same_config_gives_the_same_images() -> None:
    first, again, other = finished(config()), finished(config()), finished(config(seed=1))
    for name in SAMPLERS:
        for a, b in zip(first.frames, again.frames, strict=True):
            assert np.array_equal(a.samplers[name].draws, b.samplers[name].draws)
            assert np.array_equal(a.samplers[name].mean, b.samplers[name].mean)
        assert not np.array_equal(
            first.frames[-1].samplers[name].draws, other.frames[-1].samplers[name].draws
        )


def test_observed_pixels_equal_the_original_in_every_frame() -> None:
    of = config()
    for frame in finished(of).frames:
        for shot in frame.samplers.values():
            assert (shot.draws[:, of.observed] == of.original[of.observed]).all()
            assert (shot.mean[of.observed] == of.original[of.observed]).all()
            assert (shot.sd[of.observed] == 0).all()


def test_scores_are_those_of_the_images_shown() -> None:
    of = config()
    result = finished(of)
    original, observed = torch.from_numpy(of.original), torch.from_numpy(of.observed)
    for name in SAMPLERS:
        for frame in result.frames[::10]:
            shot, at = frame.samplers[name], frame.iteration - 1
            by_hand = f1_hidden(torch.from_numpy(shot.draws), original, observed, event_dims=2)
            np.testing.assert_allclose(shot.f1_draw, by_hand, rtol=1e-6)
            np.testing.assert_allclose(result.traces[name].f1_draw[:, at], by_hand, rtol=1e-6)
            pooled = f1_hidden(torch.from_numpy(shot.mean), original, observed, event_dims=2)
            assert shot.summary.f1 == pytest.approx(pooled.item())
            ink = (shot.draws & ~of.observed).sum((1, 2))
            assert np.array_equal(result.traces[name].ink[:, at], ink)


def test_acceptance_counts_only_iterations_after_the_warm_up() -> None:
    of = config()
    result = finished(of)
    pseudo, exact = (result.frames[-1].samplers[name].summary for name in SAMPLERS)
    assert pseudo.acceptance == 1
    traced = result.traces["Metropolis-within-Gibbs"].accepted
    assert traced[:, : of.warmup].all()  # run as pseudo-Gibbs
    assert exact.acceptance == pytest.approx(traced[:, of.warmup :].mean())
    assert exact.stuck == (~traced[:, of.warmup :].any(1)).sum()


def test_the_posterior_mean_leaves_the_warm_up_out() -> None:
    """The mean over draws after the warm-up is near the running mean of probabilities."""
    of = config(iterations=2000, warmup=100, chains=8)
    result = finished(of)
    ink = result.traces["pseudo-Gibbs"].ink[:, of.warmup :].mean()
    hidden_mean = result.frames[-1].samplers["pseudo-Gibbs"].mean[~of.observed].sum()
    assert hidden_mean == pytest.approx(ink, rel=0.02)


@pytest.mark.parametrize(
    "changes",
    [
        {"iterations": 10**9},
        {"iterations": -1},
        {"chains": 0},
        {"seed": -1},
        {"warmup": 150},
        {"image": b"short"},
        {"hidden": b""},
        {"initialisation": "<script>"},
    ],
    ids=str,
)
def test_a_config_outside_the_limits_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        config(**changes)


def test_nothing_hidden_and_everything_hidden_both_run() -> None:
    for hidden in (np.zeros((28, 28), bool), np.ones((28, 28), bool)):
        result = finished(config(hidden=pack(hidden), iterations=60, warmup=10))
        assert len(result.frames) == len(result.config.frame_numbers())


def test_a_run_pauses_between_distant_frames() -> None:
    items = list(two_samplers.run_with_pauses(config(iterations=60, warmup=10, thin=30), model()))
    assert [item is None for item in items] == [True, True, False] * 2 + [False]
