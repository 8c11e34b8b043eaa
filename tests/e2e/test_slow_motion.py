"""Slow motion: one iteration in stages, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import NewPage
from tests.e2e.lab import Lab
from tests.e2e.page_helpers import levels, settle

REJECTED = re.compile(
    r"accepted with probability ([\d.]+)\. Random draw: ([\d.]+)\. Rejected: the chain stays"
)


class SlowMotion(Lab):
    """The inpainting lab with the view Slow motion open."""

    def __init__(self, new_page: NewPage, server: str, **options: object) -> None:
        super().__init__(
            new_page(**{"viewport": {"width": 1280, "height": 1000}} | options), server
        )
        self.page.get_by_role("radio", name="Slow motion").click()
        self.slow = self.page.locator(".slow")
        self.slow.wait_for()
        self.settle()

    def at(self, iteration: int, stage: int) -> None:
        expect(self.slow).to_have_attribute("data-at", str(iteration))
        expect(self.slow).to_have_attribute("data-stage", str(stage - 1))

    def number(self, name: str) -> float:
        text = self.slow.locator(f"[data-number={name}]").inner_text()
        return float(text.replace("−", "-"))

    @property
    def sentence(self) -> Locator:
        return self.slow.locator(".sentence")

    def press(self, key: str) -> None:
        self.slow.press(key)

    def tile(self, kind: str) -> Locator:
        return self.slow.locator(f"canvas[data-tile={kind}]")


def test_keys_step_through_a_rejection_with_consistent_numbers(
    new_page: NewPage, server: str
) -> None:
    lab = SlowMotion(new_page, server)
    lab.at(68, 4)  # before any click
    expect(lab.slow.locator(".verdict")).to_have_text("Rejected")
    for _ in range(3):
        lab.press("ArrowLeft")
    lab.at(68, 1)
    expect(lab.slow.locator(".verdict")).not_to_be_visible()
    lab.press("ArrowRight")
    expect(lab.sentence).to_contain_text("The encoder sees only x")
    lab.press("ArrowRight")
    fit, proposal, log_ratio = (lab.number(name) for name in ("fit", "proposal", "ratio"))
    terms = [lab.number(name) for name in ("new", "now", "reverse", "forward")]
    assert sum(terms) == pytest.approx(log_ratio, abs=0.25)
    assert (terms[0] + terms[1], terms[2] + terms[3]) == pytest.approx((fit, proposal), abs=0.15)
    assert fit + proposal == pytest.approx(log_ratio, abs=0.15)
    expect(lab.sentence).to_contain_text(f"{fit:.1f} nats better, but")
    expect(lab.sentence).to_contain_text(f"reverse move: −{-proposal:.1f} nats")
    lab.press("ArrowRight")
    probability, draw = map(float, REJECTED.search(lab.sentence.inner_text()).groups())
    assert probability < draw
    assert probability == pytest.approx(2.718281828**log_ratio, abs=0.01)
    lab.press("ArrowRight")
    lab.at(68, 5)
    kept, before = levels(lab.tile("kept")), levels(lab.tile("mean"))
    assert (abs(kept - before) < 3).all()  # z is unchanged
    lab.press("ArrowRight")
    lab.at(69, 1)
    assert (abs(levels(lab.tile("mean")) - before) < 3).all()
    lab.press("Home")
    lab.at(65, 1)
    lab.press("End")
    lab.at(84, 5)
    lab.press(" ")  # plays from the beginning, and stops
    lab.at(65, 1)
    lab.press(" ")
    expect(lab.slow.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.slow
def test_pseudo_gibbs_accepts_everything_and_another_chain_can_be_chosen(
    new_page: NewPage, server: str
) -> None:
    lab = SlowMotion(new_page, server)
    before = lab.sentence.inner_text()
    chain = lab.page.get_by_role("spinbutton", name="Chain")
    chain.fill("2")
    chain.press("Enter")
    expect(lab.sentence).not_to_have_text(before)
    lab.press("Home")
    expect(lab.sentence).to_contain_text("Chain 2 before iteration 65")
    lab.page.get_by_role("radio", name="Pseudo-Gibbs").click()
    expect(lab.slow).to_have_attribute("data-verdict", "untested")
    expect(lab.sentence).to_contain_text("Pseudo-Gibbs accepts every proposal: z′ becomes z.")
    verdicts = lab.slow.locator("option")
    expect(verdicts).to_have_text([re.compile("accepted without a test")] * 20)
    lab.press("ArrowRight")
    accepted = levels(lab.tile("mean_new"))
    assert (abs(levels(lab.tile("kept")) - accepted) < 3).all()


def test_a_phone_shows_one_stage_at_a_time(new_page: NewPage, server: str) -> None:
    lab = SlowMotion(new_page, server, viewport={"width": 400, "height": 850}, has_touch=True)
    settle(lab.page)
    expect(lab.tile("x")).not_to_be_visible()
    lab.slow.get_by_role("button", name="Now").click()
    lab.at(68, 1)
    expect(lab.tile("x")).to_be_visible()
    expect(lab.slow.locator(".verdict")).not_to_be_visible()
