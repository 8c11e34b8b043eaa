"""Tables of two columns and one latent, of which everything is known by quadrature.

x = W z + b + σ ε,   hidden column 0,   p(s|x) self-masking
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from dgm_core.distributions.likelihoods import GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.missing.base import MissingProcess
from dgm_core.models.tabular import Networks
from dgm_core.types import Masked

LOADINGS = torch.tensor([0.9, -1.1], dtype=torch.float64)
OFFSET = torch.tensor([0.3, -0.2], dtype=torch.float64)
NOISE = 0.7
COVARIANCE = torch.outer(LOADINGS, LOADINGS) + NOISE**2 * torch.eye(2, dtype=torch.float64)
SEEN = 0.8
"""The value of column 1."""


class SelfMasking(MissingProcess):
    """logit p(s_d = 1|x) = −W_d (x_d − b_d)."""

    def __init__(self, weight: list[float], centre: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))
        self.centre = nn.Parameter(torch.tensor(centre, dtype=torch.float64))

    def logits(self, x: Tensor) -> Tensor:
        return -self.weight * (x - self.centre)

    def log_prob(self, observed: Tensor, x: Tensor) -> Tensor:
        logits = self.logits(x)
        return nn.functional.logsigmoid(torch.where(observed, logits, -logits)).sum(-1)


class Constant(SelfMasking):
    """p(s_d = 1) = σ(logit), whatever x."""

    def __init__(self, logit: float, features: int) -> None:
        super().__init__([logit] * features, [0.0] * features)

    def logits(self, x: Tensor) -> Tensor:
        return self.weight.expand_as(x)


class ExactEncoder(nn.Module):
    """Mean and log scale of p(z

    x_obs), the scale multiplied by `stretch`; has no parameters.
    """

    def __init__(self, stretch: float) -> None:
        super().__init__()
        self.stretch = stretch

    def forward(self, x_and_seen: Tensor) -> Tensor:
        x, seen = x_and_seen.chunk(2, -1)
        precision = 1 + (seen * LOADINGS.square()).sum(-1, keepdim=True) / NOISE**2
        mean = (seen * LOADINGS * (x - OFFSET)).sum(-1, keepdim=True) / NOISE**2 / precision
        return torch.cat([mean, (self.stretch * precision.rsqrt()).log()], -1)


def networks(stretch: float = 1.0) -> Networks:
    """The true decoder with its exact posterior, or with one that is too wide."""
    decoder = nn.Linear(1, 2).double()
    likelihood = GaussianLikelihood(1, 1e-3, link=nn.Identity()).double()
    with torch.no_grad():
        decoder.weight.copy_(LOADINGS[:, None])
        decoder.bias.copy_(OFFSET)
        likelihood.scale.raw.copy_(torch.tensor(NOISE - 1e-3, dtype=torch.float64).expm1().log())
    return {
        "encoder": ExactEncoder(stretch),
        "posterior": DiagonalGaussian(1),
        "decoder": decoder,
        "likelihood": likelihood,
        "latent_dim": 1,
    }


def rows(count: int) -> Masked:
    """Rows with column 1 observed and column 0 hidden."""
    x = torch.tensor([[0.0, SEEN]], dtype=torch.float64).expand(count, 2)
    return Masked(x, torch.tensor([[False, True]]).expand(count, 2))


def log_p_seen() -> Tensor:
    seen = torch.tensor(SEEN, dtype=torch.float64)
    return Normal(OFFSET[1], COVARIANCE[1, 1].sqrt()).log_prob(seen)


def conditional_on_a_grid(process: MissingProcess | None) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x_1, s), and the distribution of x_0 given them: grid (n,) and weights (n,)."""
    grid = torch.linspace(-8, 8, 40_001, dtype=torch.float64)
    x = torch.stack([grid, torch.full_like(grid, SEEN)], 1)
    log_p = MultivariateNormal(OFFSET, COVARIANCE).log_prob(x)
    if process is not None:
        log_p = log_p + process.log_prob(torch.tensor([False, True]).expand_as(x), x).detach()
    log_p = log_p + (grid[1] - grid[0]).log()
    return log_p.logsumexp(0), grid, log_p.softmax(0)


def standard_errors_off(estimates: Tensor, exact: Tensor | float) -> float:
    """Largest distance of the mean of independent estimates (n, …) from `exact`, in SE."""
    error = estimates.std(0) / len(estimates) ** 0.5
    return ((estimates.mean(0) - exact) / error).abs().max().item()
