"""Choices compared with their controls: same images and epochs, gains per seed."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import pytest
import torch

from dgm_core.evaluation import cluster_choices
from dgm_core.evaluation.cluster_choices import CHOICES, Choice, Row
from dgm_core.studies.progress import Frame
from dgm_core.training import mutual
from dgm_core.training.mutual import WARM, Config, Result
from tests.studies.small_digits import SMALL, small_images

SEEDS = 3


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_differs_from_its_control_and_trains_equally_long(name: str) -> None:
    choice = CHOICES[name]
    configs = [choice.config(seed) for seed in range(2)]  # they are checked at construction
    assert configs[0] == dataclasses.replace(configs[1], seed=0)
    assert configs[0] != configs[1]
    assert (configs[0] == Config()) == (name == "default settings")
    assert (configs[0] == Config()) == (not choice.changes)
    for field, value in choice.changes.items():
        assert getattr(Config(), field) != value, field
    others = [CHOICES[other].config(0) for other in CHOICES if other != name]
    assert configs[0] not in others
    control = choice.control(0)
    assert control.form == "one pass"
    assert control.all_epochs == configs[0].all_epochs
    # It begins with the same images and networks, and ends with the same mixture.
    for field in (*WARM, "warmup", "fit", "diagonal", "spread", "floor"):
        assert getattr(control, field) == getattr(configs[0], field), field


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is `SMALL`, on digits."""
    default = partial(Config, **dataclasses.asdict(SMALL))
    monkeypatch.setattr(cluster_choices, "Config", default)
    monkeypatch.setattr("dgm_core.training.mixture_fits.ITERATIONS", 10)
    monkeypatch.setattr("dgm_core.training.mixture_fits.RESTARTS", 4)


def end(config: Config, folder: Path) -> Result:
    """The last result, from the checkpoints in the folder."""
    *_, last = mutual.run(config, small_images(), folder)
    return last


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_row_is_the_mean_of_differences_seed_by_seed(tmp_path: Path) -> None:
    names = ("default settings", "both at once")
    items = list(cluster_choices.run(names, SEEDS, tmp_path))
    done = [item.done for item in items if isinstance(item, Frame)]
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == 1
    rows = [item for item in items if isinstance(item, Row)]
    assert [row.choice for row in rows] == list(names)
    for row in rows:
        form = "joint" if row.choice == "both at once" else "mutual"
        configs = [dataclasses.replace(SMALL, form=form, seed=seed) for seed in range(SEEDS)]
        ours = [end(config, tmp_path).shots for config in configs]
        controls = [CHOICES[row.choice].control(seed) for seed in range(SEEDS)]
        theirs = [end(config, tmp_path).shots for config in controls]
        before, after, control = (
            torch.tensor([shot.scores.accuracy for shot in shots], dtype=torch.float64)
            for shots in (
                [shots[0] for shots in ours],
                [shots[-1] for shots in ours],
                [shots[-1] for shots in theirs],
            )
        )
        assert (row.seeds, row.epochs) == (SEEDS, SMALL.all_epochs)
        for value, error, each in (
            (row.before, row.before_error, before),
            (row.after, row.after_error, after),
            (row.control, row.control_error, control),
            (row.gain, row.gain_error, after - control),
        ):
            assert value == pytest.approx(each.mean().item())
            assert error == pytest.approx(each.std().item() / SEEDS**0.5)
        # Differences between pairs, not between means: their standard error is different.
        apart = torch.hypot(after.std(), control.std()).item() / SEEDS**0.5
        assert row.gain_error != pytest.approx(apart, rel=1e-3)
        assert row.accuracies == pytest.approx(after.tolist(), abs=1e-4)
        assert row.controls == pytest.approx(control.tolist(), abs=1e-4)
        for value, shots in (
            (row.elbo_before, [shots[0] for shots in ours]),
            (row.elbo_after, [shots[-1] for shots in ours]),
            (row.elbo_control, [shots[-1] for shots in theirs]),
        ):
            assert value == pytest.approx(sum(shot.bound.elbo for shot in shots) / SEEDS)
        nmi = sum(shots[-1].scores.nmi for shots in ours) / SEEDS
        assert row.nmi == pytest.approx(nmi)
        assert f"gain {row.gain:+.3f} ± {row.gain_error:.3f}" in row.sentence()


@pytest.mark.usefixtures("small")
def test_choices_with_the_same_control_train_it_once(tmp_path: Path) -> None:
    list(cluster_choices.run(("default settings",), 1, tmp_path))
    first = set(tmp_path.iterdir())
    list(cluster_choices.run(("hard assignments",), 1, tmp_path))
    rounds = SMALL.rounds
    assert len(first) == 1 + rounds + 1  # the warm-up, the rounds, the control's one piece
    assert len(set(tmp_path.iterdir()) - first) == rounds


def test_an_unknown_choice_is_named_before_training() -> None:
    message = "expected a choice among default settings, both at once"
    with pytest.raises(ValueError, match=message):
        next(cluster_choices.run(("default settings", "x"), 1, None))


def test_choices_are_not_changed_by_accident() -> None:
    choice = Choice(CHOICES["both at once"].changes, "")
    with pytest.raises(TypeError):
        choice.changes["form"] = "mutual"  # type: ignore[index]
