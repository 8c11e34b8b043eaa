"""Sets that are fetched by a button: before, meanwhile and after, in every lab that has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core import data
from tests.data.official_server import MNIST_ARRAYS, Server, serving
from tests.patience import PATIENCE
from ui import cache, data_fetching, jobs
from ui.components.bits import to_link
from ui.data_fetching import Fetcher, Rule
from ui.inpainting import pictures
from ui.percent import percent

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
LABEL = "Fetch MNIST's test images (3.4 MB)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    monkeypatch.setattr(data_fetching, "FETCHER", Fetcher())
    clear()
    yield tmp_path
    jobs.stop_all()
    clear()


def clear() -> None:
    for wrapper in (cache.st_test_images, cache._st_material):
        wrapper.clear()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(monkeypatch) as local:
        yield local


def lab(page: str = "1_Inpainting", **state: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / f"pages/{page}.py"), default_timeout=PATIENCE)
    for key, value in state.items():
        app.session_state[key.replace("__", ".")] = value
    app.run()
    assert not app.exception
    return app


def inpainting(view: str = "All methods") -> AppTest:
    return lab(keep__dataset="mnist", keep__view=view, keep__methods__mnist=["mean image"])


def button(app: AppTest) -> object | None:
    return next((each for each in app.button if each.label == LABEL), None)


def captions(app: AppTest) -> str:
    return " ".join(each.value for each in app.caption)


def fetched() -> None:
    thread = data_fetching.FETCHER.thread
    assert thread is not None
    thread.join(PATIENCE)


def test_a_click_fetches_the_images_for_every_visitor(server: Server) -> None:
    first, second = inpainting(), inpainting()
    for app in (first, second):
        assert button(app) is not None
        assert any("Licence: CC BY-SA 3.0" in each.value for each in app.markdown)
        assert "drawn by the model itself" in captions(app)
        assert first.session_state["comparison"].config == app.session_state["comparison"].config
    button(first).click().run()  # type: ignore[union-attr]
    fetched()
    assert data.part_counts("mnist") is not None
    for app in (first, second):
        app.run()
        assert not app.exception
        assert button(app) is None
        assert "drawn by the model itself" not in captions(app)
        chosen = app.session_state["thumbnail"]
        assert chosen.from_data
        expected = MNIST_ARRAYS["t10k-images-idx3-ubyte"][chosen.index] > 127
        np.testing.assert_array_equal(chosen.bits, expected)
    # what stood in for the missing images is forgotten
    assert "training images" in cache.st_material("mnist", "training images").note


def test_a_fetch_under_way_is_a_bar_and_no_button(monkeypatch: pytest.MonkeyPatch) -> None:
    state = data_fetching.State("running", 1_680_000)
    monkeypatch.setattr(data_fetching.FETCHER, "state", lambda name: state)
    app = inpainting()
    assert button(app) is None
    (bar,) = app.get("progress")
    assert (bar.value, bar.text) == (50, f"Fetching MNIST: {percent(0.5)} of 3.4 MB")


def test_a_failure_is_a_sentence_and_the_button_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    state = data_fetching.State("failed", message="The disk is full.", pause=200)
    monkeypatch.setattr(data_fetching.FETCHER, "state", lambda name: state)
    app = inpainting()
    assert [each.value for each in app.warning] == [
        "The disk is full. It can be tried again in 4 min."
    ]
    assert button(app).disabled  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(allowed=False), "This server fetches no data sets."),
        (data_fetching.read_rule("cifar"), "A setting of this server is wrong: DGM_FETCH"),
    ],
)
def test_a_server_that_fetches_nothing_says_so(
    monkeypatch: pytest.MonkeyPatch, rule: Rule, words: str
) -> None:
    monkeypatch.setattr(data_fetching, "rule", lambda: rule)
    app = inpainting()
    assert button(app) is None
    assert words in captions(app)
    data_fetching._request("mnist")  # whatever a browser sends
    assert data_fetching.FETCHER.thread is None


@pytest.mark.parametrize(
    ("page", "state"),
    [
        ("1_Inpainting", {"keep__view": "Studies", "keep__study data": "mnist"}),
        ("2_Exact_likelihood", {"keep__likelihood view": "Missing pixels"}),
        ("3_Missing_not_at_random", {"keep__mnar view": "Images"}),
        ("4_Clusters", {"keep__cluster run": "mnist-vaegmm"}),
        ("4_Clusters", {"keep__cluster view": "Watch them learn"}),
        ("5_WGAN_latent_space", {"keep__latent view": "Find a picture"}),
    ],
)
def test_every_lab_that_can_use_the_images_offers_them(page: str, state: dict[str, str]) -> None:
    app = lab(page, **state)
    assert button(app) is not None


# --- images that a model drew


def test_a_model_sample_is_no_original_and_scores_nothing() -> None:
    app = inpainting()
    text = captions(app)
    assert "there is **no original**" in text
    assert "Scores and errors would need an image that no model drew" in text
    assert not any("Calibration" in each.label for each in app.expander)


def test_a_case_of_the_gallery_was_drawn_by_a_model() -> None:
    from ui.inpainting import gallery

    case = gallery.st_cases()[0]
    app = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
    for name, value in case.link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert "there is **no original**" in captions(app)
    assert "by" not in app.query_params  # links of the gallery stay as they are


def test_the_link_of_a_model_sample_says_so() -> None:
    app = inpainting("Step by step")
    assert app.query_params["by"] == "model"
    link = {name: app.query_params[name] for name in ("data", "drawn", "by")}
    other = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
    for name, value in link.items():
        other.query_params[name] = value
    other.run()
    assert "there is **no original**" in captions(other)
    assert other.query_params["by"] == "model"


@pytest.mark.parametrize("by", [None, "me"])
def test_a_drawing_of_a_visitor_is_an_original(by: str | None) -> None:
    ink = np.zeros((28, 28), bool)
    ink[6:22, 12:16] = True
    app = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
    app.query_params["data"] = "mnist"
    app.query_params["drawn"] = to_link(ink)
    if by is not None:
        app.query_params["by"] = by
    app.run()
    assert not app.exception
    assert "no original" not in captions(app)
    assert pictures.ORIGINS["Draw"].scored
