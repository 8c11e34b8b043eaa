"""The plane of two latents shows the densities of the model and the moves of the samplers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from dgm_core.bounds.quadrature import Plane, log_evidence
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.vae import VAE
from dgm_core.rng import generator, normal
from dgm_core.samplers import CATALOGUE, INITIALISATIONS
from dgm_core.samplers.chains import run as run_chains
from dgm_core.studies.inpainting.two_samplers import pack
from dgm_core.studies.likelihood import latent_plane
from dgm_core.studies.likelihood.latent_plane import (
    SAMPLERS,
    Config,
    Frame,
    Landscape,
    Result,
    Window,
)
from dgm_core.types import Masked


def model() -> VAE:
    """A model whose posteriors are neither points nor the prior."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = fully_connected_dlvm(latent_dim=2, hidden=16).eval().requires_grad_(False)
    last = next(part for part in reversed(list(made.decoder)) if isinstance(part, nn.Linear))
    last.weight.mul_(1.5)
    return made


def config(**changes: object) -> Config:
    pixels = np.random.default_rng(0).random((28, 28))
    hidden = np.zeros((28, 28), bool)
    hidden[:14] = True
    base = Config("any", pack(pixels < 0.5), pack(hidden), iterations=6, warmup=2, side=61)
    return replace(base, **changes)


def results(changed: Config) -> tuple[Landscape, list[Frame], Result]:
    first, *frames, last = latent_plane.run(changed, model())
    return first, frames, last


def test_the_posterior_given_fewer_pixels_matches_the_grid_and_is_wider() -> None:
    ground, _, _ = results(config(samplers=(), iterations=1, warmup=0))
    x, observed = config().x, config().observed
    exact = log_evidence(model(), Masked(x, observed), tolerance=1e-5).value.item()
    assert abs(ground.seen.log_evidence - exact) < 1e-3
    assert ground.seen.entropy > ground.whole.entropy + 0.1
    cell = (ground.across[1] - ground.across[0]) * (ground.up[1] - ground.up[0])
    for density in (ground.seen.log_density, ground.log_average):
        assert abs(density.exp().sum() * cell - 1) < 0.03
    window = ground.seen.window
    fine = (window.across[1] - window.across[0]) * (window.up[1] - window.up[0])
    assert abs(window.log_density.exp().sum() * fine - 1) < 1e-6
    # Half of the pixels are hidden; the mean image is that of the model at the posterior.
    plane = Plane(model(), window.across, window.up)
    mean, covariance = plane.moments(window.log_density[None])
    torch.testing.assert_close(ground.seen.exact.mean, mean[0])
    torch.testing.assert_close(ground.seen.exact.covariance, covariance[0])
    probability = window.log_density.flatten().softmax(0)
    image = torch.einsum("n,nchw->chw", probability.float(), model().decode(plane.z).mean)
    torch.testing.assert_close(ground.seen.mean_image, image, rtol=0, atol=1e-5)


def test_hiding_nothing_changes_nothing_and_hiding_all_leaves_the_prior() -> None:
    nothing = config(hidden=pack(np.zeros((28, 28), bool)), samplers=(), iterations=1, warmup=0)
    ground, _, _ = results(nothing)
    torch.testing.assert_close(ground.seen.log_density, ground.whole.log_density)
    torch.testing.assert_close(ground.of_zeros.mean, ground.of_whole.mean)
    all_hidden = replace(nothing, hidden=pack(np.ones((28, 28), bool)), reach=6.0)
    ground, _, _ = results(all_hidden)
    assert abs(ground.seen.log_evidence) < 1e-4
    torch.testing.assert_close(ground.seen.exact.mean, torch.zeros(2).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        ground.seen.exact.covariance, torch.eye(2).double(), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "LAIR"])
