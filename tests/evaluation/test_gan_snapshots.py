"""A WGAN's numbers and its history, judged by an untrained classifier of scikit-learn's digits."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dgm_core import data, metrics
from dgm_core.evaluation import gan
from dgm_core.evaluation.gan import Config
from dgm_core.models.classifier import Classifier, classifier
from dgm_core.models.wgan import WGAN, wgan
from dgm_core.rng import generator
from dgm_core.studies.latent import history as gan_history
from dgm_core.training.gan_reference import Distances, Reference, generated_images


@pytest.fixture(scope="module")
def judge() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return classifier(28, 1, list("0123456789"), (4, 8), 8).eval().requires_grad_(False)


def small() -> WGAN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wgan(28, 1, latent_dim=3, widths=(4, 8), hidden=8).eval()


class Memorised(WGAN):
    """A generator that produces only images of the training split."""

    def __init__(self) -> None:
        super().__init__(torch.nn.Linear(3, 3), torch.nn.Linear(1, 1), 3)
        self.images = data.load("digits", "train").x

    def generate(self, z: Tensor) -> Tensor:
        rows = torch.randint(len(self.images), (len(z),), generator=generator(0))
        return self.images[rows]


def test_noise_is_far_above_the_floor_and_memorisation_is_detected(judge: Classifier) -> None:
    *_, noise = gan.run(Config("digits", 200, 50), small(), judge)
    *_, known = gan.run(Config("digits", 200, 50), Memorised(), judge)
    assert noise.real == known.real
    assert noise.distances.times_floor > 10
    assert 0.5 < known.distances.times_floor < 2
    assert noise.made.precision < 0.05 < 0.8 < known.made.precision
    # Its good scores are those of a model that memorises its training images.
    assert known.made.nearest == pytest.approx(0.0, abs=1e-3)
    assert known.real.nearest > 1
    card, distances = noise.as_card(), noise.distances
    assert card["frechet"]["times_floor"] == pytest.approx(distances.times_floor, abs=1e-4)
    assert card["frechet"]["seeds"] == 10
    assert distances.floor.std() > 0
    assert distances.generated.std() > 0
    assert "not Inception" in card["estimator"]


def test_floor_and_distance_compare_equally_many_images_with_the_same_others(
    judge: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, compared = Reference("digits", judge), []
    true = metrics.frechet_distance

    def watched(a: Tensor, b: Tensor) -> float:
        compared.append((a, b))
        return true(a, b)

    monkeypatch.setattr(metrics, "frechet_distance", watched)
    *_, found = reference.distances(small(), 300, 3)
    assert isinstance(found, Distances)
    assert [len(a) for a, _ in compared] == [300] * 6
    everything = {tuple(row) for row in reference.features.tolist()}
    for (_, others), (aside, same) in zip(compared[::2], compared[1::2], strict=True):
        assert others is same
        assert len(others) == len(reference.features) - 300
        assert {tuple(row) for row in torch.cat([aside, same]).tolist()} == everything
    # Other seeds set other images aside and draw other latents.
    assert len(found.floor.unique()) == len(found.generated.unique()) == 3


@pytest.mark.parametrize("count", [1, 749])
def test_at_most_half_of_the_training_images_are_set_aside(judge: Classifier, count: int) -> None:
    with pytest.raises(ValueError, match=f"expected 2 to 748 images, .*, got {count}"):
        next(Reference("digits", judge).distances(small(), count, 2))


def test_a_history_is_drawn_written_and_read(judge: Classifier, tmp_path: Path) -> None:
    model, snapshots = small(), {}
    for iteration, shift in ((0, 0.0), (30, 3.0)):
        weights = {key: value.clone() for key, value in model.synthesis.state_dict().items()}
        weights[list(weights)[-1]] += shift  # the last bias: brightness
        snapshots[iteration] = tmp_path / f"{iteration}.pt"
        torch.save(weights, snapshots[iteration])
    *_, history = gan_history.run(model, snapshots, Reference("digits", judge))
    gan_history.save(history, tmp_path / "history.npz")
    again = gan_history.load(tmp_path / "history.npz")
    assert again.iterations == [0, 30]
    assert again == history
    with Image.open(io.BytesIO(again.sheets[1])) as picture:
        found = np.asarray(picture)
    assert found.shape == (140, 140)
    # Five by five, in the order of the latents, up to JPEG compression.
    images = generated_images(model, 25)
    np.testing.assert_allclose(
        found[28:56, 84:112], images[8, 0].numpy() * 255, atol=20, err_msg="row 1, column 3"
    )


def test_without_snapshots_there_is_no_history(judge: Classifier) -> None:
    with pytest.raises(ValueError, match="expected snapshots"):
        list(gan_history.run(small(), {}, Reference("digits", judge)))
