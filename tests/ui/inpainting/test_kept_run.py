"""What a session keeps of a finished run: everything it shows, in less memory."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from dgm_core import zoo
from dgm_core.missing.packing import pack
from dgm_core.studies.inpainting.two_samplers import Config, Result, run_with_pauses
from ui.inpainting import chain_panel
from ui.inpainting.step_by_step import _kept


@pytest.fixture(scope="module")
def config() -> Config:
    image, hidden = np.zeros((28, 28), bool), np.zeros((28, 28), bool)
    image[8:20, 12:16] = True
    hidden[:14] = True
    return Config("digits-dlvm", pack(image), pack(hidden), iterations=120)


@pytest.fixture(scope="module")
def items(config: Config) -> list[Any]:
    return list(run_with_pauses(config, zoo.load("digits-dlvm")))


def same(a: Any, b: Any) -> bool:
    return pickle.dumps(a) == pickle.dumps(b)


def test_a_kept_run_shows_the_same_diagnostics(config: Config, items: list[Any]) -> None:
    kept = _kept(items)
    assert len(kept) == len(items)
    for state, last in (("finished", len(items) - 1), ("stopped", len(items) - 1)):
        messages = [
            chain_panel.message(config, each[:last], run="r", state=state)
            for each in (items, kept)
        ]
        assert same(*messages)


def test_a_kept_run_is_half_as_large(items: list[Any]) -> None:
    kept = _kept(items)
    result = kept[-1]
    assert isinstance(result, Result)
    assert all(a is b for a, b in zip(result.frames, kept[:-1], strict=True))
    assert len(pickle.dumps(kept, 5)) < 0.55 * len(pickle.dumps(items, 5))


def test_latents_that_were_not_kept_are_refused(items: list[Any]) -> None:
    proposals = items[0].samplers["pseudo-Gibbs"].record.proposals.restricted([4, 2])
    with pytest.raises(ValueError, match="not in tuple"):
        proposals.marginal([4, 3])
