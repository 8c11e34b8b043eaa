"""The MNAR lab without a browser: it opens with any table and any link, and trains."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core import zoo
from dgm_core.studies.mnar import side_by_side
from tests.patience import PATIENCE
from tests.ui.mnar.small_run import csv
from ui import table_upload
from ui.cache import st_model
from ui.jobs import Worker, stop_all
from ui.mnar import images, mechanism, table_choice
from ui.mnar import side_by_side as mnar_view

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages/3_Missing_not_at_random.py")


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Worker]]:
    """Workers of the only session, by name; there is no data folder."""
    made: dict[str, Worker] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
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
    """The app, if no part of the page raised an error."""
    assert not app.exception, app.exception
    return app


def group(app: AppTest, name: str) -> Any:
    return next(each for each in app.get("button_group") if each.key == f"keep.{name}")


def box(app: AppTest, name: str) -> Any:
    """The select box of a setting, also if there is one for each table."""
    return next(each for each in app.selectbox if each.key.split(".")[1] == name.split(".")[0])


def upload(app: AppTest, content: bytes, name: str = "it.csv") -> AppTest:
    uploader = next(each for each in app.get("file_uploader") if each.key == "table upload")
    return without_errors(uploader.set_value((name, content, "text/csv")).run())


def titles(app: AppTest) -> list[str]:
    """Titles of the figures."""
    return [
        each.value.replace("\\", "").strip("*")
        for each in app.markdown
        if each.value.startswith("**") and each.value.endswith("**")
    ]


def table_description(app: AppTest) -> str:
    """The description of the table that the page has read."""
    found = [each.value for each in app.caption if each.value.startswith("Read: ")]
    return found[0] if found else ""


# --- at first ---------------------------------------------------------------------------------


def test_the_lab_opens_with_the_shipped_run_and_starts_none(workers: dict[str, Worker]) -> None:
    app = lab()
    assert not app.error
    assert not app.warning
    assert all(worker.run is None for worker in workers.values())
    assert len(app.get("plotly_chart")) == 6
    scores = app.dataframe[-1].value
    assert scores["method"].iloc[0] == "not-MIWAE"
    assert set(side_by_side.MODELS) < set(scores["method"])
    assert (scores["RMSE"].diff().dropna() >= 0).all()
    assert [button.label for button in app.button] == ["Train"]
    assert not app.get("download_button")  # nothing has been computed on the page yet
    assert dict(app.query_params) == {}


@pytest.mark.parametrize("name", ["Assume", "One cell"])
def test_the_other_views_use_the_shipped_models(name: str) -> None:
    app = lab({"view": name})
    assert not app.error
    assert not app.info
    assert group(app, "mnar view").value == name


def test_another_table_asks_for_a_training() -> None:
    app = lab({"table": "iris", "view": "Assume"})
    assert any("Train one in **Watch**" in info.value for info in app.info)
    group(app, "mnar view").set_value("Watch").run()
    assert any(each.value.startswith("Press Train") for each in without_errors(app).caption)
    assert len(app.get("plotly_chart")) == 3


def test_a_broken_weight_file_gets_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *_: object) -> None:
        raise zoo.BrokenModel(f"the weights {name}.safetensors do not match")

    st_model.clear()
    monkeypatch.setattr(zoo, "load", load)
    app = lab({"view": "One cell"})
    assert app.error[0].value.startswith("the weights breast-miwae.safetensors do not match")
    assert group(app, "mnar view").value == "One cell"
    st_model.clear()


def test_images_without_a_model_get_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "offered", list)
    app = lab({"view": "Images"})
    assert any(
        "No data set with a model of over-exposed images" in info.value for info in app.info
    )


# --- the mechanism ----------------------------------------------------------------------------


def test_a_change_of_the_mechanism_changes_the_missing_cells_at_once() -> None:
    app = lab({"table": "wine"})
    headings = {"as it is": titles(app)[0]}
    app.slider(key="keep.threshold").set_value(1.0).run()
    headings["threshold"] = titles(without_errors(app))[0]
    group(app, "direction").set_value("low").run()
    headings["direction"] = titles(without_errors(app))[0]
    box(app, "why.wine").set_value("chance").run()
    headings["chance"] = titles(without_errors(app))[0]
    assert len(set(headings.values())) == len(headings)
    assert all(text.startswith("Missing: ") for text in headings.values())
    assert app.query_params["why"] == "chance"


def test_no_column_and_nothing_missing_get_a_message() -> None:
    app = lab({"table": "wine"})
    app.multiselect[0].set_value([]).run()
    assert any("at least one column" in info.value for info in without_errors(app).info)
    assert not app.button
    app.multiselect[0].set_value(["malic acid"]).run()
    group(app, "direction").set_value("low").run()
    app.slider(key="keep.threshold").set_value(-2.0).run()
    assert [each.value for each in without_errors(app).warning] == [
        "No value is missing. Move the threshold, raise the strength, or choose other columns."
    ]
    app.slider(key="keep.threshold").set_value(0.0).run()
    assert not without_errors(app).warning


@pytest.mark.parametrize("why", ["another column", "bands", "chance"])
def test_every_mechanism_has_its_figures(why: str) -> None:
    app = lab({"why": why, "table": "iris"})
    assert len(app.get("plotly_chart")) == 3
    assert [button.label for button in app.button] == ["Train"]


# --- tables of visitors -----------------------------------------------------------------------


def parquet(**columns: list) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def wide(columns: int) -> bytes:
    """A CSV file with a header and three rows."""
    rows = [[f"c{number}" for number in range(columns)]]
    rows += [[str(number + row) for number in range(columns)] for row in range(3)]
    return "\n".join(map(",".join, rows)).encode()


def levels(columns: int, count: int, rows: int | None = None) -> bytes:
    """A CSV file with columns of `count` different texts."""
    lines = [",".join(f"c{number}" for number in range(columns))]
    lines += [",".join([f"v{row % count}"] * columns) for row in range(rows or 2 * count)]
    return "\n".join(lines).encode()


WORDS = "name,söße\nÅsa,1.5\nBjörn,\nÅsa,2.5\nBjörn,4\n"
GOOD = b"age,height\n30,1.7\n,1.8\n50,1.6\n41,\n"

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blanks": (b" \n\n ", "empty"),
    "a header only": (b"a,b,c\n", "row"),
    "1e6 rows": (b"a,b\n" + b"1,2\n3,4\n" * 500_000, "at most 20,000 can be read"),
    "10,000 columns": (wide(10_000), "10,000 columns"),
    "101 columns": (wide(101), "101 columns"),
    "660 columns after coding": (levels(60, 11), "660 columns after coding"),
    "6 million cells after coding": (levels(6, 50, 19_000), "5,700,000 cells"),
    "a long text": (b"a,b\n1,x\n2," + b"y" * 2000 + b"\n3,x\n4,\n", "2,000 characters"),
    "all missing": (b"a,b\n,\nNA,?\n", "No column"),
    "all constant": (b"a,b\n1,x\n1,x\n1,\n", "No column"),
    "names only": (b"who\nAnn\nBob\nCid\nDon\nEve\nFay\n", "No column"),
    "a renamed picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "a picture"),
    "an Excel workbook": (b"PK\x03\x04" + bytes(200), "Excel"),
    "a web page": (b"<html><body><script>alert(1)</script></body></html>", "web page"),
    "a broken Parquet": (parquet(a=[1.0, 2.0])[:-20] + bytes(20), "Parquet"),
    "half a Parquet": (parquet(a=[1.0, 2.0])[:40], "Parquet"),
    "bytes": (
        np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes(),
        "not a text file",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_gets_a_message_and_the_previous_table_stays(case: str) -> None:
    content, words = REFUSED[case]
    app = upload(lab(table_source="Upload"), content)
    assert len(app.error) == 1
    assert words in app.error[0].value
    assert app.error[0].value.endswith(".")
    assert not table_description(app)
    assert not app.button
    app = upload(app, GOOD)
    assert not app.error
    before = table_description(app)
    app = upload(app, content, "again.csv")
    assert words in app.error[0].value
    description = "Read: 4 rows × 2 columns, 2 cells missing (25.0\u00a0%)."
    assert table_description(app) == before == description
    assert len(app.get("plotly_chart")) == 2


READ: dict[str, tuple[bytes, str]] = {
    "ragged": (b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n2,,5\n3,6,6\n", "4 rows × 3 columns, 2 cells"),
    "NaN, infinity, 1e400": (
        b"a,b\n1,2\nnan,inf\n3,1e400\n4,-inf\n9,4\n7,5\n",
        "5 rows × 2 columns, 2 cells",
    ),
    "text in a column of numbers": (b"a,b\n1,2\nx,3\n3,5\n4,7\n", "4 rows × 2 columns, 1 cells"),
    "duplicate headers": (b"a,a,a\n1,2,3\n,3,4\n3,5,6\n", "3 rows × 3 columns, 1 cells"),
    "UTF-16": (WORDS.encode("utf-16"), "4 rows × 2 columns, 1 cells"),
    "UTF-8 with a mark": (codecs.BOM_UTF8 + WORDS.encode(), "4 rows × 2 columns, 1 cells"),
    "Latin-1": (WORDS.encode("latin-1"), "4 rows × 2 columns, 1 cells"),
    "semicolons": (b"a;b\n1,5;2\n2,5;\n3,25;4\n", "3 rows × 2 columns, 1 cells"),
    "formulas": (
        b"=A1,b\n=cmd|' /C calc'!A0,1\n@SUM(A1),2\n=cmd|' /C calc'!A0,\n,3\n",
        "4 rows × 2 columns, 2 cells",
    ),
    "nothing missing": (b"a,b\n1,2\n2,4\n3,5\n", "3 rows × 2 columns, 0 cells"),
    "words alone": (b"a,b\nx,y\nx,z\nw,y\nw,z\n", "4 rows × 2 columns, 0 cells"),
    "words alone with a hole": (b"a,b\nx,y\nx,\nw,y\nw,z\n", "4 rows × 2 columns, 1 cells"),
    "a constant column": (b"a,b,c\n1,2,3\n1,,4\n1,5,5\n", "3 rows × 2 columns, 1 cells"),
    "one column": (b"a\n1\n2\n\n4\n", "3 rows × 1 columns, 0 cells"),
    "one column with a hole": (b"a\n1\n2\nNA\n4\n5.5\n", "4 rows × 1 columns, 0 cells"),
    "one hole in two rows": (b"a,b\n1,2\n3,\n5,4\n", "3 rows × 2 columns, 1 cells"),
    "Markdown": (b"*a*,$b$ [c](d)\n1,2\n2,\n3,4\n", "3 rows × 2 columns, 1 cells"),
    "Parquet": (parquet(a=[1.0, None, 3.0], b=["x", "y", None]), "3 rows × 2 columns, 2 cells"),
}


@pytest.mark.parametrize("case", READ)
def test_a_table_in_any_form_is_read_and_shown_in_every_view(case: str) -> None:
    content, words = READ[case]
    app = upload(lab(table_source="Upload"), content)
    assert not app.error
    assert table_description(app).startswith(f"Read: {words} missing")
    for name in ("Assume", "One cell", "Watch"):
        group(app, "mnar view").set_value(name).run()
        without_errors(app)
    unusable = case == "words alone"  # no missing cell and no numeric column
    assert bool(app.info) == unusable
    assert bool(app.button) != unusable


def test_column_names_are_shown_as_they_are() -> None:
    app = upload(lab(table_source="Upload"), READ["Markdown"][0])
    box(app, "shown column").set_value("$b$ [c](d)").run()
    assert "$b$ [c](d)" in titles(without_errors(app))
    assert not any("**$b$" in each.value for each in app.markdown)


def test_an_upload_survives_another_source_and_another_view() -> None:
    app = upload(lab(table_source="Upload"), GOOD)
    before = table_description(app)
    group(app, "table source").set_value("Tables").run()
    assert not table_description(without_errors(app))
    group(app, "table source").set_value("Upload").run()
    assert table_description(without_errors(app)) == before


def test_a_file_is_read_and_coded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, coded = [], []

    def counted(content: bytes, name: str, *args: Any, **limits: Any) -> object:
        read.append(name)
        return reads(content, name, *args, **limits)

    def coded_once(*args: Any) -> object:
        coded.append(args)
        return codes(*args)

    reads, codes = table_upload.read_limited, table_choice.table_of
    monkeypatch.setattr(table_upload, "read_limited", counted)
    app = lab(table_source="Upload")
    monkeypatch.setattr(table_choice, "table_of", coded_once)
    app = upload(app, GOOD)
    without_errors(app.run())
    target = next(each for each in app.selectbox if each.label == "Column to predict")
    without_errors(target.set_value(target.options[1]).run())
    assert read == ["it.csv"]
    assert len(coded) == 1


# --- training ---------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trainings short."""
    monkeypatch.setattr(mnar_view, "STEPS", dict.fromkeys(mnar_view.STEPS, 6))


