"""Measured bounds in a file, image by image; the small Gaussian decoder with known log p(x)."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from dgm_core.studies.likelihood import bound_files, bounds, gaussian_digits
from dgm_core.studies.likelihood.bound_files import Images
from dgm_core.studies.likelihood.bounds import Config, Line, Result, is_ordered
from dgm_core.studies.likelihood.upper_bounds import upper_bound

NAME = gaussian_digits.NAME
SMALL = Config(draws=(1, 10, 100), temperatures=2, chains=4, most_points=0)
HERE = [name for name in bound_files.names() if bound_files.load(name)]


def measured(count: int) -> dict[str, tuple[Result, Images]]:
    model, found = bound_files.load_model(NAME), {}
    for of in bound_files.SETS:
        images = bound_files.images_of(NAME, of, count, model)
        *_, result = bounds.run(
            SMALL, model, images.x, latents=images.latents, family=bound_files.family_of(NAME)
        )
        found[of] = result, images
    return found


def test_bounds_are_unchanged_after_saving_and_loading(tmp_path: Path) -> None:
    written, path = measured(2), tmp_path / "small.npz"
    bound_files.save(path, NAME, written)
    read = bound_files.load(NAME, path)
    assert list(read) == ["test", "made"]
    for of, (result, _) in written.items():
        found = read[of]
        assert found.config == SMALL
        assert [line[:5] for line in found.lines] == [line[:5] for line in result.lines]
        for a, b in zip(found.lines, result.lines, strict=True):
            if b.each is None:
                assert a.each is None
            else:
                torch.testing.assert_close(a.each, b.each, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(found.ess, result.ess, rtol=1e-6, atol=1e-5)
    assert read["test"].images is None  # test images are never shipped
    torch.testing.assert_close(read["made"].images.x, written["made"][1].x)
    torch.testing.assert_close(read["made"].images.latents, written["made"][1].latents)


def test_lines_of_other_weights_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.npz"
    monkeypatch.setattr(bound_files, "fingerprint", lambda *_: "then")
    bound_files.save(path, NAME, {})
    monkeypatch.setattr(bound_files, "fingerprint", lambda *_: "now")
    assert bound_files.load(NAME, path) == {}
    assert bound_files.load(NAME, tmp_path / "none.npz") == {}


def test_one_image_has_its_own_lines_and_its_own_upper_bound() -> None:
    found, model = bound_files.load(NAME)["made"], bound_files.load_model(NAME)
    one = bound_files.of_one(found, 4, model, NAME)
    (exact,) = (line for line in one.lines if line.method == "quadrature")
    whole = next(line for line in found.lines if line.method == "quadrature")
    assert exact.mean == whole.each[4].item()
    assert math.isclose(whole.each.mean().item(), whole.mean, abs_tol=1e-4)
    above = next(line for line in one.lines if line.method == "best mixture")
    floor = gaussian_digits.CONFIG.floors[0]
    # For one point, the best mixture is one atom on it with the smallest allowed variance.
    assert math.isclose(above.mean, -50 * math.log(2 * math.pi * floor), rel_tol=1e-6)
    assert exact.mean < above.mean
    assert len(one.ess) == len(one.pareto_k) == 1
    few = bound_files.up_to(one.lines, 30)
    assert [line.effort for line in few if line.method == "IWAE"] == [3, 10, 30]


@pytest.mark.parametrize("name", HERE)
def test_shipped_lines_are_in_order_and_grow_with_k(name: str) -> None:
    for of, found in bound_files.load(name).items():
        curve = [line for line in found.lines if line.method in ("ELBO", "IWAE")]
        assert [line.effort for line in curve] == list(bound_files.SHIPPED.draws)
        assert all(b.mean > a.mean - 3 * (a.error + b.error) for a, b in pairwise(curve)), of
        assert found.config == bound_files.SHIPPED
        assert is_ordered(found.lines)
        assert found.pareto_k.shape == found.ess.shape == (20,)


def test_the_shipped_bounds_of_the_small_gaussian_decoder_are_right() -> None:
    """The integral on another grid, and the upper bound, from the shipped weights."""
    model, found = gaussian_digits.load(), bound_files.load(NAME)["test"]
    x = gaussian_digits.images(20)
    along = torch.linspace(-6, 6, 301)
    distribution = model.decode(torch.cartesian_prod(along, along))
    log_prior = model.prior().log_prob(torch.cartesian_prod(along, along)).double()
    cell = 2 * math.log(12 / 300)
    exact = torch.stack(
        [(distribution.log_prob(row) + log_prior).logsumexp(0) + cell for row in x[:4]]
    )
    line = next(line for line in found.lines if line.method == "quadrature")
    torch.testing.assert_close(line.each[:4], exact.double(), rtol=0, atol=0.05)
    above = next(line for line in found.lines if line.method == "best mixture")
    again = upper_bound(model, x, bound_files.family_of(NAME))
    assert math.isclose(again.per_point, above.mean, abs_tol=1e-3)
    assert model.decode(torch.randn(50, 2)).variance.min() >= gaussian_digits.CONFIG.floors[0]


def test_the_small_gaussian_decoder_learns_and_is_saved(tmp_path: Path) -> None:
    config = replace(gaussian_digits.CONFIG, points=50, iterations=40, every=20)
    *frames, models = gaussian_digits.train(config)
    assert frames[-1].objective[0] > frames[0].objective[0]
    gaussian_digits.save(models, tmp_path / "weights.npz")
    kept = gaussian_digits.load(tmp_path / "weights.npz")
    z = torch.randn(5, 2)
    torch.testing.assert_close(
        kept.decode(z).mean, models.member(0).decode(z).mean, rtol=1e-2, atol=1e-2
    )


def test_an_upper_bound_without_images_is_left_out() -> None:
    lines = (Line("best mixture", "above", 3, 1.0, 0.0),)
    found = bound_files.Measured(lines, torch.ones(3), torch.zeros(3))
    assert bound_files.of_one(found, 0, gaussian_digits.load(), NAME).lines == ()
