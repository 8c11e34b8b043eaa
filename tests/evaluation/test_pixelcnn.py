"""The shipped pixel model is as likely as its card says."""

from __future__ import annotations

import pytest

from dgm_core import zoo
from dgm_core.evaluation import pixelcnn


def test_the_shipped_model_reaches_the_number_on_its_card() -> None:
    *frames, found = pixelcnn.run("digits", zoo.load("digits-pixelcnn"))
    assert [frame.done for frame in frames] == [0, 1 / 3, 2 / 3]
    card = zoo.card("digits-pixelcnn")["measured"]["log_likelihood"]
    assert found.log_p == pytest.approx(card["nats"], abs=0.02)
    assert found.standard_error == pytest.approx(card["standard_error"], abs=0.02)
