"""The choice between a graphics card and the kernels, with a made-up card and clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.node import node

CHOICE = """
let clock = 0;
performance.now = () => clock;
const {milliseconds, error, lost} = CARD;
const buffer = new Float32Array(8).buffer;
const output = new Float32Array(buffer, 16, 4);
let [runs, passed, destroyed] = [0, 0, false];
const network = { batch: 2, output: { at: 16, stride: 2 }, run() {
  clock += 2;
  runs += 1;
  output.set([1, 2, 3, 4]);
} };
const card = { device: { destroy: () => { destroyed = true } }, async pass() {
  passed += 1;
  if (passed > lost) throw new Error("lost");
  clock += passed === 20 ? 500 : milliseconds; // one pass waits for another program
  output.set([1, 2, 3, 4 + error]);
} };
const changes = [];
const passes = new Passes({ name: "WebAssembly", buffer }, (name) => changes.push(name));
answer = (async () => {
  passes.use(card);
  for (let i = 0; i < 60; i += 1) {
    output.fill(0);
    await passes.run(network);
    if (Math.abs(output[3] - 4) > 2e-4) throw new Error(`wrong output ${output}`);
  }
  return [changes, runs, passed, destroyed];
})();
"""


CASES = {
    "faster": ((1, 1e-4, 99), (["WebGPU"], 50, 60, False)),
    "slower": ((3, 1e-4, 99), ([], 60, 50, True)),
    "much slower": ((150, 1e-4, 99), ([], 60, 7, True)),
    "wrong": ((1, 0.1, 99), ([], 60, 1, True)),
    "lost while it is compared": ((1, 1e-4, 30), ([], 60, 31, True)),
    "lost when it computes": ((1, 1e-4, 55), (["WebGPU", "WebAssembly"], 55, 56, True)),
}
"""Milliseconds and error of a card, and the pass before it is lost → the answers, see below."""


@pytest.mark.parametrize(("card", "found"), CASES.values(), ids=CASES)
def test_a_card_computes_while_it_is_faster_right_and_there(
    card: tuple[float, float, int],
    found: tuple[list[str], int, int, bool],
    tmp_path: Path,
) -> None:
    """Changes, runs of the kernels, passes on the card; 60 passes of which 50 are compared."""
    given = dict(zip(("milliseconds", "error", "lost"), card, strict=True))
    answer = node(tmp_path, CHOICE.replace("CARD", str(given)))
    assert tuple(answer) == found
