"""The models and training images that methods need."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgm_core import zoo
from dgm_core.studies.inpainting.materials import material


def test_baselines_use_model_samples_without_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    found = material("mnist", "training images", lambda name: zoo.load("digits-dlvm"))
    assert found.value.shape == (2000, 1, 28, 28)
    assert set(found.value.unique().tolist()) == {0.0, 1.0}
    assert "drawn from the DLVM" in found.note
