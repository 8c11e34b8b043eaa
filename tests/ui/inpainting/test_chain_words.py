"""Sentences about chains, from constructed numbers."""

from __future__ import annotations

from math import nan

import pytest

from ui.inpainting.chain_words import MOST, Standing, sentences

CALM = Standing(
    after=490,
    diagnosed=470,
    rhat=(1.002, 1.003, 1.001),
    ess=(900, 1200, 800),
    acceptance=0.35,
    unmoved=(0, 2, 1, 3),
    always=False,
)


def said(**changes: object) -> list[str]:
    return sentences(CALM._replace(**changes))


def test_nothing_can_be_said_while_warming_up() -> None:
    assert said(after=0, rhat=(nan,) * 3, ess=(nan,) * 3) == [
        "Still warming up: nothing can be said yet."
    ]


def test_chains_without_a_diagnosis_are_not_judged() -> None:
    [first, *rest] = said(after=3, rhat=(nan,) * 3, ess=(nan,) * 3)
    assert first.startswith("R-hat is not known yet")
    assert not any("worth" in each for each in rest)


def test_chains_that_agree() -> None:
    [first, *_] = said()
    assert first == "These four chains agree: R-hat is 1.003."
    assert "The 1,880 draws are worth about 800 independent ones: enough for means." in said()


@pytest.mark.parametrize(
    ("rhat", "words"),
    [
        (1.009, "chains agree"),
        (1.03, "chains have nearly met"),
        (1.06, "chains have not met yet: R-hat is 1.06, worst in the amount of ink"),
        (37.0, "chains have not met yet: R-hat is 37,"),
    ],
)
def test_the_worst_r_hat_decides(rhat: float, words: str) -> None:
    assert words in said(rhat=(1.0, rhat, nan))[0]


def test_a_chain_that_stands_still_is_named_first() -> None:
    assert said(unmoved=(0, 1, 120, 3))[0] == "Chain 3 has not moved for 120 iterations."
    assert said(unmoved=(0, 60, 120, 3))[0] == (
        "Chains 2 and 3 have not moved for 60 iterations or more."
    )
    assert said(unmoved=(70, 60, 120, 80))[0] == (
        "Four of four chains have not moved for 60 iterations or more."
    )
    assert "since the warm-up" in said(unmoved=(0, 1, 490, 3))[0]
    assert not any("not moved" in each for each in said(unmoved=(0, 1, 49, 3)))


def test_few_draws_come_before_the_rest() -> None:
    assert said(ess=(31.4, 900, 900))[0] == (
        "The 1,880 draws are worth about 31 independent ones: too few to settle anything."
    )


def test_pseudo_gibbs_always_moves() -> None:
    sentence = "Every proposal is accepted: that says nothing about being right."
    assert said(always=True, acceptance=1.0)[0] == sentence
    assert sentence in said(always=True, acceptance=1.0, rhat=(1.3,) * 3, ess=(20,) * 3)


def test_one_chain_is_not_called_several() -> None:
    assert "One chain alone cannot tell" in said(unmoved=(0,))[0]
    assert "two halves" in said(unmoved=(0,), rhat=(1.2,) * 3)[0]


def test_at_most_three_sentences() -> None:
    many = said(unmoved=(90, 0, 0, 0), rhat=(1.4,) * 3, ess=(9,) * 3, acceptance=0.01)
    assert len(many) == MOST
    assert [each.split()[0] for each in many] == ["Chain", "These", "The"]
