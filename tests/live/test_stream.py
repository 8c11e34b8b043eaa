"""The random stream: published answers, equality of Python and JavaScript, laws of the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from dgm_core.live.stream import (
    ACCEPTANCE,
    LATENTS,
    PIXELS,
    CounterStream,
    normals,
    philox,
    uniforms,
)
from dgm_core.rng import normal, standard_gamma, uniform
from tests.live.node import node

KNOWN = [
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
"""Counters, key and words of the known-answer tests of Random123 for philox4x32 with 10 rounds."""


def test_philox_gives_the_published_answers_in_both_languages(tmp_path: Path) -> None:
    for counters, key, words in KNOWN:
        found = philox(np.array([counters], np.uint32), key)[0]
        assert " ".join(f"{word:08x}" for word in found) == words
    cases = [[*counters, *key] for counters, key, _ in KNOWN]
    script = f"answer = {cases}.map((each) => philox(...each).map((word) => word >>> 0));"
    answers = node(tmp_path, script)
    assert [" ".join(f"{w:08x}" for w in each) for each in answers] == [k[2] for k in KNOWN]


def test_numbers_are_the_same_in_python_and_both_kinds_of_kernels(tmp_path: Path) -> None:
    cases = [(0, 0, 0, 0, 5), (7, 3, 1000, 1, 1), (2**40 + 3, 15, 4_000_000_000, 2, 784)]
    script = f"""
    const cases = {cases_of(cases)};
    answer = [false, true].map((plain) => cases.map(([seed, chain, at, use, count]) => {{
      const stream = new Stream(makeKernels(4096, plain), 16, 784, seed);
      return ["uniforms", "normals"].map((kind) => {{
        const out = new Float64Array(count);
        stream[kind](out, count, chain, at, use);
        return [...out];
      }});
    }}));"""
    compiled, plain = node(tmp_path, script)
    assert compiled == plain
    for (*counters, count), (u, z) in zip(cases, compiled, strict=True):
        assert uniforms(count, *counters).tolist() == u
        np.testing.assert_allclose(normals(count, *counters), z, rtol=0, atol=1e-13)


def cases_of(cases: list[tuple[int, ...]]) -> str:
    return str([list(each) for each in cases])


def test_the_numbers_are_uniform_and_normal_and_independent_across_counters() -> None:
    many = np.array([normals(784, 5, chain, 9, PIXELS) for chain in range(100)])
    assert stats.kstest(many.ravel(), "norm").pvalue > 1e-3
    u = np.array([uniforms(784, 5, 3, iteration, PIXELS) for iteration in range(100)])
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    for table in (many, u):
        between = np.corrcoef(table)[np.triu_indices(100, 1)]
        assert abs(between.mean()) < 5 / np.sqrt(784 * len(between))
        assert abs(between).max() < 6 / np.sqrt(784)


def test_as_a_source_each_row_and_purpose_has_its_own_numbers() -> None:
    source = CounterStream(11, latent_dim=3)
    source.iteration = 4
    z, x = normal((2, 3), source, torch.float64), uniform((2, 1, 2, 5), source)
    assert z[1].tolist() == normals(3, 11, 1, 4, LATENTS).tolist()
    expected = torch.tensor(uniforms(10, 11, 0, 4, PIXELS)).float()
    assert torch.equal(x[0].flatten(), expected)
    (u,) = uniform((1,), source, torch.float64)
    assert u == uniforms(1, 11, 0, 4, ACCEPTANCE)[0]
    with pytest.raises(TypeError, match="CounterStream"):
        standard_gamma(torch.ones(2), source)
