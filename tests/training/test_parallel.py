"""Two processes that train one model reach the result of one, and resume each other's runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.distances import lipschitz
from dgm_core.models.vae_gmm import MixtureVAE, mixture_vae
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.training import Schedule, adversarial, fit, parallel
from dgm_core.training.adversarial import AdversarialSchedule, fit_adversarial
from dgm_core.training.losses import negative_joint_bound
from dgm_core.types import LabelledImages
from tests.toys import bounds_of_tiny_vaes
from tests.training.test_adversarial import images, small

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def launch(code: str, processes: int = 2) -> subprocess.Popen[str]:
    """Run Python code in several processes, as `torchrun` starts them."""
    starter = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.Popen(
        [sys.executable, *starter, "--no-python", sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "DGM_DEVICE": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def launched(code: str) -> str:
    """The output of the processes."""
    with launch(code) as starter:
        output, _ = starter.communicate(timeout=300)
    assert starter.returncode == 0, output
    return output


class Line(nn.Module):
    """y = w·x + b, and c more for rows whose first entry is large; R models side by side."""

    def __init__(self, models: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(models, 4, dtype=torch.float64))
        self.b = nn.Parameter(torch.arange(models, dtype=torch.float64))
        self.c = nn.Parameter(torch.zeros(models, dtype=torch.float64))
        self.unused = nn.Parameter(torch.ones(models, dtype=torch.float64))

    def predict(self, x: Tensor) -> Tensor:
        found = x @ self.w.mT + self.b
        large = x[:, :1] > 0.9
        return found + large * self.c if large.any() else found


X = torch.rand(60, 4, generator=generator(0), dtype=torch.float64)


def squared_error(model: Line, x: Tensor, source: torch.Generator) -> Tensor:
    """A loss so large at first that gradients are clipped."""
    error = (model.predict(x) - 1000 * x.prod(1, keepdim=True)).square().mean(0)
    return error if len(error) > 1 else error[0]


def score(model: Line) -> float | Tensor:
    with torch.no_grad():
        return -squared_error(model, X, generator(0))


EXACT = {
    "last batch odd": {"rows": 31},
    "last batch of one row": {"rows": 33},
    "batches of one row": {"rows": 5, "batch_size": 1},
    "two models": {"rows": 31, "models": 2},
    "part of the parameters": {"rows": 33, "only": ("w", "unused")},
}


def exact(
    rows: int,
    batch_size: int = 8,
    models: int = 1,
    only: tuple[str, ...] = (),
    checkpoint: Path | None = None,
    epochs: int = 6,
) -> dict[str, Tensor]:
    """A training without noise: weights and history."""
    model = Line(models)
    schedule = Schedule(epochs=6, batch_size=batch_size, learning_rate=0.5)
    parameters = [getattr(model, name) for name in only] or None
    run = fit(
        model,
        squared_error,
        X[:rows],
        score,
        schedule,
        parameters=parameters,
        checkpoint=checkpoint,
        report_every=2,
    )
    history = []
    for now in run:
        history.append([now.epoch, now.step, now.loss, now.best])
        if now.epoch == epochs:
            break
    return {**model.state_dict(), "history": torch.tensor(history)}


@contextmanager
def with_equal_weights(rows: Tensor) -> Iterator[tuple[Tensor, float]]:
    with OURS(rows) as (mine, _):
        yield mine, 1 / parallel.size()


OURS = parallel.own_part


def critic_after() -> dict[str, Tensor]:
    """Loss and weights after steps without noise: all generated images are equal.

    Penalties are computed midway between images. Biases are left out: if a unit is active for all
    images, the gradient of its bias is 0 up to rounding, and Adam scales that to a full step.
    """

    def grey(model: WGAN, count: int, source: torch.Generator) -> Tensor:
        return torch.full((count, 1, 8, 8), 0.3)

    schedule = AdversarialSchedule(iterations=4, batch_size=7, critic_steps=2, chunk=2)
    model = small()
    with (
        mock.patch.object(WGAN, "sample", grey),
        mock.patch.object(lipschitz, "between", lambda x, y, source: (x + y) / 2),
        mock.patch.object(adversarial._Run, "_synthesis_step", return_value=None),
    ):
        history = [now.progress.loss for now in fit_adversarial(model, images(), schedule)]
    weights = {name: w for name, w in model.critic.state_dict().items() if "weight" in name}
    return {**weights, "history": torch.tensor(history[1:])}


def gan_after() -> dict[str, Tensor]:
    """Distances during training, and the mean of generated images."""
    schedule = AdversarialSchedule(
        iterations=300,
        batch_size=17,
        learning_rate=2e-3,
        critic_rate=4e-3,
        averaging=0.9,
        chunk=50,
    )
    model = small()
    distances = [now.distance for now in fit_adversarial(model, images(), schedule)]
    with torch.no_grad():
        made = model.sample(200, generator(1)).mean(0)
    return {"distances": torch.tensor(distances[1:]), "made": made, **model.state_dict()}


def mixture_after(rows: int) -> dict[str, Tensor]:
    """A prior that follows its images, after a step on one batch that is shared."""
    model: MixtureVAE = mixture_vae(2, 8, 3, 1, source=generator(0))
    x = data.pixels("digits", "train")[:rows]
    objective = negative_joint_bound(2 * rows, floor=1e-3, diagonal=False)
    with parallel.own_part(torch.arange(rows)) as (mine, _):
        batch = LabelledImages(x[mine], torch.zeros(len(mine), dtype=torch.int64))
        objective(model, batch, generator(parallel.rank()))
    return dict(model.named_buffers())


def outcome_of_leaving(leaving: tuple[int, ...]) -> str:
    """Result of this process if the named processes leave the loop after two reports."""
    try:
        for seen, _ in enumerate(fit(Line(1), squared_error, X, score, Schedule(3, 8))):
            if seen == 1 and parallel.rank() in leaving:
                return "left"
    except RuntimeError as error:
        return str(error)
    return "finished"


def in_each_of_two(folder: Path) -> None:
    """All measurements with two processes, from a single start of them."""
    with parallel.processes():
        assert parallel.size() == 2
        found = {
            "exact": {name: exact(**options) for name, options in EXACT.items()},
            "resumed": exact(33, checkpoint=folder / "of-one.pt"),
            "bounds": bounds_of_tiny_vaes(),
            "critic": critic_after(),
            "gan": gan_after(),
            "mixture": {rows: mixture_after(rows) for rows in (1, 7)},
            "leaving": [outcome_of_leaving(ranks) for ranks in ((0,), (1,), (0, 1))],
        }
        with mock.patch.object(parallel, "own_part", with_equal_weights):
            found["wrong"] = {name: exact(**options) for name, options in EXACT.items()}
        sources = [parallel.noise_per_process(generator(seed)) for seed in (1, 1, 2)]
        found["noise"] = [torch.rand(3, generator=source) for source in sources]
        try:
            parallel.check_same_epoch(parallel.rank())
            found["alike"] = "yes"
        except ValueError as error:
            found["alike"] = str(error)
        torch.save(found, folder / f"{parallel.rank()}.pt")


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The results of each of the two processes."""
    folder = tmp_path_factory.mktemp("two")
    exact(33, checkpoint=folder / "of-one.pt", epochs=2)
    code = "from tests.training.test_parallel import *; in_each_of_two(Path({!r}))"
    launched(code.format(str(folder)))
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def farthest(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """The largest difference, relative to the largest entry."""
    assert a.keys() == b.keys()
    each = ((x - b[name]).abs().max() / x.abs().max().clamp_min(1) for name, x in a.items())
    return max(each).item()


@pytest.mark.parametrize("case", EXACT)
def test_without_noise_two_processes_end_where_one_does(of_two: list[dict], case: str) -> None:
    alone = exact(**EXACT[case])
    for each in of_two:
        assert farthest(alone, each["exact"][case]) < 1e-10


@pytest.mark.parametrize("case", ["last batch odd", "two models"])
def test_equal_weights_for_unequal_parts_give_a_different_result(
    of_two: list[dict], case: str
) -> None:
    assert farthest(exact(**EXACT[case]), of_two[0]["wrong"][case]) > 1e-4


def test_with_noise_the_bound_is_that_of_one_process(of_two: list[dict]) -> None:
    (alone, weights), (shorter, _) = bounds_of_tiny_vaes(), bounds_of_tiny_vaes(epochs=3)
    together, its_weights = of_two[0]["bounds"]
    assert not torch.isclose(weights, its_weights, rtol=1e-4).any()  # different noise
    difference = together - alone  # with the same start and order
    error = difference.std() / len(difference) ** 0.5
    assert difference.mean().abs() < 3 * error
    assert (shorter - alone).mean() < -10 * error


def test_all_processes_have_the_same_weights(of_two: list[dict]) -> None:
    first, second = of_two
    for part in ("critic", "gan", "resumed"):
        assert farthest(first[part], second[part]) == 0
    for rows in first["mixture"]:
        assert farthest(first["mixture"][rows], second["mixture"][rows]) == 0
    assert all(torch.equal(*pair) for pair in zip(first["bounds"], second["bounds"], strict=True))


def test_noise_depends_only_on_seed_and_process(of_two: list[dict]) -> None:
    first, second = (each["noise"] for each in of_two)
    for one, again, other in (first, second):
        assert torch.equal(one, again)
        assert not torch.isclose(one, other).any()
    assert not torch.isclose(first[0], second[0]).any()


def test_a_critic_learns_from_both_parts_including_the_penalty(of_two: list[dict]) -> None:
    alone = critic_after()
    assert farthest(alone, of_two[0]["critic"]) < 1e-5
    before = small().critic.state_dict()
    assert all(farthest({"w": alone[k]}, {"w": before[k]}) > 1e-3 for k in alone if k in before)


def test_two_processes_train_a_wgan_as_one_does(of_two: list[dict]) -> None:
    real = (images().float() / 255).mean(0)
    for found in (gan_after(), of_two[0]["gan"]):
        assert found["distances"][-1] < 0.5 * found["distances"][0]
        assert (found["made"] - real).abs().mean() < 0.06


@pytest.mark.parametrize("rows", [1, 7])
def test_a_mixture_follows_the_whole_batch(of_two: list[dict], rows: int) -> None:
    alone = mixture_after(rows)
    start = dict(mixture_vae(2, 8, 3, 1, source=generator(0)).named_buffers())
    assert farthest(alone, start) > 1e-3
    assert farthest(alone, of_two[0]["mixture"][rows]) < 1e-6


def test_if_one_process_leaves_the_others_do_not_wait(of_two: list[dict]) -> None:
    message = "another process has left the training"
    assert of_two[0]["leaving"] == ["left", message, "left"]
    assert of_two[1]["leaving"] == [message, "left", "left"]


def test_processes_that_begin_in_different_epochs_get_an_error(of_two: list[dict]) -> None:
    assert of_two[0]["alike"] == "yes"
    assert "all processes need the same folder" in of_two[1]["alike"]


def test_two_processes_resume_the_run_of_one(of_two: list[dict]) -> None:
    resumed, whole = of_two[0]["resumed"], exact(33)
    assert resumed["history"][0].tolist()[:2] == [2, 2]  # in the third epoch
    assert (
        farthest(
            whole | {"history": whole["history"][-1]},
            resumed | {"history": resumed["history"][-1]},
        )
        < 1e-10
    )


KILLED = """
import os, time
from tests.training.test_parallel import *
steps = 0
def slow(model, x, source):
    global steps
    steps += 1
    time.sleep(0.02 if steps <= 12 else 600)  # five steps an epoch: never past the third
    return squared_error(model, x, source)
with parallel.processes():
    folder = Path({folder!r})
    (folder / f"{{parallel.rank()}}.pid").write_text(str(os.getpid()))
    schedule = Schedule(epochs=6, batch_size=8, learning_rate=0.5)
    checkpoint = folder / "run" / "run.pt"
    for now in fit(Line(1), slow, X[:33], score, schedule, checkpoint=checkpoint):
        if parallel.is_first():
            print("epoch", now.epoch, flush=True)
"""


@pytest.mark.slow
def test_one_process_resumes_the_run_of_two_killed_processes(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "run.pt"
    checkpoint.parent.mkdir()
    with launch(KILLED.format(folder=str(tmp_path))) as starter:
        try:
            assert any(line == "epoch 2\n" for line in starter.stdout)
            time.sleep(0.03)  # somewhere within the third
        finally:
            workers = [int(file.read_text()) for file in tmp_path.glob("*.pid")]
            for each in (starter.pid, *workers):
                os.kill(each, signal.SIGKILL)
    assert len(workers) == 2
    # A process that is killed while it writes the next checkpoint leaves a part of it.
    left = [each for each in checkpoint.parent.iterdir() if each.suffix != ".part"]
    assert left == [checkpoint]
    resumed, whole = exact(33, checkpoint=checkpoint), exact(33)
    assert 2 <= resumed["history"][0, 0] < 6
    assert (
        farthest(
            whole | {"history": whole["history"][-1]},
            resumed | {"history": resumed["history"][-1]},
        )
        < 1e-10
    )


COMMAND = """
from dataclasses import replace
from dgm_core import recipes
from dgm_core.__main__ import app
shown = recipes.RECIPES["breast-miwae"]
recipes.RECIPES["tiny"] = replace(shown, name="tiny", steps=9)
words = [f"--{{each}}={folder}/{{each}}" for each in ("run-folder", "logdir", "out")]
app(["train", "tiny", *words])
"""


@pytest.mark.slow
def test_a_recipe_is_written_once_and_the_same_again(tmp_path: Path) -> None:
    written = []
    for name in ("one", "again"):
        folder = tmp_path / name
        output = launched(COMMAND.format(folder=folder))
        assert output.count("dgm evaluate measures the model") == 1
        assert "epoch 4.0/4" in output
        assert {each.name for each in (folder / "run-folder").iterdir()} == {
            "model.pt",
            "weights.pt",
        }
        assert {each.name for each in (folder / "out").iterdir()} == {
            "tiny.toml",
            "tiny.safetensors",
        }
        assert len(list((folder / "logdir").iterdir())) == 1
        card = tomllib.loads((folder / "out" / "tiny.toml").read_text(encoding="utf-8"))
        assert "2 processes of" in card["training"]["machine"]
        del card["training"]["minutes"]
        written.append((card, (folder / "out" / "tiny.safetensors").read_bytes()))
    assert written[0] == written[1]
