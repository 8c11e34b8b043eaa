"""The view of missing pixels: what they do to the posterior, and how samplers fare in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import zoo
from dgm_core.samplers import INITIALISATIONS
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.likelihood import latent_plane, plane_history
from ui import cache, jobs
from ui.components.plane_player import plane_player
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
"""What the player calls a run's state, where it differs."""


class Plane:
    """One picture, four samplers, one plane.

    Args:
        controls: where picture, mask and chains are set.
    """

    name = "Missing pixels"
    about = (
        "Hidden pixels move the posterior, of the 2 shown first far from where chains begin. "
        "**Look first** at "
        "Metropolis-within-Gibbs: the image it made up at z is what proposes the next z, so its "
        "ellipses stay with it, and its chains stay off the blue. **Then** at the collapsed "
        "sampler, which asks of the seen pixels alone: after tens or hundreds of iterations a "
        "proposal from the prior takes a chain there. **Last** at LAIR, whose completions share "
        "one set of weights: the first that finds the posterior takes the others along."
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
                    two_samplers.pack(requested.truth),
                    two_samplers.pack(requested.hidden),
                    **settings,
                )
            self.panel = RunPanel(WORK, self.config, _work, automatic=True)
            self.panel.buttons()

    def show(self) -> None:
        """The plane under way; the last statement of a page."""
        if not self.known:
            st.info(
                f"The model `{MODEL}` is not here; `python -m dgm_core train {MODEL}` makes it."
            )
            return
        if self.config is None:
            st.caption("Nothing to fill in yet.")
            return
        place = st.container()
        _what_they_do()
        with place:
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
                help="Of each sampler; of LAIR the completions, which propose together.",
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
    """What there is of a run."""
    items = list(run.items)
    ground = items[0]
    parts = [item for item in items if isinstance(item, plane_history.Part)]
    state = STATES.get(run.state, run.state)
    plane_player(
        "plane player",
        plane_frames.message(run.key, ground, parts, run=run.name, state=state),
    )
    st.caption(_numbers(ground))
    if not run.live and parts:
        st.download_button(
            "Download densities and chains (.npz)",
            lambda: plane_frames.as_npz(run.key, ground, parts),
            "latent plane.npz",
            "application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )


def _numbers(ground: latent_plane.Landscape) -> str:
    seen, all_of_it = ground.seen, ground.whole
    return (
        f"By quadrature: log p(x) = {all_of_it.log_evidence:.1f}, log p(x_obs) = "
        f"{seen.log_evidence:.1f} nats; entropy of z {all_of_it.entropy:.2f} given all pixels, "
        f"{seen.entropy:.2f} given those seen. Ellipses and contours hold 95 % of their law."
    ).replace("-", "−")


def _what_they_do() -> None:
    with st.expander("What each sampler proposes, and what it asks", icon=":material/function:"):
        st.markdown(
            "**Pseudo-Gibbs** takes whatever the encoder draws; its law is not the posterior. "
            "**Metropolis-within-Gibbs** asks of the *completed* image:"
        )
        st.latex(
            r"z' \sim q(z \mid x_{obs}, x_{mis}),\qquad \rho = \frac{p(x_{obs}, x_{mis}, z')\,"
            r"q(z \mid x_{obs}, x_{mis})}{p(x_{obs}, x_{mis}, z)\,q(z' \mid x_{obs}, x_{mis})}"
        )
        st.markdown(
            "The completion was drawn at the present z and speaks for it: proposals come from "
            "around z, and one elsewhere must explain hidden pixels that z made up. **Collapsed "
            "Metropolis** (AC-MWG) integrates them out and proposes from earlier completions, "
            "one time in twenty from the prior:"
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
            "**How often?** With the 2 that stands here first, 400 iterations and seeds 0 to 5: "
            "of 24 chains Metropolis brought none to the posterior, the collapsed sampler 8 (at "
            "seed 4, shown first, all four); LAIR got there in all six runs. Total variation: "
            "1.00, 0.68 to 1.00, and 0.20 to 0.42. More iterations help the collapsed sampler; "
            "a chain that leaps late still carries its past."
        )
        st.caption("Simkus & Gutmann, TMLR 2023; Mattei & Frellsen, NeurIPS 2018.")
