"""The comparison of all methods, and faces, on the page without a browser."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from dgm_core import zoo
from dgm_core.models.dlvm import face_dlvm
from tests.data.drawn_faces import SHARDS, colour, write_faces
from tests.patience import PATIENCE
from ui import cache, intake, jobs

ROOT = Path(__file__).parents[2]
QUICK = ["diffusion of the edge", "mean image"]


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    yield
    jobs.stop_all()


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A lab with an untrained face model, and a data folder that is still empty."""
    names, load = zoo.names(), zoo.load
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    monkeypatch.setattr(zoo, "names", lambda: sorted({*names, "celeba-dlvm"}))
    monkeypatch.setattr(
        zoo, "load", lambda name, *rest: small() if name == "celeba-dlvm" else load(name, *rest)
    )
    clear()
    yield tmp_path
    clear()


def small() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return face_dlvm(latent_dim=4, channels=4, hidden=8).eval().requires_grad_(False)


def clear() -> None:
    for wrapper in (
        cache.st_model,
        cache._st_material,
        cache.st_face_rows,
        cache.st_faces,
        cache.st_samples,
    ):
        wrapper.clear()


def lab(view: str = "All methods", **state: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
    app.session_state["keep.view"] = view
    app.session_state["keep.seed"] = 7  # another than that of the shipped run
    for key, value in state.items():
        app.session_state[key.replace("__", ".")] = value
    return app.run()


def group(app: AppTest, key: str) -> object:
    return next(each for each in app.get("button_group") if each.key == key)


def choose_faces(app: AppTest) -> AppTest:
    return (
        next(box for box in app.selectbox if box.key == "keep.dataset").set_value("celeba").run()
    )


def ended(app: AppTest) -> dict[str, str]:
    """Wait for the run; method → state."""
    deadline = time.monotonic() + 60
    progress = app.session_state["comparison"]
    while any(each.state == "running" for each in progress.outcomes()):
        assert time.monotonic() < deadline, progress.outcomes()
        time.sleep(0.05)
    time.sleep(0.2)
    app.run()
    assert not app.exception
    return {each.method: each.state for each in progress.outcomes()}


def test_the_chosen_methods_run_and_can_be_downloaded() -> None:
    app = lab(keep__methods__digits=QUICK)
    assert not app.exception
    assert ended(app) == dict.fromkeys(QUICK, "finished")
    assert "Run" in [button.label for button in app.button]
    labels = {each.label for each in app.get("download_button")}
    assert labels == {"Table (.csv)", "Images and arrays (.zip)"}
    assert "Calibration" in {each.label for each in app.expander}


def test_another_method_keeps_the_outcomes() -> None:
    app = lab(keep__methods__digits=QUICK)
    ended(app)
    before = app.session_state["comparison"].outcomes()
    group(app, "keep.methods.digits").set_value([*QUICK, "nearest neighbours"]).run()
    assert ended(app) == dict.fromkeys(["nearest neighbours", *QUICK], "finished")
    after = app.session_state["comparison"].outcomes()
    assert all(any(one is other for other in after) for one in before)


def test_without_a_method_there_is_a_message() -> None:
    app = lab(keep__methods__digits=[])
    assert not app.exception
    assert any("Choose at least one method" in caption.value for caption in app.caption)


def test_settings_reach_the_method_and_their_defaults_are_left_out() -> None:
    app = lab(keep__methods__digits=["nearest neighbours", "mean image"], keep__at_once=False)
    box = next(each for each in app.selectbox if each.key == "keep.method")
    box.set_value("nearest neighbours").run()
    setting = next(
        each for each in app.slider if each.key.endswith("nearest neighbours.neighbours")
    )
    setting.set_value(3).run()
    next(button for button in app.button if button.label == "Run").click().run()
    ended(app)
    chosen = dict(app.session_state["comparison"].config.methods)
    assert chosen == {"nearest neighbours": (("neighbours", 3),), "mean image": ()}
    assert len(app.session_state["comparison"].outcomes()[0].draws) == 3


def test_a_change_of_view_keeps_the_mask_and_the_outcomes() -> None:
    app = lab(keep__methods__digits=QUICK)
    group(app, "keep.preset.0").set_value("stripes").run()
    ended(app)
    mask, progress = app.session_state["mask"], app.session_state["comparison"]
    group(app, "keep.view").set_value("Step by step").run()
    assert not app.exception
    assert np.array_equal(app.session_state["mask"], mask)
    group(app, "keep.view").set_value("All methods").run()
    assert app.session_state["comparison"] is progress


# --- faces ------------------------------------------------------------------------------------


def test_faces_have_only_the_comparison_and_the_settings_of_digits_are_kept(faces: Path) -> None:
    write_faces(faces, SHARDS)
    app = lab("Step by step", keep__methods__celeba=["diffusion of the edge"])
    group(app, "keep.preset.0").set_value("left half").run()
    choose_faces(app)
    assert not app.exception
    assert not app.warning
    assert any("Faces have no view Step by step" in each.value for each in app.caption)
    assert not any(each.key == "keep.view" for each in app.get("button_group"))
    traits = next(box for box in app.selectbox if box.key == "keep.faces").options
    assert traits == ["all", "smiling", "not smiling", "with eyeglasses", "with a hat"]
    assert ended(app) == {"diffusion of the edge": "finished"}
    config = app.session_state["comparison"].config
    assert np.abs(config.original * 255 - np.reshape(colour(24), (3, 1, 1))).max() < 4
    assert (~config.observed).sum() == 32 * 32
    group(app, "keep.preset.64.0").set_value("top half").run()
    assert app.session_state["mask.64"][:32].all()
    next(box for box in app.selectbox if box.key == "keep.dataset").set_value("digits").run()
    assert not app.exception
    assert app.session_state["mask"][:, :14].all()
    assert not app.session_state["mask"][:, 14:].any()
    assert group(app, "keep.view").value == "Step by step"


def test_a_trait_filters_the_faces(faces: Path) -> None:
    write_faces(faces, SHARDS)
    app = lab(keep__methods__celeba=["diffusion of the edge"])
    choose_faces(app)
    next(box for box in app.selectbox if box.key == "keep.faces").set_value("smiling").run()
    ended(app)
    original = app.session_state["comparison"].config.original * 255
    smiling = next(face for face in SHARDS["celeba/celeba64_val.npz"] if face >> 2 & 1)
    assert np.abs(original - np.reshape(colour(smiling), (3, 1, 1))).max() < 4


def test_without_the_data_the_model_generates_faces_and_a_message_says_so(faces: Path) -> None:
    app = choose_faces(lab(keep__methods__celeba=QUICK))
    assert not app.exception
    assert any("drawn by the model itself" in caption.value for caption in app.caption)
    assert ended(app) == dict.fromkeys(QUICK, "finished")
    notes = [each.note for each in app.session_state["comparison"].outcomes()]
    assert any("drawn from the DLVM" in note for note in notes)


def photograph() -> np.ndarray:
    """(90, 120, 3): red grows to the right, green downwards."""
    rows, columns = np.mgrid[:90, :120]
    return np.stack([2 * columns, 2 * rows, 0 * rows + 80], -1).astype(np.uint8)


def test_an_uploaded_photograph_is_cut_to_a_square_and_remembered(faces: Path) -> None:
    app = choose_faces(lab(keep__methods__celeba=["diffusion of the edge"]))
    group(app, "keep.source.faces").set_value("Upload").run()
    assert any("Upload a photograph" in caption.value for caption in app.caption)
    buffer = io.BytesIO()
    Image.fromarray(photograph()).save(buffer, "PNG")
    uploader = next(each for each in app.get("file_uploader") if each.key == "upload_face")
    uploader.set_value(("someone.png", buffer.getvalue(), "image/png")).run()
    assert not app.exception
    assert not app.error
    ended(app)
    wanted = intake.square_from_photo(photograph()).transpose(2, 0, 1)
    config = app.session_state["comparison"].config
    assert np.array_equal(np.rint(config.original * 255), wanted)
    uploader = next(each for each in app.get("file_uploader") if each.key == "upload_face")
    uploader.set_value(("bad.png", b"<svg/>", "image/png")).run()
    assert not app.exception
    assert len(app.error) == 1
    assert np.array_equal(app.session_state["photo face"].content.pixels, photograph())
