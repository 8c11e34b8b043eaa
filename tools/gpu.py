"""Train the large models on a GPU in short stages, run the tests that name it, and measure it.

    python -m tools.gpu train --minutes 9 --runs runs --out trained  # again, until all are trained
    python -m tools.gpu test
    python -m tools.gpu measure --out figures.toml

`train` starts `dgm train` for the next recipe that is not trained, and ends it when the time is
up. The next call resumes from the last checkpoint, which is that of the last whole epoch. A GPU is
used if there is one; `DGM_DEVICE` names another device.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

ROOT = Path(__file__).parents[1]
RECIPES = (
    "celeba-dlvm",
    "celeba-partial",
    "celeba-dmfa",
    "celeba-wgan",
    "svhn-wgan",
    "omniglot-miwae",
)
"""Recipes whose models are limited by the time of training, in this order."""
IMAGES, CHAINS, ROWS = 64, 8, 20_000
"""Sizes of the batch and of the table that are measured."""


def train(recipes: Sequence[str], runs: Path, out: Path, minutes: float) -> list[str]:
    """Train for so many minutes; returns the recipes that are not trained yet.

    Args:
        recipes: in the order of training; those with a card in `out` are trained.
        runs: folder of checkpoints, one folder for each recipe.
        out: folder for weights and cards.
        minutes: time for everything, the start of the processes included.
    """
    end = time.monotonic() + 60 * minutes
    out.mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        if (out / f"{recipe}.toml").is_file():
            continue
        command = [sys.executable, "-m", "dgm_core", "train", recipe, "--threads", "1"]
        command += ["--run-folder", str(runs / recipe), "--out", str(out)]
        try:
            left = max(end - time.monotonic(), 0)
            subprocess.run(command, cwd=ROOT, check=True, timeout=left)
        except subprocess.TimeoutExpired:
            break
    return [recipe for recipe in recipes if not (out / f"{recipe}.toml").is_file()]


def test() -> int:
    """Run the tests whose names contain "cuda"; pytest's exit status."""
    command = [sys.executable, "-m", "pytest", "-k", "cuda", "-n", "0", "tests/test_devices.py"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def measure() -> Iterator[dict[str, Any]]:
    """Chains and images per second, rows of a table per second, and training steps per second."""
    import torch

    from dgm_core import zoo
    from dgm_core.device import default_device
    from dgm_core.estimators import MIWAEImputer
    from dgm_core.rng import generator
    from dgm_core.samplers import CATALOGUE
    from dgm_core.types import Masked

    device = default_device()
    for name, shape in (("mnist-dlvm", (1, 28, 28)), ("celeba-dlvm", (3, 64, 64))):
        model, source = zoo.load(name, device), generator(0, device)
        x = (torch.rand(IMAGES, *shape, generator=source, device=device) < 0.3).float()
        observed = torch.rand(x.shape, generator=source, device=device) < 0.5
        masked = Masked(x, observed).repeat(CHAINS)
        for kernel in ("pseudo-Gibbs", "Metropolis-within-Gibbs", "HMC"):
            sampler = CATALOGUE[kernel](model, masked)
            with torch.inference_mode(kernel != "HMC"):
                state = sampler.init(source)
                per_second = _rate(partial(sampler.step, state, source))
            yield _figure(f"{name}: {kernel}", len(masked) * per_second, "chains × steps per s")
        model.train().requires_grad_(True)
        optimiser = torch.optim.Adam(model.parameters(), 1e-6)
        per_second = _rate(partial(_training_step, model, x, optimiser, source))
        yield _figure(f"{name}: training by the ELBO", per_second, f"steps of {IMAGES} per s")
    table = torch.randn(ROWS, 20, generator=generator(1))
    table = torch.where(torch.rand(table.shape, generator=generator(2)) < 0.2, torch.nan, table)
    imputer = MIWAEImputer(epochs=1, random_state=0)
    start = time.perf_counter()
    imputer.fit(table.numpy())
    yield _figure("MIWAE: one epoch of 20 columns", ROWS / (time.perf_counter() - start), "rows/s")
    start = time.perf_counter()
    imputer.transform(table.numpy())
    yield _figure("MIWAE: imputing 20 columns", ROWS / (time.perf_counter() - start), "rows/s")


def _training_step(model: Any, x: Any, optimiser: Any, source: Any) -> None:
    from dgm_core.training import losses

    optimiser.zero_grad()
    losses.negative_elbo(model, x, source).backward()
    optimiser.step()


def _rate(call: Callable[[], object]) -> float:
    """Calls per second."""
    from dgm_core.bench.timing import milliseconds

    return 1e3 / milliseconds({"call": call}, repeats=15, warmup=3)["call"]


def _figure(what: str, value: float, unit: str) -> dict[str, Any]:
    return {"what": what, "value": float(f"{value:.3g}"), "unit": unit}


def _machine() -> str:
    import torch

    from dgm_core.device import default_device

    device = default_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} cores"
    return f"{device.type}, {name}, {platform.machine()}, torch {torch.__version__}"


def _page(machine: str, figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a table of Markdown."""
    lines = [f"Measured on: {machine}.", "", "| | |", "|---|---|"]
    lines += [f"| {each['what']} | {each['value']:g} {each['unit']} |" for each in figures]
    return "\n".join(lines) + "\n"


def main(words: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train for some minutes")
    training.add_argument("--minutes", type=float, default=9)
    training.add_argument("--runs", type=Path, default=Path("runs"))
    training.add_argument("--out", type=Path, default=Path("trained"))
    training.add_argument("--recipe", action="append", help="repeatable; default: all")
    commands.add_parser("test", help="run the tests that name cuda")
    measuring = commands.add_parser("measure", help="measure, and write .toml and .md")
    measuring.add_argument("--out", type=Path, default=Path("gpu.toml"))
    chosen = parser.parse_args(words)
    if chosen.command == "test":
        return test()
    if chosen.command == "train":
        left = train(chosen.recipe or RECIPES, chosen.runs, chosen.out, chosen.minutes)
        print(f"not trained yet: {', '.join(left)}" if left else "all are trained")
        return 0
    machine, figures = _machine(), []
    for figure in measure():
        print(f"{figure['what']}: {figure['value']:g} {figure['unit']}", flush=True)
        figures.append(figure)
        content = {"machine": machine, "figures": figures}
        chosen.out.write_text(tomli_w.dumps(content), encoding="utf-8")
        chosen.out.with_suffix(".md").write_text(_page(machine, figures), encoding="utf-8")
    return 0


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description."""


if __name__ == "__main__":
    sys.exit(main())
