"""Harness for the chain story: made-up chains, the third of the second sampler stuck."""

from __future__ import annotations

import numpy as np

from ui.components.chain_story import Stretch, chain_story, story_message
from ui.inpainting.chain_words import QUANTITIES, Standing, sentences

ITERATIONS, WARMUP, CHAINS, LATENTS, STUCK_SINCE = 200, 20, 4, 3, 80


def stretch(name: str) -> Stretch:
    """Independent draws; the stuck chain keeps its last one."""
    draw = np.random.default_rng(len(name))
    z = draw.standard_normal((ITERATIONS, CHAINS, LATENTS))
    stuck = name.startswith("Metropolis")
    unmoved = np.zeros((ITERATIONS, CHAINS))
    if stuck:
        z[STUCK_SINCE:, 2] = z[STUCK_SINCE, 2]
        unmoved[STUCK_SINCE:, 2] = np.arange(ITERATIONS - STUCK_SINCE)
    rhat, ess = ([1.4, 1.2, 1.1], [30, 60, 80]) if stuck else ([1.001] * 3, [700, 650, 600])
    acceptance = np.where(unmoved > 0, 0, 0.3 if stuck else 1.0)
    after, still = ITERATIONS - WARMUP, [int(count) for count in unmoved[-1]]
    at = Standing(after, after, rhat, ess, float(acceptance.mean()), still, not stuck)
    every = range(50, ITERATIONS + 1, 50)
    return Stretch(
        log_joint=-90 + 5 * z[..., 0],
        ink=60 + 5 * z[..., 1],
        height=14 + z[..., 2],
        z=z,
        acceptance=acceptance,
        unmoved=unmoved,
        mean=z * 0.5,
        covariance=np.broadcast_to(np.eye(LATENTS) * 0.1, (*z.shape, LATENTS)),
        history=[(n, rhat, [size * n / ITERATIONS for size in ess]) for n in every],
        autocorrelation=0.8 ** np.arange(60) * np.ones((3, 1)),
        words=sentences(at),
    )


numbers = range(1, ITERATIONS + 1)
chain_story(
    "story",
    story_message(
        run="made up",
        samplers={name: stretch(name) for name in ("Pseudo-Gibbs", "Metropolis-within-Gibbs")},
        numbers=numbers,
        frames=numbers,
        latents=[4, 0, 9],
        quantities=QUANTITIES,
        iterations=ITERATIONS,
        warmup=WARMUP,
        state="finished",
    ),
)
