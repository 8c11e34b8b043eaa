"""Three ways to complete data with a flow-matching model; only the last is exact in a limit.

A velocity v(x_t, t) carries noise (t = 0) to data (t = 1), see `models.flow_matching`. All three
ways use the same K random steps, those of ancestral sampling. With x̂ = x_t + (1 − t) v and
ε̂ = x_t − t v, a step from t to u is

    x_u ~ N(u x̂ + √((1 − u)² − s²) ε̂, s²),   s² = (1 − u)² [1 − (t (1 − u) / (u (1 − t)))²]

which is p(x_u | x_t) if x = x̂. The last step adds noise of a small standard deviation τ to x̂.

- `replacement` overwrites the observed part of x_t by (1 − t) ε + t x_obs before every step. With
  jumps, as in RePaint (Lugmayr et al. 2022), each step is repeated after noise was added again.
- `guided` (ΠGDM: Song et al. 2023) moves x̂ to x̂ + (1 − t)² / t · g, with the gradient g of a
  Gaussian guess of what is observed: g = ∇ log N(x_obs; x̂_obs, r²), and
  r² = (1 − t)² / ((1 − t)² + t²).
- `twisted` (the twisted diffusion sampler, TDS: Wu et al. 2023) uses g only to propose. Particles
  have weights that correct for it, and are resampled:

      x_u ~ q = N(… + s² g, s²),   w = p(x_u | x_t) p̃(x_obs | x_u) / [ p̃(x_obs | x_t) q(x_u) ]

  with p̃ the Gaussian above; at the last step it is exact (r = τ). As their number P grows, they
  come to the conditional of the model with K steps, given that x_obs was observed with noise τ.
  The mean of the products of w is an unbiased estimate of its p(x_obs).

Nothing in the first two corrects for the overwriting or for the guess p̃, so they stay biased for
any number of draws. The tests show all this for Gaussian data, where everything is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.rng import Source, normal
from dgm_core.samplers.resampling import systematic
from dgm_core.types import Masked

Velocity = Callable[[Tensor, Tensor], Tensor]
"""v: points (N, \\*event) and times (N,) → velocities (N, \\*event)."""
KEPT = 0.5
"""Particles are resampled if their effective sample size is below this fraction of them."""


class Flowed(NamedTuple):
    """All draws after a step."""

    number: int  # of the step, from 1 to K
    time: float  # u
    x: Tensor  # (P, B, *event); after the last step, the observed entries are those given
    guess: Tensor  # (P, B, *event), the x̂ that the step started from
    ess: Tensor  # (B,) effective sample size of the particles, P without weights
    log_evidence: Tensor  # (B,) so far; NaN without weights


def replacement(
    velocity: Velocity,
    masked: Masked,
    source: Source,
    *,
    draws: int = 16,
    steps: int = 50,
    jumps: int = 1,
    noise: float = 0.05,
) -> Iterator[Flowed]:
    """Completions by overwriting, a heuristic.

    Args:
        velocity: of the model.
        masked: the problem, in the scale of the model.
        source: of all random numbers.
        draws: P, completions of each row.
        steps: K.
        jumps: how often each step is made; above 1 as in RePaint.
        noise: τ.

    Raises:
        ValueError: a number is not positive, or K is below 2.
    """
    _check(draws, steps, noise, jumps)
    x, problem = _start(masked, draws, source)
    for number, (t, u) in enumerate(_grid(steps), 1):
        guess = x
        for jump in range(jumps):
            seen = t * problem.x + (1 - t) * _like(x, source)
            x = torch.where(problem.observed, seen, x)
            with torch.no_grad():
                guess = _guess(velocity, x, t)
            mean, spread = _step(x, guess, t, u, noise)
            x = mean + spread * _like(x, source)
            if jump + 1 < jumps:  # back to t
                kept = t / u
                back = math.sqrt((1 - t) ** 2 - (kept * (1 - u)) ** 2)
                x = kept * x + back * _like(x, source)
        yield _flowed(number, u, x, guess, problem, draws)


def guided(
    velocity: Velocity,
    masked: Masked,
    source: Source,
    *,
    draws: int = 16,
    steps: int = 50,
    noise: float = 0.05,
) -> Iterator[Flowed]:
    """Completions by a guided velocity, ΠGDM, a heuristic.

    Args and errors: as for `replacement`. Each step needs a gradient of the velocity.
    """
    _check(draws, steps, noise)
    x, problem = _start(masked, draws, source)
    for number, (t, u) in enumerate(_grid(steps), 1):
        guess, slope, _ = _twist(velocity, x, t, _width(t, noise), problem)
        if t > 0:  # at t = 0, x̂ does not depend on x
            guess = guess + (1 - t) ** 2 / t * slope
        mean, spread = _step(x, guess, t, u, noise)
        x = mean + spread * _like(x, source)
        yield _flowed(number, u, x, guess, problem, draws)


def twisted(
    velocity: Velocity,
    masked: Masked,
    source: Source,
    *,
    particles: int = 16,
    steps: int = 50,
    noise: float = 0.05,
) -> Iterator[Flowed]:
    """Completions by the twisted diffusion sampler, exact for many particles.

    The particles of the last step have equal weights.

    Args:
        velocity, masked, source, steps: as for `replacement`.
        particles: P, for each row.
        noise: τ; less noise is closer to exact observations, and makes weights more uneven.

    Raises:
        ValueError: a number is not positive, or K is below 2.
    """
    _check(particles, steps, noise)
    rows = len(masked)
    x, problem = _start(masked, particles, source)
    log_evidence = torch.zeros(rows, dtype=torch.float64, device=x.device)
    log_w = torch.zeros(particles, rows, dtype=torch.float64, device=x.device)
    guess, slope, log_twist = _twist(velocity, x, 0.0, _width(0.0, noise), problem)
    log_w = log_w + log_twist.view(particles, rows)
    own = torch.arange(particles, device=x.device)[:, None]
    row = torch.arange(rows, device=x.device)
    for number, (t, u) in enumerate(_grid(steps), 1):
        mean_log = log_w.logsumexp(0) - math.log(particles)
        log_evidence, log_w = log_evidence + mean_log, log_w - mean_log
        ess = importance_ess(log_w)
        resampled = (ess < KEPT * particles) | (number == steps)  # (B,)
        chosen = torch.where(resampled, _chosen(log_w, source), own)
        x, guess, slope, log_twist = (
            each.unflatten(0, (particles, rows))[chosen, row].flatten(0, 1)
            for each in (x, guess, slope, log_twist)
        )
        log_w = torch.where(resampled, torch.zeros_like(log_w), log_w)
        mean, spread = _step(x, guess, t, u, noise)
        z, before = _like(x, source), guess
        if number == steps:  # p̃ was exact, so the weights are
            x = mean + spread * z
        else:
            x = mean + spread**2 * slope + spread * z
            log_ratio = -(0.5 * spread**2 * slope.square() + spread * slope * z)
            width = noise if number == steps - 1 else _width(u, noise)
            guess, slope, new_twist = _twist(velocity, x, u, width, problem)
            change = log_ratio.flatten(1).sum(1).double() + new_twist - log_twist
            log_twist, log_w = new_twist, log_w + change.view(particles, rows)
        flowed = _flowed(number, u, x, before, problem, particles)
        yield flowed._replace(ess=ess, log_evidence=log_evidence)


def _check(draws: int, steps: int, noise: float, jumps: int = 1) -> None:
    if draws < 1 or steps < 2 or noise <= 0 or jumps < 1:
        raise ValueError(
            "expected at least 1 draw, 2 steps and 1 jump, and noise above 0, got "
            f"{draws}, {steps}, {jumps} and {noise}"
        )


def _grid(steps: int) -> list[tuple[float, float]]:
    """The times before and after each step."""
    return [(number / steps, (number + 1) / steps) for number in range(steps)]


def _start(masked: Masked, draws: int, source: Source) -> tuple[Tensor, Masked]:
    """Noise (P · B, \\*event), and the problem of each draw."""
    problem = masked.tile(draws)
    return _like(problem.x, source), problem


def _like(x: Tensor, source: Source) -> Tensor:
    return normal(tuple(x.shape), source, x.dtype)


def _guess(velocity: Velocity, x: Tensor, t: float) -> Tensor:
    """x̂ = E[x | x_t]."""
    return x + (1 - t) * velocity(x, x.new_full((len(x),), t))


def _width(t: float, noise: float) -> float:
    """r, at least τ."""
    return max((1 - t) / math.sqrt((1 - t) ** 2 + t**2), noise)


def _step(x: Tensor, guess: Tensor, t: float, u: float, noise: float) -> tuple[Tensor, float]:
    """Mean and standard deviation s of a step from t to u."""
    if u == 1:
        return guess, noise
    spread = (1 - u) * math.sqrt(1 - (t * (1 - u) / (u * (1 - t))) ** 2)
    epsilon = (x - t * guess) / (1 - t)
    return u * guess + math.sqrt((1 - u) ** 2 - spread**2) * epsilon, spread


def _twist(
    velocity: Velocity, x: Tensor, t: float, width: float, problem: Masked
) -> tuple[Tensor, Tensor, Tensor]:
    """x̂, and log p̃(x_obs | x_t) with its gradient: (N, \\*event) twice and (N,)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        guess = _guess(velocity, x, t)
        off = torch.where(problem.observed, (guess - problem.x) / width, torch.zeros_like(guess))
        log_twist = -0.5 * off.square().flatten(1).sum(1)
        (slope,) = torch.autograd.grad(log_twist.sum(), x)
    seen = problem.observed.flatten(1).sum(1)
    constant = seen * math.log(width * math.sqrt(2 * math.pi))
    return guess.detach(), slope, log_twist.detach().double() - constant


def _chosen(log_w: Tensor, source: Source) -> Tensor:
    """Numbers of particles (P, B), in proportion to their weights."""
    count = len(log_w)
    return systematic(count * log_w.mT.softmax(1), count, source).mT


def _flowed(
    number: int, time: float, x: Tensor, guess: Tensor, problem: Masked, draws: int
) -> Flowed:
    if time == 1:
        x = problem.complete(x)
    x, guess = (each.unflatten(0, (draws, -1)) for each in (x, guess))
    rows = x.shape[1]
    return Flowed(
        number,
        time,
        x,
        guess,
        torch.full((rows,), float(draws), dtype=torch.float64, device=x.device),
        torch.full((rows,), math.nan, dtype=torch.float64, device=x.device),
    )
