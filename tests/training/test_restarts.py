"""Trainings side by side equal the same trainings one after another, up to rounding."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import tanh_networks
from dgm_core.rng import generator
from dgm_core.training import (
    GRADIENT_LIMIT,
    Objective,
    Schedule,
    clip_gradients,
    fit,
    latest_weights,
)
from dgm_core.training.losses import negative_completion_bound
from dgm_core.training.restarts import Restarts, on_each, on_own_rows, own_orders
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
    """A loss that uses all networks and no random number."""
    z = model.encode_incomplete(rows).mean
    x = rows.complete(model.decode(z).mean)
    log_p = model.missing_process.log_prob(rows.observed, x) + model.decode(z).log_prob(rows.x)
    return -(log_p + model.prior().log_prob(z)).mean()


def test_members_survive_a_round_trip() -> None:
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


def bound_on_the_table(model: nn.Module, objective: Objective) -> Tensor:
    with torch.no_grad():
        return -objective(model, table(), generator(4))


def steep(model: NotMIWAE) -> NotMIWAE:
    """Parameters with means so wrong that the gradients far exceed the limit."""
    with torch.no_grad():
        model.decoder[-1].bias[:3] = 30.0
    return model


@pytest.mark.parametrize("patience", [None, 2])
def test_each_member_equals_a_training_alone(patience: int | None) -> None:
    """With noise, clipped gradients, and separate best and last epochs per member."""
    models = [built(0), steep(built(1)), built(2)]
    objective = negative_completion_bound(5)
    schedule = Schedule(12, 10, 0.2, patience=patience)  # a rate at which the bound also falls

    several = Restarts(models)
    each = on_each(objective)
    norms = gradient_norms(several, each)
    assert norms[1] > 5 * GRADIENT_LIMIT > 5 * norms[0]
    for _ in fit(several, each, table(), lambda m: bound_on_the_table(m, each), schedule):
        pass
    epochs = set()
    for model, other in zip(models, several.members(), strict=True):
        run = fit(model, objective, table(), lambda m: bound_on_the_table(m, objective), schedule)
        *_, last = run
        epochs.add(last.epoch)
        assert last.best == pytest.approx(bound_on_the_table(other, objective).item(), rel=1e-6)
        for name, value in model.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-5, atol=1e-5)
    assert len(epochs) > 1 or patience is None


def gradient_norms(several: Restarts, objective: Objective) -> Tensor:
    gradients = torch.autograd.grad(
        objective(several, table(), generator(0)).sum(), list(several.parameters())
    )
    return torch.stack([each.flatten(1).norm(dim=1) for each in gradients]).norm(dim=0)


def test_a_member_without_a_finite_loss_does_not_affect_the_others() -> None:
    models = [built(0), built(1)]
    with torch.no_grad():
        models[1].decoder[-1].bias.fill_(torch.nan)
    objective = negative_completion_bound(5)
    schedule, each = Schedule(3, 10, 1e-2), on_each(objective)
    several = Restarts(models)
    *_, last = fit(several, each, table(), lambda m: bound_on_the_table(m, each), schedule)
    whole, _ = several.members()
    for _ in fit(
        models[0], objective, table(), lambda m: bound_on_the_table(m, objective), schedule
    ):
        pass
    torch.testing.assert_close(whole.state_dict(), models[0].state_dict())
    assert last.best == pytest.approx(bound_on_the_table(whole, objective).item())
    assert math.isfinite(last.loss)


def test_gradients_are_clipped_member_by_member() -> None:
    parameters = [nn.Parameter(torch.zeros(2, *rest)) for rest in ((3,), (4, 5), ())]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator(0)) * torch.tensor([1e-3, 10.0]).reshape(
            -1, *[1] * (p.dim() - 1)
        )
    before = [p.grad.clone() for p in parameters]
    clip_gradients(parameters, 1.0, stacked=True)
    for member in range(2):
        alone = [nn.Parameter(p[member].detach()) for p in parameters]
        for p, grad in zip(alone, before, strict=True):
            p.grad = grad[member].clone()
        nn.utils.clip_grad_norm_(alone, 1.0)
        for p, together in zip(alone, parameters, strict=True):
            torch.testing.assert_close(together.grad[member], p.grad)
    assert torch.equal(parameters[0].grad[0], before[0][0])


def test_each_member_may_have_its_own_rows_and_noise() -> None:
    models, orders = [built(seed) for seed in range(3)], own_orders(40, [5, 6, 7])
    assert all(sorted(orders[:, member].tolist()) == list(range(40)) for member in range(3))
    rows = orders[:8]
    losses = Restarts(models).losses_of_own_rows(bound_without_noise, table(), rows, generator(2))
    for number, model in enumerate(models):
        alone = bound_without_noise(model, table()[rows[:, number]], generator(2))
        torch.testing.assert_close(losses[number], alone, rtol=1e-9, atol=1e-9)
    # the same model on the same rows: only the noise differs
    same, bound = Restarts([models[1]] * 3), negative_completion_bound(5)
    noisy = same.losses_of_own_rows(bound, table(), rows[:, :1].expand(-1, 3), generator(2))
    assert len(set(noisy.tolist())) == 3


def test_training_on_own_rows_lowers_the_loss_of_each_member() -> None:
    several, bound = Restarts([built(seed) for seed in range(2)]), negative_completion_bound(5)
    before = [-bound_on_the_table(model, bound) for model in several.members()]
    for _ in fit(
        several,
        on_own_rows(bound, table()),
        own_orders(40, [1, 2]),
        latest_weights(2),
        Schedule(20, 10, 1e-2),
    ):
        pass
    after = [-bound_on_the_table(model, bound) for model in several.members()]
    assert all(b < a for a, b in zip(before, after, strict=True))
