"""The images that are clustered: the selection, their order, and their labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.data.cluster_images import DATASETS, cluster_images
from dgm_core.data.deskew import deskew

ROOT = Path(__file__).parents[2]


@pytest.fixture
def available(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A name whose files are on this machine; otherwise the test is skipped."""
    folder = os.environ.get("DGM_DATA") or str(ROOT.parent / "shared" / "data")
    monkeypatch.setenv("DGM_DATA", folder)

    def known(name: str) -> str:
        if not data.is_available(name):
            pytest.skip(f"{name} is not in {folder}")
        return name

    return known


def of_two_splits(name: str) -> tuple[Tensor, Tensor]:
    """All images to be clustered: training, then validation."""
    both = [data.load(name, split) for split in ("train", "valid")]
    return torch.cat([each.x for each in both]), torch.cat([each.y for each in both])


def test_mnist_keeps_the_order_of_its_file(available: Callable[[str], str]) -> None:
    found = cluster_images(available("mnist"), 300, deskewed=False)
    with np.load(Path(os.environ["DGM_DATA"]) / "mnist.npz") as file:
        x, y = file["x_train"][:300], file["y_train"][:300]
    np.testing.assert_array_equal(found.x[:, 0].numpy(), x)
    np.testing.assert_array_equal(found.y.numpy(), y)
    # The two splits in sequence have a different order.
    assert not torch.equal(of_two_splits("mnist")[1][:300], found.y)
    assert found.classes == tuple("0123456789")


def test_digits_are_always_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    found = cluster_images("digits", None, deskewed=False)
    x, y = of_two_splits("digits")
    assert len(found) == 1497  # without the 300 of the test split
    assert torch.equal(found.x, (x * 255).round().to(torch.uint8))
    assert torch.equal(found.y, y)
    some = cluster_images("digits", 50, deskewed=False)
    assert torch.equal(some.x, found.x[:50])
    assert torch.equal(some.y, found.y[:50])
    assert len(cluster_images("digits", 10_000, deskewed=False)) == 1497
    with pytest.raises(data.DataUnavailable, match="mnist"):
        cluster_images("mnist", 100, deskewed=False)
    assert not any(tmp_path.iterdir())


def test_omniglot_has_the_same_shuffle_each_time(available: Callable[[str], str]) -> None:
    one, two = (cluster_images(available("omniglot"), 2000, deskewed=False) for _ in range(2))
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.y, two.y)
    fewer = cluster_images("omniglot", 100, deskewed=False)
    assert torch.equal(fewer.x, one.x[:100])
    x, y = of_two_splits("omniglot")
    # The file begins with one alphabet; the shuffled images contain all.
    assert len(one.y.unique()) > 2 * len(y[:2000].unique())
    # Labels stay with their images.
    in_bytes = (x * 255).round().to(torch.uint8)
    rows = zip(in_bytes, y.tolist(), strict=True)
    by_image = {image.numpy().tobytes(): label for image, label in rows}
    for image, label in zip(one.x[:200], one.y[:200].tolist(), strict=True):
        assert by_image[image.numpy().tobytes()] == label


def test_images_are_deskewed_before_they_become_bytes() -> None:
    plain, deskewed = (cluster_images("digits", 40, deskewed=flag) for flag in (False, True))
    x = of_two_splits("digits")[0][:40]
    assert torch.equal(deskewed.x, (deskew(x) * 255).round().to(torch.uint8))
    assert torch.equal(deskewed.y, plain.y)
    off = (deskewed.x.float() - plain.x.float()).abs().flatten(1).mean(1)
    assert off.median() > 5
    assert deskewed.x.dtype == torch.uint8
    assert deskewed.x.shape == (40, 1, 28, 28)


@pytest.mark.parametrize("name", DATASETS)
def test_every_set_has_grey_images_of_one_size(name: str, available: Callable[[str], str]) -> None:
    found = cluster_images(available(name), 120, deskewed=True)
    assert found.x.shape == (120, 1, 28, 28)
    assert found.x.dtype == torch.uint8
    assert found.y.shape == (120,)
    assert int(found.y.max()) < len(found.classes)
    assert found.x.float().mean() < 100  # ink on black
    assert found.to("cpu").classes == found.classes


def test_another_set_is_refused() -> None:
    with pytest.raises(ValueError, match="among mnist, digits, omniglot, got 'celeba'"):
        cluster_images("celeba", 10, deskewed=False)
