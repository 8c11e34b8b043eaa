"""The clusters lab without a browser: broken files, training, settings and links."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core import zoo
from dgm_core.checkout import ASSETS
from dgm_core.studies.clusters import embeddings
from dgm_core.training import mutual
from tests.patience import PATIENCE
from tests.small_clusters import CONFIG, history, run
from ui.cache import st_model
from ui.clusters import runs, training
from ui.clusters.compare import Compare
from ui.clusters.learn import Learn
from ui.clusters.mixture import Inside
from ui.clusters.own_picture import OwnPicture
from ui.clusters.runs import OWN_RUN, TrainedRun, st_shipped_run
from ui.jobs import Worker, stop_all

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages/4_Clusters.py")
RUN = "digits-vaegmm"


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Worker]]:
    """Workers of the only session, by name; the data folder is empty."""
    made: dict[str, Worker] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    monkeypatch.setattr("ui.jobs.worker", lambda name: made.setdefault(name, Worker()))
    yield made
    stop_all()


def lab(address: dict[str, str] | None = None, *, run: str | None = RUN, **state: Any) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=PATIENCE)
    named = {} if run is None else {"run": run}
    for name, value in (named | (address or {})).items():
        app.query_params[name] = value
    for name, value in state.items():
        app.session_state[name.replace("_", " ")] = value
    return without_errors(app.run())


def without_errors(app: AppTest) -> AppTest:
    """The app, if no part of the page raised an error."""
    assert not app.exception, app.exception
    return app


def view(app: AppTest, name: str) -> AppTest:
    group = next(each for each in app.get("button_group") if each.key == "keep.cluster view")
    return without_errors(group.set_value(name).run())


def box(app: AppTest, label: str) -> Any:
    return next(each for each in app.selectbox if each.label == label)


def buttons(app: AppTest) -> list[str]:
    return [each.label for each in app.button]


def press(app: AppTest, label: str) -> AppTest:
    return without_errors(next(each for each in app.button if each.label == label).click().run())


def sentences(app: AppTest) -> str:
    """All sentences on the page."""
    shown = (app.info, app.error, app.caption, app.markdown)
    return " ".join(each.value for elements in shown for each in elements)


# --- at first ---------------------------------------------------------------------------------

SEEN = {
    "Before and after": ("Draw a lasso", "After: labels and clusters"),
    "Watch them learn": ("Train your own", "Accuracy against the labels"),
    "Inside the mixture": ("Choose a cluster", "Each ellipse shows two standard deviations"),
    "Place a picture": ("Nearest images in the latent space", "log p(z) under the mixture"),
}


@pytest.mark.parametrize("name", SEEN)
def test_every_view_opens_without_a_data_folder_and_starts_nothing(
    name: str, workers: dict[str, Worker]
) -> None:
    app = lab({"view": name})
    assert not app.error
    assert not app.toast
    for words in SEEN[name]:
        assert words in sentences(app).replace("\\", "")
    assert all(worker.run is None for worker in workers.values())
    assert app.query_params["view"] == name
    assert list(SEEN) == [each.name for each in (Compare, Learn, Inside, OwnPicture)]


def test_the_page_opens_on_a_run_that_learning_together_changes() -> None:
    app = lab(run=None)
    first = next(iter(runs.TITLES))
    assert box(app, "Run").value == first
    history = st_shipped_run(first).history
    gain = history.curve.accuracy[-1] - history.control_curve.accuracy[-1]
    assert gain > 0.04
    assert f"The difference is **{gain:+.3f}** in accuracy" in sentences(app)


@pytest.mark.parametrize("address", [{"view": "Before and after"}, {"cluster-method": "PCA"}])
def test_a_link_that_names_no_run_opens_the_run_that_it_opened_before(
    address: dict[str, str],
) -> None:
    assert box(lab(address, run=None), "Run").value == RUN
    assert box(lab(address | {"run": "mnist-vaegmm-full"}), "Run").value == "mnist-vaegmm-full"


def test_a_loss_by_learning_together_is_called_one() -> None:
    app = lab(run="omniglot-vaegmm")
    found = st_shipped_run("omniglot-vaegmm").history
    gain = found.curve.accuracy[-1] - found.control_curve.accuracy[-1]
    assert f"**{gain:+.3f}** in accuracy".replace("-", "−") in sentences(app)


def test_the_numbers_belong_to_the_chosen_snapshot() -> None:
    app = lab()
    found = st_shipped_run(RUN).history
    early = found.early[0].epoch
    for name, curve, at in (
        ("After", found.curve, -1),
        (f"Epoch {early}", found.early_curve, 0),
        ("Before", found.curve, 0),
        ("Control", found.control_curve, -1),
    ):
        box(app, "Right").set_value(name).run()
        numbers = {each.label: each for each in without_errors(app).metric}
        assert float(numbers["Accuracy"].value) == round(curve.accuracy[at], 3)
        assert float(numbers["NMI"].value) == round(curve.nmi[at], 3)
        assert float(numbers["ARI"].value) == round(curve.ari[at], 3)
        bound = numbers["Bound, nats per image"].value.replace("−", "-")
        assert float(bound) == round(curve.elbo[at], 1)
        gain = curve.accuracy[at] - found.curve.accuracy[0]
        since = f"{gain:+.3f} since before" if name in ("After", "Control") else ""
        assert numbers["Accuracy"].delta == since


@pytest.mark.parametrize("name", ["PCA", "clusters apart"])
def test_linear_planes_start_nothing(name: str, workers: dict[str, Worker]) -> None:
    app = lab({"cluster-method": name})
    assert "Stop" not in buttons(app)
    assert workers["cluster layout"].run is None
    app = lab({"view": "Place a picture", "place-plane": name})
    assert "is drawn at the median" not in sentences(app)


def test_a_plane_that_is_not_shipped_is_computed_with_the_panel_of_every_lab(
    workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = threading.Event()

    def run(config: Any, points: Any, clusters: Any = None, start: Any = None) -> Iterator:
        xy = np.random.default_rng(0).normal(size=(len(points), 2)).astype(np.float32)
        yield embeddings.Frame(0.5, xy)
        assert leave.wait(PATIENCE)
        yield embeddings.Embedding(xy, lambda new: new)

    monkeypatch.setattr(embeddings, "run", run)
    app = lab({"cluster-perplexity": "5"})
    worker = workers["cluster layout"]
    assert {"Compute", "Stop"} <= set(buttons(app))
    assert next(each for each in app.button if each.label == "Compute").disabled
    app = press(app, "Stop")
    assert "Stopped at" in sentences(app)
    leave.set()
    app = press(app, "Continue")
    assert worker.run.wait(PATIENCE)
    app = without_errors(app.run())
    assert not {"Compute", "Stop", "Continue"} & set(buttons(app))  # the planes are kept


def test_across_and_up_are_different_latents() -> None:
    app = lab({"view": "Inside the mixture", "cluster-across": "3", "cluster-up": "3"})
    for latent in (0, 5, 3):
        box(app, "Across").set_value(latent).run()
        without_errors(app)
        assert box(app, "Across").value == latent != box(app, "Up").value


# --- what may be broken or missing ------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The folder of shipped files, empty at first."""
    monkeypatch.setattr(runs, "ASSETS", tmp_path)
    runs._st_shipped_run.clear()
    runs.st_history.clear()
    st_model.clear()
    yield tmp_path
    runs._st_shipped_run.clear()
    runs.st_history.clear()
    st_model.clear()


