"""The models and training images that methods need."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgm_core import zoo
from dgm_core.models.partial import PartiallyEncoded
from dgm_core.models.vae import VAE
from dgm_core.studies.inpainting.materials import material


def test_baselines_use_model_samples_without_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    found = material("mnist", "training images", lambda name: zoo.load("digits-dlvm"))
    assert found.value.shape == (2000, 1, 28, 28)
    assert set(found.value.unique().tolist()) == {0.0, 1.0}
    assert "drawn from the DLVM" in found.note


def test_a_dlvm_comes_with_its_partial_encoder_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_it = material("digits", "dlvm").value
    assert isinstance(with_it, PartiallyEncoded)
    assert isinstance(material("digits", "partial").value, PartiallyEncoded)
    names = [name for name in zoo.names() if not name.endswith("-partial")]
    monkeypatch.setattr(zoo, "names", lambda: names)
    assert isinstance(material("digits", "dlvm").value, VAE)
