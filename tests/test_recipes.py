"""Every kind of recipe trains on scikit-learn's digits, resumes, and is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgm_core import data, recipes, zoo
from dgm_core.adversarial import AdversarialSchedule
from dgm_core.recipes import RECIPES, Recipe, Schedule
from dgm_core.recipes.wgan import snapshots
from dgm_core.rng import generator
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


@pytest.mark.parametrize("kind", SMALL)
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
    elif kind == "classifier":
        assert model.predict(x).batch_shape == (2,)
    else:
        assert torch.isfinite(model.conditional(masked).log_prob(x.flatten(1))).all()


def test_a_checkpoint_of_a_finished_fit_by_em_is_taken_up(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_name_what_is_there(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name
    assert recipe.dataset in (*data.NAMES, *data.TABLES)
    assert recipe.architecture in zoo.ARCHITECTURES
    same = [model.state_dict() for model in (recipe.build(), recipe.build())]
    assert all(torch.equal(same[0][key], same[1][key]) for key in same[0])
