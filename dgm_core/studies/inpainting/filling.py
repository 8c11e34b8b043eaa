"""Runs one method on many images in batches, and scores the posterior means together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import metrics
from dgm_core.types import Imputation, Imputer, Masked


class PooledScore(NamedTuple):
    """Score of the posterior means of many images on hidden pixels."""

    name: str  # f1 for binary images, threshold ½, pooled over images; psnr for others, in dB
    value: float
    standard_error: float  # of the mean over images of each image's score, over images or groups


@dataclass(frozen=True)
class Filled:
    """Final result of a method for each of N images, on their device."""

    original: Tensor  # (N, C, H, W)
    observed: Tensor  # (N, C, H, W) bool
    mean: Tensor  # (N, C, H, W) E[x | x_obs]
    parts: list[Imputation]  # one per batch, in order
    seconds: float  # per image, of the method alone

    def diagnostic(self, name: str) -> Tensor:
        """A diagnostic of the method, (N,) float; NaN if it has none of that name."""
        if name not in self.parts[0].diagnostics:
            return torch.full((len(self.original),), torch.nan)
        return self._joined([part.diagnostics[name].float() for part in self.parts])

    def curve(self, name: str, x: float) -> Tensor:
        """Value at x of a curve of the method, (N,).

        Raises:
            ValueError: the curve has no point at x.
        """
        curves = [part.curves[name] for part in self.parts]
        return self._joined([y[points.tolist().index(x)] for points, y in curves])

    def negative_log_likelihood(self) -> Tensor:
        """−log p(x_mis | x_obs) of the original images, (N,) nats."""
        parts, start = [], 0
        for part in self.parts:
            if part.log_density is None:
                raise ValueError("expected a method with a density, got one without")
            rows = self.original[start : start + len(part.mean)]
            parts.append(-part.log_density(rows.to(part.mean)))
            start += len(rows)
        return self._joined(parts)

    def score(self, groups: Tensor | None = None) -> PooledScore:
        """F1 for images with one channel, PSNR for others.

        Args:
            groups: (N,) integers, which images are dependent, such as drawings of one character;
                None = none are.
        """
        problem = self.mean, self.original, self.observed
        if self.original.shape[1] == 1:
            pooled = metrics.f1_hidden(*problem, event_dims=4).item()
            _, error = metrics.mean_and_error(metrics.f1_hidden(*problem), groups)
            return PooledScore("f1", pooled, error.item())
        mean, error = metrics.mean_and_error(metrics.psnr_hidden(*problem), groups)
        return PooledScore("psnr", mean.item(), error.item())

    def _joined(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts).to(self.original.device)


def fill_in(
    method: Imputer, original: Tensor, observed: Tensor, source: torch.Generator, *, batch: int
) -> Filled:
    """Run a method to its end on images (N, C, H, W), on the device of `source`.

    Args:
        method: for example from `imputers.CATALOGUE`.
        original: the original images; the method receives their observed pixels.
        observed: bool, of the same shape; True = observed.
        source: of all randomness.
        batch: number of images per batch.
    """
    means, parts, seconds = [], [], 0.0
    for pair in zip(original.split(batch), observed.split(batch), strict=True):
        masked = Masked(*pair).to(source.device)
        start = time.perf_counter()
        *_, last = method.run(masked, source)
        means.append(last.mean.to(original.device))  # waits until an accelerator is done
        seconds += time.perf_counter() - start
        parts.append(last)
    return Filled(original, observed, torch.cat(means), parts, seconds / len(original))


def ink_counts(guess: Tensor, original: Tensor, observed: Tensor) -> Tensor:
    """Numbers of true positives and wrong pixels among the hidden pixels of N images, (N, 2)."""
    ink, true, hidden = guess > 0.5, original > 0.5, ~observed
    tp = (ink & true & hidden).flatten(1).sum(1)
    wrong = ((ink != true) & hidden).flatten(1).sum(1)
    return torch.stack([tp, wrong], 1)


def f1_and_error(counts: Tensor, groups: Tensor | None = None) -> tuple[float, float]:
    """F1 from the `ink_counts` (N, 2) of N images, and its jackknife error.

    Args:
        counts: the counts.
        groups: (N,) integers, which images are dependent; the jackknife leaves out one group at a
            time. None = none are.
    """
    counts = _totals(counts, groups)
    total = counts.sum(0)
    return _f1(total).item(), metrics.leave_one_out_error(_f1(total - counts)).item()


def difference_of_f1(
    counts: Tensor, others: Tensor, groups: Tensor | None = None
) -> tuple[float, float]:
    """F1 of `counts` minus F1 of `others`, for the same N images, and its jackknife error.

    An image that is hard for one method tends to be hard for the other. The error of the
    difference is therefore often smaller than the error of either F1. `groups` as in
    `f1_and_error`.
    """
    counts, others = _totals(counts, groups), _totals(others, groups)
    total, other = counts.sum(0), others.sum(0)
    left = _f1(total - counts) - _f1(other - others)
    return (_f1(total) - _f1(other)).item(), metrics.leave_one_out_error(left).item()


def _totals(counts: Tensor, groups: Tensor | None) -> Tensor:
    """Counts (N, 2) summed over each group, (G, 2)."""
    if groups is None:
        return counts
    names, group = groups.to(counts.device).unique(return_inverse=True)
    return counts.new_zeros(len(names), 2).index_add(0, group, counts)


def _f1(counts: Tensor) -> Tensor:
    """2 TP / (2 TP + wrong); (…, 2) → (…)."""
    tp, wrong = counts.double().unbind(-1)
    return 2 * tp / (2 * tp + wrong)
