"""Images per second of WGANs, and training steps of critics, compared with network passes alone.

A step of a Wasserstein critic needs at least two forward passes (for its points and for the points
between them) and the backward pass of both. The penalty needs the gradient at the points between
once more. One step of 21 critics is compared with 21 steps of one critic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from dgm_core.bench.timing import Line, milliseconds, one_thread
from dgm_core.data.pairs import PAIRS
from dgm_core.distances.divergences import DIVERGENCES
from dgm_core.networks.stacked import StackedMLP
from dgm_core.recipes import RECIPES
from dgm_core.rng import generator
from dgm_core.studies.distances import toy_gan
from dgm_core.studies.distances.critics import Config, gain, penalty
from dgm_core.training.optimizers import Adam


def run() -> Iterator[Line]:
    """All lines of this benchmark."""
    with one_thread():
        yield from _images()
        yield from _critics()
        yield from _toy_gan()


@torch.no_grad()
def _images() -> Iterator[Line]:
    """Latents to bytes, one at a time as for a slider and in batches; weights do not matter."""
    for name in ("mnist-wgan", "svhn-wgan", "celeba-wgan"):
        model, each = RECIPES[name].build().eval().requires_grad_(False), []
        for count in (1, 64):
            z = model.latents(count, generator(0))
            taken = milliseconds(
                {
                    "pass": lambda model=model, z=z: model.synthesis(z),
                    "images": lambda model=model, z=z: (
                        (model.generate(z) * 255).round().byte().numpy()
                    ),
                }
            )
            what = f"{name}, {count} at a time"
            rate = 1e3 * count / taken["images"]
            yield Line(f"{what}: images per second", rate, "", None)
            yield Line(f"{what}: ÷ the pass alone", taken["images"] / taken["pass"], "×", None)
            each.append(taken["images"] / count)
        yield Line(f"{name}: one at a time ÷ its share of 64", each[0] / each[1], "×", 2.5)


def _steps(config: Config) -> dict[str, Callable[[], object]]:
    """A training step of all critics of a sweep, and its passes alone."""
    source, thetas = generator(0), torch.tensor(config.thetas)
    critics = StackedMLP(len(thetas), (2, config.hidden, config.hidden, 1), source)
    adam = Adam(critics.parameters())
    measure = DIVERGENCES["wasserstein"]
    fixed = torch.cat(PAIRS["segments"].sample(thetas, config.batch, source), 1)
    middle = fixed[:, : config.batch]

    def passes() -> None:
        (critics(fixed).sum() + critics(middle).sum()).backward()

    def step() -> None:
        x, y = PAIRS["segments"].sample(thetas, config.batch, source)
        loss = config.penalty * penalty(critics, x, y, source) - gain(measure, critics, x, y)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()

    return {"step": step, "passes": passes}


def _critics() -> Iterator[Line]:
    together, alone = _steps(Config()), _steps(Config(thetas=(1.0,)))
    taken = milliseconds(
        {
            **{f"{name} of 21": call for name, call in together.items()},
            **{f"{name} of 1": call for name, call in alone.items()},
        }
    )
    for count in (21, 1):
        step, passes = taken[f"step of {count}"], taken[f"passes of {count}"]
        yield Line(f"{count} Wasserstein critics: passes alone", passes, "ms", None)
        yield Line(f"{count} Wasserstein critics: one training step", step, "ms", None)
        yield Line(f"{count} Wasserstein critics: steps per second", 1e3 / step, "", None)
        yield Line(f"{count} Wasserstein critics: step / passes", step / passes, "×", None)
    ratio = taken["step of 21"] / taken["step of 1"]
    yield Line("a step of 21 critics ÷ a step of one critic", ratio, "×", 21.0)


def _toy_gan() -> Iterator[Line]:
    games = {name: toy_gan.Game(toy_gan.Config(objective=name)) for name in toy_gan.OBJECTIVES}
    taken = milliseconds({name: game.iterate for name, game in games.items()})
    for name, each in taken.items():
        yield Line(f"small GAN, {name}: iterations per second", 1e3 / each, "", None)
