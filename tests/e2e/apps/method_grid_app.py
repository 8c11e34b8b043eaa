"""Test app of the method grid: invented outcomes of invented methods.

Query parameters: `image=face` for colour, `mask=scattered` or `none`, `scene=stream` for a run
that advances with each press of the button, and `scene=live` for one that continues after the
first press. `without=LAIR` leaves that method out of every run but the first.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import streamlit as st

from dgm_core.metrics import DEFINITIONS
from dgm_core.studies.inpainting.comparison import Config, Outcome
from ui.components.method_grid import grid_message, method_grid

LAIR, DMFA, MIWAE, CHAIN = "LAIR", "DMFA", "MIWAE", "Metropolis-within-Gibbs"
NEAREST, DIFFUSION, MFA = "nearest neighbours", "diffusion of the edge", "MFA"
METHODS = (DMFA, LAIR, MIWAE, CHAIN, MFA, NEAREST, DIFFUSION)
NOISE = {DMFA: 0.03, LAIR: 0.06, MIWAE: 0.05, CHAIN: 0.1, NEAREST: 0.25, DIFFUSION: 0.35}
STEPS = 5


@lru_cache(maxsize=4)
def picture(kind: str) -> np.ndarray:
    """A ring with a bar, 28 × 28, black and white; or a drawn face, 64 × 64."""
    if kind == "digit":
        y, x = np.mgrid[:28, :28] - 13.5
        ring = np.abs(np.hypot(x, 0.8 * y) - 7.5) < 1.6
        return (ring | ((np.abs(x + y) < 2) & (y > 2)))[None].astype(np.float32)
    y, x = np.mgrid[:64, :64] / 31.5 - 1
    face = np.stack([0.25 + 0.2 * y, 0.35 + 0.1 * x, 0.5 - 0.2 * y])
    for (cx, cy, rx, ry), colour in (
        ((0, 0.05, 0.62, 0.8), (0.86, 0.66, 0.54)),
        ((-0.25, -0.15, 0.12, 0.08), (0.97, 0.97, 0.95)),
        ((0.25, -0.15, 0.12, 0.08), (0.97, 0.97, 0.95)),
        ((-0.25, -0.15, 0.05, 0.07), (0.2, 0.25, 0.35)),
        ((0.25, -0.15, 0.05, 0.07), (0.2, 0.25, 0.35)),
        ((0, 0.45, 0.26, 0.08), (0.75, 0.3, 0.32)),
        ((0, -0.75, 0.62, 0.24), (0.25, 0.17, 0.12)),
    ):
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        face = np.where(inside, np.array(colour)[:, None, None] - 0.12 * x, face)
    return face.clip(0, 1).astype(np.float32)


def problem(kind: str, mask: str, seed: int = 0) -> Config:
    """Problem with a hidden box, hidden single pixels, or nothing hidden."""
    image = picture(kind)
    side = image.shape[1]
    hidden = np.zeros((side, side), bool)
    if mask == "box":
        hidden[side // 2 : side * 7 // 8, side // 6 : side * 5 // 6] = True
    elif mask == "scattered":
        hidden = np.random.default_rng(3).random((side, side)) < 0.5
    return Config(
        "mnist" if kind == "digit" else "celeba",
        np.rint(255 * image).astype(np.uint8).tobytes(),
        np.packbits(hidden).tobytes(),
        tuple((name, ()) for name in METHODS),
        seed,
    )


@lru_cache(maxsize=64)
def outcome(config: Config, method: str, step: int) -> Outcome:
    """State of a method after some steps: chains improve, other methods finish at once."""
    if method == MFA:
        return Outcome(method, "unavailable", "its file celeba-mfa is damaged.", 0.0, 0.0)
    chain = method in (LAIR, CHAIN)
    done = step / STEPS if chain else 1.0
    rng = np.random.default_rng(len(method) + step)
    original, hidden = config.original, ~config.observed
    smooth = np.stack([(c + np.roll(c, 2, 0) + np.roll(c, -2, 1)) / 3 for c in original])
    sd = NOISE[method] * (1.2 + np.sin(np.arange(original[0].size).reshape(original[0].shape) / 9))
    sd = np.where(hidden, sd, 0)[None].repeat(len(original), 0).astype(np.float32)
    blur = min(4 * NOISE[method] / (0.4 + 0.6 * done), 0.9)
    mean = np.where(hidden, (1 - blur) * original + blur * smooth, original)
    draws = mean + sd * rng.normal(size=(16, *mean.shape))
    if config.binary:
        draws = (draws > 0.5).astype(float)
    guess = method == DIFFUSION
    error = float(np.square(mean - original)[..., hidden].mean()) if hidden.any() else 0.0
    rows, columns = np.mgrid[: original.shape[1], : original.shape[2]] / original.shape[1]
    waves = [0.1 * hidden * np.sin(k * rows + (4 - k) * 3 * columns) for k in (2, 5, 9, 14)]
    factors = np.stack([wave[None].repeat(len(original), 0) for wave in waves])
    scores = {"SSE": (error * hidden.sum(), 0.02), "MSE": (error, 2e-5 if chain else np.nan)}
    scores |= {"PSNR": (-10 * np.log10(error + 1e-5), np.nan), "SSIM": (1 - 2 * error, np.nan)}
    if config.binary:
        scores["F1"] = (0.97 - NOISE[method], 0.012 if chain else np.nan)
    if not guess:
        name = "NLL" if config.binary and method != DMFA else "NLL, density"
        scores |= {name: (60 + 100 * NOISE[method], np.nan)}
        scores |= {"90 % coverage": (0.93 - NOISE[method], np.nan)}
    scores["CRPS"] = (error / 2, np.nan)
    known = {
        DMFA: {"components": 1.0},
        LAIR: {"ESS": 91.2, "Pareto k": 0.84, "log p(x_obs)": -61.42, "± log p(x_obs)": 0.31},
        MIWAE: {"ESS": 320.0, "Pareto k": 0.41, "log p(x_obs)": -61.9},
        CHAIN: {"acceptance": 0.31, "stuck chains": 1.0, "R-hat": 1.083, "ESS": 41.0},
    }
    return Outcome(
        method,
        "finished" if done == 1 else "running",
        "trained on MNIST" if method == DMFA and config.binary else "",
        done,
        (0.9 if chain else 0.04 + NOISE[method]) * max(done, 0.2),
        mean.astype(np.float32),
        None if guess else draws.astype(np.float32),
        None if guess else sd,
        scores,
        known.get(method, {}),
        {"factors": factors, "noise": sd[None]} if method == DMFA else {},
    )


def known_after(config: Config, tick: int, stopped: dict[str, int]) -> list[Outcome]:
    """Outcomes at a tick: each tick starts one method, and started chains take one step."""
    found = []
    for at, name in enumerate(METHODS):
        step = min(tick - at, STEPS)
        if step < 0:
            continue
        if name in (LAIR, CHAIN) and step == 0:
            found.append(Outcome(name, "running", "", 0.0, 0.0))
            continue
        step = min(step, stopped.get(name, STEPS))
        now = outcome(config, name, max(step, 1))
        found.append(now._replace(state="stopped") if name in stopped else now)
    return found


def view() -> None:
    """Mount the grid with the outcomes of this tick."""
    memory, query = st.session_state, st.query_params
    config = problem(query.get("image", "digit"), query.get("mask", "box"), memory.run)
    left_out = query.get("without") if memory.run else None
    methods = tuple(each for each in config.methods if each[0] != left_out)
    scene = query.get("scene", "complete")
    last = len(METHODS) + STEPS
    tick = last if scene == "complete" else memory.tick
    known = known_after(config, tick, memory.stopped)
    outcomes = [each for each in known if each.method != left_out]
    running = len(outcomes) < len(methods) or any(o.state == "running" for o in outcomes)
    message = grid_message(
        run=f"run {memory.run}",
        config=replace(config, methods=methods),
        outcomes=outcomes,
        state="running" if running else "finished",
        definitions=DEFINITIONS,
    )
    stop = method_grid("grid", message)
    if stop is not None:
        memory.stop_requests.append(stop.method)
        by_tick = {name: tick - at for at, name in enumerate(METHODS)}
        memory.stopped[stop.method] = max(by_tick[stop.method], 1)
    if scene == "live" and 0 < tick < last:
        memory.tick += 1
    report = {
        "stop_requests": memory.stop_requests,
        "tick": tick,
        "bytes": len(json.dumps(message)),
    }
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


def main() -> None:
    """The grid between two buttons and a field."""
    st.set_page_config(layout="wide")
    memory = st.session_state
    for name, value in {"run": 0, "tick": 0, "stop_requests": [], "stopped": {}}.items():
        memory.setdefault(name, value)
    buttons = st.container(horizontal=True)
    if buttons.button("Advance"):
        memory.tick += 1
    if buttons.button("New run"):
        memory.run, memory.tick, memory.stopped = memory.run + 1, 0, {}
    buttons.text_input("A field", label_visibility="collapsed")
    live = st.query_params.get("scene") == "live" and memory.tick > 0
    st.fragment(view, run_every=0.8 if live else None)()


if __name__ == "__main__":
    main()