def train(app: AppTest, worker: Worker) -> AppTest:
    next(button for button in app.button if button.label == "Train").click().run()
    without_errors(app)
    assert worker.run.wait(60)
    assert worker.run.state == "finished"
    return without_errors(app.run())


@pytest.mark.usefixtures("short")
def test_missing_cells_of_an_upload_are_imputed_and_every_view_uses_the_models(
    workers: dict[str, Worker],
) -> None:
    app = upload(lab(table_source="Upload"), csv())
    assert group(app, "table source").value == "Upload"
    own = next(each for each in app.selectbox if each.key.startswith("keep.why."))
    assert own.value == "none"
    app = train(app, workers["mnar watch"])
    assert workers["mnar watch"].run.items[-1].models.keys() == {"MIWAE"}
    assert box(app, "download of").options == ["MIWAE"]
    assert any("MIWAE completes this table" in each.value for each in app.caption)
    box(app, "own cells").set_value("high values").run()
    app = train(without_errors(app), workers["mnar watch"])
    assert workers["mnar watch"].run.items[-1].models.keys() == set(side_by_side.MODELS)
    assert box(app, "download of").options == list(side_by_side.MODELS)
    assert [each.label for each in app.get("download_button")] == [
        "Table (.csv)",
        "20 completed copies (.zip)",
        "Report (.md)",
    ]
    scores = app.dataframe[-1].value  # the missing values are unknown
    assert list(scores) == ["method", "bound", "ESS"]
    assert set(scores["method"]) == set(side_by_side.MODELS)
    assert not any(each.startswith("Error on the hidden cells") for each in titles(app))
    assert "P(missing | value): learned" in titles(app)
    assert "Bound on log p(x_obs, s), higher is better" in titles(app)
    about = next(each.value for each in app.markdown if each.value.startswith("MIWAE assumes"))
    assert "dashed" not in about
    assert "error" not in about
    group(app, "mnar view").set_value("Assume").run()
    numbers = {each.label.split(",")[0]: each.value for each in without_errors(app).metric}
    assert numbers["RMSE"] == "not known"
    assert numbers["Mean moves by"].endswith(" SD")
    group(app, "mnar view").set_value("Identify").run()
    without_errors(app)
    assert "errors" not in next(
        each.value for each in app.markdown if "Five trainings" in each.value
    )
    group(app, "mnar view").set_value("One cell").run()
    for name in box(without_errors(app), "entry column").options:
        box(app, "entry column").set_value(name).run()
        for model in side_by_side.MODELS:
            group(without_errors(app), "entry model").set_value(model).run()
            cell = next(each for each in app.number_input if each.label.startswith("Missing cell"))
            cell.set_value(int(cell.max)).run()
            without_errors(app)


