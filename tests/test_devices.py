"""Samplers, imputers and training on the CPU and, where there is one, on a GPU (cuda)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dgm_core.device import device_of
from dgm_core.estimators import MIWAEImputer
from dgm_core.imputers import LAIR, HamiltonianMonteCarlo, MIWAEInpainter
from dgm_core.models.dlvm import convolutional_dlvm
from dgm_core.models.miwae import fully_connected_miwae
from dgm_core.models.partial import PartiallyEncoded, convolutional_partial_encoder
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE
from dgm_core.training import Schedule, fit, latest_weights, losses
from dgm_core.types import Masked

DEVICES = (
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="there is no GPU on this machine"
        ),
    ),
)


def both(device: str) -> PartiallyEncoded:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = PartiallyEncoded(
            convolutional_dlvm(4, 4, 16), convolutional_partial_encoder(4, 4, 16)
        )
        return model.eval().requires_grad_(False).to(device)


def halves(device: str, rows: int = 3) -> Masked:
    x = (torch.rand(rows, 1, 28, 28, generator=generator(0)) < 0.3).float()
    observed = torch.zeros_like(x, dtype=torch.bool)
    observed[:, :, 14:] = True
    return Masked(x, observed).to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_chain_stays_on_its_device(name: str, device: str) -> None:
    model, masked = both(device), halves(device)
    sampler, source = CATALOGUE[name](model, masked), generator(1, torch.device(device))
    state = sampler.init(source)
    for _ in range(2):
        state, info = sampler.step(state, source)
    for value in (state.x, state.z, state.log_joint, info.accepted):
        assert isinstance(value, Tensor)
        assert value.device.type == device
    assert torch.equal(state.x[masked.observed], masked.x[masked.observed])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (LAIR, {"iterations": 20, "warmup": 4, "completions": 3}),
        (HamiltonianMonteCarlo, {"iterations": 20, "warmup": 5, "chains": 2, "leapfrogs": 2}),
        (MIWAEInpainter, {"samples": 40}),
    ],
)
def test_imputers_give_means_and_draws_on_their_device(
    method: type, settings: dict, device: str
) -> None:
    masked = halves(device)
    imputer = method(both(device), **settings, draws=4)
    *_, found = imputer.run(masked, generator(2, torch.device(device)))
    for value in (found.mean, found.draws):
        assert value.device.type == device
        assert torch.isfinite(value).all()
    assert torch.equal(found.mean[masked.observed], masked.x[masked.observed])


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_latents_have_the_same_densities_on_every_device(device: str) -> None:
    """Sums are in another order on a GPU, so they agree to single precision only."""
    z = torch.randn(50, 4, generator=generator(3))
    x = halves("cpu", 50).x
    here = both("cpu").decode(z).log_prob(x)
    there = both(device).decode(z.to(device)).log_prob(x.to(device))
    torch.testing.assert_close(there.cpu(), here, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("device", DEVICES)
def test_training_lowers_the_loss_on_its_device(device: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = fully_connected_miwae(3, 16).to(device)
    x = halves("cpu", 64).x.to(device)
    schedule = Schedule(epochs=8, batch_size=16, learning_rate=1e-2)
    found = [
        progress.loss
        for progress in fit(model, losses.negative_elbo, x, latest_weights(), schedule)
    ]
    assert device_of(model).type == device
    assert np.mean(found[-4:]) < np.mean(found[:4]) - 5


@pytest.mark.parametrize("device", DEVICES)
def test_tables_are_completed_on_their_device(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGM_DEVICE", device)
    rng = np.random.default_rng(0)
    table = rng.normal(size=(300, 1)) + 0.1 * rng.normal(size=(300, 4))
    hidden = rng.random(table.shape) < 0.2
    imputer = MIWAEImputer(hidden=16, epochs=40, random_state=0)
    filled = imputer.fit_transform(np.where(hidden, np.nan, table))
    assert np.array_equal(filled[~hidden], table[~hidden])
    assert np.sqrt(np.mean((filled - table)[hidden] ** 2)) < 0.7 * table.std()
