"""The parts of the comparison view, without a page."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgm_core import zoo
from dgm_core.imputers import CATALOGUE, settings_of
from dgm_core.metrics import DEFINITIONS
from dgm_core.studies.inpainting import comparison
from dgm_core.studies.inpainting.comparison import Calibration, Config, Outcome
from ui.inpainting import comparison_downloads, comparison_run, methods, player_data, shipped
from ui.inpainting.comparison_run import Progress

HIDDEN = np.zeros((28, 28), bool)
HIDDEN[4:20, 6:20] = True
RNG = np.random.default_rng(0)
IMAGE = (RNG.random((1, 28, 28)) < 0.3).astype(np.uint8) * 255
QUICK = ("mean image", "diffusion of the edge")


def config(*names: str, seed: int = 0) -> Config:
    chosen = tuple((name, ()) for name in names)
    return Config("digits", IMAGE.tobytes(), np.packbits(HIDDEN).tobytes(), chosen, seed)


def finished(progress: Progress) -> list[str]:
    """Run to the end; return the computed methods, in the order in which they finished."""
    return list(progress.work())


# --- progress ---------------------------------------------------------------------------------


def test_before_anything_is_computed_every_card_waits() -> None:
    progress = Progress(config(*QUICK), {})
    assert [each.method for each in progress.outcomes()] == list(QUICK)
    assert all(each.state == "running" and each.mean is None for each in progress.outcomes())
    assert not progress.started
    assert not progress.complete


def test_a_method_that_is_added_is_the_only_one_computed() -> None:
    first = Progress(config(*QUICK), {})
    assert sorted(finished(first)) == sorted(QUICK)
    more = comparison_run.resumed(config(*QUICK, "PPCA"), first)
    assert [each.state for each in more.outcomes()] == ["finished", "finished", "running"]
    assert finished(more) == ["PPCA"]
    assert more.complete
    for before, after in zip(first.outcomes(), more.outcomes(), strict=False):
        assert after is before
    # A method that is removed and added again keeps its outcome.
    fewer = comparison_run.resumed(config("PPCA"), more)
    again = comparison_run.resumed(config(*QUICK, "PPCA"), more, fewer)
    assert fewer.complete
    assert again.complete


def test_outcomes_are_not_reused_for_another_problem_seed_or_setting() -> None:
    first = Progress(config("mean image"), {})
    finished(first)
    others = {
        "seed": config("mean image", seed=1),
        "mask": replace(config("mean image"), hidden=np.packbits(~HIDDEN).tobytes()),
        "image": replace(config("mean image"), image=bytes(784)),
        "setting": replace(config(), methods=(("mean image", (("draws", 3),)),)),
    }
    for name, other in others.items():
        assert not comparison_run.resumed(other, first).started, name
    assert comparison_run.resumed(config("mean image"), first).complete


def test_a_reused_outcome_equals_a_computed_one() -> None:
    alone, together = Progress(config("mean image"), {}), Progress(config(*QUICK, "PPCA"), {})
    finished(alone)
    finished(together)
    one, other = alone.outcomes()[0], together.outcomes()[0]
    assert one.method == other.method
    assert np.array_equal(one.draws, other.draws)


def test_a_stopped_method_ends_and_the_others_go_on() -> None:
    slow = (("pseudo-Gibbs", (("iterations", 400), ("chains", 1))), ("mean image", ()))
    progress = Progress(replace(config(), methods=slow), {})
    steps = progress.work()
    assert next(steps) == "mean image"  # quick methods come first
    assert next(steps) == "pseudo-Gibbs"
    progress.control.stop("pseudo-Gibbs")
    assert list(steps) == ["pseudo-Gibbs"]
    chain, mean = progress.outcomes()
    assert (chain.state, mean.state) == ("stopped", "finished")
    assert 0 < chain.done < 1
    assert chain.mean is not None


# --- the choice of methods --------------------------------------------------------------------


def test_every_name_is_in_the_catalogue() -> None:
    assert set(methods.FIRST) <= set(CATALOGUE)
    for name, values in methods.FEWER.items():
        found = {setting.name: setting for setting in settings_of(CATALOGUE[name])}
        for key, value in values.items():
            assert found[key].low <= value < found[key].default, (name, key)


def test_methods_without_a_shipped_model_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "names", lambda: ["digits-dlvm"])
    names = methods.offered("digits")
    assert {"pseudo-Gibbs", "LAIR", "PPCA", "mean image"} <= set(names)
    assert not {"MIWAE", "DMFA", "MFA"} & set(names)
    monkeypatch.setattr(zoo, "names", lambda: ["digits-dlvm", "mnist-dmfa"])
    assert "DMFA" in methods.offered("digits")  # the model of another data set
    monkeypatch.setattr(zoo, "names", list)
    monkeypatch.setenv("DGM_DATA", "/nowhere")
    assert methods.offered("celeba") == ["diffusion of the edge"]


# --- what is taken home -----------------------------------------------------------------------


def outcomes() -> list[Outcome]:
    original = IMAGE[None][0] / np.float32(255)
    bins = Calibration(
        "reliability",
        np.array([0.1, 0.5, 0.9]),
        np.array([0.0, np.nan, 1.0]),
        np.array([0.1, np.nan, 0.1]),
        np.array([40, 0, 3]),
    )
    scores = {"F1": (0.75, 0.0123), "SSE": (3.25, float("nan"))}
    return [
        Outcome(
            "LAIR",
            "finished",
            "",
            1.0,
            1.5,
            original,
            np.stack([original] * 5),
            original / 4,
            scores,
            calibration=bins,
        ),
        Outcome("MIWAE", "unavailable", "no such model", 0.0, 0.0),
    ]


def test_the_table_holds_every_score_with_its_error_and_definition() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_downloads.as_csv(outcomes(), DEFINITIONS))))
    assert [row["score"] for row in rows] == ["F1", "SSE", "seconds"]
    assert {row["method"] for row in rows} == {"LAIR"}
    assert (rows[0]["value"], rows[0]["Monte-Carlo error"]) == ("0.75", "0.0123")
    assert rows[1]["Monte-Carlo error"] == ""
    assert rows[0]["definition"] == DEFINITIONS["F1"]


def test_a_sample_of_a_model_is_not_called_an_original() -> None:
    content = comparison_downloads.as_zip(config(), outcomes(), scored=False)
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        assert "model sample.png" in folder.namelist()
        assert "original.png" not in folder.namelist()
        with np.load(io.BytesIO(folder.read("arrays.npz"))) as arrays:
            assert "original" not in arrays
            np.testing.assert_array_equal(arrays["model sample"], config().original)
        script = folder.read("again.py").decode()
    compile(script, "again.py", "exec")
    assert 'arrays["model sample"]' in script
    assert "scores" not in script


def test_the_pictures_are_enlarged_by_whole_pixels_and_the_arrays_are_exact() -> None:
    with zipfile.ZipFile(io.BytesIO(comparison_downloads.as_zip(config(), outcomes()))) as folder:
        names = set(folder.namelist())
        original = np.asarray(Image.open(folder.open("original.png")))
        problem = np.asarray(Image.open(folder.open("problem.png")))
        sheet = np.asarray(Image.open(folder.open("LAIR draws.png")))
        with np.load(folder.open("arrays.npz")) as file:
            arrays = {name: file[name] for name in file.files}
    assert names == {
        "original.png",
        "problem.png",
        "LAIR mean.png",
        "LAIR standard deviation.png",
        "LAIR draws.png",
        "arrays.npz",
        "again.py",
    }
    factor = original.shape[0] // 28
    assert original.shape == (28 * factor, 28 * factor, 3)
    assert factor > 4
    assert np.array_equal(original[factor // 2 :: factor, factor // 2 :: factor, 0], IMAGE[0])
    shown = problem[factor // 2 :: factor, factor // 2 :: factor]
    assert (shown[HIDDEN] == comparison_downloads.HIDDEN).all()
    assert np.array_equal(shown[~HIDDEN][:, 0], IMAGE[0][~HIDDEN])
    assert sheet.shape[0] < sheet.shape[1]  # five draws: two rows of three
    assert np.array_equal(arrays["LAIR/draws"], outcomes()[0].draws)
    assert np.array_equal(arrays["observed"], ~HIDDEN)


def test_the_script_of_a_comparison_reproduces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested = replace(config(), methods=(("nearest neighbours", (("neighbours", 3),)),), seed=5)
    *_, result = comparison.run(requested)
    content = comparison_downloads.as_zip(requested, list(result.outcomes.values()))
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {}
    exec((tmp_path / "again.py").read_text(encoding="utf-8"), made)
    again = made["result"]
    assert isinstance(again, comparison.Result)
    assert again.config == requested
    for name, outcome in result.outcomes.items():
        assert np.array_equal(again.outcomes[name].mean, outcome.mean)


# --- figures ----------------------------------------------------------------------------------


def test_a_reliability_panel_shows_the_bins_that_hold_pixels() -> None:
    figure = player_data.calibration(outcomes()[:1], dark=False)
    diagonal, points = figure.data
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]
    assert list(points.x) == [0.1, 0.9]
    assert list(points.y) == [0.0, 1.0]
    assert list(points.error_y.array) == [0.2, 0.2]
    assert [each.text for each in figure.layout.annotations] == ["LAIR"]


def test_a_pit_panel_shows_its_bars_against_the_uniform_line() -> None:
    heights = np.array([0.5, 1.5, 1.0])
    found = Calibration("PIT", np.array([1, 3, 5]) / 6, heights, np.full(3, 0.1), heights * 10)
    each = outcomes()[0]._replace(calibration=found)
    figure = player_data.calibration([each] * 5, dark=True)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert len(bars) == 5
    assert np.array_equal(bars[0].y, heights)
    assert any(list(trace.y) == [1, 1] for trace in figure.data)
    assert len({trace.yaxis for trace in bars}) == 5  # a panel each


# --- the shipped run --------------------------------------------------------------------------


def test_a_written_comparison_is_read_unchanged(tmp_path: Path) -> None:
    requested = config("LAIR", "mean image")
    made = [
        outcomes()[0]._replace(
            parts={"factors": np.ones((2, 1, 28, 28), np.float32)},
            curves={"bound by K": (np.array([1, 10]), np.array([-3.0, -2.0]))},
            diagnostics={"ESS": 4.0},
        ),
        Outcome("mean image", "finished", "fitted", 1.0, 0.1, outcomes()[0].mean),
    ]
    path = tmp_path / "comparison.npz"
    shipped.write_comparison(path, requested, made)
    back, read = shipped.read_comparison(path)
    assert back == requested
    for one, other in zip(made, read, strict=True):
        assert one[:5] == other[:5]
        assert np.allclose(one.mean, other.mean, atol=1e-3)
        assert one.scores.keys() == other.scores.keys()
    assert np.array_equal(read[0].draws, made[0].draws)
    assert read[0].scores["F1"] == (0.75, 0.0123)
    assert np.isnan(read[0].scores["SSE"][1])
    assert read[0].diagnostics == {"ESS": 4.0}
    assert np.array_equal(read[0].parts["factors"], made[0].parts["factors"])
    assert np.array_equal(read[0].curves["bound by K"][1], [-3.0, -2.0])
    assert read[0].calibration.kind == "reliability"
    assert np.array_equal(read[0].calibration.entries, [40, 0, 3])
    assert read[1].draws is None
    assert read[1].calibration is None
