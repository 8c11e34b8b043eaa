"""The deep mixture of factor analysers (DMFA): a network that outputs p(x_mis | x_obs).

    f(x · observed, observed) → π_m, μ_m, A_m, d_m
    p(x_mis | x_obs) = Σ_m π_m N(x_mis; μ_m, A_m A_mᵀ + diag(d_m))

The training loss is the negative logarithm of that sum, over the hidden pixels only
(Przewięźlikowski, Śmieja, Struski & Tabor 2020). The variances d have a floor; without one, a
pixel that is always black could have any density.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_core.distributions.gaussian import LowRankMixture
from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.networks import UNet, evaluate
from dgm_core.types import Masked

LOG_VARIANCE = (-14.0, -1.0)
"""Range of log s²: from far below any floor to about the variance of a binary pixel."""


class DMFA(nn.Module):
    """p(x_mis | x_obs) of the hidden pixels of an image.

    Each pixel has a scale s, which its loadings and its noise share: A = s a and
    d = noise floor + s². So the network can make both small with one number.

    Args:
        backbone: (B, 2 C, H, W), pixels in [−1, 1] and mask → (B, `features`(…), H, W).
        image_channels: C.
        components: M.
        factors: R.
        noise_floor: the least variance of a pixel.
    """

    def __init__(
        self,
        backbone: nn.Module,
        image_channels: int,
        components: int,
        factors: int,
        noise_floor: float = IMAGE_VARIANCE_FLOOR,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.image_channels = image_channels
        self.components, self.factors = components, factors
        self.noise_floor = noise_floor

    @staticmethod
    def features(image_channels: int, components: int, factors: int) -> int:
        """Channels of the backbone's output: mean, scale, loadings and log-weight of each m."""
        return components * (image_channels * (2 + factors) + 1)

    def conditional(self, masked: Masked) -> LowRankMixture:
        """p(x_mis | x_obs) of images (B, C, H, W), over their pixels in one row (B, C H W)."""
        observed = masked.observed.to(masked.x.dtype)
        out = evaluate(self.backbone, torch.cat([(2 * masked.x - 1) * observed, observed], 1))
        log_weights, rest = out.split([self.components, out.shape[1] - self.components], 1)
        maps = rest.unflatten(1, (self.components, 2 + self.factors, self.image_channels))
        maps = maps.flatten(3)  # (B, M, 2 + R, D)
        variance = maps[:, :, 1].sub(4).clamp(*LOG_VARIANCE).exp()
        loadings = variance.sqrt()[..., None] * maps[:, :, 2:].mT
        return LowRankMixture(
            log_weights.mean((2, 3)),
            torch.sigmoid(maps[:, :, 0]),
            loadings,
            self.noise_floor + variance,
            ~masked.observed.flatten(1),
        )

    def negative_log_likelihood(self, masked: Masked, original: Tensor) -> Tensor:
        """−log p(x_mis | x_obs) at `original` (B, C, H, W): (B,), nats over the hidden pixels."""
        return -self.conditional(masked).log_prob(original.flatten(1))


def unet_dmfa(
    image_channels: int = 1,
    components: int = 1,
    factors: int = 4,
    widths: tuple[int, ...] = (48, 128),
    blocks: int = 2,
    noise_floor: float = IMAGE_VARIANCE_FLOOR,
) -> DMFA:
    """A DMFA with a U-Net, for 28×28, 32×32 and 64×64 images."""
    features = DMFA.features(image_channels, components, factors)
    backbone = UNet(2 * image_channels, features, tuple(widths), blocks)
    return DMFA(backbone, image_channels, components, factors, noise_floor)
