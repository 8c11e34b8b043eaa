"""Records of parallel chains while they run: traces, diagnostics over time, paths in z.

A `Record` covers the iterations since the previous frame. It holds the traces of all of them and
the latents of some. It also describes the chains at their current iteration:

    acceptance    fraction of the last 50 proposals that each chain accepted,
    unmoved       number of iterations since each chain last accepted a proposal,
    N(m, S)       the encoder's Gaussian q(z | x) at each chain's completed image x; the next
                  proposal is drawn from it.

R-hat, effective sample size and autocorrelation cost as much as several iterations. They are
therefore computed every 50 iterations and at the end, from the iterations after the warm-up.
Their history is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_core.metrics import diagnostics
from dgm_core.samplers import State
from dgm_core.types import LatentVariableModel

WINDOW = 50
"""Number of iterations that acceptance is averaged over, and number between two diagnoses."""
POINTS = 300
"""About this many evenly spaced iterations keep their latents, besides those of the frames."""
LAGS = 200
"""Number of lags of an autocorrelation."""


class Traces(NamedTuple):
    """Traces of one sampler: arrays (chains, iterations)."""

    f1_draw: np.ndarray
    f1_mean: np.ndarray
    accepted: np.ndarray
    log_joint: np.ndarray  # log p(x, z), nats
    ink: np.ndarray  # number of hidden pixels with ink
    height: np.ndarray  # mean row of the hidden ink, pixels from the top; 0 without ink


TRACED = ("log_joint", "ink", "height")
"""The traces whose R-hat, ESS and autocorrelation are computed."""


class Diagnosis(NamedTuple):
    """Diagnostics of the iterations from the warm-up to this one; NaN where undefined."""

    iteration: int
    rhat: np.ndarray  # (3,) one per trace in `TRACED`
    ess: np.ndarray  # (3,)


class Proposals(NamedTuple):
    """Gaussian N(mean, covariance) of each chain's next z, in half precision for figures."""

    mean: np.ndarray  # (chains, L)
    lower: np.ndarray  # (chains, L (L + 1) / 2) covariances of (0, 0), (1, 0), (1, 1), (2, 0) …
    latents: tuple[int, ...] | None = None  # the L latents; None = all of the model

    def positions(self, latents: Sequence[int]) -> list[int]:
        """Where each of these latents is among the L.

        Raises:
            ValueError: one of them is not in `latents`.
        """
        return [each if self.latents is None else self.latents.index(each) for each in latents]

    def marginal(self, latents: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Means (chains, A) and covariances (chains, A, A) of the A chosen latents.

        Raises:
            ValueError: one of them is not in `latents`.
        """
        chosen = np.asarray(self.positions(latents))
        high = np.maximum(chosen[:, None], chosen)
        low = np.minimum(chosen[:, None], chosen)
        return self.mean[:, chosen], self.lower[:, high * (high + 1) // 2 + low]

    def restricted(self, latents: Sequence[int]) -> Proposals:
        """The Gaussians of these latents alone."""
        mean, covariance = self.marginal(latents)
        row, column = np.tril_indices(len(latents))
        return Proposals(mean, covariance[:, row, column], tuple(latents))


class Record(NamedTuple):
    """The iterations of one sampler since the previous record, and the current state."""

    traces: Traces  # of the iterations since the previous record
    numbers: np.ndarray  # (K,) iterations whose latents are kept, counted from 1
    z: np.ndarray  # (chains, K, L), of the latents of `proposals`
    proposals: Proposals
    acceptance: np.ndarray  # (chains,) of the last `WINDOW` proposals since the warm-up
    unmoved: (
        np.ndarray
    )  # (chains,) iterations since the last accepted proposal, or since the start
    history: tuple[Diagnosis, ...]
    autocorrelation: dict[str, np.ndarray]  # trace → (lags,), up to the last diagnosis

    def path(self, latents: Sequence[int]) -> np.ndarray:
        """The chosen latents at the K iterations, (chains, K, A).

        Raises:
            ValueError: the record does not have one of them.
        """
        return self.z[:, :, self.proposals.positions(latents)]

    def restricted(self, latents: Sequence[int]) -> Record:
        """The record without the other latents."""
        proposals = self.proposals.restricted(latents)
        return self._replace(z=self.path(latents), proposals=proposals)


class EncodesOnce:
    """A model that caches its last encoding.

    A record and the next iteration both need the encoder's Gaussian at the same x. If they share
    this model, records add no pass of the encoder.
    """

    def __init__(self, model: LatentVariableModel) -> None:
        self.prior, self.decode, self._encode = model.prior, model.decode, model.encode
        if isinstance(model, nn.Module):
            self.parameters = model.parameters
        self._last: tuple[Tensor, Distribution] | None = None

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) of the model; taken from the cache if x is the same tensor as last time."""
        if self._last is None or x is not self._last[0]:
            self._last = x, self._encode(x)
        return self._last[1]


class Recorder:
    """Stores the traces and diagnostics of one sampler's chains.

    Args:
        model: the model of the chains; its encoder gives the proposals.
        iterations: number of iterations of the run.
        warmup: number of warm-up iterations among them.
        frames: iterations at which `keep` will be called.
    """

    def __init__(
        self, model: LatentVariableModel, iterations: int, warmup: int, frames: Sequence[int]
    ) -> None:
        self.model, self.iterations, self.warmup = model, iterations, warmup
        self.points = {*frames, *range(0, iterations, -(-iterations // POINTS))}
        self.done = 0
        self.kept: dict[str, list[Tensor]] = {field: [] for field in Traces._fields}
        self.unmoved: Tensor | None = None
        self.history: list[Diagnosis] = []
        self.autocorrelation: dict[str, np.ndarray] = {}
        self.diagnosed = 0

    @property
    def after(self) -> int:
        """Number of iterations since the warm-up."""
        return max(self.done - self.warmup, 0)

    def keep(self, new: Mapping[str, Tensor], states: Sequence[State]) -> Record:
        """Add the traces and states of one or more iterations; return their record."""
        first = self.done + 1
        self.done += len(states)
        for field, values in new.items():
            self.kept[field].append(values)
        unmoved = self._count_unmoved(new["accepted"])
        if self.done - self.diagnosed >= WINDOW or self.done == self.iterations:
            self._diagnose()
        numbers = [n for n in range(first, self.done + 1) if n in self.points]
        recent = self._since(self.kept["accepted"], min(self.after or self.done, WINDOW))
        return Record(
            traces=Traces(**{field: _array(values) for field, values in new.items()}),
            numbers=np.array(numbers),
            z=_array(torch.stack([states[n - first].z for n in numbers], 1)),
            proposals=proposals(self.model.encode(states[-1].x)),
            acceptance=_array(recent.float().mean(1)),
            unmoved=_array(unmoved),
            history=tuple(self.history),
            autocorrelation=self.autocorrelation,
        )

    def accepted(self) -> Tensor:
        """Which proposals were accepted after the warm-up, bool (chains, iterations)."""
        return self._since(self.kept["accepted"], self.after)

    def worst(self) -> tuple[float, float]:
        """The largest R-hat and smallest ESS of the last diagnosis; NaN before the first."""
        if not self.history:
            return float("nan"), float("nan")
        last = self.history[-1]
        return _worst(last.rhat, max), _worst(last.ess, min)

    def traces(self) -> Traces:
        """Traces of all iterations so far."""
        return Traces(**{field: _array(torch.cat(parts, 1)) for field, parts in self.kept.items()})

    def _count_unmoved(self, accepted: Tensor) -> Tensor:
        """Number of iterations since each chain last moved, (chains,), including these."""
        previous = self.unmoved
        if previous is None:
            previous = torch.zeros_like(accepted[:, 0], dtype=torch.int64)
        count = accepted.shape[1]
        trailing = (~accepted.flip(1)).to(torch.int64).cumprod(1).sum(1)
        self.unmoved = torch.where(trailing < count, trailing, previous + count)
        return self.unmoved

    def _diagnose(self) -> None:
        traced = [self._since(self.kept[name], self.after) for name in TRACED]
        stacked = torch.stack([values.double() for values in traced], -1)
        rhat, ess = diagnostics.rhat(stacked), diagnostics.effective_sample_size(stacked)
        self.history.append(Diagnosis(self.done, _array(rhat), _array(ess)))
        self.autocorrelation = _autocorrelation(stacked)
        self.diagnosed = self.done

    def _since(self, parts: Sequence[Tensor], count: int) -> Tensor:
        """The last `count` iterations."""
        recent, length = [], 0
        for part in reversed(parts):
            if length >= count:
                break
            recent.append(part)
            length += part.shape[1]
        joined = torch.cat(recent[::-1] or [parts[-1]], 1)
        return joined[:, joined.shape[1] - count :]


def proposals(posterior: Distribution) -> Proposals:
    """Means and covariances of the encoder's Gaussians, full or diagonal, batch (chains,)."""
    covariance = getattr(posterior, "covariance_matrix", None)
    if covariance is None:
        covariance = torch.diag_embed(posterior.variance)
    row, column = torch.tril_indices(*covariance.shape[-2:])
    mean, triangle = posterior.mean.half(), covariance[:, row, column].half()
    return Proposals(_array(mean), _array(triangle))


def most_variable_latents(latents: Sequence[np.ndarray], count: int) -> list[int]:
    """Indices of the `count` latents in which chains differ most, in descending order.

    The criterion is the variance of the chains' means, summed over samplers. For a single chain
    it is the variance of its path. All latents have the same prior, so variances are comparable.

    Args:
        latents: one array (chains, T, L) per sampler.
        count: at most L.
    """
    spread = sum(
        z.mean(1, dtype=np.float64).var(0) if len(z) > 1 else z[0].var(0, dtype=np.float64)
        for z in latents
    )
    return np.argsort(-spread, kind="stable")[:count].tolist()


def _autocorrelation(stacked: Tensor) -> dict[str, np.ndarray]:
    """Autocorrelation of each trace (chains, T, 3), averaged over the chains that move."""
    if not stacked.shape[1]:
        return {}
    by_lag = diagnostics.autocorrelation(stacked)[:, :LAGS].nanmean(0)
    return {name: _array(values) for name, values in zip(TRACED, by_lag.T, strict=True)}


def _worst(values: np.ndarray, choose: Callable[[list[float]], float]) -> float:
    """Largest or smallest finite number among `values`; NaN if there is none."""
    numbers = values[np.isfinite(values)].tolist()
    return choose(numbers) if numbers else float("nan")


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
