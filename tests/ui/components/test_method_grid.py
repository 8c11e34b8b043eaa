"""Python side of the method grid: images and scores equal those of the methods."""

from __future__ import annotations

import base64
import gc
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dgm_core.metrics import DEFINITIONS
from dgm_core.studies.inpainting import scores
from dgm_core.studies.inpainting.comparison import Config, Outcome
from ui.components.method_grid import StopRequest, grid_message, numbers, parse, pictures

RNG = np.random.default_rng(0)
HIDDEN = np.zeros((28, 28), bool)
HIDDEN[10:20, 5:17] = True
INK = (RNG.random((1, 28, 28)) < 0.3).astype(np.float32)


def config(image: np.ndarray = INK, hidden: np.ndarray = HIDDEN, *methods: str) -> Config:
    name = "mnist" if len(image) == 1 else "celeba"
    levels = np.rint(255 * image).astype(np.uint8).tobytes()
    chosen = tuple((method, ()) for method in methods or ("LAIR", "DMFA"))
    return Config(name, levels, np.packbits(hidden).tobytes(), chosen)


def outcome(method: str = "LAIR", **changes: Any) -> Outcome:
    """A finished method with everything."""
    values = {
        "state": "finished",
        "note": "",
        "done": 1.0,
        "seconds": 0.5,
        "mean": RNG.random(INK.shape, dtype=np.float32),
        "draws": RNG.random((6, *INK.shape), dtype=np.float32),
        "sd": RNG.random(INK.shape, dtype=np.float32) / 2,
        "scores": {"F1": (0.8, math.nan)},
    }
    return Outcome(method, **(values | changes))


def message(
    *outcomes: Outcome, state: str = "running", of: Config | None = None
) -> dict[str, Any]:
    return grid_message(
        run="7", config=of or config(), outcomes=outcomes, state=state, definitions=DEFINITIONS
    )


def cards(*outcomes: Outcome, **options: Any) -> dict[str, dict[str, Any]]:
    return {card["name"]: card for card in message(*outcomes, **options)["methods"]}


def levels_of(url: str) -> np.ndarray:
    """Grey levels of the image in a data URL."""
    head, text = url.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_without_an_original_no_score_is_sent() -> None:
    options = {"run": "7", "config": config(), "outcomes": [outcome()], "state": "finished"}
    scored = grid_message(**options, definitions=DEFINITIONS)
    sample = grid_message(**options, definitions=DEFINITIONS, scored=False)
    assert scored["scored"]
    assert not sample["scored"]
    assert [column["name"] for column in scored["columns"]] == ["F1", "seconds"]
    assert [column["name"] for column in sample["columns"]] == ["seconds"]
    assert sample["methods"] == scored["methods"]


def test_mean_and_original_keep_their_size_and_are_clipped() -> None:
    mean = np.linspace(-0.5, 1.5, 784, dtype=np.float32).reshape(1, 28, 28)
    sent = message(outcome(mean=mean))
    np.testing.assert_array_equal(
        levels_of(sent["methods"][0]["mean"]), np.rint(255 * mean[0].clip(0, 1))
    )
    np.testing.assert_array_equal(levels_of(sent["original"]), 255 * INK[0])
    bits = np.frombuffer(base64.b64decode(sent["hidden"]), np.uint8)
    np.testing.assert_array_equal(np.unpackbits(bits).reshape(28, 28), HIDDEN)
    assert sent["pixelated"]


def test_standard_deviations_of_colours_are_pooled_on_a_scale_to_one_half() -> None:
    sd = np.zeros((3, 64, 64), np.float32)
    sd[:, 0, 0] = 0.3, 0.0, 0.4  # root mean square 0.25 / √(3/4) = 0.2887
    picture = levels_of(pictures.sd_picture(sd))
    assert picture.shape == (64, 64)
    assert picture[0, 0] == round(math.sqrt(0.25 / 3) / 0.5 * 255)
    assert picture[1:].max() == 0


def test_only_hidden_pixels_of_draws_are_sent() -> None:
    draws = RNG.random((6, 3, 64, 64), dtype=np.float32)
    hidden = RNG.random((64, 64)) < 0.4
    sent = pictures.draws_strip(draws, hidden, most=4)
    strip = levels_of(sent["strip"])
    assert (sent["count"], strip.shape) == (4, (4, hidden.sum(), 3))
    rebuilt = np.zeros((64, 64, 3))
    rebuilt[hidden] = strip[3]  # naive: in reading order
    wanted = np.rint(255 * draws[3]).transpose(1, 2, 0)
    np.testing.assert_array_equal(rebuilt[hidden], wanted[hidden])


