"""The view of missing pixels: how they change the posterior, and how samplers explore it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import zoo
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.likelihood import latent_plane, plane_history
from ui import cache, glossary, jobs
from ui.components.plane_player import plane_player
from ui.download_button import download_button
from ui.likelihood import plane_choice, plane_frames
from ui.links import InLink, Setting
from ui.run_panel import Progress, RunPanel

MODEL = "mnist-vae-2d"
WORK = "latent plane"
ITERATIONS = Setting("plane iterations", 400, options=(100, 200, 400, 1000, 2000))
CHAINS = Setting("plane chains", 4, low=1, high=8)
START = Setting("plane start", "uniform noise", options=tuple(INITIALISATIONS))
SEED = Setting("plane seed", 4, low=0, high=9999)
STATES = {"timed out": "stopped"}
"""State of a run → its name in the player, where it differs."""


class Plane:
    """One image, four samplers, one plane of latents.

    Args:
        controls: the container for image, mask and chains.
    """

    name = "Missing pixels"
    about = (
        "Hidden pixels change the posterior. **Look first** at Metropolis-within-Gibbs: it "
        "proposes the next z from the completion drawn at the present z, so its proposals stay "
        "near z. Do its chains reach the posterior (blue)? **Then** look at collapsed Metropolis, "
        "whose ratio uses only the observed pixels: does a proposal from the prior move a chain "
        "there, and after how many iterations? **Last** look at LAIR, which weights all "
        "completions together: once one finds the posterior, resampling moves others there."
    )
    settings: ClassVar[tuple[InLink, ...]] = (
        *plane_choice.SETTINGS,
        ITERATIONS,
        CHAINS,
        START,
        SEED,
    )

    def __init__(self, controls: DeltaGenerator) -> None:
        self.known = MODEL in zoo.names()
        if not self.known:
            return
        with controls:
            requested = plane_choice.choose()
            settings = _settings()
            self.config = None
            if requested is not None:
                self.config = latent_plane.Config(
                    MODEL,
                    two_samplers.pack(requested.original),
                    two_samplers.pack(requested.hidden),
                    **settings,
                )
            self.panel = RunPanel(WORK, self.config, _work, automatic=True)
            self.panel.buttons()

    def show(self) -> None:
        """The run in the plane; the end of a page."""
        if not self.known:
            st.info(f"The model `{MODEL}` is missing. Train it: `dgm train {MODEL}`.")
            return
        if self.config is None:
            st.caption("Choose an image and hide a part of it.")
            return
        player = st.container()
        _formulas()
        with player:
            self.panel.show(_shown, progress=_progress)


def _work(config: latent_plane.Config) -> Iterator[Any]:
    return plane_history.run(config, cache.st_model(config.model, "cpu"))


def _settings() -> dict[str, Any]:
    with st.expander("Chains, iterations, seed"):
        return {
            "iterations": ITERATIONS.widget(st.select_slider, "Iterations"),
            "chains": CHAINS.widget(
                st.slider,
                "Chains",
                help="Chains of each sampler; for LAIR, completions that propose together.",
            ),
            "initialisation": START.widget(st.selectbox, "Hidden pixels start as"),
            "seed": SEED.widget(st.number_input, "Seed"),
        }


def _progress(run: jobs.Run) -> Progress | None:
    parts = [item for item in list(run.items) if isinstance(item, plane_history.Part)]
    if not parts:
        return None
    at, iterations = parts[-1].end, run.key.iterations
    return Progress(at / iterations, f"Iteration {at:,} of {iterations:,}")


def _shown(run: jobs.Run) -> None:
    """The player, numbers and download of a run."""
    items = list(run.items)
    ground = items[0]
    parts = [item for item in items if isinstance(item, plane_history.Part)]
    state = STATES.get(run.state, run.state)
    plane_player(
        "plane player",
        plane_frames.message(run.key, ground, parts, run=run.name, state=state),
    )
    glossary.caption(_numbers(ground))
    if not run.live and parts:
        download_button(
            "Download densities and chains (.npz)",
            lambda: plane_frames.as_npz(run.key, ground, parts),
            "latent plane.npz",
            "application/octet-stream",
            once=(run.name, len(items)),
        )


def _numbers(ground: latent_plane.Landscape) -> str:
    observed, complete = ground.seen, ground.whole
    return (
        f"By quadrature: log p(x) = {complete.log_evidence:.1f}, log p(x_obs) = "
        f"{observed.log_evidence:.1f} nats; entropy of z: {complete.entropy:.2f} nats given all "
        f"pixels, {observed.entropy:.2f} given the observed ones. Ellipses and contours contain "
        "95 % of the probability."
    ).replace("-", "−")


def _formulas() -> None:
    with st.expander("What each sampler proposes and accepts", icon=":material/function:"):
        st.markdown(
            "**Pseudo-Gibbs** accepts whatever the encoder proposes, so its distribution is not "
            "the posterior. The ratio of **Metropolis-within-Gibbs** uses the *completed* image:"
        )
        st.latex(
            r"z' \sim q(z \mid x_{obs}, x_{mis}),\qquad \rho = \frac{p(x_{obs}, x_{mis}, z')\,"
            r"q(z \mid x_{obs}, x_{mis})}{p(x_{obs}, x_{mis}, z)\,q(z' \mid x_{obs}, x_{mis})}"
        )
        st.markdown(
            "The completion was drawn at the present z and fits it. Proposals come from around z, "
            "and one elsewhere would have to explain the hidden pixels that were drawn at z. "
            "**Collapsed Metropolis** (AC-MWG) integrates these out. It proposes from earlier "
            "completions and, one time in twenty, from the prior:"
        )
        st.latex(
            r"\rho = \frac{p(x_{obs}, z')\,q_{mix}(z)}{p(x_{obs}, z)\,q_{mix}(z')},\qquad "
            r"q_{mix} = 0.95\,q(z \mid x_{obs}, x_{hist}) + 0.05\,p(z)"
        )
        st.markdown("**LAIR** weights the proposals of all completions together and resamples:")
        st.latex(
            r"w = \frac{p(x_{obs}, z)}{\frac{1}{K+R}\left[\sum_k q(z \mid x_{obs}, x_{mis}^k) "
            r"+ R\,p(z)\right]}"
        )
        st.markdown(
            "**How often do chains reach the posterior?** With the first image, 400 iterations "
            "and seeds 0 to 5: none of 24 chains of Metropolis, 8 of collapsed Metropolis (at "
            "seed 4, shown first, all four), and LAIR in all six runs. Total variation: 1.00, "
            "0.68 to 1.00, and 0.20 to 0.42. More iterations help collapsed Metropolis; a chain "
            "that moves late still includes its earlier draws."
        )
        st.caption("Simkus & Gutmann, TMLR 2023; Mattei & Frellsen, NeurIPS 2018.")
