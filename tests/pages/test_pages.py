"""Pages without a browser: they open, respond, and keep what the visitor did."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dgm_core import zoo
from tests.patience import PATIENCE
from ui import cache, jobs
from ui.inpainting import gallery

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    yield
    jobs.stop_all()


def lab() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
    return app.run().switch_page("pages/1_Inpainting.py").run()


def test_the_front_page_opens() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE).run()
    assert not app.exception
    assert not app.error


def test_the_lab_opens_with_the_shipped_picture_and_no_run() -> None:
    app = lab()
    assert not app.exception
    assert not app.error
    assert app.session_state["mask"][:14].all()
    assert not app.session_state["mask"][14:].any()
    assert [button.label for button in app.button][-1] == "Run"


def test_slow_motion_opens_with_its_shipped_window_and_no_run() -> None:
    app = lab()
    app.session_state["keep.view"] = "Slow motion"
    app.run()
    assert not app.exception
    assert [button.label for button in app.button][-1] == "Run"
    assert not any("Press Run" in caption.value for caption in app.caption)
    app.number_input(key="keep.slow chain").set_value(16).run()
    assert not app.exception
    assert any("has 8 chains" in caption.value for caption in app.caption)


def test_a_run_starts_before_the_rest_of_the_page_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = lab()
    under_way = []
    draw = gallery.show

    def show(*args: Any) -> None:
        under_way.append(jobs.worker("inpainting").run is not None)
        draw(*args)

    monkeypatch.setattr(gallery, "show", show)
    mask = app.session_state["mask"].copy()
    mask[20, 5] = True
    app.session_state["mask"] = mask
    app.run()
    assert not app.exception
    assert under_way == [True]


def test_presets_change_the_mask_and_start_a_run() -> None:
    app = lab()
    pills = app.get("button_group")
    before = app.session_state["mask_revision"]
    preset = next(group for group in pills if group.key == "keep.preset.0")
    preset.set_value("left half").run()
    assert not app.exception
    assert app.session_state["mask_revision"] == before + 1
    assert app.session_state["mask"][:, :14].all()
    assert not app.session_state["mask"][:, 14:].any()


def test_the_mask_survives_a_change_of_page() -> None:
    app = lab()
    mine = np.zeros((28, 28), bool)
    mine[3:9, 4:20] = True
    app.session_state["mask"] = mine
    app.run()
    app.switch_page("app.py").run()
    app.switch_page("pages/1_Inpainting.py").run()
    assert not app.exception
    assert np.array_equal(app.session_state["mask"], mine)


def test_an_empty_mask_gets_a_message() -> None:
    app = lab()
    app.session_state["mask"] = np.zeros((28, 28), bool)
    app.run()
    assert not app.exception
    assert any("No pixel is hidden yet" in info.value for info in app.info)


def test_every_data_set_opens_with_or_without_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    app = lab()
    for dataset in ("mnist", "omniglot", "digits"):
        next(box for box in app.selectbox if box.key == "keep.dataset").set_value(dataset).run()
        assert not app.exception
        text = " ".join(caption.value for caption in app.caption)
        assert ("drawn by the model itself" in text) == (dataset != "digits")


def picture(side: int = 60) -> bytes:
    pixels = np.full((side, side), 255, np.uint8)
    pixels[15:45, 27:34] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_upload_becomes_the_picture_and_a_bad_one_gets_a_message() -> None:
    app = lab()
    source = next(group for group in app.get("button_group") if group.key == "keep.source")
    source.set_value("Upload").run()
    assert not app.exception
    uploader = next(each for each in app.get("file_uploader") if each.key == "upload")
    uploader.set_value(("one.png", picture(), "image/png")).run()
    assert not app.exception
    assert not app.error
    assert app.session_state["uploaded digit"].content.any()
    uploader = next(each for each in app.get("file_uploader") if each.key == "upload")
    uploader.set_value(("bad.png", b"<svg/>", "image/png")).run()
    assert not app.exception
    assert len(app.error) == 1
    # The previous image is still there.
    assert app.session_state["uploaded digit"].content.any()


def test_an_uploaded_mask_is_used_and_a_bad_one_gets_a_message() -> None:
    app = lab()
    uploader = next(each for each in app.get("file_uploader") if each.key == "mask_upload")
    half = np.zeros((28, 28), np.uint8)
    half[:, 20:] = 255
    buffer = io.BytesIO()
    Image.fromarray(half).save(buffer, "PNG")
    uploader.set_value(("mask.png", buffer.getvalue(), "image/png")).run()
    assert not app.exception
    assert np.array_equal(app.session_state["mask"], half > 0)
    uploader = next(each for each in app.get("file_uploader") if each.key == "mask_upload")
    uploader.set_value(("mask.png", b"nothing like a picture", "image/png")).run()
    assert not app.exception
    assert len(app.error) == 1
    assert np.array_equal(app.session_state["mask"], half > 0)


def test_a_broken_weight_file_gets_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *_: object) -> None:
        raise zoo.BrokenModel(f"the weights {name}.safetensors do not match")

    cache.st_model.clear()
    monkeypatch.setattr(zoo, "load", load)
    app = lab()
    assert not app.exception
    preset = next(group for group in app.get("button_group") if group.key == "keep.preset.0")
    preset.set_value("stripes").run()
    assert not app.exception
    assert app.error[0].value.startswith("the weights digits-dlvm")
    cache.st_model.clear()


def test_a_broken_data_file_gets_a_message_and_images_of_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.st_test_images.clear()
    (tmp_path / "mnist.npz").write_bytes(b"half a file")
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    app = lab()
    next(box for box in app.selectbox if box.key == "keep.dataset").set_value("mnist").run()
    assert not app.exception
    assert "data fetch mnist" in app.warning[0].value
    assert any("drawn by the model itself" in caption.value for caption in app.caption)
