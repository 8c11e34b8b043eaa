"""Test app of the chain player: synthetic chains on an enlarged scikit-learn digit.

`?scene=complete` sends everything at once, `?scene=stream` a chunk at a time. For a stream,
`chunk=` is the number of frames in a chunk, `stop=` the frame at which the chains stop, and
`gap=1` loses frames 5 … 9. `chains=`, `samplers=`, `autoplay=0` and `hide=none` vary the problem.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

import numpy as np
import streamlit as st
from PIL import Image
from sklearn.datasets import load_digits

from ui.components.chain_player import SamplerFrames, chain_player, player_message

ITERATIONS, WARMUP, THIN = 500, 100, 5
TOTAL = ITERATIONS // THIN
SIDE = 28


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits of scikit-learn, enlarged and binarised: (N, 28, 28) bool, labels (N,)."""
    small, labels = load_digits(return_X_y=True)
    images = small.reshape(-1, 8, 8).astype(np.uint8) * 15
    large = [Image.fromarray(image).resize((SIDE, SIDE), Image.BICUBIC) for image in images]
    return np.stack([np.asarray(image) > 110 for image in large]), labels


def f1(draw: np.ndarray, original: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """F1 on the hidden pixels of images (…, H, W); NaN if no score is defined."""
    guess, target = draw[..., hidden], original[hidden]
    below = (guess.sum(-1) + target.sum()).astype(float)
    return 2 * (guess & target).sum(-1) / np.where(below > 0, below, np.nan)


def over_chains(scores: np.ndarray) -> np.ndarray:
    """(T, chains) → 10 %, 50 %, 90 % quantiles, (T, 3)."""
    return np.quantile(scores, [0.1, 0.5, 0.9], axis=1).T


def noisy_chains(original: np.ndarray, hidden: np.ndarray, chains: int, heat: float) -> np.ndarray:
    """Chains over the digits most similar on the observed pixels: (T, chains, H, W)."""
    library, _ = digits()
    generator = np.random.default_rng(int(heat * 10))
    distance = (library[:, ~hidden] != original[~hidden]).sum(1)
    draws = np.zeros((TOTAL, chains, SIDE, SIDE), bool)
    for chain in range(chains):
        current = generator.integers(len(library))
        for t in range(TOTAL):
            some = generator.integers(len(library), size=8 + 3 * t)
            best = some[np.argmin(distance[some] + heat * generator.gumbel(size=len(some)))]
            if distance[best] < distance[current] + 6 * heat * generator.random():
                current = best
            noise = generator.random((SIDE, SIDE)) < 0.004 * heat
            draws[t, chain] = np.where(hidden, library[current] ^ noise, original)
    return draws


def running_means(draws: np.ndarray) -> np.ndarray:
    """Mean of each chain up to each frame; after the warm-up, without the warm-up draws."""
    first = np.where(np.arange(TOTAL) < WARMUP // THIN, 0, WARMUP // THIN)
    sums = np.concatenate([np.zeros_like(draws[:1], dtype=float), np.cumsum(draws, axis=0)])
    counts = np.arange(TOTAL) - first + 1
    return (sums[1:] - sums[first]) / counts[:, None, None, None]


def frames_of(original: np.ndarray, hidden: np.ndarray, chains: int, heat: float) -> SamplerFrames:
    """All frames of one synthetic sampler."""
    draws = noisy_chains(original, hidden, chains, heat)
    means = running_means(draws)
    mean = means.mean(1)
    return SamplerFrames(
        draws=draws,
        mean=mean,
        sd=np.sqrt(mean * (1 - mean)),
        f1_draw=over_chains(f1(draws, original, hidden)),
        f1_mean=over_chains(f1(means > 0.5, original, hidden)),
    )


@lru_cache(maxsize=8)
def problem(
    run: int, chains: int = 8, *, hide: bool = True
) -> tuple[np.ndarray, np.ndarray, dict[str, SamplerFrames]]:
    """Original, hidden pixels and all frames of both samplers."""
    library, labels = digits()
    original = library[np.flatnonzero(labels == (3 + 2 * run) % 10)[3]]
    hidden = np.zeros_like(original)
    hidden[12:, 4:24] = hide
    samplers = {
        "Pseudo-Gibbs": frames_of(original, hidden, chains, heat=9.0),
        "Metropolis-within-Gibbs": frames_of(original, hidden, chains, heat=2.0),
    }
    return original, hidden, samplers


def chunk(frames: SamplerFrames, start: int, stop: int) -> SamplerFrames:
    """Frames start … stop − 1."""
    return SamplerFrames(*(getattr(frames, field.name)[start:stop] for field in fields(frames)))


def show(run: int, start: int, stop: int, state: str) -> None:
    """Mount the player with one chunk."""
    query = st.query_params
    hide = query.get("hide") != "none"
    original, hidden, samplers = problem(run, int(query.get("chains", 8)), hide=hide)
    samplers = dict(list(samplers.items())[: int(query.get("samplers", 2))])
    diagnostics = {
        "Pseudo-Gibbs": {"acceptance": None, "stuck": 0, "rhat": 1.084, "ess": 96.2},
        "Metropolis-within-Gibbs": {"acceptance": 0.43, "stuck": 1, "rhat": 1.006, "ess": 1212.0},
    }
    for name, frames in samplers.items():
        score = frames.f1_mean[max(stop - 1, 0), 1]
        diagnostics[name] |= {"f1_mean": score, "f1_mean_error": 0.018}
    message = player_message(
        run=f"run {run}",
        original=original,
        hidden=hidden,
        samplers={name: chunk(frames, start, stop) for name, frames in samplers.items()},
        numbers=[THIN * (i + 1) for i in range(start, stop)],
        start=start,
        total=TOTAL,
        iterations=ITERATIONS,
        warmup=WARMUP,
        thin=THIN,
        diagnostics=diagnostics if stop else {},
        state=state,
        autoplay=query.get("autoplay", "1") == "1",
    )
    chain_player("player", message)


def stream(run: int) -> None:
    """The next chunk; after the last chunk, all frames again."""
    query, sent = st.session_state.query, st.session_state.sent
    limit = int(query.get("stop", TOTAL))
    stop = min(sent + int(query.get("chunk", 5)), limit)
    if stop == TOTAL:
        show(run, 0, TOTAL, "finished")
        if st.session_state.live:
            st.session_state.live = False
            st.rerun()
    elif query.get("gap") == "1" and sent == 5 and st.session_state.repeats < 12:
        st.session_state.repeats += 1  # so long that the browser receives the first frames
        stop = 5 if st.session_state.repeats < 12 else 10
        show(run, 0, 5, "running")
    else:
        # After the gap all frames are sent, because a browser may miss what is soon replaced.
        start = 10 if query.get("gap") == "1" and sent >= 10 else sent
        show(run, start, stop, "running")
    if stop < limit:
        st.session_state.sent = stop


def main() -> None:
    """One player and a button that replaces its run."""
    st.set_page_config(layout="wide")
    st.session_state.query = st.query_params.to_dict()
    for name, value in {"run": 0, "sent": 0, "repeats": 0, "live": True}.items():
        st.session_state.setdefault(name, value)
    if st.button("New run"):
        st.session_state.run += 1
        st.session_state.sent = 0
        st.session_state.live = True
    if st.query_params.get("scene") == "stream":
        every = 0.25 if st.session_state.live else None
        st.fragment(stream, run_every=every)(st.session_state.run)
    else:
        show(st.session_state.run, 0, TOTAL, "finished")


if __name__ == "__main__":
    main()
