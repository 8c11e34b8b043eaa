"""The not-MIWAE study of tables: its mechanism, baselines and rows."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.evaluation import mnar_protocol
from dgm_core.missing.processes import above_the_mean
from dgm_core.models.tabular import LinearPlusNetwork
from dgm_core.rng import generator, normal
from dgm_core.studies.progress import Frame
from dgm_core.types import Masked

QUICK = {"runs": 2, "iterations": 40, "samples": 20}


def rows(*methods: str, table: str = "breast") -> dict[str, mnar_protocol.Row]:
    config = mnar_protocol.Config((table,), methods, **QUICK)
    return {
        item.method: item
        for item in mnar_protocol.run(config)
        if isinstance(item, mnar_protocol.Row)
    }


def test_the_published_numbers_are_read_off_in_their_columns() -> None:
    assert mnar_protocol.PUBLISHED["not-MIWAE, known sign"] == {
        "banknote": (0.74, 0.05),
        "concrete": (1.12, 0.04),
        "red-wine": (1.07, 0.0),
        "white-wine": (1.04, 0.0),
        "yeast": (1.38, 0.02),
        "breast": (0.76, 0.01),
    }
    ours_alone = {"not-MIWAE PPCA, known sign, observed scale"}
    assert set(mnar_protocol.PUBLISHED) - {"mean", "MICE", "missForest-like"} == (
        set(mnar_protocol.METHODS) - ours_alone
    )


def test_the_table_and_its_missing_cells_are_those_of_the_paper() -> None:
    x = mnar_protocol.standardised("breast")
    assert x.shape == (569, 30)
    torch.testing.assert_close(x.mean(0), torch.zeros(30), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.var(0, correction=0), torch.ones(30), atol=1e-3, rtol=0)
    observed = above_the_mean(x)
    assert observed[:, 15:].all()
    assert ((x[:, :15] > x[:, :15].mean(0)) == ~observed[:, :15]).all()


def test_filling_in_the_mean_gives_the_published_error() -> None:
    row = rows("mean")["mean"]
    assert row.rmse == pytest.approx(row.published, abs=0.005)
    assert row.standard_error == 0
    assert math.isnan(row.decoder_rmse)


def test_methods_with_a_common_start_give_different_results() -> None:
    found = rows("not-MIWAE PPCA, known sign", "not-MIWAE, known sign", "PPCA")
    assert [row.runs for row in found.values()] == [2, 2, 2]
    for row in found.values():
        assert len(row.each) == len(row.bounds) == 2
        assert row.rmse == pytest.approx(sum(row.each) / 2, abs=1e-3)
        assert row.standard_error == pytest.approx(abs(row.each[0] - row.each[1]) / 2, abs=1e-3)
    # with the known mechanism, forty iterations are enough to be better
    assert found["not-MIWAE PPCA, known sign"].rmse < found["PPCA"].rmse
    assert found["not-MIWAE, known sign"].each != found["not-MIWAE PPCA, known sign"].each


def test_coverage_and_weights_are_measured_of_models_only() -> None:
    found = rows("not-MIWAE PPCA, known sign", "PPCA", "mean")
    for name in ("not-MIWAE PPCA, known sign", "PPCA"):
        assert 0 < found[name].coverage < 1
        assert 1 <= found[name].ess <= QUICK["samples"]
    assert math.isnan(found["mean"].coverage)
    assert math.isnan(found["mean"].ess)


def test_coverage_is_that_of_the_hidden_entries() -> None:
    x = mnar_protocol.standardised("breast")
    masked = Masked(x, above_the_mean(x))
    model = mnar_protocol._model(mnar_protocol.METHODS["PPCA"], 30, 0)
    (mean, _), _, _ = mnar_protocol._imputed(model, masked, x, 100, 0)
    for true_values, expected in ((mean, 1.0), (mean + 100, 0.0)):
        _, coverage, _ = mnar_protocol._imputed(model, masked, true_values, 100, 0)
        assert coverage == pytest.approx(expected, abs=0.01)
    lower = torch.arange(len(x))[:, None] < len(x) // 2
    _, coverage, _ = mnar_protocol._imputed(
        model, masked, torch.where(lower, mean, mean + 100), 100, 0
    )
    hidden = (~masked.observed).sum(1)
    share = hidden[: len(x) // 2].sum() / hidden.sum()
    assert coverage == pytest.approx(share.item(), abs=0.01)


def test_runs_differ_even_with_equal_initial_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches and noise of the training are those of the run."""
    start = mnar_protocol._model
    monkeypatch.setattr(mnar_protocol, "_model", lambda method, size, seed: start(method, size, 0))
    config = mnar_protocol.Config(("breast",), ("PPCA",), **QUICK)
    x = mnar_protocol.standardised("breast")
    masked = Masked(x, above_the_mean(x))
    *_, models = mnar_protocol._trained(config, mnar_protocol.METHODS["PPCA"], masked, 40, 0, {})
    first, second = (model.decoder.weight for model in models)
    assert not torch.allclose(first, second, atol=1e-3)


def test_a_column_on_its_observed_scale_has_errors_in_the_same_unit() -> None:
    masked = Masked(
        torch.tensor([[1.0, 5.0], [3.0, 9.0], [5.0, 1.0]]),
        torch.tensor([[True, True], [True, False], [True, True]]),
    )
    mean, scale = mnar_protocol._scale_of(masked)
    torch.testing.assert_close(mean, torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(scale, torch.tensor([8 / 3, 4.0]).sqrt())
    names = ("not-MIWAE PPCA, known sign", "not-MIWAE PPCA, known sign, observed scale")
    usual, own = rows(*names).values()
    assert own.each != usual.each
    assert own.rmse < rows("mean")["mean"].rmse


def test_correct_signs_are_counted_only_if_signs_are_learned() -> None:
    found = rows("not-MIWAE PPCA, self-masking", "not-MIWAE PPCA, known sign")
    assert 0 <= found["not-MIWAE PPCA, self-masking"].right_signs <= 1
    assert math.isnan(found["not-MIWAE PPCA, known sign"].right_signs)


def test_a_decoder_around_a_linear_one_starts_as_the_same_function() -> None:
    straight = torch.nn.Linear(3, 5)
    bent = LinearPlusNetwork.around(straight, hidden=8, source=generator(0))
    z = normal((7, 3), generator(1))
    torch.testing.assert_close(bent(z), straight(z))
    bent(z).square().sum().backward()
    assert bent.straight.weight.grad is not None
    assert straight.weight.grad is None


def test_an_unavailable_table_is_skipped(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    monkeypatch.setattr(mnar_protocol.data, "load_table", _absent)
    items = list(mnar_protocol.run(mnar_protocol.Config(("yeast",), ("mean",), **QUICK)))
    assert items == [Frame("yeast is not here", 1.0)]


def _absent(name: str) -> None:
    raise mnar_protocol.data.DataUnavailable(name)


def test_unknown_names_are_named() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        mnar_protocol.Config(tables=("nonsense",))
    with pytest.raises(ValueError, match="magic"):
        mnar_protocol.Config(methods=("magic",))
