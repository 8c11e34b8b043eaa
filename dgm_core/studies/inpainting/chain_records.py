"""What parallel chains did, kept while they run: traces, diagnostics over time, paths in z.

Of the iterations since the last picture a `Record` holds every one in the traces and some of the
latents; of the chains as they stand now it holds

    acceptance    the share of the last 50 proposals that each chain accepted,
    unmoved       the iterations since each chain last accepted one,
    N(m, S)       the encoder's Gaussian q(z | x) at each chain's completed image x, from which
                  its next proposal comes.

R-hat, effective sample size and autocorrelation cost as much as several iterations: they are taken
anew every 50 iterations after the warm-up and at the end, and their history is kept.
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
"""Iterations that acceptance is counted over, and between two diagnoses."""
POINTS = 300
"""Latents are kept at about so many even steps, besides those of the frames."""
LAGS = 200


class Traces(NamedTuple):
    """Every iteration of one sampler, arrays (chains, iterations)."""

    f1_draw: np.ndarray
    f1_mean: np.ndarray
    accepted: np.ndarray
    log_joint: np.ndarray  # log p(x, z), nats
    ink: np.ndarray  # number of hidden pixels with ink
    height: np.ndarray  # mean row of the hidden ink, pixels from the top; 0 without ink


TRACED = ("log_joint", "ink", "height")
"""The traces that R-hat, ESS and autocorrelations are taken of."""


class Diagnosis(NamedTuple):
    """Of all iterations after the warm-up up to this one; NaN where nothing can be said."""

    iteration: int
    rhat: np.ndarray  # of each of `TRACED`, (3,)
    ess: np.ndarray  # (3,)


class Proposals(NamedTuple):
    """N(mean, covariance) of each chain's next z; in half precision, to be drawn."""

    mean: np.ndarray  # (chains, L)
    lower: np.ndarray  # (chains, L (L + 1) / 2) covariances of (0, 0), (1, 0), (1, 1), (2, 0) …

    def marginal(self, latents: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Of A latents: means (chains, A), covariances (chains, A, A)."""
        chosen = np.asarray(latents)
        high = np.maximum(chosen[:, None], chosen)
        low = np.minimum(chosen[:, None], chosen)
        return self.mean[:, chosen], self.lower[:, high * (high + 1) // 2 + low]


class Record(NamedTuple):
    """What is new of one sampler's chains, and where they stand."""

    traces: Traces  # of the iterations since the previous record
    numbers: np.ndarray  # (K,) those of them whose latents are kept, counted from 1
    z: np.ndarray  # (chains, K, L)
    proposals: Proposals
    acceptance: np.ndarray  # (chains,) of the last `WINDOW` proposals since the warm-up
    unmoved: np.ndarray  # (chains,) iterations since the last accepted one; all, if there was none
    history: tuple[Diagnosis, ...]
    autocorrelation: dict[str, np.ndarray]  # of each traced, up to the last diagnosis: (lags,)


class EncodesOnce:
    """A model that remembers its last encoding.

    What a record shows is what the next iteration draws from: with one of these for both, the
    encoder runs no more often than without records.
    """

    def __init__(self, model: LatentVariableModel) -> None:
        self.prior, self.decode, self._encode = model.prior, model.decode, model.encode
        if isinstance(model, nn.Module):
            self.parameters = model.parameters
        self._last: tuple[Tensor, Distribution] | None = None

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) of the model; the same tensor again needs no second pass of the encoder."""
        if self._last is None or x is not self._last[0]:
            self._last = x, self._encode(x)
        return self._last[1]


class Recorder:
    """Keeps what the chains of one sampler do.

    Args:
        model: theirs; its encoder makes the proposals.
        iterations: of the run.
        warmup: of these.
        frames: the iterations at which a record will be asked for.
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
        """Iterations since the warm-up."""
        return max(self.done - self.warmup, 0)

    def keep(self, new: Mapping[str, Tensor], states: Sequence[State]) -> Record:
        """Take in the traces and states of one iteration or more; the record of them."""
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
        """After the warm-up, (chains, iterations) bool."""
        return self._since(self.kept["accepted"], self.after)

    def worst(self) -> tuple[float, float]:
        """The largest R-hat and smallest ESS of the last diagnosis; NaN before the first."""
        if not self.history:
            return float("nan"), float("nan")
        last = self.history[-1]
        return _worst(last.rhat, max), _worst(last.ess, min)

    def traces(self) -> Traces:
        """All iterations so far."""
        return Traces(**{field: _array(torch.cat(all_, 1)) for field, all_ in self.kept.items()})

    def _count_unmoved(self, accepted: Tensor) -> Tensor:
        """Iterations since each chain last moved, (chains,), with these iterations added."""
        before = self.unmoved
        if before is None:
            before = torch.zeros_like(accepted[:, 0], dtype=torch.int64)
        count = accepted.shape[1]
        trailing = (~accepted.flip(1)).to(torch.int64).cumprod(1).sum(1)
        self.unmoved = torch.where(trailing < count, trailing, before + count)
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
        found, length = [], 0
        for part in reversed(parts):
            if length >= count:
                break
            found.append(part)
            length += part.shape[1]
        joined = torch.cat(found[::-1] or [parts[-1]], 1)
        return joined[:, joined.shape[1] - count :]


def proposals(law: Distribution) -> Proposals:
    """The encoder's Gaussians, of full or of diagonal covariance, batch (chains,)."""
    covariance = getattr(law, "covariance_matrix", None)
    if covariance is None:
        covariance = torch.diag_embed(law.variance)
    row, column = torch.tril_indices(*covariance.shape[-2:])
    return Proposals(*(_array(v.half()) for v in (law.mean, covariance[:, row, column])))


def telling_latents(latents: Sequence[np.ndarray], count: int) -> list[int]:
    """The `count` latents in which chains differ most, the most telling first.

    By the variance of the chains' means, summed over samplers; of a single chain, by the variance
    of its path. All latents have the same prior, so variances compare.

    Args:
        latents: of each sampler, (chains, T, L).
        count: at most L.
    """
    spread = sum(
        z.mean(1, dtype=np.float64).var(0) if len(z) > 1 else z[0].var(0, dtype=np.float64)
        for z in latents
    )
    return np.argsort(-spread, kind="stable")[:count].tolist()


def _autocorrelation(stacked: Tensor) -> dict[str, np.ndarray]:
    """Of each traced quantity (chains, T, 3), averaged over the chains that move."""
    if not stacked.shape[1]:
        return {}
    found = diagnostics.autocorrelation(stacked)[:, :LAGS].nanmean(0)
    return {name: _array(values) for name, values in zip(TRACED, found.T, strict=True)}


def _worst(values: np.ndarray, choose: Callable[[list[float]], float]) -> float:
    """The largest or smallest number among `values`; NaN if there is none."""
    numbers = values[np.isfinite(values)].tolist()
    return choose(numbers) if numbers else float("nan")


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
