"""Sweeps of the two samplers: numbers, errors, and which rows are measured again."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_core import data
from dgm_core.checkout import ASSETS
from dgm_core.metrics import diagnostics, f1_hidden
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.vae import VAE
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE, INITIALISATIONS, pseudo_gibbs
from dgm_core.studies.inpainting import sampler_rows, sampler_sweeps
from dgm_core.studies.inpainting.filling import difference_of_f1
from dgm_core.studies.inpainting.patterns import MISSING, observed_by
from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS, SWEEPS, Config, Result, Row
from dgm_core.studies.progress import Frame
from dgm_core.types import Masked


@pytest.fixture(scope="module")
def model() -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fully_connected_dlvm(3, 8).eval().requires_grad_(False)


def rows_of(config: Config, model: VAE, known: Sequence[Row] = ()) -> list[Row]:
    *_, result = sampler_sweeps.run(config, model, known)
    assert isinstance(result, Result)
    assert result.config == config
    return result.rows


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_row_equals_a_loop_over_images_and_chains(sampler: str, model: VAE) -> None:
    config = Config("iterations", images=3, chains=2, iterations=60, seed=4)
    row = next(row for row in rows_of(config, model) if row.sampler == sampler)
    assert row.lengths == (50, 60)
    original = data.threshold(data.load("digits", "test").sample(3).x)
    observed = observed_by("top half", original)
    rates, rhats = [], []
    for image in range(3):
        one = Masked(original[image : image + 1], observed[image : image + 1])
        means, draws, accepted, log_joint = [], [], [], []
        for chain in range(2):
            own = (4, "digits", "iterations", "top half", image, chain)
            source = generator(zlib.crc32(repr(own).encode()))
            kernel = CATALOGUE[sampler](model, one, INITIALISATIONS["uniform noise"])
            warm = pseudo_gibbs(model, one)
            state, total = kernel.init(source), 0.0
            for number in range(1, 61):
                state, info = (warm if number <= 30 else kernel).step(state, source)
                if number > 30:
                    total = total + state.likelihood.mean
                    accepted.append(info.accepted.item())
                    log_joint.append(state.log_joint.item())
            means.append(total / 30)
            draws.append(state.x)
        guesses = torch.stack(means).mean(0), draws[0]
        hidden = ~observed[image]
        for at, guess in enumerate(guesses):
            ink, true = guess[0][hidden] > 0.5, original[image][hidden] > 0.5
            expected = [int((ink & true).sum()), int((ink != true).sum())]
            assert row.counts[-1, at, image].tolist() == pytest.approx(expected, abs=1)
        assert row.seen[image] == (original[image][observed[image]] > 0.5).sum()
        rates.append(np.reshape(accepted, (2, 30)).mean(1))
        rhats.append(diagnostics.rhat(torch.tensor(log_joint).double().reshape(2, 30)).item())
    assert row.acceptance[-1] == pytest.approx(np.mean(rates))
    assert row.stuck[-1] == pytest.approx(np.mean(np.array(rates) == 0))
    assert row.rhat[-1] == pytest.approx(np.median(rhats), abs=1e-4)


def test_scores_match_their_definitions() -> None:
    original = (torch.rand(40, 1, 28, 28, generator=generator(0)) < 0.3).float()
    observed = observed_by("60 % at random", original)
    guess = torch.where(
        torch.rand(original.shape, generator=generator(1)) < 0.2, 1 - original, original
    )
    row = row_of(original, observed, guess)
    pooled = f1_hidden(guess, original, observed, event_dims=4).item()
    assert row.f1()[0] == pytest.approx(pooled)
    seen_too = torch.where(observed, original, guess)
    everywhere = f1_hidden(seen_too, original, torch.zeros_like(observed), event_dims=4).item()
    assert row.f1(pixels="all")[0] == pytest.approx(everywhere)
    assert everywhere > pooled + 0.05  # observed ink raises F1
    assert row.f1(pixels="all")[1] < row.f1()[1]


def row_of(original: torch.Tensor, observed: torch.Tensor, guess: torch.Tensor) -> Row:
    counts = sampler_sweeps.ink_counts(guess, original, observed)
    return constructed(counts, ((original > 0.5) & observed).flatten(1).sum(1).numpy())


def constructed(counts: torch.Tensor, seen: np.ndarray | None = None) -> Row:
    """A row with these counts (images, 2)."""
    stored = counts.numpy().astype(np.uint16)
    settings = ("digits", "missing rate", "60 % at random", "pseudo-Gibbs", "60 % at random")
    return Row(
        *settings,
        "zeros",
        0,
        1,
        0,
        (20,),
        (1.0,),
        (0.0,),
        (float("nan"),),
        np.stack([stored, stored])[None],
        np.zeros(len(stored), np.uint16) if seen is None else seen,
    )


def test_a_paired_difference_has_a_smaller_error_and_agrees_with_a_bootstrap() -> None:
    source = generator(2)
    a = torch.randint(1, 80, (300, 2), generator=source)
    b = (a + torch.randint(-1, 3, (300, 2), generator=source)).clamp_min(1)
    difference, error = difference_of_f1(a, b)
    chosen = torch.randint(300, (3000, 300), generator=source)

    def f1(counts: torch.Tensor) -> torch.Tensor:
        tp, wrong = counts.double().unbind(-1)
        return 2 * tp / (2 * tp + wrong)

    again = f1(a[chosen].sum(1)) - f1(b[chosen].sum(1))
    assert difference == pytest.approx((f1(a.sum(0)) - f1(b.sum(0))).item())
    assert error == pytest.approx(again.std().item(), rel=0.1)
    apart = f1(a[chosen].sum(1)).std()
    assert error < 0.5 * apart
    assert difference_of_f1(a, a) == (0.0, 0.0)


def test_errors_are_over_characters_where_drawings_of_one_repeat(tmp_path: Path) -> None:
    """Each of 60 images is drawn four times: the error is that of the 60, not of 240."""
    counts = torch.randint(1, 80, (60, 2), generator=generator(3))
    once = constructed(counts)
    again = constructed(counts.repeat(4, 1))._replace(groups=np.tile(np.arange(60), 4))
    assert again.f1() == pytest.approx(once.f1())
    assert again._replace(groups=None).f1()[1] < 0.6 * once.f1()[1]
    other = once._replace(counts=once.counts[:, :, ::-1])
    others = again._replace(counts=np.tile(other.counts, (1, 1, 4, 1)))
    assert again.f1_difference(others) == pytest.approx(once.f1_difference(other))
    sampler_rows.save([once, again], tmp_path / "rows.npz")
    plain, grouped = sampler_rows.load(tmp_path / "rows.npz")
    assert plain.groups is None
    np.testing.assert_array_equal(grouped.groups, again.groups)
    assert grouped.f1() == again.f1()


def test_shipped_rows_of_omniglot_know_which_drawings_show_one_character() -> None:
    rows = [row for row in sampler_rows.load(SHIPPED) if row.data == "omniglot"]
    assert rows
    assert all(len(np.unique(row.groups)) < row.images for row in rows)


def test_a_row_depends_on_its_own_setting_only(model: VAE) -> None:
    config = Config("missing rate", images=4, iterations=50)
    rows = rows_of(config, model)
    assert [(row.setting, row.sampler) for row in rows] == [
        (name, sampler) for name in MISSING for sampler in SAMPLERS
    ]
    known = [row for row in rows if row.setting != "left half"]
    again = list(sampler_sweeps.run(config, model, known))
    measured = {item.doing for item in again if isinstance(item, Frame)}
    assert measured == {f"left half, {sampler}" for sampler in SAMPLERS}
    for one, other in zip(rows, again[-1].rows, strict=True):
        assert np.array_equal(one.counts, other.counts)
    other_seed = rows_of(replace(config, seed=1), model, rows)
    assert not any(a is b for a, b in zip(rows, other_seed, strict=True))
    done = [item.done for item in again if isinstance(item, Frame)]
    assert done == sorted(done)
    assert 0 < done[-1] <= 1


def test_adding_images_does_not_change_the_first_ones(
    model: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = rows_of(Config("iterations", images=3, iterations=40), model)
    monkeypatch.setattr(sampler_sweeps, "BLOCK", 2)
    many = rows_of(Config("iterations", images=5, iterations=40), model)
    for one, other in zip(few, many, strict=True):
        off = one.counts.astype(int) - other.counts[:, :, :3].astype(int)
        assert abs(off).max() <= 1  # sums in another order


@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_sweep_has_its_settings(sweep: str) -> None:
    settings = Config(sweep).settings()
    assert len({(each.name, each.sampler) for each in settings}) == len(settings)
    varied = {
        "missing rate": {each.pattern for each in settings} == set(MISSING),
        "initialisation": {each.initialisation for each in settings} == set(INITIALISATIONS),
        "warm-up": {each.warmup for each in settings} == {0, 10, 30, 90},
        "iterations": len(settings) == 2,
    }
    assert varied[sweep]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"sweep": "weather"}, "expected a sweep"),
        ({"pattern": "corner"}, "expected a pattern"),
        ({"images": 1}, "expected images from 2"),
        ({"sweep": "warm-up", "iterations": 90}, "more than 90"),
    ],
)
def test_invalid_settings_raise_a_clear_error(bad: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**bad)


def test_rows_are_unchanged_after_saving_and_loading(tmp_path: Path, model: VAE) -> None:
    rows = rows_of(Config("warm-up", images=2, iterations=100), model)
    path = tmp_path / "rows.npz"
    sampler_rows.save(rows, path)
    for row, read in zip(rows, sampler_rows.load(path), strict=True):
        assert read._replace(counts=None, seen=None, rhat=()) == row._replace(
            counts=None, seen=None, rhat=()
        )
        assert read.entry() == pytest.approx(row.entry(), nan_ok=True)
        assert np.array_equal(read.counts, row.counts)
    assert sampler_rows.load(tmp_path / "none.npz") == []
    assert len(sampler_rows.with_row(rows, rows[1])) == len(rows)


SHIPPED = ASSETS / "sampler_studies.npz"


def test_shipped_rows_are_those_that_the_command_measures() -> None:
    rows = sampler_rows.load(SHIPPED)
    for config in sampler_sweeps.SHIPPED:
        for setting in config.settings():
            assert sum(config.is_of(row, setting) for row in rows) == 1, (config, setting)
    assert all(row.images >= 100 for row in rows)
    table = tomllib.loads(SHIPPED.with_suffix(".toml").read_text(encoding="utf-8"))["sweeps"]
    assert table == [pytest.approx(row.entry(), nan_ok=True) for row in rows]
