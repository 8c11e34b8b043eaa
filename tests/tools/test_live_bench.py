"""The benchmark of the live engine: the arithmetic of its numbers."""

from __future__ import annotations

import pytest

from tools.bench import live


def test_speeds_and_ratios_are_medians_over_turns() -> None:
    taken = {"WebAssembly": [(4.0, 3.0), (2.0, 1.0), (3.0, 2.0)], "JavaScript": [(60.0, 50.0)] * 3}
    lines = {line.what: line for line in live.engine_lines(150e6, taken, [2.0, 4.0, 1.0])}
    found = {what: line.value for what, line in lines.items()}
    assert found["8 chains: operations of an iteration"] == 150
    assert found["PyTorch, one thread: encoder + decoder pass"] == 2
    assert found["PyTorch, one thread: speed"] == 75
    assert found["WebAssembly: one iteration"] == 3
    assert found["WebAssembly: iterations per second"] == pytest.approx(1000 / 3)
    assert found["WebAssembly: speed of the passes"] == 75  # 2 ms, without the densities
    assert found["WebAssembly: iteration ÷ PyTorch's passes"] == 2  # of 2, 1/2 and 3, turn by turn
    assert lines["WebAssembly: iteration ÷ PyTorch's passes"].goal == 1
    assert lines["JavaScript: one iteration"].goal is None


def test_waits_are_percentiles_and_both_samplers_share_the_pictures() -> None:
    lines = list(live.stroke_lines("page", [*range(101)], frames=80, seconds=2.0))
    assert [line.value for line in lines] == [50, 95, 50]
    assert [line.goal for line in lines] == [50, 100, pytest.approx(1000 / 15)]


def test_private_memory_is_anonymous_whether_in_ram_or_in_swap() -> None:
    status = "VmRSS:\t  9999 kB\nRssAnon:\t   1000 kB\nRssFile:\t 50000 kB\nVmSwap:\t   2000 kB\n"
    assert live.private(status) == pytest.approx(3.072)
