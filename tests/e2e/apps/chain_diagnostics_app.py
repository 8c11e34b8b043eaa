"""Test app of the chain diagnostics: synthetic chains; chain 3 of the second sampler is stuck."""

from __future__ import annotations

import numpy as np

from ui.components.chain_diagnostics import SamplerChunk, chain_diagnostics, diagnostics_message
from ui.inpainting.chain_words import QUANTITIES, Diagnostics, sentences

ITERATIONS, WARMUP, CHAINS, LATENTS, STUCK_SINCE = 200, 20, 4, 3, 80


def chunk(name: str) -> SamplerChunk:
    """Independent draws; the stuck chain keeps its last draw."""
    draw = np.random.default_rng(len(name))
    z = draw.standard_normal((ITERATIONS, CHAINS, LATENTS))
    stuck = name.startswith("Metropolis")
    unmoved = np.zeros((ITERATIONS, CHAINS))
    if stuck:
        z[STUCK_SINCE:, 2] = z[STUCK_SINCE, 2]
        unmoved[STUCK_SINCE:, 2] = np.arange(ITERATIONS - STUCK_SINCE)
    rhat, ess = ([1.4, 1.2, 1.1], [30, 60, 80]) if stuck else ([1.001] * 3, [700, 650, 600])
    acceptance = np.where(unmoved > 0, 0, 0.3 if stuck else 1.0)
    count, last = ITERATIONS - WARMUP, [int(each) for each in unmoved[-1]]
    found = Diagnostics(count, count, rhat, ess, float(acceptance.mean()), last, not stuck)
    every = range(50, ITERATIONS + 1, 50)
    return SamplerChunk(
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
        sentences=sentences(found),
    )


numbers = range(1, ITERATIONS + 1)
chain_diagnostics(
    "story",
    diagnostics_message(
        run="made up",
        samplers={name: chunk(name) for name in ("Pseudo-Gibbs", "Metropolis-within-Gibbs")},
        numbers=numbers,
        frames=numbers,
        latents=[4, 0, 9],
        quantities=QUANTITIES,
        iterations=ITERATIONS,
        warmup=WARMUP,
        state="finished",
    ),
)