@pytest.mark.usefixtures("short")
def test_a_training_belongs_to_its_settings(workers: dict[str, Worker]) -> None:
    app = train(lab({"table": "iris"}), workers["mnar watch"])
    assert len(app.get("download_button")) == 3
    app.number_input(key="keep.training seed").set_value(5).run()
    assert not without_errors(app).get("download_button")
    assert [button.label for button in app.button] == ["Train"]
    app.number_input(key="keep.training seed").set_value(0).run()
    assert len(without_errors(app).get("download_button")) == 3
    assert workers["mnar watch"].run.state == "finished"


def test_a_training_is_stopped_and_continued(
    workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnar_view, "STEPS", dict.fromkeys(mnar_view.STEPS, 60))
    app = lab({"table": "iris"})
    next(button for button in app.button if button.label == "Train").click().run()
    worker = workers["mnar watch"]
    if worker.run.live:
        stop = next(each for each in without_errors(app).button if each.label == "Stop")
        stop.click().run()
        before = list(worker.run.items)
        assert [button.label for button in without_errors(app).button] == ["Train", "Continue"]
        next(button for button in app.button if button.label == "Continue").click().run()
        without_errors(app)
        assert worker.run.wait(60)
        assert worker.run.items[: len(before)] == before
        steps = [item.step for item in worker.run.items if isinstance(item, side_by_side.Frame)]
        assert steps == sorted(set(steps))
        assert isinstance(worker.run.items[-1], side_by_side.Result)
    assert without_errors(app.run()).get("download_button")


