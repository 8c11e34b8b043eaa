"""The runs on a fresh page. They are shipped, so nothing is trained before a visitor requests it.

`python -m ui.distances.shipped` computes them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.files import written_whole
from dgm_core.studies.distances import critics, toy_gan

CRITIC, GAMES = ASSETS / "distance_critic.npz", ASSETS / "toy_gan.npz"
LARGE = 32
"""Arrays of at least this size are stored in half precision; they are only drawn."""
Both = tuple[toy_gan.Frame, ...]


def first_critic() -> critics.Config:
    """Settings of the critic on a fresh page."""
    return critics.Config("segments", "wasserstein", (1.0,))


def first_games() -> tuple[toy_gan.Config, ...]:
    """Settings of the small GANs on a fresh page."""
    preset = toy_gan.PRESETS["critic sure from the start"]
    return games("ring", ("Wasserstein", "minimax"), None, 0, **preset)


def games(
    target: str,
    objectives: Sequence[str],
    drawn: toy_gan.Points | None,
    seed: int,
    **preset: float,
) -> tuple[toy_gan.Config, ...]:
    """Settings of small GANs on one target, one for each objective."""
    return tuple(
        toy_gan.Config(target, each, drawn, iterations=1500, every=50, seed=seed, **preset)
        for each in objectives
    )


@st.cache_resource(show_spinner=False)
def st_critic() -> list[critics.Scene | critics.Frame]:
    """The scene and frames of `first_critic`."""
    with np.load(CRITIC) as file:
        count = int(file["frames"])
        frames = [_read(file, f"{i}", critics.Frame) for i in range(count)]
        return [_read(file, "scene", critics.Scene), *frames]


@st.cache_resource(show_spinner=False)
def st_games() -> list[Both]:
    """The frames of `first_games`."""
    with np.load(GAMES) as file:
        count, sides = int(file["frames"]), len(first_games())
        return [
            tuple(_read(file, f"{i}/{side}", toy_gan.Frame) for side in range(sides))
            for i in range(count)
        ]


def made_of(path: Path) -> str:
    """The `fingerprint` of the settings with which a file was made."""
    with np.load(path) as file:
        return str(file["config"])


def fingerprint(*configs: Any) -> str:
    """Settings as JSON."""
    return json.dumps([asdict(config) for config in configs], sort_keys=True)


def make() -> None:
    """Compute both runs again, and write their files."""
    config = first_critic()
    scene, *frames, _ = critics.run(config)
    arrays = dict(_written("scene", scene))
    for number, frame in enumerate(frames):
        arrays |= _written(f"{number}", frame)
    _save(CRITIC, arrays, len(frames), fingerprint(config))

    configs = first_games()
    games = [
        [frame for frame in toy_gan.run(each) if isinstance(frame, toy_gan.Frame)]
        for each in configs
    ]
    arrays = {}
    for side, frames_of_one in enumerate(games):
        for number, frame in enumerate(frames_of_one):
            arrays |= _written(f"{number}/{side}", frame)
    _save(GAMES, arrays, len(games[0]), fingerprint(*configs))


def _save(path: Path, arrays: dict[str, np.ndarray], frames: int, config: str) -> None:
    about = {"frames": np.array(frames), "config": np.array(config)}
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **about, **arrays)


def _written(prefix: str, item: Any) -> Iterable[tuple[str, np.ndarray]]:
    """The fields of a NamedTuple as named arrays; None is left out."""
    for name, value in item._asdict().items():
        if value is None:
            continue
        array = np.asarray(value)
        if array.dtype.kind == "f" and array.size >= LARGE:
            array = array.astype(np.float16)
        yield f"{prefix}/{name}", array


def _read(file: Any, prefix: str, kind: type) -> Any:
    """The inverse of `_written`; half precision becomes single."""
    fields = {}
    for name in kind._fields:
        array = file.get(f"{prefix}/{name}")
        if array is not None and array.ndim == 0:
            array = array.item()
        elif array is not None and array.dtype == np.float16:
            array = array.astype(np.float32)
        fields[name] = array
    return kind(**fields)


if __name__ == "__main__":
    make()
