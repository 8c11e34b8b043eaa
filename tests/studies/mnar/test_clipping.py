"""The study of over-exposed images: masks, imputations and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dgm_core import data
from dgm_core.evaluation import clipped
from dgm_core.models.clipped import clipping_miwae, clipping_notmiwae
from dgm_core.models.miwae import MIWAE
from dgm_core.recipes import RECIPES
from dgm_core.rng import generator
from dgm_core.studies.mnar.clipping import SHAPES, Config, Frame, Result, model_names, run
from dgm_core.studies.mnar.clipping_estimates import DECODER, DRAWN, INTEGRATED, estimates, learned
from dgm_core.zoo import ARCHITECTURES


def small(name: str) -> MIWAE:
    """Untrained."""
    make = clipping_notmiwae if name.endswith("notmiwae") else clipping_miwae
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make(28, 1, latent_dim=3, channels=4, hidden=8)
    return model.eval().requires_grad_(False)


def config(image: np.ndarray | None = None, **more: Any) -> Config:
    if image is None:
        image = (data.load("digits", "test").x[3] * 255).byte().numpy()
    return Config("digits", image.tobytes(), **{"samples": 40, **more})


def result(**more: Any) -> Result:
    *frames, last = run(config(**more), small)
    assert all(isinstance(frame, Frame) for frame in frames)
    assert [frame.filling.method for frame in frames] == list(last.fillings)
    return last


def test_every_method_keeps_observed_entries_and_is_scored_on_hidden_ones() -> None:
    found = result()
    assert list(found.fillings) == ["constant 1", "MIWAE", "not-MIWAE"]
    hidden = ~found.observed
    assert 20 < hidden.sum() < 200
    assert not found.clipped[hidden].any()
    for filling in found.fillings.values():
        assert np.array_equal(filling.mean[found.observed], found.original[found.observed])
        error = (filling.mean - found.original)[hidden]
        assert filling.rmse == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-5)
        if filling.method != "constant 1":
            assert (filling.sd[found.observed] == 0).all()
            assert (filling.sd[hidden] > 0).all()
            assert 1 <= filling.effective_draws <= 40
            assert filling.rmse_error > 0
    assert (found.fillings["constant 1"].mean[hidden] == 1).all()
    assert found.fillings["not-MIWAE"].others.keys() == {DRAWN, DECODER}
    assert found.true == (0.75, 50, False)
    assert found.learned == pytest.approx((0.5, 20, False))


def test_the_same_config_gives_the_same_result_and_another_seed_another_mask() -> None:
    one, two, other = result(), result(), result(seed=1)
    for name, filling in one.fillings.items():
        assert np.array_equal(filling.mean, two.fillings[name].mean)
    assert np.array_equal(one.observed, two.observed)
    assert not np.array_equal(one.observed, other.observed)


def test_the_process_as_set_replaces_the_learned_one() -> None:
    as_set = result(assumed="as set", threshold=0.6, strength=30.0)
    as_learned = result(threshold=0.6, strength=30.0)
    assert np.array_equal(as_set.observed, as_learned.observed)
    one, two = (each.fillings["not-MIWAE"] for each in (as_set, as_learned))
    assert one.mean[~as_set.observed].mean() > two.mean[~as_set.observed].mean() + 0.02
    assert as_set.learned == as_learned.learned
    same = [each.fillings["MIWAE"].mean for each in (as_set, as_learned)]
    assert np.array_equal(*same)
    # assuming what was learned changes nothing
    again = result(assumed="as set", threshold=0.5, strength=20.0).fillings["not-MIWAE"]
    plain = result(threshold=0.5, strength=20.0).fillings["not-MIWAE"]
    np.testing.assert_allclose(again.mean, plain.mean, atol=1e-5)


def test_estimates_from_one_set_of_draws_have_the_right_names() -> None:
    masked = config().masked().repeat(4)
    found = estimates(small("notmiwae"), masked, 30, generator(0))
    assert list(found) == [INTEGRATED, DRAWN, DECODER]
    assert found[INTEGRATED].effective_draws.mean() > found[DRAWN].effective_draws.mean()
    (only,) = estimates(small("miwae"), masked, 30, generator(0)).items()
    assert only[0] == DECODER


def test_an_image_without_bright_pixels_gets_a_message() -> None:
    dark = np.full((1, 28, 28), 60, np.uint8)
    with pytest.raises(ValueError, match="No pixel of this image is bright enough"):
        list(run(config(dark), small))
    bright = np.full((1, 28, 28), 255, np.uint8)  # everything hidden is still a problem
    *_, found = run(config(bright), small)
    assert not found.observed.any()
    assert np.isfinite(found.fillings["not-MIWAE"].mean).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dataset": "cifar"}, "a data set among digits"),
        ({"image": b"123"}, r"\(1, 28, 28\) bytes, got 3"),
        ({"assumed": "guessed"}, "'learned' or 'as set'"),
        ({"samples": 2}, "at least 8"),
        ({"threshold": 1.5}, r"threshold in \[0, 1\]"),
        ({"strength": 0.0}, "positive strength"),
    ],
)
def test_a_wrong_config_is_an_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**{"dataset": "digits", "image": bytes(784), **wrong})


def test_the_scores_of_a_test_set_are_those_of_its_hidden_entries() -> None:
    *_, found = clipped.run(clipped.Config("digits", images=12, draws=20), small("notmiwae"))
    rows = {row.estimate: row for row in found.rows}
    assert list(rows) == ["constant 1", "best constant", INTEGRATED, DRAWN, DECODER]
    masked = clipped.clipped_split("digits", "test", 12)
    values = data.load("digits", "test").sample(12).x[~masked.observed]
    assert rows["constant 1"].rmse == pytest.approx((1 - values).square().mean().sqrt().item())
    assert rows["best constant"].rmse == pytest.approx(values.std(correction=0).item(), rel=1e-4)
    assert found.hidden == found.images == 12
    card = found.as_card()
    assert "12 test images" in card["estimator"]
    assert "ess" not in card["rmse"][0]
    assert card["learned"] == {"threshold": 0.5, "strength": 20.0}


def test_the_card_of_a_model_that_was_given_the_process_says_so() -> None:
    model = clipping_notmiwae(
        28, 1, threshold=0.75, strength=50.0, given=True, latent_dim=3, channels=4, hidden=8
    )
    model.eval().requires_grad_(False)
    *_, found = clipped.run(clipped.Config("digits", images=5, draws=20), model)
    card = found.as_card()
    assert card["given"] == {"threshold": 0.75, "strength": 50.0}
    assert "learned" not in card


def test_every_data_set_has_models_of_its_size() -> None:
    for dataset, (channels, size, _) in SHAPES.items():
        for name in model_names(dataset).values():
            recipe = RECIPES[name]
            assert recipe.dataset == dataset
            assert recipe.architecture in ARCHITECTURES
            assert (recipe.arguments["size"], recipe.arguments["image_channels"]) == (
                size,
                channels,
            )
    assert learned(small("notmiwae")) == pytest.approx((0.5, 20, False))
