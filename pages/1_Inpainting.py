"""Hide part of a digit; two samplers fill it in, side by side."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

from collections.abc import Sequence
from typing import NoReturn

import streamlit as st

from dgm_core import zoo
from dgm_core.studies import inpainting
from dgm_core.studies.inpainting import Config, Frame, Result
from ui import cache, figures, inputs, jobs, showcase
from ui.components.chain_player import chain_player

frame.page(
    "Inpainting",
    "Paint over part of a digit, and two samplers guess what was there. **Look first** at the two "
    "posterior means: where they differ, pseudo-Gibbs is biased or Metropolis has not arrived. "
    "**Then** at the chains' draws: do they agree on one digit, or see several? **Last** at the "
    "acceptance and R-hat: a chain that never moves is exact only in theory.",
)


def start(config: Config) -> None:
    """Run `config` in the background, in place of what runs."""
    model = cache.st_model(config.model)
    jobs.worker("inpainting").start(config, lambda: inpainting.run(config, model))


def broken(error: zoo.BrokenModel) -> NoReturn:
    """Say what is wrong with a shipped file, and end the page there."""
    st.error(f"{error}. Put the shipped files back, or train the recipe again.")
    st.stop()


def follow(run: jobs.Run) -> None:
    """Send on what the run has produced since last time; at the end, everything."""
    frames = [item for item in list(run.items) if not isinstance(item, Result)]
    if frames:
        # A browser that is still loading the player, or is slow, misses messages: send with
        # overlap, and everything at first and at the end.
        first = max(run.shown - 30, 0) if run.live else 0
        state = "stopped" if run.state == "timed out" else run.state
        message = figures.chains(
            run.key, frames[first:], run=str(id(run)), state=state, start=first
        )
        chain_player("player", message)
        run.shown = len(frames)
        if not run.live:
            download(run.key, frames)
    elif run.live:
        waiting = jobs.waiting()
        st.caption("Starting …" if waiting < 2 else f"Waiting for a free place, {waiting} in line")
    if run.state == "failed":
        st.error("This run broke off on the server. Change anything to start another.")
    elif run.state == "timed out":
        st.info(f"Stopped after {jobs.MAX_SECONDS:.0f} s, the limit of one run.")


def download(config: Config, shots: Sequence[Frame]) -> None:
    """The last draws, means and standard deviations of both samplers."""
    st.download_button(
        "Download draws, mean and mask (.npz)",
        lambda: figures.as_npz(config, shots),
        "inpainting.npz",
        "application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
    )


def formulas() -> None:
    """One iteration of each, in symbols."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Pseudo-Gibbs** takes every proposal of the encoder $q$.")
        st.latex(r"z \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})")
        st.latex(r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)")
        st.caption(
            "Were the encoder the true posterior, this would be Gibbs sampling. It is not, so the "
            "chain settles near p(x_mis | x_obs), not on it."
        )
    with right:
        st.markdown("**Metropolis-within-Gibbs** accepts with chance $\\min(1, \\rho)$.")
        st.latex(r"z' \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})")
        st.latex(
            r"\rho = \frac{p(x \mid z')\, p(z')\, q(z \mid x)}"
            r"{p(x \mid z)\, p(z)\, q(z' \mid x)}"
        )
        st.latex(r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)")
        st.caption(
            "All pixels count, hidden ones at their current values; these are redrawn at every "
            "iteration, also after a rejection. Exact in the limit whatever the encoder, slow "
            "where the acceptance is low. Mattei & Frellsen 2018, algorithm 2."
        )


def view(run: jobs.Run, *, live: bool) -> None:
    """Show the run; while it is `live` poll it, and at its end redraw the page once.

    `live` is what the rest of the page was drawn for: a run that ends meanwhile is redrawn too.
    """
    run.shown = 0

    @st.fragment(run_every=0.25 if live else None)
    def poll() -> None:
        if live and not run.live:
            st.rerun()
        with st.container():  # one element, however many it holds
            follow(run)

    poll()


worker = jobs.worker("inpainting")
shipped = showcase.st_showcase()
default = Config(**shipped.config)
controls, results = st.columns([4, 7], gap="large")
with controls:
    try:
        config = inputs.inpainting_config(default)
    except zoo.BrokenModel as error:
        broken(error)
    go, stop = st.columns(2, vertical_alignment="center")
    frame.kept("at_once", True)
    at_once = go.toggle("Run on every stroke", key="keep.at_once")

press = st.session_state.pop("run_now", False)
known = None if worker.run is None else worker.run.key
if config is not None and config.observed.all():
    config = None
if config is None or (config == default != known and not press):
    worker.stop()
elif press or (at_once and config != known):
    try:
        start(config)
    except zoo.BrokenModel as error:
        broken(error)

live = worker.run is not None and worker.run.live
if live:
    stop.button("Stop", icon=":material/stop:", on_click=worker.stop, width="stretch")
else:
    stop.button(
        "Run",
        icon=":material/play_arrow:",
        type="secondary" if at_once else "primary",
        disabled=config is None,
        on_click=lambda: st.session_state.update(run_now=True),
        width="stretch",
    )

with results:
    player = st.container()
    formulas()
with player:
    # Last of all: a poll may cut short the run of the script that it comes upon.
    if config is None:
        st.caption("Nothing to fill in yet.")
    elif worker.run is not None and worker.run.key == config:
        view(worker.run, live=live)
    elif config == default:
        chain_player("player", shipped.message)
    else:
        st.caption("Press Run to fill in the hidden pixels.")
