"""The samplers' histories in the plane, compared with a naive computation from every move."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.vae import VAE
from dgm_core.samplers import log_prob_observed
from dgm_core.studies.inpainting.two_samplers import pack
from dgm_core.studies.likelihood import latent_plane
from dgm_core.studies.likelihood.latent_plane import Config, Landscape, Result
from dgm_core.studies.likelihood.plane_history import Part, highest_density_level, run
from dgm_core.types import Masked


@cache
def model() -> VAE:
    """A model whose posteriors are neither points nor the prior."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = fully_connected_dlvm(latent_dim=2, hidden=16).eval().requires_grad_(False)
    last = next(part for part in reversed(list(made.decoder)) if isinstance(part, nn.Linear))
    last.weight.mul_(1.5)
    return made


def config() -> Config:
    pixels = np.random.default_rng(0).random((28, 28))
    hidden = np.zeros((28, 28), bool)
    hidden[:14] = True
    return Config("any", pack(pixels < 0.5), pack(hidden), iterations=17, warmup=5, side=61)


@cache
def items() -> tuple[Landscape, list[Part], Result]:
    first, *parts, last = run(config(), model(), together=5)
    return first, parts, last


def test_parts_hold_every_move_once_and_in_order() -> None:
    _, parts, result = items()
    assert [(part.start, part.end) for part in parts] == [(0, 5), (5, 10), (10, 15), (15, 17)]
    for name, every in result.moves.items():
        after = torch.cat([part.histories[name].moves.after for part in parts])
        assert torch.equal(after, torch.stack([each.after for each in every]))
        ratios = [part.histories[name].moves.log_ratio for part in parts]
        whole = [row[~row.isnan()] for part in ratios for row in part]
        for found, each in zip(whole, every, strict=True):
            assert torch.equal(found, each.log_ratio)


def test_log_posteriors_are_the_model_s_over_the_evidence_of_the_grid() -> None:
    ground, parts, _ = items()
    masked = Masked(config().x, config().observed)
    for name, history in parts[2].histories.items():
        for t in range(5):
            for chain in range(config().chains):
                z = history.moves.after[t, chain][None]
                exact = log_prob_observed(model().decode(z), masked) + model().prior().log_prob(z)
                expected = exact.item() - ground.seen.log_evidence
                found = history.log_posterior[t, chain].item()
                assert abs(found - expected) < 1e-3, name
    # Near a point of the window's grid, the log posterior is close to the value there.
    window = ground.seen.window
    z = parts[-1].histories["LAIR"].moves.after[-1, 0]
    row = (window.up - z[1]).abs().argmin()
    column = (window.across - z[0]).abs().argmin()
    near = window.log_density[row, column]
    assert abs(near - parts[-1].histories["LAIR"].log_posterior[-1, 0]) < 0.5


def test_distances_are_those_of_all_draws_so_far() -> None:
    ground, parts, result = items()
    for name, every in result.moves.items():
        assert np.isnan(parts[0].histories[name].distance)
        for part in parts[1:]:
            z = torch.cat([each.after for each in every[config().warmup : part.end]])
            expected = latent_plane.total_variation(z, ground.seen.window)
            assert part.histories[name].distance == pytest.approx(expected)
        assert parts[-1].histories[name].distance == result.total_variation[name]


def test_acceptance_rates_are_those_of_a_count() -> None:
    _, parts, result = items()
    taken = {
        name: torch.cat([part.histories[name].taken for part in parts]) for name in result.moves
    }
    assert (taken["pseudo-Gibbs"] == 1).all()
    metropolis = [each.accepted.float().mean() for each in result.moves["Metropolis-within-Gibbs"]]
    assert torch.equal(taken["Metropolis-within-Gibbs"], torch.stack(metropolis))
    for t in range(5, 17):
        weights = result.moves["LAIR"][t].log_ratio.exp()
        expected = 1 / weights.square().sum() / len(weights)
        assert taken["LAIR"][t] == pytest.approx(expected.item(), rel=1e-4)


def test_regions_of_highest_density_of_a_gaussian_are_exact() -> None:
    axis = torch.linspace(-6, 6, 301, dtype=torch.float64)
    up, across = torch.meshgrid(axis, axis, indexing="ij")
    log_density = -0.5 * (up.square() + (across / 0.5).square()) + 3
    for fraction in (0.5, 0.95):
        # For a Gaussian in the plane, −2 (log p − log p_max) is χ² with two degrees of freedom.
        expected = 3 + np.log(1 - fraction)
        assert abs(highest_density_level(log_density, fraction) - expected) < 0.01
    with pytest.raises(ValueError, match="expected a fraction between 0 and 1, got 1"):
        highest_density_level(log_density, 1)
