"""The comparison: all methods on the same image, alternating; each can be stopped on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dgm_core import data
from dgm_core.imputers import CATALOGUE
from dgm_core.metrics import DEFINITIONS
from dgm_core.missing import masks
from dgm_core.models.dlvm import convolutional_dlvm, fully_connected_dlvm
from dgm_core.models.dmfa import unet_dmfa
from dgm_core.models.mfa import MixtureOfFactorAnalysers, initialise_mfa
from dgm_core.models.miwae import fully_connected_miwae
from dgm_core.models.partial import PartiallyEncoded, convolutional_partial_encoder
from dgm_core.rng import generator
from dgm_core.studies.inpainting.comparison import Config, Control, Frame, Outcome, Result, run
from dgm_core.studies.inpainting.materials import Material
from dgm_core.zoo import BrokenModel

QUICK = {
    "pseudo-Gibbs": (("iterations", 40), ("warmup", 4), ("chains", 3)),
    "Metropolis-within-Gibbs": (("iterations", 40), ("warmup", 4), ("chains", 3)),
    "collapsed Metropolis": (("iterations", 40), ("warmup", 4), ("chains", 3)),
    "LAIR": (("iterations", 30), ("warmup", 4), ("completions", 3), ("prior_proposals", 2)),
    "partial encoder": (("samples", 60),),
    "MIWAE": (("samples", 60),),
}


def provide(dataset: str, need: str | None) -> Material:
    """Untrained models and a few digits."""
    images = data.threshold(data.load("digits", "train").x[:80])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        things: dict[str | None, Any] = {
            None: None,
            "dlvm": fully_connected_dlvm(4, 16),
            "partial": PartiallyEncoded(
                convolutional_dlvm(4, 4, 16), convolutional_partial_encoder(4, 4, 16)
            ),
            "miwae": fully_connected_miwae(4, 16),
            "dmfa": unet_dmfa(1, 2, 3, (8, 8), 1),
            "mfa": MixtureOfFactorAnalysers((1, 28, 28), 2, 2),
            "training images": images,
        }
    initialise_mfa(things["mfa"], images, generator(0))
    if isinstance(things[need], torch.nn.Module):
        things[need].eval().requires_grad_(False)
    return Material(things[need], f"for {dataset}")


def config(*names: str, **more: Any) -> Config:
    original = data.threshold(data.load("digits", "test").x[8])
    hidden = ~masks.top_half(28, 28).numpy()
    return Config(
        "digits",
        (original * 255).byte().numpy().tobytes(),
        np.packbits(hidden).tobytes(),
        tuple((name, QUICK.get(name, ())) for name in names),
        **more,
    )


def outcomes(*names: str, **more: Any) -> dict[str, Outcome]:
    *_, result = run(config(*names, **more), provide=provide)
    assert isinstance(result, Result)
    return result.outcomes


def test_every_method_of_the_catalogue_ends_with_images_and_scores() -> None:
    original, observed = config().original, config().observed
    for name, outcome in outcomes(*CATALOGUE).items():
        assert outcome.state == "finished", outcome
        assert outcome.done == 1
        assert outcome.note == "for digits"
        assert outcome.seconds > 0
        assert np.array_equal(outcome.mean[:, observed], original[:, observed])
        assert {"F1", "MSE", "SSE", "PSNR", "SSIM", "CRPS"} <= outcome.scores.keys()
        assert outcome.scores.keys() <= DEFINITIONS.keys()
        hidden = (outcome.mean - original)[:, ~observed]
        assert outcome.scores["SSE"][0] == pytest.approx((hidden**2).sum(), rel=1e-4), name
        assert outcome.scores["MSE"][0] == pytest.approx((hidden**2).mean(), rel=1e-4)
        assert outcome.calibration.kind == "reliability"


def test_probabilities_and_densities_have_different_names() -> None:
    found = outcomes("MIWAE", "DMFA")
    assert "NLL" in found["MIWAE"].scores
    assert "NLL, density" in found["DMFA"].scores


def test_chains_have_a_monte_carlo_error_and_closed_forms_have_none() -> None:
    found = outcomes("pseudo-Gibbs", "LAIR", "MIWAE", "DMFA")
    for name in ("pseudo-Gibbs", "LAIR", "MIWAE"):
        assert found[name].scores["MSE"][1] > 0
    assert np.isnan(found["DMFA"].scores["MSE"][1])


def test_a_method_does_not_depend_on_the_other_methods() -> None:
    alone, together = outcomes("pseudo-Gibbs"), outcomes("LAIR", "pseudo-Gibbs", "DMFA")
    one, two = alone["pseudo-Gibbs"], together["pseudo-Gibbs"]
    assert np.array_equal(one.draws, two.draws)
    assert one.scores["SSIM"][0] == two.scores["SSIM"][0]
    assert one.scores["F1"] == two.scores["F1"]
    other = outcomes("pseudo-Gibbs", seed=1)["pseudo-Gibbs"]
    assert not np.array_equal(one.draws, other.draws)


def test_methods_take_turns_and_each_is_stopped_on_its_own() -> None:
    control, seen = Control(), []
    for item in run(config("pseudo-Gibbs", "LAIR", "mean image"), control, provide):
        if isinstance(item, Frame):
            seen.append((item.outcome.method, item.outcome.state))
            assert ("NLL" in item.outcome.scores) <= (item.outcome.state != "running")
            if len(seen) == 6:
                control.stop("pseudo-Gibbs")
    assert [name for name, _ in seen[:4]] == ["pseudo-Gibbs", "LAIR", "mean image", "pseudo-Gibbs"]
    assert seen[2] == ("mean image", "finished")
    stopped = item.outcomes["pseudo-Gibbs"]
    assert stopped.state == "stopped"
    assert 0 < stopped.done < 1
    assert stopped.mean is not None
    assert "NLL" in stopped.scores  # computed only at the end, because it costs a step
    assert item.outcomes["LAIR"].state == "finished"


def test_a_method_without_its_model_is_unavailable_and_the_others_run() -> None:
    def broken(dataset: str, need: str | None) -> Material:
        if need == "dmfa":
            raise BrokenModel("the weights mnist-dmfa.safetensors are missing beside their card")
        return provide(dataset, need)

    *_, result = run(config("DMFA", "mean image"), provide=broken)
    assert result.outcomes["DMFA"].state == "unavailable"
    assert "missing" in result.outcomes["DMFA"].note
    assert result.outcomes["mean image"].state == "finished"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": "cats"}, "expected a data set of .*, got 'cats'"),
        ({"dataset": "celeba"}, "expected 12288 bytes of image"),
        ({"hidden": b"12"}, "98 of mask, got 784 and 2"),
        ({"methods": (("magic", ()),)}, "expected a method of .*, got 'magic'"),
        ({"methods": (("LAIR", (("iterations", 7),)),)}, "LAIR: expected Iterations from 20"),
        ({"methods": (("LAIR", (("speed", 7),)),)}, "LAIR: expected a setting of .*, got 'speed'"),
    ],
)
def test_an_invalid_configuration_raises_a_clear_error(change: dict, sentence: str) -> None:
    fields = vars(config("LAIR")) | change
    with pytest.raises(ValueError, match=sentence):
        Config(**fields)
