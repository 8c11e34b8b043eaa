"""The view of studies: both samplers over many images, shown at once, measured on demand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.studies.inpainting import sampler_rows, sampler_sweeps
from dgm_core.studies.inpainting.sampler_sweeps import DATA, LENGTHS, SWEEPS, Config, Row
from dgm_core.studies.progress import Frame
from ui import cache, figures, jobs
from ui.assets import ASSETS
from ui.frame import kept
from ui.inpainting import study_charts, study_words
from ui.inpainting.pictures import DATASETS
from ui.inpainting.study_charts import Group
from ui.links import one_of, whole

FILE = ASSETS / "sampler_studies.npz"
TITLES = {
    "missing rate": "Missing rate",
    "initialisation": "Initialisation",
    "warm-up": "Warm-up",
    "iterations": "Iterations",
}
PIXELS = {"hidden": "Hidden", "all": "All, as in the source"}
AFTER = LENGTHS[1:5]
IMAGES, CHAINS, ITERATIONS = (20, 50, 100), (1, 2, 4), (100, 200, 500, 1000)
SECONDS = 4e-4
"""An image, chain and iteration on one core, about."""
MOST = 2000
"""Rows that a session holds."""


@st.cache_resource(show_spinner=False)
def st_rows() -> list[Row]:
    """What was measured beforehand."""
    return sampler_rows.load(FILE)


class Studies:
    """One of four sweeps, what was measured of it beforehand, and what is measured here.

    Args:
        asked: nothing; a study has test images of its own.
        settings: where the choice of data and the settings go.
    """

    work = "sampler studies"
    picture = False
    at_hand = True  # what was measured beforehand is shown without a run
    run_label = "Measure here"
    about = (
        "Both samplers over many test images. **Look first** at the halves and at 80 %: who is "
        "ahead depends on what is missing and for how long the chains run. **Then** change the "
        "iterations: Metropolis is exact in the limit, and the limit may be far. **Last** at the "
        "error bars: a difference within them is none."
    )
    fields: ClassVar[dict[str, Callable[[str], Any]]] = {
        "study sweep": one_of(*SWEEPS),
        "study data": one_of(*DATA),
        "study pixels": one_of(*PIXELS),
        "study after": one_of(*AFTER),
        "study images": one_of(*IMAGES),
        "study chains": one_of(*CHAINS),
        "study iterations": one_of(*ITERATIONS),
        "study seed": whole(0, 9999),
    }

    def __init__(self, asked: object, settings: DeltaGenerator) -> None:
        self.worker = jobs.worker(self.work)
        kept("study sweep", SWEEPS[0])
        self.sweep = st.segmented_control(
            "Study",
            SWEEPS,
            format_func=TITLES.get,
            required=True,
            key="keep.study sweep",
            label_visibility="collapsed",
            wrap=True,
        )
        with settings, st.container(border=True):
            self.data, self.pixels, self.after = self._choose()
            self.config = self._measuring()
        self.measured: list[Row] = st.session_state.setdefault("study rows", [])

    def _choose(self) -> tuple[str, str, int]:
        kept("study data", "mnist")
        name = st.selectbox("Data set", DATA, format_func=DATASETS.get, key="keep.study data")
        kept("study pixels", "hidden")
        pixels = st.segmented_control(
            "Pixels that count",
            list(PIXELS),
            format_func=PIXELS.get,
            required=True,
            key="keep.study pixels",
            help="Seen pixels are always right. Counting them raises F1, and is what the figures "
            "of the source do.",
        )
        kept("study after", AFTER[-1])
        if self.sweep == "iterations":
            return name, pixels, AFTER[-1]
        after = st.select_slider(
            "Read off after",
            AFTER,
            key="keep.study after",
            help="Iterations, warm-up included. Every run was read off on its way.",
        )
        return name, pixels, int(after)

    def _measuring(self) -> Config | None:
        """What Measure here would run; None where the images are not on this machine."""
        with st.expander("Size of a measurement here"):
            kept("study images", IMAGES[0])
            images = st.select_slider("Images", IMAGES, key="keep.study images")
            kept("study chains", CHAINS[0])
            chains = st.select_slider("Chains an image", CHAINS, key="keep.study chains")
            kept("study iterations", ITERATIONS[1])
            iterations = st.select_slider("Iterations", ITERATIONS, key="keep.study iterations")
            kept("study seed", 0)
            seed = st.number_input("Seed", 0, 9999, key="keep.study seed")
        if self.data != "digits" and not data.is_available(self.data):
            st.caption(
                f"The images of {DATASETS[self.data]} are not here to measure anew. Take the "
                f"digits, or `python -m dgm_core data fetch {self.data}`"
            )
            return None
        config = Config(
            self.sweep, self.data, int(images), int(chains), int(iterations), seed=int(seed)
        )
        st.caption(_how_long(config))
        return config

    def start(self) -> None:
        """Measure what this session has not measured yet; all of it anew if it has."""
        config, rows = self.config, self.measured
        if len(self._here()) == len(config.settings()):
            rows[:] = [row for row in rows if not _is_of(config, row)]
        del rows[: max(0, len(rows) - MOST)]
        model, known = cache.st_model(f"{config.data}-dlvm"), tuple(rows)

        def work() -> Iterator[Any]:
            for item in sampler_sweeps.run(config, model, known):
                if isinstance(item, Row) and not any(item is row for row in known):
                    rows.append(item)
                yield item

        self.worker.start(config, work)

    def _here(self) -> list[Row]:
        """What this session has measured with the settings on screen."""
        if self.config is None:
            return []
        return [row for row in list(self.measured) if _is_of(self.config, row)]

    def follow(self, run: jobs.Run) -> None:
        """How far the measurement is, over what there is of it."""
        if run.live:
            frames = [item for item in list(run.items) if isinstance(item, Frame)]
            if frames:
                st.progress(min(frames[-1].done, 1.0), f"Measuring: {frames[-1].doing}")
            else:
                st.progress(0.0, jobs.beginning())
        elif run.state in ("stopped", "timed out"):
            st.caption(f"{self.run_label} goes on where it stopped.")
        self.show()

    def show(self) -> None:
        """The chart, and what it says in words."""
        before = [row for row in st_rows() if (row.data, row.sweep) == (self.data, self.sweep)]
        here = self._here()
        if not before and not here:
            st.info(f"Nothing of {DATASETS[self.data]} was measured beforehand: measure it here.")
            return
        length = _common(before + here, self.after)
        groups = [
            Group("", before, "solid", "circle"),
            Group(", here", here, "dash", "diamond", 0.27),
        ]
        names = list(dict.fromkeys(setting.name for setting in Config(self.sweep).settings()))
        groups = [group for group in groups if group.rows]
        figure = study_charts.chart(self.sweep, names, groups, length, self.pixels)
        figures.show(f"study {self.sweep}", figure, self._title(before + here, length))
        for group in groups:
            said = study_words.shown(self.sweep, group.rows, length, self.pixels)
            if said:
                where = "Measured here" if group.name else "Measured beforehand"
                st.markdown(f"{where}, {_size(group.rows)}: {said}")
        st.caption(self._note(length))

    def _title(self, rows: Sequence[Row], length: int) -> str:
        counted = "all" if self.pixels == "all" else "hidden"
        hidden = "" if self.sweep == "missing rate" else f", {rows[0].pattern} hidden"
        after = "" if self.sweep == "iterations" else f", after {length:,} iterations"
        return f"{DATASETS[self.data]}{hidden}: F1 of the posterior mean, {counted} pixels{after}"

    def _note(self, length: int) -> str:
        said = (
            "Bars: ± 1 standard error over images (jackknife). Both samplers get the same images "
            "and hidden pixels, so a difference is surer than the bars suggest; in words it is "
            "called one beyond two standard errors of its own. "
        )
        if self.pixels == "all" and self.sweep == "missing rate" and self.data != "digits":
            said += (
                "Hollow: the source's figure, read to ± .01: six images, 500 iterations, its own "
                "weights, a completion instead of a mean; its accept step leaves out the "
                "proposal. "
            )
        if self.sweep != "iterations" and length != self.after:
            said += f"Read off after {length:,} iterations, where all of these runs were. "
        if self.sweep == "initialisation":
            said += "Without a warm-up, which would hide the start. "
        return said

    def below(self, *, live: bool) -> None:
        """The table to take home."""
        rows = [row for row in st_rows() if (row.data, row.sweep) == (self.data, self.sweep)]
        here = [] if live else self._here()
        if rows or here:
            st.download_button(
                "Table (.csv)",
                lambda: as_csv(rows, here),
                f"{self.sweep} {self.data}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )


def _is_of(config: Config, row: Row) -> bool:
    return any(config.is_of(row, setting) for setting in config.settings())


def _common(rows: Sequence[Row], after: int) -> int:
    """The longest run up to `after` at which all rows were read off; else the shortest."""
    lengths = sorted(set.intersection(*(set(row.lengths) for row in rows)))
    return max([each for each in lengths if each <= after], default=lengths[0])


def _how_long(config: Config) -> str:
    runs = len(config.settings())
    seconds = SECONDS * runs * config.images * config.chains * config.iterations
    said = f"{runs} runs, about {seconds:.0f} s."
    if seconds > 0.8 * jobs.MAX_SECONDS:
        said += f" A run ends after {jobs.MAX_SECONDS:.0f} s; press again, and it goes on."
    return said


def _size(rows: Sequence[Row]) -> str:
    row = rows[0]
    chains = "one chain" if row.chains == 1 else f"{row.chains} chains"
    return f"{row.images} images, {chains} each"


def as_csv(before: Sequence[Row], here: Sequence[Row]) -> str:
    """One row a setting, sampler and length; where it was measured comes first."""
    entries = [
        {"measured": where} | row.entry(length)
        for where, rows in (("beforehand", before), ("here", here))
        for row in rows
        for length in row.lengths
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(entries[0]))
    writer.writeheader()
    writer.writerows(entries)
    return file.getvalue()
