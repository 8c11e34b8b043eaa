"""Every kind of recipe trains on scikit-learn's digits, resumes, and is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgm_core import data, recipes, zoo
from dgm_core.data.cluster_images import cluster_images
from dgm_core.recipes import RECIPES, Recipe, Schedule
from dgm_core.recipes.vae_gmm import MixtureRecipe, mixture_recipe
from dgm_core.recipes.wgan import snapshots
from dgm_core.rng import generator
from dgm_core.studies.mnar import side_by_side
from dgm_core.training import mutual
from dgm_core.training.adversarial import AdversarialSchedule
from dgm_core.training.mutual import Config
from dgm_core.types import Masked

SCHEDULE = Schedule(epochs=2, batch_size=200, learning_rate=2e-3)

SMALL: dict[str, Recipe] = {
    "miwae": replace(
        RECIPES["mnist-miwae"],
        name="small-miwae",
        dataset="digits",
        arguments={"latent_dim": 3, "hidden": 8},
        schedule=SCHEDULE,
        draws=2,
        shift=1,
    ),
    "vae": replace(
        RECIPES["binarized-mnist-vae"],
        name="small-vae",
        dataset="digits",
        architecture="mirrored-vae",
        arguments={"latent_dim": 3, "hidden": [8]},
        warmup=replace(SCHEDULE, epochs=1),
        schedule=SCHEDULE,
        draws=2,
    ),
    "dmfa": replace(
        RECIPES["mnist-dmfa"],
        name="small-dmfa",
        dataset="digits",
        arguments={"components": 2, "factors": 2, "widths": [8], "blocks": 1},
        schedule=replace(SCHEDULE, bfloat16=True),
    ),
    "mfa": replace(
        RECIPES["mnist-mfa"],
        name="small-mfa",
        dataset="digits",
        arguments={"event_shape": [1, 28, 28], "components": 2, "factors": 2},
        iterations=4,
    ),
    "clipped": replace(
        RECIPES["digits-clipped-notmiwae"],
        name="small-clipped-notmiwae",
        arguments={
            "size": 28,
            "image_channels": 1,
            "latent_dim": 3,
            "channels": 4,
            "hidden": 8,
        },
        schedule=SCHEDULE,
        images=600,
    ),
    "pixels": replace(
        RECIPES["digits-pixelcnn"],
        name="small-pixelcnn",
        arguments={"channels": 4, "dilations": [1]},
        schedule=replace(SCHEDULE, validate_every=1),
    ),
    "mixture": mixture_recipe(
        "small-vaegmm",
        "",
        Config(
            "digits",
            images=300,
            form="joint",
            clusters=4,
            latent_dim=3,
            hidden=24,
            warmup=3,
            rounds=1,
            epochs=2,
            batch_size=50,
            learning_rate=1e-2,
        ),
    ),
    "classifier": replace(
        RECIPES["mnist-classifier"],
        name="small-classifier",
        dataset="digits",
        arguments={
            "size": 28,
            "image_channels": 1,
            "classes": list("0123456789"),
            "widths": [4, 8],
            "features": 6,
        },
        schedule=SCHEDULE,
        dropout=0.3,
    ),
}

LONG = ("dmfa", "clipped")
"""Kinds whose training takes more than three seconds."""
WGAN = replace(
    RECIPES["mnist-wgan"],
    name="small-wgan",
    dataset="digits",
    arguments={"size": 28, "image_channels": 1, "latent_dim": 3, "widths": [4, 8], "hidden": 8},
    schedule=AdversarialSchedule(iterations=9, batch_size=8, chunk=2, bfloat16=True),
)


def trained(recipe: Recipe, folder: Path, stop_after: int | None = None) -> list[recipes.Stage]:
    stages = []
    for stage in recipes.train(recipe, folder, torch.device("cpu")):
        stages.append(stage)
        if stage.progress.epoch == stop_after and stage.progress.step == 0:
            break
    return stages


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) if kind in LONG else kind for kind in SMALL],
)
def test_a_recipe_resumes_to_the_same_weights_and_is_published(kind: str, tmp_path: Path) -> None:
    recipe = SMALL[kind]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    stages = trained(recipe, whole)
    assert stages[-1].progress.finished
    assert stages[-1].progress.loss < stages[0].progress.loss
    trained(recipe, broken, stop_after=1)
    assert not (broken / "weights.pt").exists()
    trained(recipe, broken)
    one, two = (torch.load(folder / "weights.pt", weights_only=True) for folder in (whole, broken))
    assert all(torch.equal(one[name], two[name]) for name in one)
    recipes.publish(recipe, whole, {"commit": "test", "seed": 0}, tmp_path)
    model = zoo.load(recipe.name, folder=tmp_path)
    x = data.load("digits", "test").x[:2]
    masked = Masked(x, torch.rand(x.shape, generator=generator(0)) < 0.5)
    if kind in ("miwae", "clipped"):
        assert model.encode_incomplete(masked).batch_shape == (2,)
    elif kind == "vae":
        assert torch.isfinite(model.decode(model.encode(x).mean).log_prob(x)).all()
    elif kind == "pixels":
        assert torch.isfinite(model.log_prob(data.threshold(x))).all()
    elif kind == "mixture":
        assert model.responsibilities(x).shape == (2, 4)
    elif kind == "classifier":
        assert model.predict(x).batch_shape == (2,)
    else:
        assert torch.isfinite(model.conditional(masked).log_prob(x.flatten(1))).all()


def test_a_checkpoint_of_a_finished_fit_by_em_is_used(tmp_path: Path) -> None:
    trained(SMALL["mfa"], tmp_path)
    (tmp_path / "weights.pt").unlink()
    assert [stage.progress.epoch for stage in trained(SMALL["mfa"], tmp_path)] == [4]
    assert (tmp_path / "weights.pt").is_file()


def test_a_wgan_resumes_to_the_same_weights_and_snapshots(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    *_, last = trained(WGAN, whole)
    assert last.progress.finished
    assert {"distance", "penalty"} <= set(last.numbers)
    trained(WGAN, broken, stop_after=2)
    assert list(snapshots(broken)) == [0, 2, 4]
    trained(WGAN, broken)
    assert list(snapshots(whole)) == list(snapshots(broken)) == [0, 2, 4, 6, 8, 9]
    files = ["weights.pt", *(f"snapshots/{i:06d}.pt" for i in snapshots(whole))]
    for file in files:
        a, b = torch.load(whole / file), torch.load(broken / file)
        assert all(torch.equal(a[name], b[name]) for name in a), file
    recipes.publish(WGAN, whole, {"commit": "test", "seed": 0}, tmp_path)
    images = zoo.load("small-wgan", folder=tmp_path).sample(2, generator(0))
    assert images.shape == (2, 1, 28, 28)


MIXTURES = [name for name, each in RECIPES.items() if isinstance(each, MixtureRecipe)]


@pytest.mark.parametrize("name", MIXTURES)
def test_the_architecture_of_a_mixture_is_that_of_its_run(name: str) -> None:
    recipe = RECIPES[name]
    assert isinstance(recipe, MixtureRecipe)
    assert (recipe.dataset, recipe.seed) == (recipe.config.dataset, recipe.config.seed)
    assert recipe.packed
    ours, of_run = (
        {key: value.shape for key, value in model.state_dict().items()}
        for model in (recipe.build(), mutual.build(recipe.config, 0))
    )
    assert ours == of_run
    assert ours["means"] == (recipe.config.clusters, recipe.config.latent_dim)


def test_a_published_mixture_clusters_as_its_run_did(tmp_path: Path) -> None:
    config = Config(
        "digits",
        images=300,
        clusters=5,
        latent_dim=3,
        hidden=24,
        warmup=20,
        rounds=1,
        epochs=4,
        batch_size=25,
        learning_rate=1e-2,
    )
    recipe = mixture_recipe("small-vaegmm", "", config)
    trained(recipe, tmp_path)
    recipes.publish(recipe, tmp_path, {"commit": "test", "seed": 0}, tmp_path)
    model = zoo.load(recipe.name, folder=tmp_path)
    assert {each.name for each in tmp_path.glob("small-vaegmm.*")} == {
        "small-vaegmm.toml",
        "small-vaegmm.safetensors",
    }
    images = cluster_images("digits", 300, deskewed=True)
    *_, run = mutual.run(config, images)
    torch.testing.assert_close(
        model.mixture.covariances, run.model.mixture.covariances, rtol=0.01, atol=0.01
    )
    torch.testing.assert_close(model.means, run.model.means, rtol=0.01, atol=0.01)
    x = images.x / 255
    off = (model.responsibilities(x) - run.model.responsibilities(x)).abs().amax(1)
    assert off.median() < 0.02
    # Weights of the encoder are rounded to a byte each: few images change their cluster.
    shot = run.shots[-1]
    assert len(shot.assignment.unique()) > 2
    assert (model.responsibilities(x).argmax(1) == shot.assignment).double().mean() > 0.97


def test_every_epoch_of_a_mixture_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = SMALL["mixture"]
    config = replace(recipe.config, warmup=29, rounds=2, epochs=10)

    def frames(*_: object) -> Iterator[mutual.Frame]:
        for epoch in range(config.all_epochs + 1):
            done = epoch / config.all_epochs
            yield mutual.Frame("the VAE learns", done, 1.0 + epoch, 0.5, (), None)

    monkeypatch.setattr(mutual, "run", frames)
    stages = list(replace(recipe, config=config).stages(tmp_path, torch.device("cpu")))
    assert [stage.progress.epoch for stage in stages] == list(range(50))
    assert [stage.progress.finished for stage in stages] == [False] * 49 + [True]
    assert stages[-1].progress.eta == 0
    assert stages[7].progress.eta == pytest.approx(8.0 / 7 * 42)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_name_existing_objects(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name
    assert recipe.dataset in (*data.NAMES, *data.TABLES)
    assert recipe.architecture in zoo.ARCHITECTURES
    same = [model.state_dict() for model in (recipe.build(), recipe.build())]
    assert all(torch.equal(same[0][key], same[1][key]) for key in same[0])


def test_the_shipped_tables_are_trained_as_the_study_shows_them() -> None:
    shown = side_by_side.SHOWN
    for name in ("breast-miwae", "breast-notmiwae"):
        recipe = RECIPES[name]
        same = {field: getattr(shown, field) for field in ("plan", "steps", "batch_size", "draws")}
        assert {field: getattr(recipe, field) for field in same} == same
        assert recipe.schedule(569) == shown.schedule(569)
        assert recipe.arguments["hidden"] == shown.hidden
