"""The message and the sentences of slow motion hold the numbers of the iteration."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.slow_motion import Config, Densities, Moment
from dgm_core.studies.inpainting.two_samplers import pack
from ui.components.slow_motion import opening
from ui.inpainting import shipped as showcase
from ui.inpainting.slow_motion import message
from ui.inpainting.slow_words import nats, odds, sentences

SOURCE = np.random.default_rng(2)
HIDDEN = SOURCE.random((28, 28)) < 0.5
METROPOLIS = "Metropolis-within-Gibbs"


def moment(**changes: Any) -> Moment:
    """z′ fits 12.3 nats better; the proposal ratio is −15.1 nats."""
    values: dict[str, Any] = {
        "number": 42,
        "warming_up": False,
        "x": SOURCE.random((28, 28)) < 0.3,
        "z": np.zeros(40),
        "mean": SOURCE.random((28, 28)),
        "centre": np.zeros(40),
        "spread": np.ones(40),
        "z_new": np.ones(40),
        "mean_new": SOURCE.random((28, 28)),
        "now": Densities(-50.0, -30.0, -20.0, -45.1, 7.5),
        "proposed": Densities(-42.0, -28.0, -17.7, -30.0, 5.1),
        "log_ratio": -2.8,
        "log_u": np.log(0.41),
        "accepted": False,
        "x_new": SOURCE.random((28, 28)) < 0.3,
    }
    return Moment(**(values | changes))


def sent(moments: list[Moment]) -> dict[str, Any]:
    run = two_samplers.Config("none", pack(moments[0].x), pack(HIDDEN))
    return message(Config(run, chain=6), moments, run="1")


def test_draws_are_sent_as_bits_and_means_as_bytes() -> None:
    moments = [moment(), moment()]
    raw = np.frombuffer(base64.b64decode(sent(moments)["pictures"]), np.uint8).reshape(2, -1)
    for row, each in zip(raw, moments, strict=True):
        for part, picture in ((row[:98], each.x), (row[98:196], each.x_new)):
            assert np.array_equal(np.unpackbits(part).reshape(28, 28), picture)
        for part, picture in ((row[196:980], each.mean), (row[980:], each.mean_new)):
            assert np.abs(part.reshape(28, 28) / 255 - picture).max() <= 0.5 / 255 + 1e-9


def test_bars_are_the_signed_terms_and_their_sum() -> None:
    found = sent([moment()])
    json.dumps(found, allow_nan=False)
    (step,) = found["steps"]
    assert step["terms"] == [-87.7, 100.0, -45.1, 30.0]
    assert (step["fit"], step["proposal_ratio"], step["log_ratio"]) == (12.3, -15.1, -2.8)
    assert sum(step["terms"]) == pytest.approx(step["log_ratio"])
    assert (step["probability"], step["draw"]) == ("0.06", "0.41")
    assert len(step["sentences"]) == 5


def test_a_rejection_is_explained() -> None:
    _, propose, compare, decide, redraw = sentences(moment(), 6, METROPOLIS)
    assert propose.endswith("z′ 5.1, z 7.5, a typical draw 6.3.")
    assert compare == (
        "z′ fits the image 12.3 nats better, but the encoder is much less likely to propose the "
        "reverse move: −15.1 nats. Sum: log ρ = −2.8."
    )
    assert decide.endswith(
        "z′ is accepted with probability 0.06. Random draw: 0.41. Rejected: the chain stays at z."
    )
    assert "given the old z" in redraw


def test_a_ratio_above_one_is_always_accepted() -> None:
    found = moment(log_ratio=0.4, accepted=True)
    decide = sentences(found, 1, METROPOLIS)[3]
    assert decide.endswith(
        "ρ is at least 1, so any random draw accepts z′. Random draw: 0.41. "
        "Accepted: z′ becomes z."
    )


def test_hidden_pixels_are_named_where_they_cause_the_loss() -> None:
    loss = moment(proposed=Densities(-50.0, -38.0, -21.0, -46.0, 5.0))
    sentence = sentences(loss, 1, METROPOLIS)[2]
    assert "9.0 nats worse (hidden pixels alone −8.0: they were drawn given z), but" in sentence
    other = moment(proposed=Densities(-58.0, -31.0, -20.0, -46.0, 5.0))
    assert "hidden" not in sentences(other, 1, METROPOLIS)[2]


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ("pseudo-Gibbs", "Pseudo-Gibbs accepts every proposal"),
        (METROPOLIS, "During the warm-up, Metropolis runs as pseudo-Gibbs"),
    ],
)
def test_acceptance_without_a_test_is_stated(sampler: str, words: str) -> None:
    untested = moment(log_u=-np.inf, accepted=True, warming_up=True)
    decide = sentences(untested, 1, sampler)[3]
    assert decide.startswith(words)
    assert decide.endswith("with probability 0.06.")
    step = sent([untested])["steps"][0]
    assert step["log_u"] is None
    assert step["draw"] is None
    assert not step["tested"]


def test_odds_show_which_is_larger() -> None:
    assert odds(0.0, np.log(0.3)) == ("1", "0.30")
    assert odds(np.log(0.5012), np.log(0.5049)) == ("0.501", "0.505")
    assert odds(np.log(0.9999), np.log(0.5)) == ("0.9999", "0.50")
    assert odds(np.log(0.0712), np.log(0.0009)) == ("0.071", "0.001")
    assert odds(np.log(1 / 4000), np.log(0.5)) == ("1 in 4,000", "0.50")
    assert odds(-40.0, np.log(0.5)).probability == "less than 1 in 10¹²"
    assert odds(-1.0, -np.inf) == ("0.37", None)


def test_nats_have_a_sign_unless_they_round_to_zero() -> None:
    assert [nats(value) for value in (1.25, -3.0, 0.04, -0.04)] == ["+1.2", "−3.0", "0.0", "0.0"]


def test_it_opens_at_a_better_fit_that_is_rejected() -> None:
    accepted = moment(accepted=True)
    worse = moment(proposed=Densities(-58.0, -31.0, -20.0, -46.0, 5.0))
    assert opening([accepted, worse, moment()]) == 2
    assert opening([accepted, worse]) == 1
    assert opening([accepted, accepted]) == 0


def test_the_shipped_window_is_of_the_shipped_run_and_has_both_decisions() -> None:
    shipped = showcase.st_slow_motion()
    assert shipped.config["run"] == showcase.st_showcase().config
    steps = shipped.message["steps"]
    assert {step["accepted"] for step in steps} == {True, False}
    assert all(step["tested"] for step in steps)
    opened = steps[shipped.message["opening"]]
    assert opened["fit"] > 10
    assert not opened["accepted"]
    for step in steps:
        assert sum(step["terms"]) == pytest.approx(step["log_ratio"], abs=1e-3)
        assert step["accepted"] == (step["log_u"] < step["log_ratio"])