def test_parts_of_both_signs_have_zero_in_the_middle_and_state_their_scale() -> None:
    factors = np.zeros((2, 1, 28, 28))
    factors[0, 0, 10, 5:8] = -0.2, 0.1, 0.2
    factors[1, 0, 0, 0] = 9.0  # observed, so not sent
    sent = pictures.part_strip("factors", factors, HIDDEN, most=9)
    strip = levels_of(sent["strip"])
    assert sent["limit"] == pytest.approx(0.2)
    assert sent["signed"]
    assert strip[0, :3].tolist() == [0, round(127 * 1.5), 254]
    assert set(strip[1].tolist()) == {pictures.ZERO}
    noise = pictures.part_strip("noise", np.abs(factors[:1]), HIDDEN, most=9)
    assert not noise["signed"]
    assert levels_of(noise["strip"])[0, :4].tolist() == [255, 128, 255, 0]


def test_while_a_method_runs_only_its_mean_and_deviation_are_sent() -> None:
    parts = {"factors": RNG.normal(size=(2, 1, 28, 28))}
    running = cards(outcome(state="running", done=0.4, parts=parts))["LAIR"]
    assert running["mean"]
    assert running["sd"]
    assert not {"draws", "parts"} & running.keys()
    for state in ("finished", "stopped"):
        ended = cards(outcome(state=state, parts=parts))["LAIR"]
        assert ended["draws"]["count"] == 6
        assert [part["name"] for part in ended["parts"]] == ["factors"]


def test_more_than_a_mosaic_of_draws_comes_at_the_end_of_the_run() -> None:
    many = outcome(draws=RNG.random((40, *INK.shape), dtype=np.float32))
    assert cards(many)["LAIR"]["draws"]["count"] == 16
    assert cards(many, state="finished")["LAIR"]["draws"]["count"] == 40


def test_states_follow_the_method_and_the_run() -> None:
    running = outcome(state="running", done=0.2)
    before = outcome("MFA", state="running", mean=None)
    unavailable = Outcome("MIWAE", "unavailable", "no such model.", 0.0, 0.0)
    of = config(INK, HIDDEN, "LAIR", "MFA", "MIWAE", "DMFA")
    states = [card["state"] for card in message(running, before, unavailable, of=of)["methods"]]
    assert states == ["running", "waiting", "unavailable", "waiting"]
    for run in ("stopped", "finished", "timed out", "failed"):
        after = message(running, before, unavailable, of=of, state=run)["methods"]
        assert [card["state"] for card in after] == [
            "stopped",
            "stopped",
            "unavailable",
            "stopped",
        ]
    assert [card["name"] for card in after] == ["LAIR", "MFA", "MIWAE", "DMFA"]


def test_titles_are_the_names_with_a_capital() -> None:
    sent = grid_message(
        run="7",
        config=config(INK, HIDDEN, "pseudo-Gibbs", "MFA"),
        outcomes=[],
        state="running",
        definitions={},
        original_note="photograph",
    )
    assert [card["title"] for card in sent["methods"]] == ["Pseudo-Gibbs", "MFA"]
    assert (sent["originalTitle"], sent["originalNote"]) == ("Original", "photograph")
    assert sent["columns"] == []


def test_each_array_is_encoded_once_and_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    encode = pictures.png
    monkeypatch.setattr(pictures, "png", lambda levels: calls.append(1) or encode(levels))
    gc.collect()
    known, problem, first = len(pictures._KEPT), config(1 - INK), outcome()
    once = message(first, of=problem)
    assert len(calls) == 4  # original, mean, deviation, draws
    assert message(first, of=config(1 - INK)) == once
    message(first._replace(state="stopped"), of=problem)
    assert len(calls) == 4
    other = outcome()  # other arrays of the same values are other pictures
    message(first, other._replace(method="DMFA"), of=problem)
    assert len(calls) == 7
    del first, other
    gc.collect()
    assert len(pictures._KEPT) == known


