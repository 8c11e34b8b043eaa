"""Published methods in the plain form of public code: what the library's forms are compared with.

Written from the formulas, with the shapes and the operations of the public PyTorch codes of
not-MIWAE and of the exact DLVM samplers: modules of torch, `torch.distributions`, one small
operation after the other. They are correct, so a comparison is of speed alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal

from dgm_core.models.vae import VAE
from dgm_core.networks import SubpixelConvTranspose2d
from dgm_core.types import Masked


class PlainNotMIWAE(nn.Module):
    """not-MIWAE of a table with self-masking, or MIWAE without.

    Args:
        features: D.
        latent_dim: L.
        hidden: units of both hidden layers.
        masking: model p(s|x); False = MIWAE.
    """

    def __init__(
        self, features: int, latent_dim: int, hidden: int = 128, *, masking: bool
    ) -> None:
        super().__init__()

        def body(inputs: int) -> nn.Sequential:
            layers = [nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()]
            return nn.Sequential(*layers)

        self.encoder, self.decoder = body(features), body(latent_dim)
        self.z_mean, self.z_log_variance = (nn.Linear(hidden, latent_dim) for _ in range(2))
        self.x_mean, self.x_scale = (nn.Linear(hidden, features) for _ in range(2))
        self.slope = nn.Parameter(torch.zeros(features)) if masking else None
        self.threshold = nn.Parameter(torch.zeros(features))

    def forward(self, masked: Masked, draws: int) -> tuple[Tensor, Tensor]:
        """Log-weights (B, K) and decoder means (B, K, D)."""
        x, seen = masked.x[:, None], masked.observed[:, None].float()
        features = self.encoder(masked.x)
        spread = torch.exp(0.5 * self.z_log_variance(features))
        proposal = Normal(self.z_mean(features), spread)
        z = proposal.rsample(torch.Size([draws])).transpose(0, 1)  # (B, K, L)
        out = self.decoder(z)
        likelihood = Normal(self.x_mean(out), nn.functional.softplus(self.x_scale(out)) + 1e-3)
        log_w = (likelihood.log_prob(x) * seen).sum(-1)
        log_w = log_w + Normal(torch.zeros_like(z), torch.ones_like(z)).log_prob(z).sum(-1)
        log_w = log_w - proposal.log_prob(z.transpose(0, 1)).transpose(0, 1).sum(-1)
        if self.slope is not None:
            mixed = x * seen + likelihood.rsample() * (1 - seen)
            logits = -self.slope * (mixed - self.threshold)
            log_w = log_w + Bernoulli(logits=logits).log_prob(seen.expand_as(logits)).sum(-1)
        return log_w, likelihood.mean

    def epoch(self, masked: Masked, batch_size: int, draws: int) -> None:
        """Train for one epoch with Adam."""
        optimizer = torch.optim.Adam(self.parameters())
        for rows in torch.randperm(len(masked)).split(batch_size):
            log_w, _ = self(masked[rows], draws)
            loss = -torch.logsumexp(log_w, 1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def impute(self, masked: Masked, samples: int, batch_size: int) -> Tensor:
        """The weighted decoder means of the hidden entries, (N, D)."""
        parts = []
        for start in range(0, len(masked), batch_size):
            rows = masked[start : start + batch_size]
            log_w, mean = self(rows, samples)
            weights = torch.softmax(log_w, 1)
            parts.append(rows.complete((weights[..., None] * mean).sum(1)))
        return torch.cat(parts)


def with_plain_layers(module: nn.Module) -> nn.Module:
    """The module with each sub-pixel convolution replaced by torch's transposed convolution."""
    for name, child in module.named_children():
        if isinstance(child, SubpixelConvTranspose2d):
            plain = nn.ConvTranspose2d(child.in_channels, child.out_channels, 4, 2, 1)
            plain.load_state_dict(child.state_dict())
            setattr(module, name, plain.requires_grad_(False))
        else:
            with_plain_layers(child)
    return module


def plain_pseudo_gibbs_step(model: VAE, x: Tensor, observed: Tensor) -> Tensor:
    """One iteration of pseudo-Gibbs on binary images (B, 1, H, W): the next completed images."""
    mean, log_variance = model.encoder(x).chunk(2, -1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    drawn = torch.bernoulli(torch.sigmoid(model.decoder(z)))
    return torch.where(observed, x, drawn)
