"""The classifier: distributions of classes and attributes, features, and training on digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgm_core import recipes
from dgm_core.evaluation.classifier import run
from dgm_core.models.classifier import Classifier, classifier, features_of
from dgm_core.recipes import RECIPES, Schedule
from dgm_core.recipes.classifier import labelled
from dgm_core.rng import generator
from dgm_core.training.losses import negative_log_likelihood
from dgm_core.types import LabelledImages


def small(classes: str, *, attributes: bool = False) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return classifier(16, 3, list(classes), (4, 8), 5, attributes=attributes).eval()


def test_classes_exclude_one_another_and_attributes_do_not() -> None:
    x = torch.rand(6, 3, 16, 16, generator=generator(0))
    one, many = small("abc"), small("abc", attributes=True)
    torch.testing.assert_close(one.predict(x).probs.sum(1), torch.ones(6))
    distribution = many.predict(x)
    p = distribution.base_dist.probs
    y = torch.tensor([1.0, 1.0, 0.0]).expand(6, 3)
    by_hand = (p[:, 0] * p[:, 1] * (1 - p[:, 2])).log()
    torch.testing.assert_close(distribution.log_prob(y), by_hand)


def test_features_are_the_last_hidden_layer_of_bytes_as_of_fractions() -> None:
    model = small("abc")
    x = torch.randint(256, (7, 3, 16, 16), generator=generator(0), dtype=torch.uint8)
    found = features_of(model, x, batch_size=3)
    assert found.shape == (7, 5)
    torch.testing.assert_close(found, features_of(model, x / 255))
    torch.testing.assert_close(model.head(found).log_softmax(1), model.predict(x / 255).logits)


def test_dropout_depends_on_the_generator_and_keeps_the_mean() -> None:
    model = small("abc")
    x = torch.randint(256, (500, 3, 16, 16), generator=generator(0), dtype=torch.uint8)
    images = LabelledImages(x, torch.zeros(500, dtype=torch.long))
    with torch.no_grad():
        plain = negative_log_likelihood()(model, images, generator(1))
        by_hand = -model.predict(x / 255).log_prob(images.y).mean()
        one, again, other = (
            negative_log_likelihood(0, 0.5)(model, images, generator(s)) for s in (1, 1, 2)
        )
    torch.testing.assert_close(plain, by_hand)
    assert one == again != other
    assert one != plain
    torch.testing.assert_close(one, plain, atol=0.02, rtol=0)


def test_the_study_counts_correct_predictions() -> None:
    x = torch.randint(256, (40, 3, 16, 16), generator=generator(0), dtype=torch.uint8)
    model = small("abc")
    guess = model.predict(x / 255).probs.argmax(1)
    y = torch.where(torch.arange(40) % 4 == 0, (guess + 1) % 3, guess)
    *_, found = run(LabelledImages(x, y), model)
    assert found.accuracy == pytest.approx(0.75)
    many = small("ab", attributes=True)
    with torch.no_grad():
        many.head.bias.copy_(torch.tensor([50.0, -50.0]))  # predicts only the first
    y = torch.zeros(40, 2)
    y[:10] = 1
    *_, found = run(LabelledImages(x, y), many)
    assert found.of_each == {"a": 0.5, "b": 0.5}
    assert found.accuracy == pytest.approx((10 + 30) / 80)


def test_it_learns_to_read_digits(tmp_path: Path) -> None:
    recipe = replace(
        RECIPES["mnist-classifier"],
        name="small",
        dataset="digits",
        arguments={**RECIPES["mnist-classifier"].arguments, "widths": [8, 16]},
        schedule=Schedule(epochs=6, batch_size=32, learning_rate=3e-3),
    )
    list(recipes.train(recipe, tmp_path, torch.device("cpu")))
    model = recipe.build().eval()
    model.load_state_dict(torch.load(tmp_path / "weights.pt"))
    *_, found = run(labelled("digits", "test"), model)
    assert found.accuracy > 0.93
    assert found.log_likelihood > -0.3


def test_inputs_of_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        LabelledImages(torch.zeros(2, 3, 4, 4), torch.zeros(2))
    with pytest.raises(ValueError, match="y of 2 rows, got 3"):
        LabelledImages(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(3))