def test_the_message_is_fit_for_json_whatever_the_numbers() -> None:
    bad = np.full(INK.shape, np.nan, np.float32)
    odd = outcome(
        mean=bad,
        sd=bad,
        draws=bad[None].repeat(2, 0),
        parts={"factors": bad[None]},
        scores={"SSE": (math.inf, math.inf), "MSE": (math.nan, math.nan), "NLL": (-math.inf, 0.0)},
        diagnostics={"R-hat": math.nan, "ESS": math.inf, "new": 3.0},
        done=math.nan,
    )
    sent = message(odd, state="finished")
    json.dumps(sent, allow_nan=False)
    cells = {column["name"]: column["cells"].get("LAIR") for column in sent["columns"]}
    assert cells["MSE"] is None
    assert (cells["SSE"]["text"], cells["SSE"]["error"]) == ("∞", "")
    assert cells["NLL"]["text"] == "−∞"


def test_nothing_hidden_and_nothing_drawn_send_no_strips() -> None:
    clear = config(INK, np.zeros_like(HIDDEN))
    card = cards(outcome(parts={"factors": np.ones((1, *INK.shape))}), of=clear)["LAIR"]
    assert card["draws"] is None
    assert card["parts"] == []
    assert "draws" not in cards(outcome(draws=None, sd=None))["LAIR"]


def test_twelve_methods_on_a_face_stay_small() -> None:
    # Noise does not compress, so this is the worst case.
    hidden = np.zeros((64, 64), bool)
    hidden[32:] = True
    face = RNG.random((3, 64, 64), dtype=np.float32)
    outcomes = []
    for k in range(12):
        draws = None if k % 3 == 0 else RNG.random((16, *face.shape), dtype=np.float32)
        outcomes.append(outcome(f"method {k}", mean=face.copy(), draws=draws, sd=face / 2))
    sent = message(*outcomes, of=config(face, hidden), state="finished")
    assert len(json.dumps(sent)) < 1_500_000


# ---------------------------------------------------------------- numbers


def column(name: str, *values: float, **options: Any) -> dict[str, Any]:
    """The cells of a column, in the order of the methods."""
    outcomes = [
        outcome(f"m{k}", scores={} if value is None else {name: (value, math.nan)}, **options)
        for k, value in enumerate(values)
    ]
    found = {each["name"]: each for each in numbers.columns(outcomes, DEFINITIONS)}
    return found[name]


def best(name: str, *values: float) -> list[int]:
    cells = column(name, *values)["cells"]
    return [int(method[1:]) for method, cell in cells.items() if cell["best"]]


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("F1", (0.7, 0.9, 0.8), [1]),
        ("PSNR", (20.0, 18.0), [0]),
        ("MSE", (0.02, 0.01, 0.03), [1]),
        ("NLL, density", (-100.0, -250.0, 3.0), [1]),
        ("90 % coverage", (1.0, 0.86, 0.95), [1]),
        ("F1", (0.9, 0.9, 0.8), [0, 1]),
        ("F1", (0.90001, 0.90004, 0.8), [0, 1]),  # equal as displayed
        ("F1", (0.9,), []),
        ("F1", (0.9, None), []),
        ("SSE", (math.inf, 2.0, 3.0), [1]),
    ],
)
def test_the_best_are_marked(name: str, values: tuple[float, ...], wanted: list[int]) -> None:
    assert best(name, *values) == wanted


def test_methods_within_the_error_of_the_best_are_marked_too() -> None:
    """The first two differ by less than their errors, the third by six of them."""
    scores = [(0.72, 0.01), (0.71, 0.01), (0.64, 0.01), (0.7, math.nan)]
    outcomes = [outcome(f"m{k}", scores={"F1": score}) for k, score in enumerate(scores)]
    f1 = numbers.columns(outcomes, DEFINITIONS)[0]
    marked = [method for method, cell in f1["cells"].items() if cell["best"]]
    assert marked == ["m0", "m1", "m3"]
    exact = [outcome(f"m{k}", scores={"F1": (0.7 + k / 100, math.nan)}) for k in range(2)]
    cells = numbers.columns(exact, DEFINITIONS)[0]["cells"]
    assert [cell["best"] for cell in cells.values()] == [False, True]


def test_a_method_that_still_runs_is_not_the_best() -> None:
    ahead = outcome("ahead", state="running", scores={"F1": (0.99, math.nan)})
    rest = [outcome(f"m{k}", scores={"F1": (0.8 + k / 100, math.nan)}) for k in range(2)]
    (f1, _) = numbers.columns([ahead, *rest], DEFINITIONS)
    assert [cell["best"] for cell in f1["cells"].values()] == [False, False, True]


