"""Download buttons of a run of two samplers, and the Python code that repeats it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import Config, Frame, Result
from ui import cache, jobs
from ui.inpainting import chain_files

Files = dict[str, tuple[str, str, Callable[[], bytes | str]]]
"""Label → file name, type, and the function that makes the file."""


def chains(config: Config, run: jobs.Run | None, *, scored: bool) -> None:
    """Show the downloads of `run`; without a run, one is made when a file is requested.

    Args:
        config: of the run.
        run: whose results are offered.
        scored: whether the image is an original, and not a sample of a model.
    """

    def of(make: Callable[[Config, Sequence[Frame]], bytes]) -> Callable[[], bytes]:
        return lambda: make(config, _frames(config, run))

    def moving(kind: str) -> Callable[[], bytes]:
        return of(lambda config, frames: chain_files.animation(config, frames, kind))

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
    with st.container(horizontal=True):
        with st.popover("Download", icon=":material/download:", width="content"):
            for label, (name, kind, make) in files.items():
                st.download_button(
                    label, make, name, kind, on_click="ignore", width="stretch", key=f"file {name}"
                )
        with st.popover("Python code", icon=":material/code:", width="content"):
            st.caption(
                "Run it where the project is installed. It makes the same draws, bit for bit."
            )
            st.code(chain_files.script(config, scored=scored), "python")


def _frames(config: Config, run: jobs.Run | None) -> list[Frame]:
    items = list(run.items) if run is not None and run.items else None
    if items is None:
        items = list(two_samplers.run(config, cache.st_model(config.model)))
    return [item for item in items if not isinstance(item, Result)]
