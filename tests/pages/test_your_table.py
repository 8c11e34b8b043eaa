"""The page "Your table" without a browser: from any table and any link to the downloads."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.inference import along_strengths, column_mean, pool_models
from dgm_core.inference.report.words import number
from dgm_core.studies.your_table import completion
from dgm_core.studies.your_table.sample import sample_csv
from tests.pages.addresses import parameters
from tests.patience import PATIENCE
from ui.jobs import Worker, stop_all
from ui.your_table import conclusions, downloads, shipped, strengths
from ui.your_table.outcome import figure_of

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages/8_Your_table.py")


def _pay(n: int) -> str:
    return "" if n % 4 == 0 else str(900 + 13 * n)


ROWS = [f"p{n},{20 + n * 7 % 50},{'Oslo' if n % 3 else 'Rome'},{_pay(n)}" for n in range(40)]
CONTENT = "\n".join(["who,age,city,pay", *ROWS, ""]).encode()


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Worker]]:
    """Workers of the only session, by name."""
    made: dict[str, Worker] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("ui.jobs.worker", lambda name: made.setdefault(name, Worker()))
    yield made
    stop_all()


def lab(address: dict[str, str] | None = None, **state: Any) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=PATIENCE)
    for name, value in (address or {}).items():
        app.query_params[name] = value
    for name, value in state.items():
        app.session_state[f"keep.{name.replace('_', ' ')}"] = value
    return without_errors(app.run())


def without_errors(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def text(app: AppTest) -> str:
    """All words on the page."""
    parts = [*app.markdown, *app.caption, *app.warning, *app.info, *app.error]
    return " ".join(each.value.replace("\\", "") for each in parts)


def box(app: AppTest, label: str) -> Any:
    return next(each for each in app.selectbox if each.label == label)


def uploaded(content: bytes = CONTENT, name: str = "it.csv") -> AppTest:
    app = lab(your_table_from="Upload")
    uploader = app.get("file_uploader")[0]
    return without_errors(uploader.set_value((name, content, "text/csv")).run())


def finished(app: AppTest, worker: Worker) -> AppTest:
    """The page after the button was pressed and the run has ended."""
    next(each for each in app.button if each.label == "Complete the table").click().run()
    assert worker.run is not None
    assert worker.run.wait(PATIENCE)
    assert worker.run.state == "finished"
    return without_errors(app.run())


def headings(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


# --- at first ---------------------------------------------------------------------------------


def test_a_fresh_page_shows_every_step_for_the_sample_and_starts_nothing(
    workers: dict[str, Worker],
) -> None:
    app = lab()
    assert not app.error
    assert not app.warning
    assert [title.split(".")[0] for title in headings(app)] == list("123456789")
    assert all(worker.run is None for worker in workers.values())
    assert app.radio[0].value == "unknown"
    assert "completes the table" in text(app)
    assert "by chance, or because of other columns" in text(app)
    assert len(app.get("download_button")) == 7
    assert parameters(app) == {}


def test_the_shipped_completion_fits_the_sample_and_the_first_settings() -> None:
    ready = shipped.st_outcome()
    assert ready.config == shipped.first_config()
    missing = ready.table.isna().sum()
    for name, values in ready.result.filled.items():
        assert values.shape == (5, 100, missing[name])
    assert set(ready.result.filled) == set(missing.index[missing > 0])
    assert ready.result.method == completion.best(ready.result.scores)


def test_the_truth_of_the_sample_is_never_shown_as_known() -> None:
    assert "true value" not in text(lab()).lower()


# --- why --------------------------------------------------------------------------------------


def test_a_mechanism_is_offered_only_after_the_answer_that_the_value_itself_decides() -> None:
    app = lab()
    assert not any("not-MIWAE" in option for option in box(app, "Method").options)
    app.radio[0].set_value("own value").run()
    without_errors(app)
    assert "Choose at least one column" in text(app)
    assert headings(app)[-1].startswith("3.")
    high = next(each for each in app.multiselect if each.label.startswith("High"))
    assert high.options == ["income", "blood pressure"]
    high.set_value(["income"]).run()
    without_errors(app)
    assert box(app, "Method").value == "not-MIWAE"
    assert "You assume that high values of income go missing" in app.warning[0].value
    assert "cannot confirm or refute" in app.warning[0].value
    app.radio[0].set_value("chance").run()
    assert box(without_errors(app), "Method").value == completion.RECOMMENDED
    assert not app.warning


def test_latent_traits_are_named_as_an_assumption_down_to_the_downloads(
    workers: dict[str, Worker],
) -> None:
    app = uploaded()
    assert not any("IM-IWAE" in option for option in box(app, "Method").options)
    app.radio[0].set_value("not in the table").run()
    assert box(app, "Method").value == "IM-IWAE"
    assert not any("not-MIWAE" in option for option in box(app, "Method").options)
    clause = "traits of the row that are not in the table, and never because of the value itself"
    assert clause in app.warning[0].value
    assert "cannot confirm or refute" in app.warning[0].value
    assert parameters(app)["why"] == "not in the table"
    app = finished(app, workers["your table"])
    assert any("was assumed, not found" in each.value for each in app.warning)
    outcome = next(iter(workers["your table"].run._made.values()))[1]
    assert outcome.result.method == "IM-IWAE"
    assert clause in downloads.settings(outcome)
    assert "why=Why(reason='not in the table'" in downloads.script(outcome)
    page = downloads.report_file(outcome)
    assert f"By assumption, values go missing because of {clause}" in page
    assert "missing at random). The table cannot show" not in page
    # The strength of a mechanism is that of draws at random, beside what was assumed.
    assert "MFA drew 100 values from each of 5 models" in text(app)
    assert "IM-IWAE completed the table under your answer in step 3" in text(app)


@pytest.mark.parametrize(
    "address",
    [
        {"method": "not-MIWAE"},
        {"method": "IM-IWAE"},
        {"method": "IM-IWAE", "why": "own value"},
        {"why": "<script>", "m": "7", "seed": "-5", "from": "Mars", "training": "nan"},
        {"why": "own value", "strength": "strong", "method": "PMM"},
        {"from": "Upload", "seed": "99999999999999999999"},
    ],
)
def test_any_link_opens(address: dict[str, str]) -> None:
    app = lab(address)
    assert not app.error
    assert "not-MIWAE" not in [each.value for each in app.selectbox]


def test_a_link_holds_the_settings_and_no_data() -> None:
    app = lab({"why": "chance", "method": "PMM", "m": "10", "seed": "7"})
    assert parameters(app) == {"why": "chance", "method": "PMM", "m": "10", "seed": "7"}
    assert "Press Complete the table" in text(app).replace("**", "")


# --- tables of visitors -----------------------------------------------------------------------


def test_an_upload_is_completed_down_to_every_download(workers: dict[str, Worker]) -> None:
    app = uploaded()
    assert "“who” is not modelled" in text(app)
    box(app, "Method").set_value("PMM").run()
    app = finished(app, workers["your table"])
    assert [title.split(".")[0] for title in headings(app)] == list("123456789")
    outcome = next(iter(workers["your table"].run._made.values()))[1]
    made = {offer.name: offer.make() for offer in downloads.offers(outcome)}
    lines = made["completed.csv"].decode().splitlines()
    given = CONTENT.decode().splitlines()
    assert len(lines) == len(given)
    for new, old in zip(lines, given, strict=True):
        assert new == old if not old.endswith(",") else new.startswith(old)
    assert not any(line.endswith(",") for line in lines)
    page = downloads.report_file(outcome)
    assert "PMM was chosen" in page
    assert "<svg" in page
    assert 'id="sensitivity"' in page
    assert "<script" not in page
    about = json.loads(made["settings.json"])
    assert about["method"] == "PMM"
    assert about["why values are missing"]["reason"] == "unknown"


def test_the_recommended_method_comes_with_its_scores(workers: dict[str, Worker]) -> None:
    app = finished(uploaded(), workers["your table"])
    scores = next(each.value for each in app.dataframe if "CRPS" in each.value)
    assert set(scores["method"]) == {"mean", "PMM", "CART", "MFA", "MIWAE"}
    assert (scores["CRPS"].diff().dropna() >= 0).all()
    assert "has the lowest CRPS" in text(app)


def test_a_table_that_no_method_completes_gets_a_sentence(
    workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Iterator[None]:
        yield None
        raise ValueError("No method could complete this table.")

    monkeypatch.setattr(completion, "steps", fails)
    app = finished(uploaded(), workers["your table"])
    assert "No method could complete this table." in app.error[0].value.replace("\\", "")


def test_pasted_text_is_read(workers: dict[str, Worker]) -> None:
    app = lab(your_table_from="Paste", pasted_table=CONTENT.decode())
    assert "Read: 40 rows × 4 columns" in text(app)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02",
        b"<html></html>",
        b"a,b",
        b"a,b\n1,2\n2,3\n4,4",
        b"a\n1\n\n3\n4\n",
        b"name\nx\ny\nz\nw\nv\n",
        b"a,b\n,\n,\n",
        b"=cmd(),[x](http://y)\n1,2\n,3\n4,5\n6,1\n",
    ],
)
def test_bad_input_gets_a_sentence_or_is_read(content: bytes) -> None:
    app = uploaded(content)
    said = [*app.error, *app.warning]
    assert said or headings(app)[-1].startswith("4.")
    assert all(len(each.value) > 20 for each in said)


# --- conclusions ------------------------------------------------------------------------------


def test_the_slider_moves_the_conclusion_and_says_where_it_turns() -> None:
    app = lab()
    before = next(each.value for each in app.markdown if each.value.startswith("At δ"))
    slider = next(each for each in app.slider if each.label.startswith("δ"))
    slider.set_value(slider.max).run()
    after = next(each.value for each in without_errors(app).markdown if "At δ" in each.value)
    low, high = (float(each.split("**")[1].replace(",", "")) for each in (before, after))
    missing = shipped.st_outcome().table["income"].isna().mean()
    assert high - low == pytest.approx(slider.max * missing, rel=0.02)
    assert "Without a shift, the interval" in after.replace("\\", "")


def strength_of(app: AppTest) -> Any:
    return next(each for each in app.slider if each.label.startswith("Strength"))


def what_if(app: AppTest) -> str:
    """The sentence of the section on the strength of a mechanism."""
    starts = ("At strength 0, values", "The mean of", "The coefficient of")
    return next(
        each.value.replace("\\", "") for each in app.markdown if each.value.startswith(starts)
    )


def test_no_mechanism_is_preset_and_its_strength_moves_the_conclusion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    monkeypatch.setattr(
        "ui.your_table.strengths.along_strengths",
        lambda *given: made.append(given[2]) or along_strengths(*given),
    )
    shipped.st_outcome()._made.clear()
    app = lab()
    assert strength_of(app).value == 0
    assert "PMM borrows observed values only" in text(app)
    pooled = pool_models([column_mean("income")(each) for each in shipped.st_outcome().draws])
    assert what_if(app).startswith(
        "At strength 0, values are missing at random: the mean of income is "
        f"**{figure_of(pooled.estimate[0])}**"
    )
    strength_of(app).set_value(1.2).run()
    outcome = shipped.st_outcome()
    (point,) = along_strengths(
        outcome.result.at_random, outcome.table, {"income": 1}, [1.2], column_mean("income")
    )
    said = what_if(without_errors(app))
    assert f"would be **{figure_of(point.pooled.estimate[0])}** instead of" in said
    assert "3.3 times as high for each 1,628 (one standard deviation) that income is high" in said
    assert f"{point.ess:.0f} of 100 draws" in text(app)
    strength_of(app).set_value(-2.0).run()
    assert "7.4 times as high" in what_if(without_errors(app))
    assert made == [{"income": 1}]  # the curve is there: moving the slider computes nothing


def test_a_mechanism_can_be_assumed_in_all_columns_and_move_a_coefficient() -> None:
    app = lab()
    box(app, "Values decide whether they are missing in").set_value(
        ("income", "blood pressure")
    ).run()
    strength_of(app).set_value(1.0).run()
    assert "for each standard deviation that a value is higher" in what_if(without_errors(app))
    conclusion = [each for each in app.selectbox if each.label == "Conclusion"][1]
    assert conclusion.options[:2] == ["mean of income", "mean of blood pressure"]
    conclusion.set_value(conclusion.options[2]).run()
    assert what_if(without_errors(app)).startswith("The coefficient of ")


def test_other_features_give_another_curve() -> None:
    app = lab()
    for index in (0, 1):
        conclusion = [each for each in app.selectbox if each.label == "Conclusion"][index]
        conclusion.set_value(next(x for x in conclusion.options if x.endswith("of age"))).run()
    before = what_if(without_errors(app))
    features = next(each for each in app.multiselect if each.label == "Features")
    features.set_value(["age"]).run()
    assert what_if(without_errors(app)) != before


def test_the_curve_is_downloaded_as_a_table_and_as_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = shipped.st_outcome()
    offered = conclusions.offered(outcome, ["income"])
    conclusion = offered["mean of income"]
    points = strengths.curve(outcome, ("income",), conclusion)
    content = strengths.table(points, 0, ("income",), conclusion)
    frame = pd.read_csv(io.BytesIO(content))
    assert frame["strength"].tolist() == strengths.GRID
    assert (frame["low"] < frame["estimate"]).all()
    assert (frame["estimate"].diff().dropna() >= 0).all()
    at_one = points[strengths.GRID.index(1.0)].pooled
    row = f"strength = 1: {number(float(at_one.estimate[0]))} ("
    assert row in downloads.report_file(outcome)
    monkeypatch.chdir(tmp_path)
    (tmp_path / outcome.given.name).write_bytes(sample_csv())
    code = strengths.script(outcome, ("income",), conclusion)
    quick = code.replace("method='recommended'", f"method={outcome.result.method!r}")
    assert quick != code
    exec(quick, {})
    printed = capsys.readouterr().out.splitlines()[-len(points) :]
    found = np.array([[float(each) for each in line.split()] for line in printed])
    # The shipped draws are kept with single precision.
    np.testing.assert_allclose(found, frame.to_numpy()[:, :6].astype(float), rtol=1e-4)
    for conclusion in conclusions.offered(outcome, ["income", "blood pressure"]).values():
        compile(strengths.script(outcome, ("income",), conclusion), "it.py", "exec")


def test_too_few_draws_get_a_sentence(
    workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgm_core.studies.your_table.methods.MOST_KEPT", 500)
    app = uploaded()
    box(app, "Method").set_value("PMM").run()
    app = finished(app, workers["your table"])
    assert "draws every missing value 10 times, not 100 times, because 10 cells" in text(app)
    assert "This needs 20 draws of each missing value" in text(app)
    assert not [each for each in app.slider if each.label.startswith("Strength")]


def test_the_regression_stands_beside_that_of_the_complete_rows() -> None:
    app = lab()
    pooled, complete = [each.value for each in app.dataframe if "SE" in each.value]
    assert list(pooled.index) == list(complete.index)
    assert "FMI" in pooled
    assert "FMI" not in complete
    assert np.isfinite(pooled.to_numpy()).all()
    box(app, "Target").set_value("income").run()
    features = next(each for each in without_errors(app).multiselect if each.label == "Features")
    features.set_value(["age", "city"]).run()
    pooled = next(each.value for each in without_errors(app).dataframe if "FMI" in each.value)
    assert list(pooled.index) == ["intercept", "age", "city = Oslo", "city = Tromsø"]
    features.set_value([]).run()
    assert "at least one feature" in text(without_errors(app))


def test_the_script_and_the_file_of_the_page_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = shipped.st_outcome()
    monkeypatch.chdir(tmp_path)
    (tmp_path / outcome.given.name).write_bytes(sample_csv())
    code = downloads.script(outcome)
    compile(code, "complete.py", "exec")
    quick = code.replace(f"method={outcome.config.method!r}", f"method={'PMM'!r}")
    assert quick != code
    exec(quick, {})
    completed = (tmp_path / "completed.csv").read_text(encoding="utf-8").splitlines()
    assert len(completed) == 301
    assert not any(",," in line or line.endswith(",") for line in completed)
    assert {"copy-1.csv", "copy-5.csv"} <= {path.name for path in tmp_path.iterdir()}
    if outcome.result.method == "PMM":
        assert "\n".join(completed) + "\n" == downloads.table_file(outcome).decode()


def test_the_page_of_known_tables_links_here() -> None:
    app = AppTest.from_file(
        str(ROOT / "pages/3_Missing_not_at_random.py"), default_timeout=PATIENCE
    )
    assert "[Your table](Your_table)" in text(without_errors(app.run()))


def test_conclusions_use_only_the_columns_that_they_need() -> None:
    """They are the same as with all columns of the table."""
    outcome = shipped.st_outcome()
    for conclusion in conclusions.offered(outcome, ["income"]).values():
        found = strengths.curve(outcome, ("income",), conclusion)
        draws, signs = outcome.result.at_random, {"income": 1}
        every = along_strengths(draws, outcome.table, signs, strengths.GRID, conclusion.analysis)
        for one, other in zip(found, every, strict=True):
            assert np.array_equal(one.pooled.estimate, other.pooled.estimate)
            assert one.ess == other.ess
    assert "-0.0" not in str(strengths.GRID)
