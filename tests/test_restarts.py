"""Trainings side by side are, to rounding, the same trainings one after another."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import tanh_networks
from dgm_core.objectives import negative_completion_bound
from dgm_core.restarts import Restarts, on_each
from dgm_core.rng import generator
from dgm_core.training import Schedule, fit
from dgm_core.types import Masked
from tests.linear_table import SelfMasking


def built(seed: int) -> NotMIWAE:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        process = SelfMasking([0.3 * seed] * 3, [0.1] * 3)
        return NotMIWAE(**tanh_networks(3, hidden=6), missing_process=process).double()


def table() -> Masked:
    x = torch.randn(40, 3, generator=generator(0), dtype=torch.float64)
    return Masked(x, torch.rand(x.shape, generator=generator(1)) < 0.7)


def bound_without_noise(model: NotMIWAE, rows: Masked, _: torch.Generator) -> Tensor:
    """A loss with all the networks and no random number."""
    z = model.encode_incomplete(rows).mean
    x = rows.complete(model.decode(z).mean)
    log_p = model.missing_process.log_prob(rows.observed, x) + model.decode(z).log_prob(rows.x)
    return -(log_p + model.prior().log_prob(z)).mean()


def test_members_come_back_as_they_went_in() -> None:
    models = [built(seed) for seed in range(3)]
    several = Restarts(models)
    assert len(several) == 3
    for before, after in zip(models, several.members(), strict=True):
        assert not after.training
        for name, value in before.state_dict().items():
            assert torch.equal(after.state_dict()[name], value), name
    with pytest.raises(ValueError, match="at least one"):
        Restarts([])


def test_training_together_is_training_apart() -> None:
    models = [built(seed) for seed in range(3)]
    several = Restarts(models)
    together = torch.optim.Adam(several.parameters(), 1e-2)
    for start in range(0, 40, 8):
        batch = table()[start : start + 8]
        losses = several.losses(bound_without_noise, batch, generator(2))
        together.zero_grad()
        losses.sum().backward()
        together.step()
    for model, other in zip(models, several.members(), strict=True):
        alone = torch.optim.Adam(model.parameters(), 1e-2)
        for start in range(0, 40, 8):
            alone.zero_grad()
            bound_without_noise(model, table()[start : start + 8], generator(2)).backward()
            alone.step()
        for name, value in model.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-9, atol=1e-9)


def test_members_draw_noise_of_their_own() -> None:
    several = Restarts([built(1), built(1)])
    first, second = several.losses(negative_completion_bound(5), table(), generator(3))
    assert first != second
    again = several.losses(negative_completion_bound(5), table(), generator(3))
    assert torch.equal(again, torch.stack([first, second]))


def test_fit_takes_them_as_one_model() -> None:
    several = Restarts([built(seed) for seed in range(2)])
    objective = negative_completion_bound(5)

    @torch.no_grad()
    def validate(model: nn.Module) -> float:
        return -model.losses(objective, table(), generator(4)).mean().item()

    before = validate(several)
    for _ in fit(several, on_each(objective), table(), validate, Schedule(15, 10, 1e-2)):
        pass
    assert validate(several) > before + 0.1
    assert isinstance(several.members()[1], NotMIWAE)
