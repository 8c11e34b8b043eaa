"""The view of sweeps: a distance over θ, as critics estimate it after more and more steps."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.distances.divergences import DIVERGENCES as KNOWN
from dgm_core.studies.distances import critics, sweeps
from dgm_core.studies.distances.sweeps import Sweep
from dgm_core.studies.progress import Frame
from ui import figures, jobs
from ui.assets import ASSETS
from ui.distances import charts
from ui.distribution_choice import DIVERGENCES, choose
from ui.frame import kept

FILE = ASSETS / "distances.npz"
FIRST = ["wasserstein", "hellinger"]


@st.cache_resource(show_spinner=False)
def st_shipped() -> dict[tuple[str, str], Sweep]:
    """Sweeps that were computed beforehand."""
    return sweeps.load(FILE)


class Sweeps:
    """Two distances over θ, side by side.

    Args:
        controls: where the laws and distances are chosen.
    """

    name = "Sweep"
    about = (
        "Two laws, and how far apart they are as one moves away by θ. **Look first** at the "
        "truth: Wasserstein is a line, which a generator can walk down; Hellinger jumps and is "
        "flat, and says nothing of where to go. **Then** pull the training steps down: an "
        "under-trained critic makes the jump an S. **Last** at the other pairs, where laws "
        "overlap."
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        self.worker = jobs.worker("distance sweeps")
        with controls, st.container(border=True):
            self.laws = choose("sweep")
            kept("sweep distances", FIRST)
            self.chosen = st.multiselect(
                "Distances",
                list(DIVERGENCES),
                format_func=DIVERGENCES.get,
                max_selections=3,
                key="keep.sweep distances",
            )
            with st.expander("Training"):
                kept("sweep steps", 500)
                steps = st.select_slider("Steps", [100, 200, 500, 1000], key="keep.sweep steps")
                kept("sweep penalty", 50.0)
                penalty = st.select_slider(
                    "Penalty λ",
                    [1.0, 5.0, 10.0, 50.0, 200.0],
                    key="keep.sweep penalty",
                    help="Of slopes above 1, for Wasserstein. The slope settles at 1 + θ / 2λ.",
                )
                kept("sweep seed", 0)
                seed = st.number_input("Seed", 0, 9999, key="keep.sweep seed")
            self.configs = ()
            if self.laws is not None:
                self.configs = tuple(
                    critics.Config(
                        self.laws.pair,
                        name,
                        drawn=self.laws.drawn,
                        steps=int(steps),
                        penalty=float(penalty),
                        seed=int(seed),
                    )
                    for name in self.chosen
                )
            self.known = self._shipped()
            self.run = self._current()
            self.live = self.run is not None and self.run.live
            self._buttons()

    def _current(self) -> jobs.Run | None:
        """The run of these settings; what is shipped needs none, all else begins by itself."""
        run = self.worker.run
        if run is not None and run.key == self.configs:
            return run
        self.worker.stop()
        if not self.configs or self.known is not None:
            return None
        self._start()
        return self.worker.run

    def _shipped(self) -> list[Sweep] | None:
        """Those asked for, if all were computed beforehand with these settings."""
        held = st_shipped()
        found = [held.get((config.pair, config.divergence)) for config in self.configs]
        prints = (sweeps.fingerprint(config) for config in self.configs)
        matches = (
            each is not None and each.config == asked
            for each, asked in zip(found, prints, strict=True)
        )
        return found if all(matches) else None

    def _buttons(self) -> None:
        left, right = st.columns(2)
        left.button(
            "Train",
            icon=":material/play_arrow:",
            type="primary",
            width="stretch",
            disabled=not self.configs,
            on_click=self._start,
        )
        if self.live:
            right.button(
                "Stop", icon=":material/stop:", on_click=self.worker.stop, width="stretch"
            )

    def _start(self) -> None:
        configs = self.configs
        self.worker.start(configs, lambda: sweeps.run(configs))

    def show(self) -> None:
        """The curves."""
        if not self.configs:
            st.info("Choose two laws and at least one distance.")
            return
        if self.run is None:
            _curves(self.known, "Trained beforehand with these settings.")
            return
        jobs.follow(self.run, lambda: _followed(self.run), 0.6, live=self.live)


def _followed(run: jobs.Run) -> None:
    found = [item for item in run.items if isinstance(item, Sweep)]
    if run.live:
        done = [item.done for item in run.items if isinstance(item, Frame)]
        st.progress(done[-1] if done else 0.0, "21 critics a distance, at once")
    elif run.state == "failed":
        st.error("This run broke off on the server. Start it again.")
    elif found:
        _curves(found, "")
    else:
        st.caption("Stopped. Press Train to begin again.")


def _curves(found: list[Sweep], said: str) -> None:
    @st.fragment
    def curves() -> None:
        steps = [int(each) for each in found[0].steps]
        at = st.select_slider(
            "Training steps",
            range(len(steps)),
            len(steps) - 1,
            format_func=lambda i: f"{steps[i]:,}",
            key=f"sweep at {steps[-1]}",
        )
        if said:
            st.caption(said)
        for each, place in zip(found, st.columns(len(found), gap="large"), strict=True):
            with place:
                title = DIVERGENCES[each.divergence]
                figures.show(f"sweep {each.divergence}", charts.sweep(each, at), title)
                st.latex(KNOWN[each.divergence].formula)

    curves()
