"""Small GANs: the moves of points and networks, gradients, and covered modes."""

from __future__ import annotations

import pytest
import torch

from dgm_core.data.plane import Moons, ring_of_gaussians
from dgm_core.rng import generator
from dgm_core.studies.distances.toy_gan import (
    OBJECTIVES,
    PRESETS,
    TARGETS,
    Config,
    Frame,
    Game,
    Result,
    axis,
    covered,
    run,
)


def test_modes_are_counted_where_enough_points_are_near() -> None:
    ring = ring_of_gaussians()
    assert covered(ring, ring.sample(2_000, generator(0))) == 8
    one = torch.tensor(ring.centres[3]).expand(990, 2)
    far = torch.zeros(10, 2)
    assert covered(ring, torch.cat([one, far])) == 1
    second = torch.tensor(ring.centres[5])
    assert covered(ring, torch.cat([one, far[:1], second.expand(9, 2)])) == 1  # 0.9 %
    assert covered(ring, torch.cat([one, second.expand(10, 2)])) == 2
    assert covered(Moons(), one) is None


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_iteration_moves_both_networks_and_is_reproducible(objective: str) -> None:
    def weights(game: Game) -> list[torch.Tensor]:
        return [p.detach().clone() for n in (game.synthesis, game.critic) for p in n.weights]

    game, same = (Game(Config(objective=objective)) for _ in range(2))
    before = weights(game)
    game.iterate()
    same.iterate()
    assert all((a != b).any() for a, b in zip(before, weights(game), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(weights(game), weights(same), strict=True))
    assert all(p.requires_grad for p in game.critic.parameters())


def test_a_frame_does_not_change_the_game() -> None:
    seen, unseen = (Config(iterations=6, every=every) for every in (1, 6))
    (*_, a), (*_, b) = run(seen), run(unseen)
    assert isinstance(a, Result)
    assert [frame.iteration for frame in a.frames] == list(range(7))
    assert torch.equal(a.frames[-1].points, b.frames[-1].points)


def test_frames_have_their_shapes() -> None:
    config = Config(iterations=3, every=2, side=9, shown=100)
    *frames, last = run(config)
    assert [frame.iteration for frame in frames] == [0, 2, 3]
    frame = frames[-1]
    assert isinstance(frame, Frame)
    assert frame.points.shape == frame.pull.shape == (100, 2)
    assert frame.critic.shape == (9, 9)
    assert axis(config).tolist() == pytest.approx(torch.linspace(-2.5, 2.5, 9).tolist())
    assert frame.gradient == pytest.approx(frame.pull.norm(dim=1).mean().item())
    assert last.frames == tuple(frames)


def test_the_grid_is_rows_up_and_columns_across() -> None:
    game = Game(Config(side=5))
    frame = game.frame(0.0)
    line = axis(game.config)
    at = torch.stack([line[4], line[1]])[None, None]  # right, and below the middle
    with torch.no_grad():
        torch.testing.assert_close(frame.critic[1, 4], game.value(at)[0, 0])


def test_with_a_confident_critic_only_some_objectives_have_gradients() -> None:
    pulls = {}
    for name in OBJECTIVES:
        game = Game(Config("drawing", name, ((1.5, 0.0),), head_start=300))
        pulls[name] = game.frame(0.0).gradient
    assert pulls["minimax"] < 0.05 * pulls["Wasserstein"]
    assert pulls["Hellinger"] < 0.05 * pulls["Wasserstein"]
    assert pulls["non-saturating"] > 10 * pulls["minimax"]
    assert 0.8 < pulls["Wasserstein"] < 1.2


def test_without_a_gradient_points_do_not_move() -> None:
    moved = {}
    for name in ("minimax", "Hellinger", "Wasserstein"):
        config = Config(
            objective=name, iterations=40, every=40, **PRESETS["critic sure from the start"]
        )
        *_, last = run(config)
        first, end = last.frames
        moved[name] = (end.points - first.points).norm(dim=1).mean()
    assert moved["minimax"] < 1e-3
    assert moved["Hellinger"] < 1e-3
    assert moved["Wasserstein"] > 0.3


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset: str) -> None:
    assert Config(**PRESETS[preset]).target == "ring"


def test_wasserstein_finds_the_ring() -> None:
    *_, last = run(Config(iterations=300, every=300, critic_steps=2))
    first, end = last.frames
    assert first.modes == 0
    assert end.modes >= 7
    assert end.wasserstein < 0.3 * first.wasserstein
    assert 0 < last.floor < end.wasserstein


def test_invalid_settings_are_refused() -> None:
    assert "drawing" not in TARGETS
    with pytest.raises(ValueError, match="expected a target among ring"):
        Config(target="x")
    with pytest.raises(ValueError, match="expected an objective among Wasserstein"):
        Config(objective="x")
    with pytest.raises(ValueError, match="expected points in the drawing"):
        Config(target="drawing")
    with pytest.raises(ValueError, match="expected every from 1"):
        Config(every=0)
    assert Config(target="drawing", drawn=((0.0, 0.0),)).distribution.centres == ((0.0, 0.0),)
