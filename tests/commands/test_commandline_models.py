"""Training and measuring from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from dgm_core import data, recipes, zoo
from dgm_core.__main__ import app
from dgm_core.evaluation import holes, samplers
from dgm_core.rng import generator
from dgm_core.studies import toml_rows
from dgm_core.studies.distances import sweeps
from dgm_core.studies.inpainting import sampler_rows
from dgm_core.studies.latent import history as gan_history
from dgm_core.studies.likelihood import bound_files, floor_sweep, unbounded_likelihood
from dgm_core.studies.progress import Frame
from dgm_core.studies.theory import moons_flow
from dgm_core.training import Schedule
from dgm_core.training.adversarial import AdversarialSchedule
from tests.toys import tiny_recipe


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_an_unknown_recipe_or_model_gives_an_error_message() -> None:
    for words in (("train", "nothing"), ("evaluate", "dlvm", "nothing")):
        result = run(*words)
        assert result.exit_code == 1
        assert "there are" in result.output
        assert "Traceback" not in result.output


@pytest.mark.slow
def test_train_logs_to_tensorboard_and_evaluate_writes_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tiny_recipe("tiny", Schedule(epochs=1, batch_size=200))
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
    folders = {name: tmp_path / name for name in ("runs", "logs", "zoo")}
    words = [f"--run-folder={folders['runs']}", f"--logdir={folders['logs']}"]
    result = run("train", "tiny", *words, f"--out={folders['zoo']}", "--threads=1")
    assert result.exit_code == 0, result.output
    assert "loss" in result.output
    assert "ETA" in result.output
    assert list(folders["logs"].glob("events*"))
    assert zoo.card("tiny", folders["zoo"])["training"]["seed"] == 0
    words = ["--images=5", "--draws=20", "--inpainted=3", f"--folder={folders['zoo']}"]
    result = run("evaluate", "dlvm", "tiny", *words)
    assert result.exit_code == 0, result.output
    measured = zoo.card("tiny", folders["zoo"])["measured"]
    assert measured["log_likelihood"]["nats"] < 0
    assert len(measured["inpainting"]) == 6


def test_evaluate_clipping_writes_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"size": 28, "image_channels": 1, "latent_dim": 2, "channels": 4, "hidden": 8}
    tiny = replace(
        recipes.RECIPES["digits-clipped-notmiwae"],
        name="tiny",
        arguments=arguments,
        schedule=Schedule(epochs=1, batch_size=200),
        images=200,
    )
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
    result = run("train", "tiny", f"--run-folder={tmp_path / 'runs'}", f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    words = ["--images=5", "--draws=20", f"--folder={tmp_path}"]
    result = run("evaluate", "clipping", "tiny", *words)
    assert result.exit_code == 0, result.output
    assert "best constant" in result.output
    assert "learned: threshold" in result.output
    measured = zoo.card("tiny", tmp_path)["measured"]
    assert [row["estimate"] for row in measured["rmse"]][:2] == ["constant 1", "best constant"]
    assert measured["learned"]["strength"] > 0


@pytest.mark.slow
def test_a_wgan_is_trained_logged_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"size": 28, "image_channels": 1, "latent_dim": 2, "widths": [4, 4], "hidden": 4}
    tiny = replace(
        recipes.RECIPES["mnist-wgan"],
        name="tiny",
        dataset="digits",
        arguments=arguments,
        schedule=AdversarialSchedule(iterations=4, batch_size=4, chunk=2),
    )
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
    sizes = {"size": 28, "image_channels": 1, "classes": list("0123456789"), "widths": [4, 4]}
    model = zoo.ARCHITECTURES["classifier"](**sizes)
    about = {"data": "digits", "architecture": {"name": "classifier", **sizes}}
    zoo.save("digits-classifier", model, about, tmp_path)
    words = [f"--run-folder={tmp_path / 'run'}", f"--logdir={tmp_path / 'logs'}"]
    result = run("train", "tiny", *words, f"--out={tmp_path}", "--threads=1")
    assert result.exit_code == 0, result.output
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logged = events.EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [e.step for e in logged.Scalars("model/penalty")] == [1, 2]
    assert [e.step for e in logged.Images("model/samples")] == [0, 1, 2]
    assert len(logged.Scalars("model/distance")) == 2
    folder = f"--folder={tmp_path}"
    result = run("evaluate", "classifier", "digits-classifier", folder)
    assert result.exit_code == 0, result.output
    assert "300 images: accuracy" in result.output
    words = ["--images=20", folder, f"--run-folder={tmp_path / 'run'}", f"--assets={tmp_path}"]
    result = run("evaluate", "gan", "tiny", *words)
    assert result.exit_code == 0, result.output
    assert "× the floor" in result.output
    measured = zoo.card("tiny", tmp_path)["measured"]
    assert measured["frechet"]["times_floor"] > 1
    assert gan_history.load(tmp_path / "tiny.npz").iterations == [0, 2, 4]


def test_evaluate_pixels_writes_the_card(tmp_path: Path) -> None:
    shape = {"channels": 4, "dilations": [1]}
    about = {"data": "digits", "architecture": {"name": "pixelcnn", **shape}}
    zoo.save("tiny", zoo.ARCHITECTURES["pixelcnn"](**shape), about, tmp_path)
    result = run("evaluate", "pixels", "tiny", "--images=5", f"--folder={tmp_path}")
    assert result.exit_code == 0, result.output
    assert "5 test images at random" in result.output
    measured = zoo.card("tiny", tmp_path)["measured"]["log_likelihood"]
    x = data.binarize(data.load("digits", "test").sample(5).x, generator(0))
    expected = zoo.load("tiny", folder=tmp_path).log_prob(x).mean().item()
    assert measured["nats"] == pytest.approx(expected, abs=0.01)


def test_evaluate_flow_writes_the_weights(tmp_path: Path) -> None:
    out = tmp_path / "flow.npz"
    result = run("evaluate", "flow", "--steps=3", f"--out={out}")
    assert result.exit_code == 0, result.output
    assert "step     3  log p(x)" in result.output
    assert len(moons_flow.load(out)) == moons_flow.Config.couplings


def tiny_plane(folder: Path) -> None:
    """An untrained model of digits with two latents."""
    shape = {"latent_dim": 2, "hidden": 8}
    model = zoo.ARCHITECTURES["fully-connected-dlvm"](**shape)
    about = {"data": "digits", "architecture": {"name": "fully-connected-dlvm", **shape}}
    zoo.save("tiny", model, about, folder)


def test_evaluate_vae_writes_the_card(tmp_path: Path) -> None:
    tiny_plane(tmp_path)
    result = run("evaluate", "vae", "tiny", "--images=5", "--draws=20", f"--folder={tmp_path}")
    assert result.exit_code == 0, result.output
    assert "latents active" in result.output
    measured = zoo.card("tiny", tmp_path)["measured"]
    assert measured["log_likelihood"]["elbo"] <= measured["log_likelihood"]["nats"]
    assert measured["latents"]["of"] == 2


def test_evaluate_likelihood_writes_both_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_plane(tmp_path)
    out, small = tmp_path / "likelihood.toml", unbounded_likelihood.Config
    run_all = unbounded_likelihood.run
    monkeypatch.setattr(
        unbounded_likelihood,
        "run",
        lambda config: run_all(
            small(config.data, (1e-1, 1e-2), points=8, tested=5, iterations=5, hidden=8)
        ),
    )
    words = ["--images=2", "--draws=20", "--temperatures=2", f"--folder={tmp_path}"]
    result = run("evaluate", "likelihood", "tiny", *words, f"--out={out}")
    assert result.exit_code == 0, result.output
    assert "log p(x) ≥" in result.output
    found = tomllib.loads(out.read_text(encoding="utf-8"))
    methods = {(row["of"], row["method"]) for row in found["bounds"]}
    assert {("made", "AIS backwards"), ("test", "quadrature"), ("test", "empirical")} <= methods
    assert ("test", "AIS backwards") not in methods
    assert [row["effort"] for row in found["bounds"] if row["method"] == "IWAE"][:3] == [3, 10, 20]
    assert [(row["data"], row["floor"]) for row in found["unbounded"]] == [
        ("moons", 0.1),
        ("moons", 0.01),
        ("digits", 0.1),
        ("digits", 0.01),
    ]
    beside = bound_files.load("tiny", tmp_path / "bounds" / "tiny.npz", tmp_path)
    assert set(beside) == {"test", "made"}
    for row in found["bounds"]:
        lines = beside[row["of"]].lines
        means = {(line.method, line.effort): line.mean for line in lines}
        assert means[row["method"], row["effort"]] == pytest.approx(row["mean"], abs=1e-4)
    assert len(floor_sweep.load(tmp_path / "unbounded-digits.npz").rows) == 2
    again = run("evaluate", "likelihood", "tiny", *words, f"--out={out}", "--only=bounds")
    assert again.exit_code == 0, again.output
    assert len(tomllib.loads(out.read_text(encoding="utf-8"))["bounds"]) == len(found["bounds"])
    bad = run("evaluate", "likelihood", "--only=all")
    assert bad.exit_code == 1
    assert "bounds, unbounded or both" in bad.output


@pytest.mark.slow
def test_evaluate_inpainting_writes_the_tables(tmp_path: Path) -> None:
    if not data.is_available("mnist"):
        pytest.skip("mnist is not on this machine")
    out = tmp_path / "tables.toml"
    words = ["--inpainted=2", "--iterations=40", "--only=samplers", "--no-cards", f"--out={out}"]
    result = run("evaluate", "inpainting", *words)
    assert result.exit_code == 0, result.output
    rows = tomllib.loads(out.read_text(encoding="utf-8"))["samplers"]
    assert len(rows) == 15
    assert {row["method"] for row in rows} == {
        "pseudo-Gibbs",
        "Metropolis-within-Gibbs",
        "collapsed Metropolis",
        "partial encoder",
        "LAIR",
    }
    assert all(0 <= row["f1"] <= 1 and row["nll"] > 0 for row in rows)


def test_evaluate_inpainting_keeps_each_row_when_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {"images": 2, "sse": 3.0, "sse_error": 0.1, "nll": -4.0, "nll_error": 0.2}
    row = holes.Row("mnist", (14, 14), "DMFA", psnr=14.0, ssim=0.7, **numbers)
    out = tmp_path / "tables.toml"
    toml_rows.put_row(out, "samplers", {"method": "LAIR", "pattern": "top half"}, samplers.KEY)
    for hole in ([14, 14], [18, 18]):
        old = {"data": "mnist", "hole": hole, "method": "DMFA", "sse": 99.0}
        toml_rows.put_row(out, "holes", old, holes.KEY)

    def stopped(config: holes.Config, device: torch.device) -> Iterator[Frame | holes.Row]:
        yield Frame("first", 0.0)
        yield row
        yield Frame("second", 0.5)
        raise KeyboardInterrupt

    monkeypatch.setattr(holes, "run", stopped)
    result = run("evaluate", "inpainting", "--no-cards", f"--out={out}")
    assert result.exit_code != 0
    found = tomllib.loads(out.read_text(encoding="utf-8"))
    assert [each["sse"] for each in found["holes"]] == [3.0, 99.0]
    assert found["holes"][0] == toml_rows.rounded(row._asdict())
    assert found["samplers"] == [{"method": "LAIR", "pattern": "top half"}]


def test_evaluate_distances_writes_table_and_curves(tmp_path: Path) -> None:
    out = tmp_path / "distances.toml"
    result = run("evaluate", "distances", "--steps=2", f"--out={out}")
    assert result.exit_code == 0, result.output
    rows = tomllib.loads(out.read_text())["distances"]
    assert len(rows) == 21 * len(sweeps.SHIPPED)
    assert rows[10]["theta"] == rows[10]["truth"] == 1
    assert "true value  1.0000" in result.output
    sweep = sweeps.load(tmp_path / "distances.npz")["Gaussians", "hellinger"]
    assert sweep.estimates.shape == (3, 21)
    bad = run("evaluate", "distances", "--steps=0", f"--out={out}")
    assert bad.exit_code == 1
    assert "expected steps from 1" in bad.output


def test_evaluate_samplers_measures_only_missing_rows(tmp_path: Path) -> None:
    out = tmp_path / "studies.toml"
    words = ["--study=iterations", "--data=digits", "--images=2", "--iterations=40"]
    result = run("evaluate", "samplers", *words, f"--out={out}")
    assert result.exit_code == 0, result.output
    assert "Metropolis-within-Gibbs" in result.output
    rows = tomllib.loads(out.read_text(encoding="utf-8"))["sweeps"]
    assert [(row["sampler"], row["iterations"]) for row in rows] == [
        ("pseudo-Gibbs", 40),
        ("Metropolis-within-Gibbs", 40),
    ]
    assert all(0 <= row["f1_mean_hidden"] <= row["f1_mean_all"] <= 1 for row in rows)
    first = sampler_rows.load(out.with_suffix(".npz"))
    sampler_rows.save(first[1:], out.with_suffix(".npz"))  # as if stopped after the other sampler
    run("evaluate", "samplers", *words, f"--out={out}")
    again = sampler_rows.load(out.with_suffix(".npz"))
    assert {row.key: row.f1() for row in again} == {row.key: row.f1() for row in first}
    for bad, message in (
        (["--study=weather"], "expected one of: missing rate of mnist"),
        (["--data=digits", "--images=1"], "expected images from 2"),
    ):
        result = run("evaluate", "samplers", *bad, f"--out={out}")
        assert result.exit_code == 1
        assert message in result.output


def test_evaluate_inpainting_names_the_available_tables() -> None:
    result = run("evaluate", "inpainting", "--only=faces")
    assert result.exit_code == 1
    assert "holes, samplers or both" in result.output
