"""The benchmark of the page: the arithmetic of its table, and its positions on the canvas."""

from __future__ import annotations

import itertools

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tools.bench import figures, load, output, strokes
from tools.bench.browser import Message, rerun


def test_a_percentile_is_one_of_the_values_and_exceeded_by_few() -> None:
    values = list(range(20, 0, -1))
    assert figures.percentile(values, 0.95) == 19
    assert figures.percentile(values, 0.9) == 18
    assert figures.percentile([7.0], 0.95) == 7.0


def test_the_lab_is_compared_with_the_bare_app_of_the_same_run() -> None:
    lines = {line.what: line for line in figures.strokes([100, 90, 110], [220, 200, 900])}
    more = lines["the lab minus bare Streamlit, median"]
    assert (more.value, more.goal) == (120, 80)
    assert "missed" in output.line_text(more)
    assert "kept" in output.line_text(more._replace(value=80.0))
    assert "goal" not in output.line_text(lines["bare Streamlit: 90th percentile"])


def test_reruns_are_compared_with_those_of_the_bare_app() -> None:
    (ratio,) = [line for line in figures.no_op([40, 60, 50], [30, 35, 90]) if line.unit == "×"]
    assert (ratio.value, ratio.goal) == (0.7, 0.8)


def test_simultaneous_runs_are_compared_with_one_alone() -> None:
    alone = load.Answers([0.2], [1.5], 0, 3.0)
    many = load.Answers([1.0, 2.0], [9.0, 18.0], 0, 3.0)
    (ratio,) = [line for line in load.together_lines(alone, many, 2) if line.unit == "×"]
    assert (ratio.value, ratio.goal) == (12.0, 8.0)


def test_messages_are_counted_by_kind_largest_first() -> None:
    lines = list(figures.sent("a stroke", {"small": 512, "large": 2560}))
    assert [(line.what, line.value) for line in lines] == [
        ("data sent by a stroke", 3.0),
        ("  of which large", 2.5),
        ("  of which small", 0.5),
    ]


def test_starts_and_sessions_are_ratios_and_fractions() -> None:
    pages = {figures.FRONT: [(3.5, 4.0), (3.0, 4.5)], "Theory": [(4.0, 5.0)]}
    lines = {line.what: line for line in figures.starts([2.0, 2.5], pages)}
    found = {what: (line.value, line.goal) for what, line in lines.items() if line.unit == "×"}
    assert found == {
        "front door: start to first picture ÷ imports": (1.5, 1.1),
        "front door: start to complete page ÷ imports": (2.0, None),
        "Theory: start to first picture ÷ imports": (2.0, 1.2),
        "Theory: start to complete page ÷ imports": (2.5, None),
    }
    *_, each = figures.memory([(1, 300.0), (2, 350.0), (11, 340.0)], "run finished")
    assert each.value == pytest.approx(4.0)


def test_a_rerun_lasts_from_the_request_to_the_end_of_the_script() -> None:
    request, other = BackMsg(), BackMsg()
    request.rerun_script.query_string = ""
    other.load_git_info = True
    ended, element = ForwardMsg(), ForwardMsg()
    ended.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    element.delta.new_element.markdown.body = "a word"
    recorded = [
        Message("in", 1.0, ended.SerializeToString()),  # of the previous run
        Message("out", 2.0, other.SerializeToString()),
        Message("out", 3.0, request.SerializeToString()),
        Message("in", 10.0, element.SerializeToString()),
        Message("in", 43.0, ended.SerializeToString()),
    ]
    milliseconds, sizes = rerun(recorded)
    assert milliseconds == 40.0
    assert sizes["markdown"] == len(element.SerializeToString())
    with pytest.raises(ValueError, match="expected a run"):
        rerun(recorded[:4])


def test_every_stroke_hides_an_observed_pixel() -> None:
    pixels = list(itertools.islice(strokes._observed_pixels(), 250))
    assert len(set(pixels)) == len(pixels)
    assert all(16 <= row < 28 and 0 <= column < 28 for row, column in pixels)