def test_proposals_are_those_that_the_sampler_made(name: str) -> None:
    """The same sampler run by hand; its proposal distribution follows from the previous state."""
    chosen = config(samplers=(name,), warmup=0, chains=3)
    _, _, result = results(chosen)
    masked = Masked(chosen.x, chosen.observed).repeat(3)
    start = INITIALISATIONS[chosen.initialisation]
    sampler, source = CATALOGUE[name](model(), masked, start), generator(chosen.seed)
    with torch.inference_mode():
        state = CATALOGUE["pseudo-Gibbs"](model(), masked, start).init(source)
    for step, moved in zip(
        run_chains(sampler, source, 6, state=state), result.moves[name], strict=True
    ):
        assert torch.equal(moved.before, state.z)
        assert torch.equal(moved.after, step.state.z)
        assert torch.equal(moved.x, step.state.x)
        expected = torch.where(moved.accepted[:, None], moved.proposed, moved.before)
        assert torch.equal(moved.after, expected)
        if name != "collapsed Metropolis":  # it proposes from an earlier completion
            distribution = model().encode(state.x)
            torch.testing.assert_close(moved.proposal.mean, distribution.mean)
            torch.testing.assert_close(moved.proposal.covariance, distribution.covariance_matrix)
        state = step.state


def test_proposals_follow_the_gaussians_that_are_shown_with_them() -> None:
    for name in ("pseudo-Gibbs", "Metropolis-within-Gibbs", "LAIR"):
        chosen = config(samplers=(name,), iterations=150, chains=16)
        _, _, result = results(chosen)
        squares = []
        for moved in result.moves[name][2:]:
            distribution = MultivariateNormal(moved.proposal.mean, moved.proposal.covariance)
            off = moved.proposed[: len(moved.proposal.mean)] - distribution.mean
            standard = torch.linalg.solve_triangular(
                distribution.scale_tril, off[..., None], upper=False
            )
            squares.append(standard.square().sum((1, 2)))
        # χ² with two degrees of freedom: mean 2, variance 4.
        squares = torch.cat(squares)
        assert abs(squares.mean() - 2) < 5 * 2 / len(squares) ** 0.5, name


def test_rejected_proposals_are_kept_too_and_lair_weights_sum_to_one() -> None:
    _, frames, result = results(config(iterations=40))
    metropolis = result.moves["Metropolis-within-Gibbs"][2:]
    refused = torch.cat([each.proposed[~each.accepted] for each in metropolis])
    assert len(refused)
    lair = result.moves["LAIR"][-1]
    assert lair.proposed.shape == (4 + 1, 2)
    torch.testing.assert_close(lair.log_ratio.exp().sum().item(), 1.0)
    assert lair.accepted.any()
    assert [frame.warming_up for frame in frames[:3]] == [True, True, False]
    assert set(frames[-1].moves) == set(latent_plane.SAMPLERS)
    again = results(config(iterations=40))[2]
    assert torch.equal(again.moves["LAIR"][-1].after, lair.after)


class Crude(nn.Module):
    """The test model with a deliberately wrong encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = model()
        self.prior, self.decode = self.inner.prior, self.inner.decode

    def encode(self, x: Tensor) -> MultivariateNormal:
        distribution = self.inner.encode(x)
        spread = 0.5 * torch.eye(2).expand(len(x), 2, 2)
        return MultivariateNormal(distribution.mean + 0.3, spread)


def test_metropolis_converges_to_the_exact_posterior_and_pseudo_gibbs_does_not() -> None:
    chosen = config(
        samplers=("pseudo-Gibbs", "Metropolis-within-Gibbs"),
        iterations=700,
        warmup=100,
        chains=16,
        completions=8,
    )
    *_, result = latent_plane.run(chosen, Crude())
    off = result.total_variation
    assert off["Metropolis-within-Gibbs"] < 0.1
    assert off["pseudo-Gibbs"] > 0.2


def test_total_variation_of_known_densities_is_exact() -> None:
    axis = torch.linspace(-5, 5, 121, dtype=torch.float64)
    up, across = torch.meshgrid(axis, axis, indexing="ij")
    window = Window(axis, axis, -0.5 * (up.square() + across.square()))
    z = normal((40_000, 2), generator(0), torch.float64)
    alike = latent_plane.total_variation(z, window)
    assert alike < 0.03
    shifted = latent_plane.total_variation(z + torch.tensor([1.0, 0.0]), window)
    assert abs(shifted - 0.383) < 0.03  # 2 Φ(½) − 1
    assert latent_plane.total_variation(z + 100, window) > 1 - 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chains": 0}, "expected chains from 1 to 16, got 0"),
        ({"samplers": ("Gibbs",)}, "expected a sampler of .*, got 'Gibbs'"),
        ({"initialisation": "noise"}, "expected an initialisation of .*, got 'noise'"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**change)
