"""Gibbs sweeps of a mixture, compared with the form in the public VAE + GMM code, and projections.

The public code handles one cluster after another. Its moments are Xᵀ diag(r) X with diag(r) as an
N × N matrix, and it normalises densities instead of their logarithms. Here that form is written
again from a description, and is otherwise as fast as possible. The comparison uses one chain, the
same prior, float32 and one thread. Latents are drawn from a mixture; their values do not matter.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from dgm_core.bench.timing import Line, milliseconds, one_thread
from dgm_core.device import default_device
from dgm_core.mixtures import GaussianMixture, GaussianWishartDirichlet, Moments
from dgm_core.rng import generator
from dgm_core.samplers.mixture_gibbs import mixture_gibbs
from dgm_core.studies.clusters import embeddings

POINTS, DIM, CLUSTERS, CHAINS = 10_000, 12, 10, 4
MORE_POINTS = (10_000, 100_000, 1_000_000)
LAID_OUT, LAYOUT_GOAL = 5_000, 10.0
"""Points of a projection to the plane, and the goal for its time in seconds."""
GOAL = 1 / 50
"""Goal for the time of a sweep, in sweeps of the public form."""


def run() -> Iterator[Line]:
    """All lines of this benchmark."""
    with one_thread(), torch.inference_mode():
        yield from _compared_with_public_form()
        yield from _by_points()
        yield from _projections()


def latents(points: int) -> Tensor:
    """Points (N, 12) of a mixture drawn from a prior with separate clusters."""
    source = generator(0)
    prior = GaussianWishartDirichlet(DIM, alpha=3.0, beta=0.1, dof=DIM + 4)
    return prior.draw(CLUSTERS, source).sample(points, source).x.to(default_device())


def public_sweep(
    x: Tensor, mixture: GaussianMixture, prior: GaussianWishartDirichlet, source: torch.Generator
) -> tuple[GaussianMixture, Moments, Tensor]:
    """z given parameters, then parameters given z, one cluster at a time; memory grows as N²."""
    density = []
    for k in range(mixture.clusters):
        precision = torch.linalg.inv(mixture.covariances[k])
        difference = x - mixture.means[k]
        square = (difference @ precision * difference).sum(1)
        factor = torch.linalg.det(precision / (2 * math.pi)).sqrt()
        density.append(mixture.weights[k] * factor * (-0.5 * square).exp())
    r = torch.stack(density, 1)
    r = r / r.sum(1, keepdim=True)
    # Far points have density 0 in every cluster: 0 / 0. The public code stops; this continues.
    r = torch.where(r.isnan(), 1 / mixture.clusters, r)
    z = torch.multinomial(r, 1, generator=source)[:, 0]
    counts, sums, squares = [], [], []
    for k in range(mixture.clusters):
        chosen = (z == k).to(x.dtype)
        counts.append(chosen.sum())
        sums.append(chosen @ x)
        squares.append(x.T @ torch.diag(chosen) @ x)
    moments = Moments(*(torch.stack(each).double() for each in (counts, sums, squares)))
    return prior.posterior(moments).draw(source, x.dtype), moments, z


def _compared_with_public_form() -> Iterator[Line]:
    x, prior = latents(POINTS), GaussianWishartDirichlet(DIM)
    source = generator(1, x.device)
    one, several = (mixture_gibbs(x, CLUSTERS, prior, chains) for chains in (1, CHAINS))
    start, starts = one.init(source), several.init(source)
    taken = milliseconds(
        {
            "one": lambda: one.step(start, source),
            "several": lambda: several.step(starts, source),
            "public": lambda: public_sweep(x, start.mixture[0], prior, source),
        },
        repeats=5,
        warmup=1,
    )
    what = f"{POINTS:,} × {DIM}, K = {CLUSTERS}"
    yield Line(f"{what}: a sweep of one chain", taken["one"], "ms", None)
    yield Line(f"{what}: a sweep of {CHAINS} chains", taken["several"], "ms", None)
    yield Line(f"{what}: a sweep in the public form", taken["public"], "ms", None)
    yield Line("public form ÷ this library, one chain", taken["public"] / taken["one"], "×", None)
    yield Line("this library ÷ public form, one chain", taken["one"] / taken["public"], "×", GOAL)


def _projections() -> Iterator[Line]:
    """A projection, as the page computes it when another one is chosen, and one more point."""
    x = latents(LAID_OUT).cpu().double()
    clusters = x[:, :2].sign().add(1).long() @ torch.tensor([1, 2])
    for method in embeddings.METHODS:
        start = time.perf_counter()
        *_, found = embeddings.run(embeddings.Config(method), x.numpy(), clusters.numpy())
        assert isinstance(found, embeddings.Embedding)  # the last item
        what = f"{method} of {LAID_OUT:,} × {DIM}"
        yield Line(what, time.perf_counter() - start, "s", LAYOUT_GOAL)
        start = time.perf_counter()
        found.project(x[:1].numpy())
        yield Line(f"{what}: one more point", 1e3 * (time.perf_counter() - start), "ms", None)


def _by_points(sweeps: int = 5) -> Iterator[Line]:
    """Time should be proportional to points: the slope of log seconds over log points is 1."""
    seconds = []
    for points in MORE_POINTS:
        x = latents(points)
        source = generator(1, x.device)
        sampler = mixture_gibbs(x, CLUSTERS, chains=1)
        state, _ = sampler.step(sampler.init(source), source)
        taken = []
        for _ in range(sweeps):
            start = time.perf_counter()
            state, info = sampler.step(state, source)
            info.log_evidence.tolist()  # waits for a GPU
            taken.append(time.perf_counter() - start)
        seconds.append(sorted(taken)[sweeps // 2])
        yield Line(f"a sweep of one chain, {points:,} points", 1e3 * seconds[-1], "ms", None)
    log_points = torch.tensor(MORE_POINTS, dtype=torch.float64).log()
    log_seconds = torch.tensor(seconds, dtype=torch.float64).log()
    centred = log_points - log_points.mean()
    slope = (centred @ log_seconds / centred.square().sum()).item()
    yield Line("growth with points: fitted exponent", slope, "", 1.1)
