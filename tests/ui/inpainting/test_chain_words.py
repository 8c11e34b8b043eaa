"""Sentences about chains, from constructed diagnostics."""

from __future__ import annotations

from math import nan

import pytest

from ui.inpainting.chain_words import MAX_SENTENCES, Diagnostics, sentences

CONVERGED = Diagnostics(
    iterations=490,
    diagnosed=470,
    rhat=(1.002, 1.003, 1.001),
    ess=(900, 1200, 800),
    acceptance=0.35,
    unmoved=(0, 2, 1, 3),
    always_accepts=False,
)


def words(**changes: object) -> list[str]:
    return sentences(CONVERGED._replace(**changes))


def test_there_are_no_diagnostics_during_the_warm_up() -> None:
    assert words(iterations=0, rhat=(nan,) * 3, ess=(nan,) * 3) == [
        "Still warming up: no diagnostics yet."
    ]


def test_chains_without_diagnostics_get_no_verdict() -> None:
    [first, *rest] = words(iterations=3, rhat=(nan,) * 3, ess=(nan,) * 3)
    assert first.startswith("R-hat is not available yet")
    assert not any("effective sample size" in each for each in rest)


def test_chains_that_agree_get_a_positive_verdict() -> None:
    [first, *_] = words()
    assert first == "The four chains agree: R-hat is 1.003."
    sentence = "The 1,880 draws have an effective sample size of about 800: enough for means."
    assert sentence in words()


@pytest.mark.parametrize(
    ("rhat", "expected"),
    [
        (1.009, "chains agree"),
        (1.03, "chains nearly agree: R-hat is 1.03, and at most 1.01 is recommended"),
        (1.06, "chains do not agree yet: R-hat is 1.06, largest for the amount of ink"),
        (37.0, "chains do not agree yet: R-hat is 37,"),
    ],
)
def test_the_largest_r_hat_decides(rhat: float, expected: str) -> None:
    assert expected in words(rhat=(1.0, rhat, nan))[0]


def test_a_chain_that_does_not_move_is_named_first() -> None:
    assert words(unmoved=(0, 1, 120, 3))[0] == "Chain 3 has not moved for 120 iterations."
    assert words(unmoved=(0, 60, 120, 3))[0] == (
        "Chains 2 and 3 have not moved for 60 iterations or more."
    )
    assert words(unmoved=(70, 60, 120, 80))[0] == (
        "Four of four chains have not moved for 60 iterations or more."
    )
    assert "since the warm-up" in words(unmoved=(0, 1, 490, 3))[0]
    assert not any("not moved" in each for each in words(unmoved=(0, 1, 49, 3)))


def test_a_small_sample_size_comes_before_the_rest() -> None:
    assert words(ess=(31.4, 900, 900))[0] == (
        "The 1,880 draws have an effective sample size of about 31: too few for any conclusion."
    )
    assert any("the means are still rough" in each for each in words(ess=(310, 900, 900)))


def test_low_acceptance_is_called_slow() -> None:
    slow = "of the last proposals were accepted: the chains move slowly."
    assert f"5\u00a0% {slow}" in words(acceptance=0.05)
    assert f"Less than 1\u00a0% {slow}" in words(acceptance=0.004)


def test_pseudo_gibbs_accepts_every_proposal() -> None:
    sentence = "Every proposal is accepted, so the acceptance rate says nothing about the bias."
    assert words(always_accepts=True, acceptance=1.0)[0] == sentence
    assert sentence in words(always_accepts=True, acceptance=1.0, rhat=(1.3,) * 3, ess=(20,) * 3)


def test_one_chain_is_not_called_several() -> None:
    assert "One chain cannot show" in words(unmoved=(0,))[0]
    assert "two halves" in words(unmoved=(0,), rhat=(1.2,) * 3)[0]


def test_at_most_three_sentences_are_shown() -> None:
    many = words(unmoved=(90, 0, 0, 0), rhat=(1.4,) * 3, ess=(9,) * 3, acceptance=0.01)
    assert len(many) == MAX_SENTENCES
    starts = ["Chain 1 has not", "The four chains do not", "The 1,880 draws have"]
    for sentence, start in zip(many, starts, strict=True):
        assert sentence.startswith(start)
