"""The DMFA: its distribution follows from the network output, and training converges."""

import pytest
import torch
from torch import nn

from dgm_core.missing import mixed_masks
from dgm_core.models.dmfa import DMFA, unet_dmfa
from dgm_core.rng import generator
from dgm_core.training import losses
from dgm_core.types import Masked


def small(components: int = 2, channels: int = 1) -> DMFA:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = unet_dmfa(channels, components, factors=3, widths=(8, 16), blocks=1)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.1)
    return model.double()


def problem(channels: int = 1, side: int = 28) -> tuple[Masked, torch.Tensor]:
    x = torch.rand(4, channels, side, side, generator=generator(1), dtype=torch.float64)
    observed = mixed_masks.mixed(4, side, side, generator(2)).expand_as(x)
    return Masked(x, observed), x


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (3, 64)])
def test_density_equals_the_dense_gaussian_mixture(channels: int, side: int) -> None:
    masked, x = problem(channels, side)
    model = small(channels=channels)
    distribution = model.conditional(masked)
    for row in range(2):
        hidden = torch.nonzero(~masked.observed[row].flatten())[:, 0][:120]
        few = torch.zeros_like(distribution.hidden)
        few[row, hidden] = True
        narrow = type(distribution)(
            distribution.log_weights,
            distribution.component_mean,
            distribution.loadings,
            distribution.noise,
            few,
        )
        parts = []
        for m in range(2):
            a, d = distribution.loadings[row, m][hidden], distribution.noise[row, m][hidden]
            dense = torch.distributions.MultivariateNormal(
                distribution.component_mean[row, m][hidden], a @ a.T + torch.diag(d)
            )
            parts.append(
                distribution.log_weights[row, m] + dense.log_prob(x[row].flatten()[hidden])
            )
        expected = torch.stack(parts).logsumexp(0)
        found = narrow.log_prob(x.flatten(1))[row]
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


def test_noise_never_falls_below_the_floor_and_weights_sum_to_one() -> None:
    masked, _ = problem()
    model = small()
    for parameter in model.backbone.head.parameters():
        nn.init.constant_(parameter, -50.0)  # as certain as possible
    distribution = model.conditional(masked)
    assert distribution.noise.min() >= model.noise_floor
    torch.testing.assert_close(distribution.log_weights.exp().sum(1), torch.ones(4).double())


def test_hidden_pixels_do_not_reach_the_network() -> None:
    masked, x = problem()
    other = Masked(torch.where(masked.observed, x, 1 - x), masked.observed)
    one, two = small().conditional(masked), small().conditional(other)
    assert torch.equal(one.component_mean, two.component_mean)
    assert torch.equal(one.loadings, two.loadings)


def test_gradients_of_the_loss_reach_every_parameter() -> None:
    model = small()
    loss = losses.dmfa_loss(4.0)(model, problem()[1], generator(0))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_loss_is_the_likelihood_and_the_squared_error_of_the_mean() -> None:
    model, (_, x) = small(), problem()
    observed = mixed_masks.mixed(4, 28, 28, generator(5)).expand_as(x)
    masked = Masked(x, observed)
    distribution = model.conditional(masked)
    guess = masked.complete(distribution.mean.unflatten(1, x.shape[1:]))
    expected = 4 * (guess - x).square().sum((1, 2, 3)) + model.negative_log_likelihood(masked, x)
    found = losses.dmfa_loss(4.0)(model, x, generator(5))
    torch.testing.assert_close(found, expected.mean())


@pytest.mark.slow
def test_training_reaches_the_entropy_of_a_known_distribution() -> None:
    """Images are one grey level, N(½, .1²), with noise of deviation .02 on each pixel: given
    what is seen, the level is known, and log p(x_mis | x_obs) can be written down."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = unet_dmfa(1, components=1, factors=1, widths=(8,), blocks=1)
    source = generator(0)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)

    def images(count: int) -> torch.Tensor:
        level = 0.5 + 0.1 * torch.randn(count, 1, 1, 1, generator=source)
        return level + 0.02 * torch.randn(count, 1, 8, 8, generator=source)

    observed = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    observed[..., 2:6, 2:6] = False
    for step in range(400):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * (1 - step / 400)
        x = images(64)
        loss = model.negative_log_likelihood(Masked(x, observed.expand_as(x)), x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = images(4000)
    with torch.no_grad():
        found = model.negative_log_likelihood(Masked(x, observed.expand_as(x)), x).mean()
    covariance = 0.1**2 + 0.02**2 * torch.eye(64, dtype=torch.float64)
    joint = torch.distributions.MultivariateNormal(torch.zeros(64).double(), covariance).entropy()
    seen = torch.distributions.MultivariateNormal(
        torch.zeros(48).double(), covariance[:48, :48]
    ).entropy()
    entropy = (joint - seen).item()
    assert entropy - 0.5 < found < entropy + 1.0