def test_without_a_run_there_is_a_message(folder: Path) -> None:
    app = lab()
    assert "The shipped runs are missing" in app.info[0].value
    assert not app.metric
    assert not list(folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a history", "half"])
def test_a_broken_run_gets_a_message(folder: Path, content: bytes | str) -> None:
    path = shutil.copy(ASSETS / f"{RUN}.npz", folder)
    whole_file = Path(path).read_bytes()
    Path(path).write_bytes(whole_file[: len(whole_file) // 2] if content == "half" else content)
    for name in SEEN:
        app = lab({"view": name})
        assert len(app.error) == 1
        assert app.error[0].value.startswith(f"{RUN}.npz is not a training history")


def test_broken_weights_get_a_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *_: object) -> None:
        raise zoo.BrokenModel(f"the weights {name}.safetensors do not match")

    shutil.copy(ASSETS / f"{RUN}.npz", folder)
    monkeypatch.setattr(zoo, "load", load)
    app = lab()
    assert app.error[0].value.startswith(f"the weights {RUN}.safetensors do not match")


# --- a picture of one's own -------------------------------------------------------------------


def test_an_empty_drawing_gets_a_message() -> None:
    app = lab({"view": "Place a picture"}, place_drawing=np.zeros((112, 112), bool))
    assert "Draw a digit to see where it is placed." in sentences(app)
    assert not app.get("plotly_chart")


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"<svg/>", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_a_file_that_is_not_a_picture_gets_a_message(content: bytes) -> None:
    app = lab({"view": "Place a picture", "place-source": "Upload"})
    assert "Upload a picture" in sentences(app)
    uploader = next(each for each in app.get("file_uploader") if each.key == "place upload")
    without_errors(uploader.set_value(("bad.png", content, "image/png")).run())
    assert len(app.error) == 1
    assert "“bad.png”" in app.error[0].value


# --- training ---------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trainings short."""

    def small(*arguments: Any, **settings: Any) -> mutual.Config:
        requested = mutual.Config(*arguments, **settings)
        return dataclasses.replace(requested, warmup=2, epochs=1, hidden=32, batch_size=50)

    monkeypatch.setattr(training, "Config", small)


@pytest.mark.usefixtures("short")
def test_an_own_run_is_chosen_when_it_is_trained(
    workers: dict[str, Worker],
) -> None:
    settings = {"train-images": "500", "train-clusters": "4", "train-rounds": "1"}
    app = lab({"view": "Watch them learn"} | settings)
    assert runs.TITLES["yours"] not in box(app, "Run").options
    app = press(app, "Train")
    assert workers["cluster training"].run.wait(120)
    app = without_errors(app.run())
    assert box(app, "Run").value == "yours"
    assert box(app, "Run").options[-1] == runs.TITLES["yours"]
    assert app.query_params["run"] == "yours"
    assert app.session_state[OWN_RUN].history.config.clusters == 4
    assert app.session_state[OWN_RUN].history.images == 500
    assert list(app.session_state[OWN_RUN].snapshots) == ["Before", "After", "Control"]
    for name in SEEN:
        app = view(app, name)
        assert not app.error, name
    box(app, "Run").set_value(RUN).run()
    assert box(without_errors(app), "Run").value == RUN  # the choice does not change automatically


@pytest.mark.usefixtures("short")
def test_a_stopped_training_leaves_a_message(
    workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(config: mutual.Config, images: object) -> Iterator[mutual.Frame]:
        while True:
            yield mutual.Frame("the VAE learns", 0.1, 1.0, float("nan"), (), None)

    monkeypatch.setattr(mutual, "run", endless)
    app = press(lab({"view": "Watch them learn"}), "Train")
    assert next(each for each in app.button if each.label == "Train").disabled
    app = press(app, "Stop")
    assert "Stopped at 10\u00a0%. Press Continue to compute the rest." in sentences(app)
    assert "available as “Yours”" not in sentences(app)
    assert {"Train", "Continue", "Play"} <= set(buttons(app))
    assert box(app, "Run").value == RUN
    assert workers["cluster training"].run.state == "stopped"


def test_a_selection_belongs_to_one_run() -> None:
    mine = np.zeros(history().images, bool)
    mine[:9] = True
    own = TrainedRun("yours", history(), run().model)
    state = {OWN_RUN: own, "cluster selection": (own.revision, mine)}
    app = lab({"run": "yours"}, **state)
    assert "9 images selected" in sentences(app)
    other = dataclasses.replace(history(), config=dataclasses.replace(CONFIG, seed=3))
    few = tuple(
        dataclasses.replace(
            snapshot,
            mean=snapshot.mean[:150],
            assignment=snapshot.assignment[:150],
            confidence=snapshot.confidence[:150],
        )
        for snapshot in other.snapshots
    )
    other = dataclasses.replace(other, snapshots=few, control=None)
    app.session_state[OWN_RUN] = TrainedRun("yours", other, run().model)
    assert "images selected" not in sentences(without_errors(app.run()))


# --- settings and addresses -------------------------------------------------------------------


def visit() -> AppTest:
    """The lab, opened from the start page."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE).run()
    return without_errors(app.switch_page("pages/4_Clusters.py").run())


def leave_and_return(app: AppTest) -> AppTest:
    without_errors(app.switch_page("pages/1_Inpainting.py").run())
    return without_errors(app.switch_page("pages/4_Clusters.py").run())


def test_settings_survive_a_change_of_page_and_of_view() -> None:
    app = visit()
    box(app, "Run").set_value(RUN).run()
    box(app, "Left").set_value("Round 1").run()
    box(app, "Plane").set_value("PCA").run()
    app = view(app, "Watch them learn")
    app.slider(key="keep.train clusters").set_value(4).run()
    app.select_slider(key="keep.train images").set_value(500).run()
    app.toggle(key="keep.train hard").set_value(True).run()
    address = dict(without_errors(app).query_params)
    assert (address["train-clusters"], address["train-images"]) == ("4", "500")
    app = leave_and_return(app)
    assert dict(app.query_params) == address
    assert app.slider(key="keep.train clusters").value == 4
    assert app.select_slider(key="keep.train images").value == 500
    assert app.toggle(key="keep.train hard").value is True
    app = view(app, "Before and after")
    assert (box(app, "Left").value, box(app, "Plane").value) == ("Round 1", "PCA")
    app = leave_and_return(app)
    assert (box(app, "Left").value, box(app, "Plane").value) == ("Round 1", "PCA")
    assert box(app, "Run").value == RUN


ADDRESSES = {
    "snapshots of another run": {"cluster-left": "Round 99", "cluster-right": "Round 98"},
    "latents that are none": {
        "view": "Inside the mixture",
        "cluster-across": "49",
        "cluster-up": "49",
        "cluster-other": "49",
    },
    "a set that is not here": {"view": "Watch them learn", "train-set": "mnist"},
    "a run that is not trained": {"run": "yours"},
    "all at once": {
        "view": "<script>",
        "run": "nothing",
        "cluster-across": "-5",
        "cluster-left": "x" * 3000,
        "cluster-method": "%00",
        "cluster-temperature": "inf",
        "cluster-perplexity": "1e9",
        "train-clusters": "1e999",
        "train-seed": "9" * 3000,
        "train-upright": "maybe",
        "place-source": "",
        "place-plane": "UMAP-like",
        "keep.cluster left": "-1",
    },
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_no_address_breaks_the_page(case: str) -> None:
    app = lab(ADDRESSES[case])
    assert not app.error
    app = without_errors(app.run())
    assert runs.TITLES[RUN] in box(app, "Run").options
    for name in SEEN:
        assert not view(app, name).error
