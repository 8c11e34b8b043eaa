"""Heads that turn a decoder's numbers into the law p(x|z); chosen once, at construction."""

from torch import Tensor, nn

from dgm_core.distributions import BernoulliPixels


class BernoulliLikelihood(nn.Module):
    """p(x|z) = Π_i Bernoulli(x_i; σ(logit_i)): summed, never averaged, over all pixels.

    Made for pixels that are 0 or 1. Grey pixels belong binarised before they come here.
    """

    def forward(self, logits: Tensor) -> BernoulliPixels:
        """Logits (B, \\*event) → a law with batch (B,) and that event."""
        return BernoulliPixels(logits)
