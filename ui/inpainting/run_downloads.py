"""Download buttons of a run of two samplers, and the Python code that repeats it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from dgm_core.stepwise import Steps
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import Config, Frame
from ui import cache, jobs
from ui.download_button import Content, Make, download_button
from ui.inpainting import chain_files, kept_run

Files = dict[str, tuple[str, str, Make]]
"""Label → file name, type, and the function that makes the file."""


def chains(config: Config, run: jobs.Run | None, *, scored: bool) -> None:
    """Show the downloads of `run`; without a run, one is made when a file is requested.

    Args:
        config: of the run.
        run: whose results are offered.
        scored: whether the image is an original, and not a sample of a model.
    """

    def of(make: Callable[[Config, Sequence[Frame]], Content]) -> Make:
        return lambda: _content(make, config, run)

    def moving(kind: str) -> Make:
        return lambda: _animation(config, run, kind)

    files: Files = {
        "Both samplers (.png)": ("inpainting.png", "image/png", of(chain_files.comparison_png)),
        "Every panel (.zip)": (
            "panels.zip",
            "application/zip",
            of(partial(chain_files.panels_zip, scored=scored)),
        ),
        "Animation (.gif)": ("inpainting.gif", "image/gif", moving("GIF")),
        "Animation (.webp)": ("inpainting.webp", "image/webp", moving("WebP")),
        "Draws, mean and mask (.npz)": (
            "inpainting.npz",
            "application/octet-stream",
            of(partial(chain_files.as_npz, scored=scored)),
        ),
        "Mask (.png)": ("mask.png", "image/png", lambda: chain_files.mask_png(config)),
        "Settings (.json)": (
            "inpainting.json",
            "application/json",
            lambda: chain_files.settings_json(config),
        ),
    }
    reached = None if run is None else (run.name, len(run.items))
    with st.container(horizontal=True):
        with st.popover("Download", icon=":material/download:", width="content"):
            for label, (name, kind, make) in files.items():
                download_button(
                    label,
                    make,
                    name,
                    kind,
                    once=(config, reached, scored),
                    width="stretch",
                    key=f"file {name}",
                )
        with st.popover("Python code", icon=":material/code:", width="content"):
            st.caption(
                "Run it where the project is installed. It makes the same draws, bit for bit."
            )
            st.code(chain_files.script(config, scored=scored), "python")


def _content(
    make: Callable[[Config, Sequence[Frame]], Content], config: Config, run: jobs.Run | None
) -> Steps[Content]:
    return make(config, (yield from _frames(config, run)))


def _animation(config: Config, run: jobs.Run | None, kind: str) -> Steps[Content]:
    frames = yield from _frames(config, run)
    return (yield from chain_files.animation.steps(config, frames, kind))


def _frames(config: Config, run: jobs.Run | None) -> Steps[list[Frame]]:
    """Those of the run; without one, it is computed now."""
    items: list[Any] = [] if run is None else list(run.items)
    if not items:
        for item in two_samplers.run_with_pauses(config, cache.st_model(config.model)):
            items.append(item)
            yield
    return kept_run.frames(items)
