"""The weight file, and the page of one file: small, self-contained, with pictures of the model."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from dgm_core import zoo
from dgm_core.__main__ import app
from dgm_core.live import export, scripts, weights
from tests.live import models

NAMES = ["mnist-dlvm", "digits-dlvm", "omniglot-dlvm"]


@pytest.fixture(scope="module")
def page() -> str:
    return export.page("mnist-dlvm")


@pytest.mark.parametrize("name", NAMES)
def test_weight_files_are_small_and_near_the_shipped_weights(name: str) -> None:
    content = weights.packed(name)
    assert len(content) <= 2_000_000
    assert weights.described(content)["licence"] == "MIT"
    original = zoo.load(name).state_dict()
    for key, value in weights.tensors(content).items():
        step = original[key].abs().flatten(1).amax(1) / 127 if value.dim() > 1 else torch.ones(1)
        off = (value - original[key]).abs().flatten(1) if value.dim() > 1 else value * 0
        assert (off <= 0.51 * step[:, None] + 1e-3).all(), key


def test_a_file_of_32_bits_has_the_weights_themselves() -> None:
    model = models.shipped("digits-dlvm").model.float()
    read = weights.tensors(weights.write(model, weights.IMAGE, {}))
    assert all(torch.equal(value, read[key]) for key, value in model.state_dict().items())


def test_the_page_contains_all_it_needs_and_may_load_nothing(page: str) -> None:
    assert len(page.encode()) <= 4_000_000
    assert "{{" not in page.replace("${{", "")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    allowed = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert not re.search(r"https?:|\*", policy)
    assert re.findall(r"https?://\S+", page) == []
    assert "Permission is hereby granted" in page
    (stored,) = re.findall(r'id="weights">([^<]+)<', page)
    assert base64.b64decode(stored) == weights.packed("mnist-dlvm")


def test_a_script_in_the_page_does_not_end_early() -> None:
    assert "</" not in scripts.client().split("\n")[0]


def test_its_pictures_are_one_of_each_digit_and_drawn_by_the_model(page: str) -> None:
    (text,) = re.findall(r'id="page">([^<]+)<', page)
    bits = [base64.urlsafe_b64decode(f"{each}==") for each in json.loads(text)["pictures"]]
    shown = np.unpackbits(np.frombuffer(b"".join(bits), np.uint8)).reshape(10, 28, 28)
    assert (shown == export.pictures("mnist-dlvm")).all()
    digits = zoo.load("mnist-classifier").predict(torch.tensor(shown[:, None]).float())
    assert digits.probs.argmax(1).tolist() == list(range(10))


def test_the_command_writes_a_page_or_says_why_not(tmp_path: Path, page: str) -> None:
    out = tmp_path / "digits.html"
    words = ["export", "live", "--model", "mnist-dlvm", "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert out.read_text(encoding="utf-8") == page
    for name, reason in (("mnist-wgan", "runs DLVMs"), ("nothing", "no model 'nothing'")):
        done = CliRunner().invoke(app, ["export", "live", "--model", name, "--out", str(out)])
        assert done.exit_code == 1
        assert reason in done.output
