"""The adversarial fit: resuming, averaging, and a toy whose distance decreases."""

from __future__ import annotations

import copy
import itertools
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgm_core.models.wgan import WGAN, wgan
from dgm_core.rng import generator
from dgm_core.training.adversarial import AdversarialSchedule, fit_adversarial
from dgm_core.training.losses import shifted_together

SCHEDULE = AdversarialSchedule(
    iterations=7, batch_size=6, critic_steps=2, chunk=2, shift=1, mirrored=True, bfloat16=True
)


def images(count: int = 40) -> Tensor:
    """Images with a bright left half of random brightness."""
    level = torch.randint(120, 255, (count, 1, 1, 1), generator=generator(0))
    x = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
    x[..., :4] = level.to(torch.uint8)
    return x


def small() -> WGAN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wgan(8, 1, latent_dim=4, widths=(8, 8))


def trained(**options: object) -> dict[str, Tensor]:
    model = small()
    for _ in fit_adversarial(model, images(), SCHEDULE, **options):  # type: ignore[arg-type]
        pass
    return model.state_dict()


def test_a_run_resumed_after_any_chunk_ends_bit_for_bit_the_same(tmp_path: Path) -> None:
    whole = trained()
    for rounds in (1, 2, 4):
        checkpoint = tmp_path / f"{rounds}.pt"
        run = fit_adversarial(small(), images(), SCHEDULE, checkpoint=checkpoint)
        list(itertools.islice(run, rounds))
        resumed = trained(checkpoint=checkpoint)
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.training.test_adversarial import *
for now in fit_adversarial(small(), images(), LONGER, checkpoint=Path({checkpoint!r})):
    print(now.iteration, flush=True)
"""
LONGER = replace(SCHEDULE, iterations=60, chunk=20)


@pytest.mark.slow
def test_killed_within_a_chunk_it_resumes_and_ends_the_same(tmp_path: Path) -> None:
    whole, taken_up = small(), small()
    list(fit_adversarial(whole, images(), LONGER))
    checkpoint = tmp_path / "run.pt"
    code = KILLED.format(root=str(Path(__file__).parents[2]), checkpoint=str(checkpoint))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert [process.stdout.readline() for _ in range(2)] == [b"0\n", b"20\n"]
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    first, *_ = fit_adversarial(taken_up, images(), LONGER, checkpoint=checkpoint)
    assert first.iteration >= 20
    weights = taken_up.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.state_dict().items())


def test_real_and_generated_images_are_shifted_together_with_a_repeated_border() -> None:
    x = torch.rand(4, 1, 6, 6, generator=generator(0))
    both = shifted_together(torch.cat([x, x]), 2, generator(4))
    assert torch.equal(both[:4], both[4:])
    rows = torch.arange(6) - 2
    candidates = [
        x[:, :, (rows + a).clamp(0, 5)][..., (rows + b).clamp(0, 5)]
        for a in range(5)
        for b in range(5)
    ]
    assert sum(torch.equal(both[:4], each) for each in candidates) == 1
    assert shifted_together(x, 0, generator(4)) is x


def test_every_weight_is_updated_and_the_last_chunk_is_shorter() -> None:
    before, model = small().state_dict(), small()
    rounds = list(fit_adversarial(model, images(), SCHEDULE))
    assert [each.iteration for each in rounds] == [0, 2, 4, 6, 7]
    assert [each.progress.finished for each in rounds] == [False] * 4 + [True]
    for name, value in model.state_dict().items():
        assert not torch.equal(value, before[name]), name


def test_the_average_of_the_weights_is_kept() -> None:
    schedule = replace(SCHEDULE, iterations=3, chunk=1, averaging=0.25)
    model, seen = small(), []
    for now in fit_adversarial(model, images(), schedule):
        seen.append(copy.deepcopy(model.synthesis[0].weight.detach()))
        average = now.averaged.synthesis[0].weight.clone()
    by_hand = seen[0]
    for i, weight in enumerate(seen[1:]):
        weight_of_new = 1 - min(0.25, (1 + i) / (10 + i))
        by_hand = (1 - weight_of_new) * by_hand + weight_of_new * weight
    torch.testing.assert_close(average, by_hand)
    assert torch.equal(model.synthesis[0].weight, average)


def test_it_learns_to_generate_the_images_and_the_distance_falls() -> None:
    schedule = AdversarialSchedule(
        iterations=300,
        batch_size=16,
        learning_rate=2e-3,
        critic_rate=4e-3,
        averaging=0.9,
        chunk=50,
    )
    model = small()
    rounds = list(fit_adversarial(model, images(), schedule))[1:]
    assert rounds[-1].distance < 0.5 * rounds[0].distance
    with torch.no_grad():
        made = model.sample(200, generator(1))
    real = images().float() / 255
    assert (made.mean(0) - real.mean(0)).abs().mean() < 0.06
    assert made[..., :4].mean((1, 2, 3)).std() > 0.4 * real[..., :4].mean((1, 2, 3)).std()


def test_rates_are_constant_and_then_fall() -> None:
    schedule = AdversarialSchedule(iterations=10, constant_part=0.5, final_rate=0.1)
    found = [schedule.factor(i) for i in (0, 5, 10)]
    assert found == pytest.approx([1.0, 1.0, 0.1])


def test_invalid_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8"):
        next(fit_adversarial(small(), images().float(), SCHEDULE))
    checkpoint = tmp_path / "run.pt"
    list(itertools.islice(fit_adversarial(small(), images(), SCHEDULE, checkpoint=checkpoint), 2))
    other = replace(SCHEDULE, penalty=1.0)
    with pytest.raises(ValueError, match="another schedule"):
        next(fit_adversarial(small(), images(), other, checkpoint=checkpoint))
    checkpoint.write_bytes(checkpoint.read_bytes()[:900])
    with pytest.raises(ValueError, match=r"run\.pt is damaged"):
        next(fit_adversarial(small(), images(), SCHEDULE, checkpoint=checkpoint))


def test_a_loss_that_is_not_finite_is_reported() -> None:
    model = small()
    with torch.no_grad():
        model.critic[1].weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="by iteration 2"):
        list(fit_adversarial(model, images(), SCHEDULE))