def test_missing_cells_of_the_deciding_column_are_pointed_out() -> None:
    app = upload(lab(table_source="Upload"), csv())
    why = next(each for each in app.selectbox if each.key.startswith("keep.why."))
    app = without_errors(why.set_value("another column").run())
    assert mechanism.DRIVER_HAS_GAPS in [each.value for each in app.caption]
    whole = lab({"why": "another column", "table": "iris"})
    assert mechanism.DRIVER_HAS_GAPS not in [each.value for each in whole.caption]


# --- addresses --------------------------------------------------------------------------------

ADDRESSES = {
    "another table's columns": {"table": "iris", "columns": "20.21"},
    "holes of a table without": {"why": "none"},
    "the driver is among the columns": {"why": "another column", "columns": "0.1", "driver": "1"},
    "no column is left to drive": {
        "table": "iris",
        "why": "another column",
        "columns": "0.1.2.3",
        "driver": "0",
    },
    "a table that is not here": {"table": "concrete", "columns": "2"},
    "all at once": {
        "view": "<script>",
        "table": "%00",
        "why": "?",
        "columns": "eJwDAA==",
        "driver": "1e9",
        "direction": "up",
        "threshold": "nan",
        "strength": "inf",
        "rate": "-1",
        "chance": "1e999",
        "seed": "9" * 3000,
        "assumed": "x" * 3000,
        "decoder": "",
        "length": "Forever",
        "k": "-1",
        "training": "0x10",
        "keep.seed": "-1",
    },
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_no_address_breaks_the_page(case: str) -> None:
    app = lab(ADDRESSES[case])
    assert not app.error
    assert len(app.get("plotly_chart")) >= 3
    assert [button.label for button in app.button] == ["Train"]


def visit() -> AppTest:
    """The lab, opened from the front page."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE).run()
    return without_errors(app.switch_page("pages/3_Missing_not_at_random.py").run())


def leave_and_return(app: AppTest) -> AppTest:
    without_errors(app.switch_page("pages/1_Inpainting.py").run())
    return without_errors(app.switch_page("pages/3_Missing_not_at_random.py").run())


@pytest.mark.usefixtures("short")
def test_an_upload_and_its_training_survive_a_change_of_page(workers: dict[str, Worker]) -> None:
    app = visit()
    group(app, "table source").set_value("Upload").run()
    app = train(upload(app, csv()), workers["mnar watch"])
    before = table_description(app)
    app = leave_and_return(app)
    assert table_description(app) == before
    assert len(app.get("download_button")) == 3
    assert len(workers["mnar watch"].run.items) > 3


def test_the_settings_survive_a_change_of_page() -> None:
    app = visit()
    box(app, "table").set_value("iris").run()
    app.slider(key="keep.threshold").set_value(0.7).run()
    app.select_slider(key="keep.strength").set_value(3.0).run()
    group(app, "length").set_value("Long").run()
    address = dict(without_errors(app).query_params)
    assert address == {"table": "iris", "threshold": "0.7", "strength": "3", "length": "Long"}
    app = leave_and_return(app)
    assert dict(app.query_params) == address
    assert box(app, "table").value == "iris"
    assert app.slider(key="keep.threshold").value == 0.7
