"""Completions pixel by pixel: weights are equal if observed pixels come first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dgm_core import data, zoo
from dgm_core.studies.theory import pixel_filling
from dgm_core.studies.theory.pixel_filling import Config


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    return data.threshold(data.load("digits", "test").x[0, 0]).numpy() > 0.5


@pytest.mark.parametrize("above", [False, True])
def test_a_digit_is_completed(digit: np.ndarray, above: bool) -> None:
    model = zoo.load("digits-pixelcnn")
    found = pixel_filling.run(Config(14, above, draws=8), model, digit)
    assert found.x.shape == (8, 28, 28)
    assert found.observed[20].all() == above
    assert (found.x == digit)[:, found.observed].all()
    assert len(np.unique(found.x.reshape(8, -1), axis=0)) > 1
    # The sum over pixels is the log-likelihood of the whole, by a pass of its own.
    whole = model.log_prob(torch.from_numpy(found.x[:, None]).float())
    np.testing.assert_allclose(found.log_prob_each.sum((1, 2)), whole, rtol=1e-4)
    if above:
        assert found.effective < 6
        assert found.log_weight.std() > 0.5
    else:
        assert found.effective == pytest.approx(8)


def test_without_observed_pixels_it_is_a_sample_and_with_all_the_image(digit: np.ndarray) -> None:
    model = zoo.load("digits-pixelcnn")
    sample = pixel_filling.run(Config(0, draws=4), model, digit)
    assert not sample.observed.any()
    assert (sample.log_weight == 0).all()
    whole = pixel_filling.run(Config(28, draws=2), model, digit)
    assert (whole.x == digit).all()
    np.testing.assert_allclose(whole.log_prob_each[0], whole.of_image, rtol=1e-3, atol=1e-4)


def test_wrong_settings_are_errors() -> None:
    for bad in ({"row": -1}, {"draws": 0}):
        with pytest.raises(ValueError, match="expected"):
            Config(**bad)
