"""The gallery: the statements of its texts are true."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from dgm_core import zoo
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import Config, Frame, SamplerFrame, pack
from ui.components.bits import from_link
from ui.inpainting import gallery, links


def _config(name: str) -> Config:
    link = next(case.link for case in gallery.st_cases() if case.name == name)
    hidden, _ = links.mask_of(link.get("hide", "top"), 28)
    warmup = int(link.get("warmup", 30))
    ink = from_link(link["drawn"], 28, 28)
    return Config(f"{link['data']}-dlvm", pack(ink), pack(hidden), warmup=warmup)


@functools.cache
def _end(name: str, seed: int = 0) -> tuple[SamplerFrame, SamplerFrame]:
    """Pseudo-Gibbs and Metropolis at the end of the run of a case, or with another seed."""
    config = replace(_config(name), seed=seed)
    *frames, _ = two_samplers.run(config, zoo.load(config.model))
    last = frames[-1]
    assert isinstance(last, Frame)
    return last.samplers["pseudo-Gibbs"], last.samplers["Metropolis-within-Gibbs"]


def test_there_are_eight_cases_with_a_name_and_a_text() -> None:
    cases = gallery.st_cases()
    assert len(cases) == 8
    assert len({case.name for case in cases}) == 8
    for case in cases:
        assert case.about.endswith(".")
        assert case.picture.shape == (3, 28, 28)
    read = tomllib.loads(gallery.FILE.read_text(encoding="utf-8"))
    assert all(set(case) == {"name", "about", "link"} for case in read["case"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ahead"), [("Metropolis is better", 0.15), ("Metropolis has not converged", -0.3)]
)
def test_one_sampler_is_far_ahead_whatever_the_seed(name: str, ahead: float) -> None:
    ends = [_end(name, seed) for seed in range(3)]
    differences = np.array(
        [metropolis.summary.f1 - pseudo.summary.f1 for pseudo, metropolis in ends]
    )
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    assert differences.mean() * np.sign(ahead) > abs(ahead)
    assert (differences * np.sign(ahead) > 3 * error).all()


@pytest.mark.slow
def test_chains_are_stuck_without_a_warm_up() -> None:
    pseudo, metropolis = (end.summary for end in _end("Stuck chains"))
    assert metropolis.stuck >= 3
    assert metropolis.acceptance < 0.01
    assert pseudo.f1 > metropolis.f1 + 0.5


@pytest.mark.slow
def test_scattered_pixels_are_nearly_right() -> None:
    pseudo, metropolis = (end.summary for end in _end("80 % at random"))
    assert min(pseudo.f1, metropolis.f1) > 0.85


@pytest.mark.slow
def test_the_chains_show_two_answers() -> None:
    pseudo, metropolis = _end("Two answers")
    assert metropolis.summary.rhat > 1.2
    # Draws of the same digit are similar, draws of different digits are not.
    draws = np.concatenate([pseudo.draws, metropolis.draws]).reshape(16, -1).astype(float)
    apart = np.abs(draws[:, None] - draws).mean(-1)
    assert apart.max() > 3 * np.median(np.sort(apart, 1)[:, 1])
