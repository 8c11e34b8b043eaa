"""Scores of a point estimate (B, \\*event) against the true values; one per row, (B,)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dgm_core.metrics.hidden import hidden_mean, hidden_sum


def f1_hidden(ink: Tensor, true_values: Tensor, observed: Tensor, event_dims: int = 3) -> Tensor:
    """F1 score of ink over the hidden pixels, 2 TP / (2 TP + FP + FN).

    The counts are pooled over the last `event_dims` dimensions; leading dimensions stay. F1 is 1
    if neither the estimate nor the original has ink.

    Args:
        ink: estimated pixels, bool or in [0, 1] (above ½ is ink): a draw or a posterior mean.
        true_values: original pixels, in the same form; broadcasts against `ink`.
        observed: bool; broadcasts.
        event_dims: number of trailing dimensions of one image.
    """
    dims = tuple(range(-event_dims, 0))
    estimated, true, hidden = _as_ink(ink), _as_ink(true_values), ~observed
    true_positive = (estimated & true & hidden).sum(dims)
    wrong = ((estimated != true) & hidden).sum(dims)  # false positives and false negatives
    denominator = 2 * true_positive + wrong
    score = 2 * true_positive / denominator.clamp_min(1)
    return score.where(denominator > 0, 1.0)


def _as_ink(pixels: Tensor) -> Tensor:
    return pixels if pixels.dtype == torch.bool else pixels > 0.5


def sse_hidden(estimate: Tensor, true_values: Tensor, observed: Tensor) -> Tensor:
    """Σ (x̂ − x)² over the hidden entries of each row, (B,); 0 if none is hidden."""
    return hidden_sum((estimate - true_values).square(), observed)


def mse_hidden(estimate: Tensor, true_values: Tensor, observed: Tensor) -> Tensor:
    """Mean of (x̂ − x)² over the hidden entries of each row, (B,); NaN if none is.

    Example:
        >>> estimate, true_values = torch.tensor([[0.5, 9.0]]), torch.tensor([[1.0, 0.0]])
        >>> mse_hidden(estimate, true_values, torch.tensor([[False, True]]))
        tensor([0.2500])
    """
    return hidden_mean((estimate - true_values).square(), observed)


def psnr_hidden(estimate: Tensor, true_values: Tensor, observed: Tensor) -> Tensor:
    """−10 log₁₀ MSE over the hidden entries, (B,), in dB for a peak of 1; infinite if exact."""
    return -10 * mse_hidden(estimate, true_values, observed).log10()


def ssim_hidden(estimate: Tensor, true_values: Tensor, observed: Tensor) -> Tensor:
    """Structural similarity of completed image and original over the hidden pixels, (B,).

    With means, variances and covariance of the two images in a window around each pixel,

        (2 μ_x μ_y + C₁) (2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁) (σ_x² + σ_y² + C₂)),

    C₁ = 0.01², C₂ = 0.03² (Wang, Bovik, Sheikh & Simoncelli 2004). The window is uniform, 7×7 and
    mirrored at the border; (co)variances divide by 48. Each channel is a separate image. Windows
    include observed pixels, which are those of the original in both images.

    Args:
        estimate, true_values: (B, C, H, W), H and W at least 7, levels in [0, 1].
        observed: bool; broadcasts.

    Returns:
        Mean over the hidden entries; NaN if none is hidden.

    Raises:
        ValueError: the images are smaller than the window.
    """
    from skimage.metrics import structural_similarity  # costs a second of start-up

    if min(true_values.shape[-2:]) < 7:
        raise ValueError(f"expected images of at least 7×7 pixels, got {tuple(true_values.shape)}")
    completed = torch.where(observed, true_values, estimate)
    layers = (each.flatten(0, 1).double().cpu().numpy() for each in (true_values, completed))
    # With full=True the result is the mean and the map.
    result: Any = structural_similarity(*layers, channel_axis=0, data_range=1.0, full=True)
    similarity = torch.from_numpy(result[1]).to(true_values).view_as(true_values)
    return hidden_mean(similarity, observed)
