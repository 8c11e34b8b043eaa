"""not-MIWAE: gradients, saving, and training where MIWAE is biased."""

from __future__ import annotations

from itertools import count

import pytest
import torch
from torch import Tensor, nn

from dgm_core.imputers.completions import CompletionImputer
from dgm_core.missing.base import MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import linear_networks, tanh_networks
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.training import Schedule, fit
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Masked
from tests.linear_table import SelfMasking, standard_errors_off


def built(make: type = NotMIWAE, *, linear: bool = False, **more: object) -> MIWAE:
    networks = linear_networks if linear else tanh_networks
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(**networks(4, hidden=8), **more).double()


def table(rows: int = 6) -> Masked:
    x = torch.randn(rows, 4, generator=generator(0), dtype=torch.float64)
    return Masked(x, torch.rand(x.shape, generator=generator(1)) < 0.6)


@pytest.mark.parametrize("linear", [False, True])
def test_gradients_of_the_bound_reach_every_parameter(linear: bool) -> None:
    process = SelfMasking([0.5] * 4, [0.1] * 4)
    model = built(linear=linear, missing_process=process)
    negative_completion_bound(5)(model, table(), generator(2)).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {
        "encoder",
        "decoder",
        "missing_process",
        *(["likelihood"] if linear else []),
    }


def test_the_sizes_are_those_of_the_protocol() -> None:
    parts = tanh_networks(10)
    assert parts["latent_dim"] == 9
    widths = [layer.out_features for layer in parts["encoder"] if isinstance(layer, nn.Linear)]
    assert widths == [128, 128, 18]
    assert tanh_networks(1)["latent_dim"] == 1
    distribution = built(linear=True, missing_process=SelfMasking([0.5] * 4, [0.0] * 4)).decode(
        torch.zeros(3, 3).double()
    )
    assert len(distribution.variance.unique()) == 1


def test_bound_and_gradient_by_finite_differences() -> None:
    model = built(linear=True, missing_process=SelfMasking([0.5] * 4, [0.1] * 4))
    objective = negative_completion_bound(3)

    def loss() -> Tensor:
        return objective(model, table(), generator(3))

    loss().backward()
    for parameter in (model.decoder.weight, model.missing_process.weight):
        slope = parameter.grad.flatten()[1].item()
        with torch.no_grad():
            ends = []
            for h in (1e-6, -2e-6):
                parameter.view(-1)[1] += h
                ends.append(loss().item())
            parameter.view(-1)[1] += 1e-6
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_the_process_is_a_missing_process_and_is_saved_with_the_weights() -> None:
    model = built(missing_process=SelfMasking([0.5] * 4, [0.1] * 4))
    assert isinstance(model.missing_process, MissingProcess)
    other = built(missing_process=SelfMasking([0.0] * 4, [0.0] * 4))
    other.load_state_dict(model.state_dict())
    ours, theirs = (
        weighted_completions(each, table(), 5, generator(4)).bound for each in (model, other)
    )
    assert torch.equal(ours, theirs)


def test_the_imputer_keeps_observed_values_and_gives_the_same_result_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masked = table(7)
    imputer = CompletionImputer(
        built(missing_process=SelfMasking([0.5] * 4, [0.1] * 4)), samples=500, draws=6
    )
    *_, whole = imputer.run(masked, generator(5))
    monkeypatch.setattr("dgm_core.imputers.completions.ENTRIES_AT_ONCE", 500 * 4 * 3)
    *_, pieces = imputer.run(masked, generator(5))
    for imputation in (whole, pieces):
        for filled in (imputation.mean, *imputation.draws, *imputation.parts["median"]):
            assert torch.equal(filled[masked.observed], masked.x[masked.observed])
        assert (imputation.variance[~masked.observed] > 0).all()
        assert imputation.diagnostics["ESS"].shape == (7,)
    spread = whole.variance.sqrt()
    assert ((whole.mean - pieces.mean).abs() <= 0.5 * spread + 1e-9).all()


class KnownSign(SelfMasking):
    """Large values of column 0 are missing; column 1 is always observed."""

    def __init__(self) -> None:
        super().__init__([1.0, 0.0], [0.0, 0.0])

    def logits(self, x: Tensor) -> Tensor:
        seen = -nn.functional.softplus(self.weight[0]) * (x[..., 0] - self.centre[0])
        return torch.stack([seen, torch.full_like(seen, 10.0)], -1)


@pytest.mark.slow
def test_not_miwae_is_unbiased_where_miwae_is_not() -> None:
    """Four data sets: the mean error of the imputed column, in standard errors over them."""
    errors: dict[str, list[Tensor]] = {"MIWAE": [], "not-MIWAE": []}
    for seed in range(4):
        source = generator(seed)
        z, noise = (torch.randn(2000, n, generator=source).double() for n in (1, 2))
        x = z + 0.6 * noise
        seen = torch.rand(2000, generator=source) < torch.sigmoid(-1.5 * x[:, 0])
        masked = Masked(x, torch.stack([seen, torch.ones_like(seen)], 1))
        for name in errors:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                parts = linear_networks(2, hidden=16)
                model = (
                    MIWAE(**parts)
                    if name == "MIWAE"
                    else NotMIWAE(**parts, missing_process=KnownSign())
                ).double()
            schedule = Schedule(60, 500, 3e-2, seed=seed)
            objective = negative_completion_bound(10)
            epochs = count()  # each epoch improves on the previous one: keep the last weights
            for _ in fit(model, objective, masked, lambda _, n=epochs: next(n), schedule):
                pass
            *_, imputation = CompletionImputer(model, 200, 1).run(masked, source)
            errors[name].append((imputation.mean - x)[~seen, 0].mean())
    biased, unbiased = (torch.stack(errors[name]) for name in errors)
    assert biased.mean() < -0.25
    assert standard_errors_off(biased, 0.0) > 20
    assert standard_errors_off(unbiased, 0.0) < 5
    assert unbiased.mean().abs() < 0.15 * biased.mean().abs()
