"""The view Studies: both samplers on many images; shipped results, and measurements on demand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import data
from dgm_core.checkout import ASSETS
from dgm_core.studies.inpainting import sampler_rows, sampler_sweeps
from dgm_core.studies.inpainting.sampler_sweeps import DATA, LENGTHS, SWEEPS, Config, Row
from ui import cache, data_fetching, figures, glossary, jobs, run_panel
from ui.download_button import download_button
from ui.inpainting import study_charts, study_words
from ui.inpainting.pictures import DATASETS
from ui.inpainting.study_charts import Group
from ui.links import InLink, Setting
from ui.run_panel import Progress, RunPanel

FILE = ASSETS / "sampler_studies.npz"
TITLES = {
    "missing rate": "Missing rate",
    "initialisation": "Initialisation",
    "warm-up": "Warm-up",
    "iterations": "Iterations",
}
LAST_LENGTHS = LENGTHS[1:5]
PIXEL_TITLES = {"hidden": "Hidden pixels", "all": "All pixels, as in the public code"}
SWEEP = Setting("study sweep", SWEEPS[0], options={name: TITLES[name] for name in SWEEPS})
DATASET = Setting("study data", "mnist", options={name: DATASETS[name] for name in DATA})
PIXELS = Setting("study pixels", "hidden", options=PIXEL_TITLES)
AFTER = Setting("study after", LAST_LENGTHS[-1], options=LAST_LENGTHS)
IMAGES = Setting("study images", 20, options=(20, 50, 100))
CHAINS = Setting("study chains", 1, options=(1, 2, 4))
ITERATIONS = Setting("study iterations", 200, options=(100, 200, 500, 1000))
SEED = Setting("study seed", 0, low=0, high=9999)
WORKER = "sampler studies"
"""Name of the worker of the session."""
SECONDS = 4e-4
"""Approximate time of one iteration of one chain on one image, on one core."""
MAX_ROWS = 2000
"""Measured rows that a session keeps."""


@st.cache_resource(show_spinner=False)
def st_rows() -> list[Row]:
    """The shipped measurements."""
    return sampler_rows.load(FILE)


class Studies:
    """One of four sweeps: its shipped measurements, and those of this session.

    Args:
        problem: not used; a study runs on test images.
        settings: container for the choice of data and the settings.
    """

    name = "Studies"
    picture = False
    available = True  # the shipped measurements are shown without a run
    about = (
        "Both samplers on many test images. **Look first** at the halves and at 80 %: is a "
        "sampler ahead there, and is it the same one at other settings? **Then** change the "
        "number of iterations: Metropolis is exact in the limit, but the limit may be out of "
        "reach. **Last** read the sentences below the chart: they say which differences are "
        "ties."
    )
    settings: ClassVar[tuple[InLink, ...]] = (
        SWEEP,
        DATASET,
        PIXELS,
        AFTER,
        IMAGES,
        CHAINS,
        ITERATIONS,
        SEED,
    )

    def __init__(self, problem: object, settings: DeltaGenerator) -> None:
        self.sweep = SWEEP.widget(
            st.segmented_control, "Study", required=True, label_visibility="collapsed", wrap=True
        )
        with settings, st.container(border=True):
            self.data, self.pixels, self.after = self._choose()
            self.config = self._measurement()
        self.measured: list[Row] = st.session_state.setdefault("study rows", [])

    def _choose(self) -> tuple[str, str, int]:
        name = DATASET.widget(st.selectbox, "Data set")
        pixels = PIXELS.widget(
            st.segmented_control,
            "Pixels that count",
            required=True,
            help="Observed pixels are always right. Counting them raises F1, as in the figures "
            "of the public code.",
        )
        if self.sweep == "iterations":
            return name, pixels, LAST_LENGTHS[-1]
        after = AFTER.widget(
            st.select_slider,
            "Result after … iterations",
            help="The warm-up included. Every run stored its result at these iterations.",
        )
        return name, pixels, after

    def _measurement(self) -> Config | None:
        """The measurement that can be made here; None if the images are not on this machine."""
        with st.expander("Size of the measurement"):
            images = IMAGES.widget(st.select_slider, "Images")
            chains = CHAINS.widget(st.select_slider, "Chains per image")
            iterations = ITERATIONS.widget(st.select_slider, "Iterations")
            seed = SEED.widget(st.number_input, "Seed")
        if self.data != "digits" and not data.is_available(self.data):
            data_fetching.offer(
                self.data,
                part="study",
                why=f"The images of {DATASETS[self.data]} are not on this server, so nothing can "
                "be measured. The shipped results are shown. Choose the digits to measure here.",
            )
            return None
        config = Config(self.sweep, self.data, images, chains, iterations, seed=seed)
        st.caption(_how_long(config))
        return config

    def load(self) -> None:
        """Nothing: the run loads the model."""

    def panel(self, **options: Any) -> RunPanel:
        """The measurement with the settings on screen."""
        return RunPanel(WORKER, self.config, self._measure, action="Measure here", **options)

    def _measure(self, config: Config) -> Iterator[Any]:
        """Measure what this session has not measured yet; if nothing is left, all of it again."""
        rows = self.measured
        if len(self._here()) == len(config.settings()):
            rows[:] = [row for row in rows if not _is_of(config, row)]
        del rows[: max(0, len(rows) - MAX_ROWS)]
        known = tuple(rows)
        for item in sampler_sweeps.run(config, cache.st_model(f"{config.data}-dlvm"), known):
            if isinstance(item, Row) and not any(item is row for row in known):
                rows.append(item)
            yield item

    def _here(self) -> list[Row]:
        """Rows that this session has measured with the settings on screen."""
        if self.config is None:
            return []
        return [row for row in list(self.measured) if _is_of(self.config, row)]

    def follow(self, run: jobs.Run) -> None:
        """Show the results so far."""
        self.show()

    def run_progress(self, run: jobs.Run) -> Progress | None:
        """The progress of the measurement."""
        return run_panel.latest_progress(run)

    def show(self) -> None:
        """Show the chart and the sentences about it."""
        before = [row for row in st_rows() if (row.data, row.sweep) == (self.data, self.sweep)]
        here = self._here()
        if not before and not here:
            st.info(f"There is no shipped result for {DATASETS[self.data]}. Measure one here.")
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
            words = study_words.sentences(self.sweep, group.rows, length, self.pixels)
            if words:
                origin = "Measured here" if group.name else "Shipped result"
                st.markdown(f"{origin}, {_size(group.rows)}: {words}")
        glossary.caption(self._note(length))

    def _title(self, rows: Sequence[Row], length: int) -> str:
        counted = "all" if self.pixels == "all" else "hidden"
        hidden = "" if self.sweep == "missing rate" else f", {rows[0].pattern} hidden"
        after = "" if self.sweep == "iterations" else f", after {length:,} iterations"
        return f"{DATASETS[self.data]}{hidden}: F1 of the posterior mean, {counted} pixels{after}"

    def _note(self, length: int) -> str:
        dependent = "characters" if self.data == "omniglot" else "images"
        note = (
            f"Error bars: ± 1 standard error over {dependent} (jackknife). Both samplers get the "
            "same images and hidden pixels, so differences are more certain than the error bars "
            "suggest. "
        )
        if self.pixels == "all" and self.sweep == "missing rate" and self.data != "digits":
            note += (
                "Hollow marks: values read from a figure of the public code, ± 0.01. It uses six "
                "images, 500 iterations, its own weights and one completion instead of the mean; "
                "its acceptance ratio leaves out the proposal. "
            )
        if self.sweep != "iterations" and length != self.after:
            note += (
                f"Result after {length:,} iterations, the most that all of these runs reached. "
            )
        if self.sweep == "initialisation":
            note += "No warm-up, because it would hide the effect of the initialisation. "
        return note

    def below(self, panel: RunPanel) -> None:
        """Offer the table as a download."""
        rows = [row for row in st_rows() if (row.data, row.sweep) == (self.data, self.sweep)]
        here = [] if panel.live else self._here()
        if rows or here:
            download_button(
                "Table (.csv)",
                lambda: as_csv(rows, here),
                f"{self.sweep} {self.data}.csv",
                "text/csv",
            )


def _is_of(config: Config, row: Row) -> bool:
    return any(config.is_of(row, setting) for setting in config.settings())


def _common(rows: Sequence[Row], after: int) -> int:
    """The largest number of iterations up to `after` that all rows have; else the smallest."""
    lengths = sorted(set.intersection(*(set(row.lengths) for row in rows)))
    return max([each for each in lengths if each <= after], default=lengths[0])


def _how_long(config: Config) -> str:
    runs = len(config.settings())
    seconds = SECONDS * runs * config.images * config.chains * config.iterations
    text = f"{runs} runs, about {seconds:.0f} s."
    if seconds > 0.8 * jobs.MAX_SECONDS:
        text += f" A run stops after {jobs.MAX_SECONDS:.0f} s; then press Continue."
    return text


def _size(rows: Sequence[Row]) -> str:
    row = rows[0]
    chains = "one chain" if row.chains == 1 else f"{row.chains} chains"
    return f"{row.images} images, {chains} per image"


def as_csv(before: Sequence[Row], here: Sequence[Row]) -> str:
    """One row per setting, sampler and number of iterations; the first column gives the origin."""
    entries = [
        {"measured": origin} | row.entry(length)
        for origin, rows in (("beforehand", before), ("here", here))
        for row in rows
        for length in row.lengths
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(entries[0]))
    writer.writeheader()
    writer.writerows(entries)
    return file.getvalue()
