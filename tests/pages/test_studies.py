"""The studies of both samplers on their page, without a browser."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.studies.inpainting.sampler_sweeps import DATA, SWEEPS, Config
from tests.patience import PATIENCE
from tests.studies.inpainting.test_sampler_sweeps import SHIPPED
from ui import jobs
from ui.inpainting import studies
from ui.inpainting.studies import Studies

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    yield
    jobs.stop_all()


def opened(**state: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
    app.session_state["keep.view"] = "Studies"
    for name, value in state.items():
        app.session_state[f"keep.study {name}"] = value
    app.run()
    assert not app.exception
    assert not app.error
    return app


def page_text(app: AppTest) -> str:
    return " ".join(each.value for each in app.markdown)


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("pixels", ["hidden", "all"])
def test_each_study_is_shown_before_any_click_and_without_data(sweep: str, pixels: str) -> None:
    app = opened(sweep=sweep, pixels=pixels)
    assert "Shipped result, 100 images" in page_text(app)
    assert f"{pixels} pixels" in page_text(app)
    assert not any(each.key == "mask_upload" for each in app.get("file_uploader"))
    button = next(each for each in app.button if each.label == "Measure here")
    assert button.disabled  # the images of MNIST are not available
    assert any("so nothing can be measured" in each.value for each in app.caption)
    assert any(each.label.startswith("Fetch MNIST's test images") for each in app.button)


@pytest.mark.parametrize("data", DATA)
def test_every_data_set_opens(data: str) -> None:
    for sweep in SWEEPS:
        app = opened(sweep=sweep, data=data)
        available = any((row.data, row.sweep) == (data, sweep) for row in studies.st_rows())
        assert ("Shipped result" in page_text(app)) == available
        assert available or "There is no shipped result" in app.info[0].value


def test_digits_are_measured_on_the_page_and_kept() -> None:
    app = opened(sweep="iterations", data="digits", iterations=100)
    next(each for each in app.button if each.label == "Measure here").click().run()
    rows = app.session_state["study rows"]
    deadline = time.monotonic() + 60
    while len(rows) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.3)
    app.run()
    assert not app.exception
    assert "Measured here, 20 images, one chain per image" in page_text(app)
    assert len({row.sampler for row in rows}) == 2
    app.session_state["keep.view"] = "All methods"
    app.run()
    app.session_state["keep.view"] = "Studies"
    app.run()
    assert "Measured here, 20 images" in page_text(app)


def test_every_widget_is_a_setting_of_the_link() -> None:
    app = opened()
    widgets = [*app.selectbox, *app.select_slider, *app.number_input, *app.get("button_group")]
    names = {
        each.key.removeprefix("keep.") for each in widgets if "keep.study" in (each.key or "")
    }
    assert names == {setting.name for setting in Studies.settings}
    assert studies.ITERATIONS.read("500") == 500
    assert studies.SWEEP.read("warm-up") == "warm-up"


def test_the_table_has_every_length() -> None:
    rows = [row for row in studies.st_rows() if row.sweep == "iterations"]
    read = list(csv.DictReader(io.StringIO(studies.as_csv(rows[:2], rows[2:3]))))
    assert len(read) == sum(len(row.lengths) for row in rows[:3])
    assert {each["measured"] for each in read} == {"beforehand", "here"}
    assert float(read[0]["f1_mean_all"]) > float(read[0]["f1_mean_hidden"])


def test_long_measurements_get_a_message() -> None:
    assert "press Continue" in studies._how_long(Config(images=100, chains=4))
    assert "press Continue" not in studies._how_long(Config(images=20, iterations=200))
    assert SHIPPED == studies.FILE