def test_directions_are_those_of_the_study() -> None:
    lows = {name for name in numbers.COLUMNS if name not in numbers.BEST_IS_HIGH}
    assert lows - {numbers.COVERAGE} == {"SSE", "MSE", "NLL", "NLL, density", "CRPS"}
    assert numbers.NOMINAL == scores.COVERAGE
    assert set(numbers.COLUMNS) == set(DEFINITIONS)


def test_columns_are_in_order_with_definitions_and_seconds_last() -> None:
    first = outcome("a", scores={"CRPS": (0.1, math.nan), "new": (1.0, math.nan)})
    second = outcome("b", scores={"F1": (0.5, 0.01), "MSE": (0.02, math.nan)})
    found = numbers.columns([first, second], DEFINITIONS)
    assert [each["name"] for each in found] == ["F1", "MSE", "CRPS", "new", "seconds"]
    assert [each["definition"] for each in found[:2]] == [DEFINITIONS["F1"], DEFINITIONS["MSE"]]
    assert found[-1]["definition"] == numbers.SECONDS
    assert list(found[0]["cells"]) == ["b"]
    assert found[0]["cells"]["b"]["error"] == "± 0.010"


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("F1", (0.91234, 1.0), ["0.912", "1.000"]),
        ("MSE", (0.02341, 0.0091), ["0.0234", "0.0091"]),
        ("SSE", (12.961, 7.73, 9.5), ["12.96", "7.73", "9.50"]),
        ("NLL", (-244.81, -1222.9), ["−245", "−1223"]),
        ("90 % coverage", (0.9042,), ["90.4 %"]),
        ("SSE", (0.0, 0.0), ["0.00", "0.00"]),
    ],
)
def test_numbers_of_a_column_have_the_same_number_of_decimals(
    name: str, values: tuple[float, ...], wanted: list[str]
) -> None:
    assert [cell["text"] for cell in column(name, *values)["cells"].values()] == wanted


def test_small_errors_are_not_rounded_to_nothing() -> None:
    assert numbers.error_text(0.00002, 3) == "± 0.00002"
    assert numbers.error_text(0.012, 3) == "± 0.012"
    assert numbers.error_text(0.0, 2) == "± 0.00"
    assert numbers.error_text(math.nan, 2) == ""


def test_durations_read_well() -> None:
    values = (0.0002, 0.0431, 0.43, 1.234, 43.21)
    wanted = ["< 1 ms", "43 ms", "0.43 s", "1.23 s", "43.2 s"]
    assert [numbers.seconds(value) for value in values] == wanted


def test_diagnostics_have_a_text_and_warnings() -> None:
    values = {
        "Pareto k": 0.71,
        "log p(x_obs)": -61.42,
        "± log p(x_obs)": 0.3,
        "stuck chains": 0.0,
    }
    found = {each["label"]: each for each in numbers.diagnostics(values | {"R-hat": 1.05})}
    assert found["Pareto k"]["warn"]
    assert "0.7" in found["Pareto k"]["about"]
    assert (found["log p(x_obs)"]["text"], found["log p(x_obs)"]["error"]) == ("−61.4", "± 0.30")
    assert not found["Stuck chains"]["warn"]
    assert not found["Split R-hat"]["warn"]
    assert len(found) == 4
    assert not numbers.diagnostics({"Pareto k": 0.7})[0]["warn"]


# ---------------------------------------------------------------- what comes back


def test_a_stop_of_a_running_method_is_accepted() -> None:
    sent = message(outcome(state="running", done=0.5), outcome("DMFA"))
    assert parse({"run": "7", "method": "LAIR"}, sent) == StopRequest("LAIR")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "LAIR",
        [],
        {},
        {"run": "6", "method": "LAIR"},
        {"run": "7"},
        {"run": "7", "method": "DMFA"},  # has finished
        {"run": "7", "method": "no such"},
        {"run": "7", "method": ["LAIR"]},
        {"run": "7", "method": None},
    ],
    ids=str,
)
def test_anything_else_is_ignored(value: object) -> None:
    assert parse(value, message(outcome(state="running", done=0.5), outcome("DMFA"))) is None
