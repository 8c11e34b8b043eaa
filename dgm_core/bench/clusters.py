"""A Gibbs sweep of a mixture beside the form it has in the public VAE + GMM code; by points.

And the seconds in which latents are laid out in the plane.

That form handles one cluster after another: its moments are Xᵀ diag(r) X with diag(r) written out
as an N × N matrix, and densities are taken out of logarithms before they are normalised.
Here it is rewritten from a description, all else as fast as could be: one chain against one chain,
the same prior, the same float32, one thread. Latents are drawn from a mixture; their values do not
matter.
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
"""Points in the plane, and seconds that may take."""
GOAL = 1 / 50
"""Of our sweep in sweeps of the source's form."""


def run() -> Iterator[Line]:
    """All figures of this benchmark, one by one."""
    with one_thread(), torch.inference_mode():
        yield from _against_the_source()
        yield from _by_points()
        yield from _layouts()


def latents(points: int) -> Tensor:
    """Points (N, 12) of a mixture drawn from a prior under which clusters lie apart."""
    source = generator(0)
    prior = GaussianWishartDirichlet(DIM, alpha=3.0, beta=0.1, dof=DIM + 4)
    return prior.draw(CLUSTERS, source).sample(points, source).x.to(default_device())


def source_sweep(
    x: Tensor, mixture: GaussianMixture, prior: GaussianWishartDirichlet, source: torch.Generator
) -> tuple[GaussianMixture, Moments, Tensor]:
    """z given parameters and then parameters given z, one cluster at a time: N² of memory."""
    density = []
    for k in range(mixture.clusters):
        precision = torch.linalg.inv(mixture.covariances[k])
        away = x - mixture.means[k]
        square = (away @ precision * away).sum(1)
        factor = torch.linalg.det(precision / (2 * math.pi)).sqrt()
        density.append(mixture.weights[k] * factor * (-0.5 * square).exp())
    r = torch.stack(density, 1)
    r = r / r.sum(1, keepdim=True)
    # Far points have density 0 in every cluster: 0 / 0. The source stops there; this goes on.
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


def _against_the_source() -> Iterator[Line]:
    x, prior = latents(POINTS), GaussianWishartDirichlet(DIM)
    source = generator(1, x.device)
    one, several = (mixture_gibbs(x, CLUSTERS, prior, chains) for chains in (1, CHAINS))
    start, starts = one.init(source), several.init(source)
    taken = milliseconds(
        {
            "one": lambda: one.step(start, source),
            "several": lambda: several.step(starts, source),
            "source": lambda: source_sweep(x, start.mixture[0], prior, source),
        },
        repeats=5,
        warmup=1,
    )
    what = f"{POINTS:,} × {DIM}, K = {CLUSTERS}"
    yield Line(f"{what}: a sweep of one chain", taken["one"], "ms", None)
    yield Line(f"{what}: a sweep of {CHAINS} chains", taken["several"], "ms", None)
    yield Line(f"{what}: a sweep in the source's form", taken["source"], "ms", None)
    yield Line("the source's form ÷ ours, one chain", taken["source"] / taken["one"], "×", None)
    yield Line("ours ÷ the source's form, one chain", taken["one"] / taken["source"], "×", GOAL)


def _layouts() -> Iterator[Line]:
    """What the page computes when another plane is chosen, and one more point in it."""
    x = latents(LAID_OUT).cpu().double()
    clusters = x[:, :2].sign().add(1).long() @ torch.tensor([1, 2])
    for method in embeddings.METHODS:
        begin = time.perf_counter()
        *_, found = embeddings.run(embeddings.Config(method), x.numpy(), clusters.numpy())
        what = f"{method} of {LAID_OUT:,} × {DIM}"
        yield Line(what, time.perf_counter() - begin, "s", LAYOUT_GOAL)
        begin = time.perf_counter()
        found.project(x[:1].numpy())
        yield Line(f"{what}: one more point", 1e3 * (time.perf_counter() - begin), "ms", None)


def _by_points(sweeps: int = 5) -> Iterator[Line]:
    """Time should grow as the points: the slope of log seconds over log points is 1."""
    seconds = []
    for points in MORE_POINTS:
        x = latents(points)
        source = generator(1, x.device)
        sampler = mixture_gibbs(x, CLUSTERS, chains=1)
        state, _ = sampler.step(sampler.init(source), source)
        taken = []
        for _ in range(sweeps):
            begin = time.perf_counter()
            state, info = sampler.step(state, source)
            info.log_evidence.tolist()  # waits for a GPU
            taken.append(time.perf_counter() - begin)
        seconds.append(sorted(taken)[sweeps // 2])
        yield Line(f"a sweep of one chain, {points:,} points", 1e3 * seconds[-1], "ms", None)
    log_points = torch.tensor(MORE_POINTS, dtype=torch.float64).log()
    log_seconds = torch.tensor(seconds, dtype=torch.float64).log()
    away = log_points - log_points.mean()
    slope = (away @ log_seconds / away.square().sum()).item()
    yield Line("growth with points: fitted exponent", slope, "", 1.1)
