"""Critics compared with the true distances."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_core.checkout import ASSETS
from dgm_core.distances.lipschitz import between, lipschitz_penalty
from dgm_core.networks.stacked import StackedMLP
from dgm_core.rng import generator, normal
from dgm_core.studies.distances import sweeps
from dgm_core.studies.distances.critics import Config, Result, Scene, midway, penalty, run

FILE = ASSETS / "distances.npz"
FEW = (0.1, 0.5, 2.0)


def result(config: Config) -> Result:
    *_, last = run(config)
    assert isinstance(last, Result)
    return last


def test_wasserstein_is_a_line_and_hellinger_a_jump() -> None:
    w1 = result(Config(thetas=FEW)).estimates[-1]
    torch.testing.assert_close(w1, torch.tensor(FEW), rtol=0.03, atol=0)
    h2 = result(Config(divergence="hellinger", thetas=FEW, steps=300))
    assert (h2.estimates[-1] > 1.95).all()
    place = next(k for k, step in enumerate(h2.steps) if step >= 14)
    early = h2.estimates[place]  # S-shaped while there is little training
    assert early[0] < 0.5 < 1 < early[1] < early[2]


def test_under_a_weak_penalty_the_slope_is_too_large_by_the_predicted_amount() -> None:
    found = result(Config(thetas=(1.0,), penalty=2.0, steps=400))
    assert found.estimates[-1].item() == pytest.approx(1 + 1 / (2 * 2.0), rel=0.02)


def test_a_critic_does_not_depend_on_the_others() -> None:
    few = {"steps": 20, "frames": 3, "fresh": 200}
    together = result(Config(thetas=FEW, **few))
    alone = result(Config(thetas=FEW[1:2], **few))
    ours, theirs = together.estimates[:, 1], alone.estimates[:, 0]
    assert together.steps[1] > 0
    torch.testing.assert_close(ours[:2], theirs[:2])
    # Sums of other shapes round differently on some machines, and training makes that grow.
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)
    other = result(Config(thetas=(FEW[1] + 0.05,), **few)).estimates[:, 0]
    assert (ours - other).abs().max() > 0.02
    assert together.last.critic.shape == (3, 33, 33)


def test_the_penalty_is_that_of_each_critic_alone() -> None:
    critics = StackedMLP(2, (2, 8, 1), generator(0))
    with torch.no_grad():
        for weight in critics.parameters():
            weight.mul_(3 * torch.tensor([1.0, 2.0])[:, None, None])
    x, y = normal((2, 2, 30, 2), generator(1))
    found = penalty(critics, x, y, generator(2))
    middle = midway(x, y, generator(2))
    for k in range(2):
        alone = StackedMLP(1, (2, 8, 1), generator(0))
        state = {name: value[k : k + 1] for name, value in critics.state_dict().items()}
        alone.load_state_dict(state)
        # Between a point and itself there is that point alone.
        of_one = lipschitz_penalty(alone.of_rows, middle[k], middle[k], generator(3))
        torch.testing.assert_close(found[k], of_one)
    t = ((middle - y) / (x - y))[..., 0]
    torch.testing.assert_close(t[0], t[1], atol=1e-4, rtol=1e-4)
    assert ((t >= 0) & (t <= 1)).all()
    assert between(x[0], y[0], generator(0)).shape == (30, 2)


def test_stacked_networks_start_equal_and_are_ordinary_networks() -> None:
    networks = StackedMLP(3, (2, 5, 1), generator(0))
    x = normal((4, 2), generator(1))
    first, second, third = networks(x.expand(3, -1, -1))
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    (w1, w2), (b1, b2) = ([p[0] for p in each] for each in (networks.weights, networks.biases))
    by_hand = torch.nn.functional.leaky_relu(x @ w1 + b1, 0.2) @ w2 + b2
    torch.testing.assert_close(first, by_hand)


def test_scene_and_frames_have_their_shapes_and_a_matching() -> None:
    config = Config(thetas=FEW, steps=3, fresh=100, side=9, shown=16)
    scene, *frames, last = run(config)
    assert isinstance(scene, Scene)
    assert [frame.step for frame in frames] == list(scene.steps) == [0, 1, 2, 3]
    frame = frames[-1]
    assert frame.critic.shape == (3, 9, 9)
    assert frame.slope.shape == (3, 256)
    assert frame.gradient.shape == scene.x.shape == scene.y.shape == (3, 16, 2)
    torch.testing.assert_close(scene.truth, torch.tensor(FEW))
    assert last.estimates.shape == last.errors.shape == (4, 3)
    # At θ = 2 all rays go right, and a Wasserstein critic falls along them.
    assert (scene.y[2] - scene.x[2])[:, 0].min() == 2


def test_grid_rows_go_up_and_columns_across() -> None:
    scene, *_, last = run(Config(thetas=(2.0,), steps=300, frames=2))
    across = last.last.critic[0].mean(0)
    assert across[0] > across[-1] + 1.5  # P is left
    slope_along_ray = (last.last.gradient * (scene.y - scene.x)).sum(-1)
    assert (slope_along_ray < 0).all()


def test_a_critic_of_gaussians_converges_to_the_optimal_one() -> None:
    scene, *_, last = run(Config("Gaussians", "hellinger", thetas=(1.0,), frames=2))
    across, up = torch.meshgrid(scene.across, scene.up, indexing="xy")
    half_log_ratio = (1 / 2 - across) / 2
    torch.testing.assert_close(scene.best[0], half_log_ratio, atol=1e-5, rtol=1e-5)
    near = (across - 0.5).square() + up.square() < 1
    assert (last.last.critic[0] - scene.best[0])[near].abs().max() < 0.15
    for config in (Config("Gaussians"), Config(divergence="hellinger")):
        assert next(run(config)).best is None


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a pair among segments"):
        Config(pair="triangles")
    with pytest.raises(ValueError, match="expected a divergence among"):
        Config(divergence="x")
    with pytest.raises(ValueError, match="got an empty cloud"):
        Config(pair="clouds", drawn=((), ((0.0, 0.0),)))
    with pytest.raises(ValueError, match="expected steps from 1 to"):
        Config(steps=0)
    with pytest.raises(ValueError, match="at least one θ"):
        Config(thetas=())


def test_drawn_clouds_are_distinguished() -> None:
    drawn = (((0.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (1.0, 1.0)))
    found = result(Config("clouds", thetas=(0.0,), drawn=drawn, steps=300, frames=2))
    assert found.estimates[-1].item() == pytest.approx(1.0, abs=0.06)


def test_sweeps_survive_a_round_trip(tmp_path: Path) -> None:
    config = Config(thetas=FEW, steps=3, fresh=100)
    *_, sweep = sweeps.run([config])
    sweeps.save([sweep], tmp_path / "some.npz")
    (again,) = sweeps.load(tmp_path / "some.npz").values()
    for name in sweep._fields:
        np.testing.assert_array_equal(getattr(again, name), getattr(sweep, name))
    assert [row.theta for row in again.rows()] == pytest.approx(FEW)


def test_shipped_sweeps_have_the_default_settings() -> None:
    shipped = sweeps.load(FILE)
    assert FILE.stat().st_size < 300_000
    configs = sweeps.configs()
    assert set(shipped) == {(config.pair, config.divergence) for config in configs}
    for config in configs:
        sweep = shipped[config.pair, config.divergence]
        assert sweep.config == sweeps.fingerprint(config)
        assert tuple(sweep.steps) == tuple(config.frame_steps())
    w1, h2 = shipped["segments", "wasserstein"], shipped["segments", "hellinger"]
    assert (abs(w1.estimates[-1][1:] / w1.thetas[1:] - 1) < 0.03).all()
    assert (h2.estimates[-1][5:] > 1.95).all()
    for config in (configs[0], configs[5]):
        few = dataclasses.replace(config, thetas=(0.5, 1.0))
        sweep = shipped[config.pair, config.divergence]
        for frame in run(few):
            if isinstance(frame, Scene):
                continue
            place = list(sweep.steps).index(frame.step)
            if frame.step > 10:  # later, roundings have grown
                break
            np.testing.assert_allclose(
                frame.estimate, sweep.estimates[place, [5, 10]], atol=1e-3, rtol=1e-2
            )
