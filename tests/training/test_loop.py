"""`fit`: resuming, early stopping, and interruption at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgm_core.files import written_whole
from dgm_core.models.dlvm import (
    convolutional_dlvm,
    fully_connected_dlvm,
    grow_full_covariance,
)
from dgm_core.rng import generator
from dgm_core.training import Schedule, fit, latest_weights
from dgm_core.training.losses import jittered, negative_elbo, proposal_divergence, random_shift
from dgm_core.types import Masked
from tests.toys import bounds_of_tiny_vaes

X = torch.rand(60, 4, generator=generator(0))


def regression() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(4, 1)


def squared_error(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
    noise = 0.01 * torch.randn(len(x), 1, generator=source)
    return (model(x) - x.sum(1, keepdim=True) + noise).square().mean()


def score(model: nn.Module) -> float:
    with torch.no_grad():
        return -(model(X) - X.sum(1, keepdim=True)).square().mean().item()


SCHEDULE = Schedule(epochs=6, batch_size=16, learning_rate=0.05)


def weights_after(**options: object) -> list[Tensor]:
    model = regression()
    for _ in fit(model, squared_error, X, score, SCHEDULE, **options):  # type: ignore[arg-type]
        pass
    return [parameter.clone() for parameter in model.parameters()]


def test_a_run_resumed_in_any_epoch_ends_bit_for_bit_the_same(tmp_path: Path) -> None:
    whole = weights_after()
    for leave_after in (1, 5, 9, 14):
        checkpoint = tmp_path / f"{leave_after}.pt"
        model = regression()
        run = fit(model, squared_error, X, score, SCHEDULE, checkpoint=checkpoint, report_every=1)
        for _, _progress in zip(range(leave_after), run, strict=False):
            pass
        resumed = weights_after(checkpoint=checkpoint)
        assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))


@pytest.mark.parametrize("models", [None, 2])
def test_a_run_that_keeps_its_last_weights_does_so_when_resumed(
    tmp_path: Path, models: int | None
) -> None:
    def loss(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        off = (model(x) - x.sum(1, keepdim=True)).square().mean(0)  # one per model
        return off[0] if models is None else off

    def trained(checkpoint: Path | None, epochs: int) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = nn.Linear(4, models or 1)
        judge = latest_weights(models)
        for progress in fit(model, loss, X, judge, SCHEDULE, checkpoint=checkpoint):
            if progress.epoch == epochs:
                break
        return model.weight.detach()

    whole = trained(None, 6)
    for leave_after in (1, 4, 5):  # from the middle on, fewer epochs remain than are done
        checkpoint = tmp_path / f"{leave_after}.pt"
        left = trained(checkpoint, leave_after)
        assert not torch.equal(left, whole)
        assert torch.equal(trained(checkpoint, 6), whole), leave_after


def test_the_result_is_that_of_the_best_epoch() -> None:
    model, seen = regression(), []

    def recorded(model: nn.Module) -> float:
        # Rises, then falls: the third epoch is the best.
        seen.append(model.weight.detach().clone())
        return -abs(len(seen) - 3.0)

    *_, last = fit(model, squared_error, X, recorded, SCHEDULE)
    assert torch.equal(model.weight, seen[2])
    assert last.best == 0
    assert last.finished


def test_a_run_stopped_early_has_the_best_epoch_so_far() -> None:
    model, seen = regression(), []

    def falling(model: nn.Module) -> float:
        seen.append(model.weight.detach().clone())
        return -float(len(seen))

    for progress in fit(model, squared_error, X, falling, SCHEDULE):
        if progress.epoch == 3:
            break
    assert torch.equal(model.weight, seen[0])
    assert not model.training


def test_patience_ends_the_run() -> None:
    schedule = Schedule(epochs=50, batch_size=16, patience=2)
    *_, last = fit(regression(), squared_error, X, lambda model: 0.0, schedule)
    assert last.epoch == 3  # the first epoch is the best; the next two do not improve on it


def test_the_learning_rate_is_constant_and_then_falls() -> None:
    schedule = Schedule(epochs=10, learning_rate=1.0, constant_part=0.5, final_rate=0.1)
    assert [schedule.rate(e) for e in (0, 5, 7.5, 10)] == pytest.approx([1.0, 1.0, 0.55, 0.1])


def test_another_schedule_does_not_resume_from_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    next(fit(regression(), squared_error, X, score, SCHEDULE, checkpoint=checkpoint))
    other = Schedule(epochs=7, batch_size=16)
    with pytest.raises(ValueError, match="another schedule"):
        next(fit(regression(), squared_error, X, score, other, checkpoint=checkpoint))


@pytest.mark.parametrize("kind", ["empty", "text", "half", "flipped", "another model"])
def test_a_broken_checkpoint_is_named(tmp_path: Path, kind: str) -> None:
    checkpoint = tmp_path / "run.pt"
    model = nn.Linear(1, 1) if kind == "another model" else regression()

    def loss(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return model(x[:, :1]).square().mean() if kind == "another model" else model(x).mean()

    next(fit(model, loss, X, lambda model: 0.0, SCHEDULE, checkpoint=checkpoint))
    content = checkpoint.read_bytes()
    broken = {
        "empty": b"",
        "text": b"404: not found",
        "half": content[: len(content) // 2],
        "flipped": content[:2000] + bytes(1000) + content[3000:],
        "another model": content,
    }
    checkpoint.write_bytes(broken[kind])
    with pytest.raises(ValueError, match=r"run\.pt is damaged or belongs to another model"):
        next(fit(regression(), squared_error, X, score, SCHEDULE, checkpoint=checkpoint))


def test_a_loss_that_is_not_finite_is_reported() -> None:
    def broken(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return model(x).sum() * float("nan")

    with pytest.raises(FloatingPointError, match="epoch 1"):
        list(fit(regression(), broken, X, score, SCHEDULE))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def interrupted() -> None:
        with written_whole(target) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_half_precision_ends_where_single_precision_does() -> None:
    exact, weights = bounds_of_tiny_vaes(4)
    rough, others = bounds_of_tiny_vaes(4, bfloat16=True)
    assert not torch.equal(weights, others)
    difference = rough - exact  # from the same start, in the same order, with the same noise
    error = difference.std() / len(difference) ** 0.5
    assert difference.mean() > -3 * error
    assert (bounds_of_tiny_vaes(4, epochs=3)[0] - exact).mean() < -10 * error


@pytest.mark.parametrize("make", [fully_connected_dlvm, convolutional_dlvm])
def test_gradients_reach_the_expected_parameters(make: object) -> None:
    x = torch.rand(3, 1, 28, 28, generator=generator(1))
    model = make(latent_dim=4, hidden=16)  # type: ignore[operator]
    negative_elbo(model, x, generator(2)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    model.zero_grad()
    proposal_divergence(model, x, generator(3)).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_an_extended_encoder_starts_with_the_distribution_of_the_diagonal_one() -> None:
    diagonal = fully_connected_dlvm(latent_dim=4, hidden=16, full_covariance=False)
    full = grow_full_covariance(diagonal, fully_connected_dlvm(latent_dim=4, hidden=16))
    x = torch.rand(5, 1, 28, 28, generator=generator(4))
    z = torch.randn(5, 4, generator=generator(5))
    torch.testing.assert_close(full.encode(x).log_prob(z), diagonal.encode(x).log_prob(z))
    assert torch.equal(full.decode(z).mean, diagonal.decode(z).mean)


def test_random_shift_moves_each_image_by_whole_pixels() -> None:
    x = torch.zeros(200, 1, 9, 9)
    x[:, :, 4, 4] = 1
    moved = random_shift(x, 2, generator(6))
    where = moved[:, 0].nonzero()[:, 1:]
    assert len(where) == 200
    assert where.min() == 2
    assert where.max() == 6
    assert len(where.unique(dim=0)) == 25


def test_jitter_mirrors_and_shifts_observed_pixels_and_repeats_the_border() -> None:
    x = torch.arange(1.0, 26).view(1, 1, 5, 5) / 25
    masked = Masked(x, torch.rand(x.shape, generator=generator(8)) < 0.6)
    expected = set()
    for image in (masked.x[0, 0].numpy(), masked.x[0, 0].flip(1).numpy()):
        padded = np.pad(image, 1, "edge")
        expected |= {padded[a : a + 5, b : b + 5].tobytes() for a in range(3) for b in range(3)}
    received: list[Masked] = []

    def record(_: nn.Module, rows: Masked, source: torch.Generator) -> Tensor:
        received.append(rows)
        return torch.zeros(())

    for shift, mirrored in ((1, True), (1, False), (0, False)):
        objective = jittered(record, shift, mirrored=mirrored)
        objective(nn.Identity(), masked.repeat(400), generator(7))
    moved, unmirrored, same = received
    assert torch.equal(same.x, masked.repeat(400).x)
    assert len({image.numpy().tobytes() for image in unmirrored.x[:, 0]}) == 9
    assert torch.equal(moved.observed, moved.x > 0)
    assert {image.numpy().tobytes() for image in moved.x[:, 0]} == expected
    assert len(expected) == 18


KILLED = """
import sys, torch
from pathlib import Path
from torch import nn
sys.path.insert(0, {root!r})
from tests.training.test_loop import regression, squared_error, score, X
from dgm_core.training import Schedule, fit, latest_weights
import time
def slow(model, x, source):
    time.sleep(0.004)
    return squared_error(model, x, source)
model = regression()
for p in fit(model, slow, X, score, Schedule(epochs=40, batch_size=16, learning_rate=0.05),
             checkpoint=Path({checkpoint!r})):
    print(p.epoch, flush=True)
torch.save(model.state_dict(), {out!r})
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_and_ends_the_same(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    model = regression()
    schedule = Schedule(epochs=40, batch_size=16, learning_rate=0.05)
    for _ in fit(model, squared_error, X, score, schedule):
        pass
    out, checkpoint = tmp_path / "out.pt", tmp_path / "run.pt"
    code = KILLED.format(root=root, checkpoint=str(checkpoint), out=str(out))
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    kills = 0
    for attempt in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=env, cwd=root, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()  # training is under way
        if kills < 3:
            time.sleep(0.05 + 0.03 * attempt)
            process.send_signal(signal.SIGKILL)
        process.stdout.read()
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
        if out.exists():
            break
    assert kills >= 3
    trained = torch.load(out, weights_only=True)
    assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())
