"""The contract of every imputer, for each in the catalogue."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from dgm_core import metrics
from dgm_core.imputers import CATALOGUE, settings_of
from dgm_core.missing import masks, mixed_masks
from dgm_core.models.dlvm import convolutional_dlvm, face_dlvm, fully_connected_dlvm
from dgm_core.models.dmfa import unet_dmfa
from dgm_core.models.mfa import MixtureOfFactorAnalysers, initialise_mfa
from dgm_core.models.miwae import face_miwae, fully_connected_miwae
from dgm_core.models.partial import (
    PartiallyEncoded,
    convolutional_partial_encoder,
    face_partial_encoder,
)
from dgm_core.rng import generator
from dgm_core.types import Imputation, Masked

pytestmark = pytest.mark.filterwarnings("error")

QUICK = {
    "pseudo-Gibbs": {"iterations": 40, "warmup": 4, "chains": 3},
    "Metropolis-within-Gibbs": {"iterations": 40, "warmup": 4, "chains": 3},
    "collapsed Metropolis": {"iterations": 40, "warmup": 4, "chains": 3},
    "LAIR": {"iterations": 20, "warmup": 4, "completions": 3, "prior_proposals": 2},
    "HMC": {"iterations": 40, "warmup": 10, "chains": 3, "leapfrogs": 3},
    "iterated SIR": {"iterations": 40, "warmup": 10, "chains": 3, "leapfrogs": 3, "candidates": 4},
    "annealed SMC": {"particles": 12, "populations": 3, "moves": 1, "leapfrogs": 3},
    "partial encoder": {"samples": 60},
    "MIWAE": {"samples": 60},
}


def images(kind: str, count: int = 60) -> Tensor:
    """Smooth images: black and white 28×28, or colour 64×64."""
    channels, side = (1, 28) if kind == "digit" else (3, 64)
    coarse = torch.rand(count, channels, 7, 7, generator=generator(0))
    x = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return (x > 0.5).float() if kind == "digit" else x


def material(need: str | None, kind: str) -> object:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if need is None:
            return None
        if need == "training images":
            return images(kind)
        if need == "mfa":
            model = MixtureOfFactorAnalysers(images(kind).shape[1:], 3, 2)
            initialise_mfa(model, images(kind), generator(1))
        else:
            make = {
                ("dlvm", "digit"): lambda: fully_connected_dlvm(4, 16),
                ("partial", "digit"): lambda: PartiallyEncoded(
                    convolutional_dlvm(4, 4, 16), convolutional_partial_encoder(4, 4, 16)
                ),
                ("miwae", "digit"): lambda: fully_connected_miwae(4, 16),
                ("dmfa", "digit"): lambda: unet_dmfa(1, 2, 3, (8, 8), 1),
                ("dlvm", "face"): lambda: face_dlvm(4, 4, 16),
                ("partial", "face"): lambda: PartiallyEncoded(
                    face_dlvm(4, 4, 16), face_partial_encoder(4, 4, 16)
                ),
                ("miwae", "face"): lambda: face_miwae(4, 4, 16),
                ("dmfa", "face"): lambda: unet_dmfa(3, 2, 3, (8, 8), 1),
            }
            model = make[need, kind]()
        return model.eval().requires_grad_(False)


def method(name: str, kind: str, **more: object) -> object:
    constructor = CATALOGUE[name]
    materials = () if constructor.needs is None else (material(constructor.needs, kind),)
    return constructor(*materials, **{**QUICK.get(name, {}), **more})


def problem(kind: str) -> tuple[Masked, Tensor]:
    x = images(kind, 65)[60:63]  # not among the training images
    observed = mixed_masks.mixed(3, *x.shape[2:], generator(4)).expand_as(x)
    return Masked(x, observed), x


def last(name: str, kind: str, seed: int = 0, **more: object) -> Imputation:
    *_, imputation = method(name, kind, **more).run(problem(kind)[0], generator(seed))
    return imputation


KINDS = ("digit", "face")
GUESSES = ("iterative PCA", "diffusion of the edge")
WITH_DISTRIBUTION = [name for name in CATALOGUE if name not in GUESSES]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_observed_entries_come_back_bit_identical(name: str, kind: str) -> None:
    masked, _ = problem(kind)
    for imputation in method(name, kind).run(masked, generator(0)):
        pictures = [imputation.mean]
        pictures += [] if imputation.draws is None else list(imputation.draws)
        pictures += [] if imputation.leave_one_out is None else list(imputation.leave_one_out)
        for picture in pictures:
            assert picture.shape == masked.x.shape
            assert torch.equal(picture[masked.observed], masked.x[masked.observed])
            assert torch.isfinite(picture).all()
        assert 0 < imputation.done <= 1
    assert imputation.done == 1


@pytest.mark.parametrize("name", CATALOGUE)
def test_point_imputations_have_no_distribution_and_all_others_have_one(name: str) -> None:
    imputation = last(name, "digit")
    for quantity in (imputation.variance, imputation.draws, imputation.log_density):
        assert (quantity is None) == (name in GUESSES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WITH_DISTRIBUTION)
def test_variance_is_zero_where_observed_and_positive_where_hidden(name: str, kind: str) -> None:
    imputation, masked = last(name, kind), problem(kind)[0]
    assert (imputation.variance[masked.observed] == 0).all()
    assert (imputation.variance >= 0).all()
    assert imputation.variance[~masked.observed].mean() > 0


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_same_seed_repeats_the_result_without_the_global_generator(name: str) -> None:
    before = torch.get_rng_state()
    first, again = last(name, "digit", 3), last(name, "digit", 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.mean, again.mean)
    if first.draws is not None:
        assert torch.equal(first.draws, again.draws)
        other = last(name, "digit", 4)
        assert not torch.equal(first.draws, other.draws) or name == "nearest neighbours"


@pytest.mark.parametrize("name", CATALOGUE)
def test_hidden_values_have_no_influence(name: str) -> None:
    masked, x = problem("digit")
    other = Masked(torch.where(masked.observed, x, 1 - x), masked.observed)
    *_, one = method(name, "digit").run(masked, generator(0))
    *_, two = method(name, "digit").run(other, generator(0))
    assert torch.equal(one.mean, two.mean)


@pytest.mark.parametrize(
    "name", [name for name in WITH_DISTRIBUTION if name != "nearest neighbours"]
)
def test_draws_agree_with_mean_and_variance(name: str) -> None:
    """Averages over all hidden pixels, within the error of a few draws."""
    masked, _ = problem("digit")
    imputation = last(name, "digit", draws=48)
    hidden = ~masked.observed
    of_draws = imputation.draws.mean(0)[hidden].mean().item()
    of_mean = imputation.mean[hidden].mean().item()
    assert of_draws == pytest.approx(of_mean, abs=0.05)
    spread = imputation.draws.var(0, correction=0)[hidden].mean().item()
    assert spread == pytest.approx(imputation.variance[hidden].mean().item(), rel=0.35)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WITH_DISTRIBUTION)
def test_log_density_is_finite_and_ignores_observed_pixels(name: str, kind: str) -> None:
    masked, x = problem(kind)
    imputation = last(name, kind)
    value = imputation.log_density(x)
    assert value.shape == (3,)
    assert torch.isfinite(value).all()
    corrupted = torch.where(masked.observed, 1 - x, x)
    torch.testing.assert_close(imputation.log_density(corrupted), value)


@pytest.mark.parametrize("name", ["pseudo-Gibbs", "Metropolis-within-Gibbs", "LAIR", "MIWAE"])
def test_bernoulli_densities_are_probabilities(name: str) -> None:
    """p(x_mis

    x_obs), summed over all values of two hidden pixels, is one.
    """
    masked, x = problem("digit")
    observed = torch.ones_like(masked.observed)
    observed[:, 0, 3, 3:5] = False
    *_, imputation = method(name, "digit").run(Masked(x, observed), generator(0))
    total = torch.zeros(3)
    for a in (0.0, 1.0):
        for b in (0.0, 1.0):
            filled = x.clone()
            filled[:, 0, 3, 3], filled[:, 0, 3, 4] = a, b
            total += imputation.log_density(filled).exp()
    torch.testing.assert_close(total, torch.ones(3), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CATALOGUE)
def test_settings_have_a_label_a_range_and_a_help_text_and_reject_values_outside(
    name: str,
) -> None:
    for setting in settings_of(CATALOGUE[name]):
        assert setting.label
        assert setting.help.endswith(".")
        if setting.low is not None:
            assert setting.low <= setting.default <= setting.high
            with pytest.raises(ValueError, match=setting.name):
                method(name, "digit") and dataclasses.replace(
                    method(name, "digit"), **{setting.name: setting.high + 1}
                )


@pytest.mark.parametrize("name", ["pseudo-Gibbs", "LAIR", "MIWAE"])
def test_means_without_one_part_average_to_about_the_mean(name: str) -> None:
    imputation = last(name, "digit")
    others = imputation.leave_one_out
    assert others is not None
    assert (others.mean(0) - imputation.mean)[~problem("digit")[0].observed].abs().mean() < 0.02
    assert others.std(0).max() > 0


def test_noise_can_be_left_out_of_factor_draws() -> None:
    noisy, smooth = last("DMFA", "digit"), last("DMFA", "digit", noisy=False)
    hidden = ~problem("digit")[0].observed
    assert torch.equal(noisy.mean, smooth.mean)
    assert noisy.draws.var(0)[hidden].mean() > smooth.draws.var(0)[hidden].mean()
    assert noisy.parts["factors"].shape == (3, 3, 1, 28, 28)
    assert noisy.parts["noise"].shape == (1, 3, 1, 28, 28)


def test_a_good_method_beats_the_mean_image_on_what_it_was_fitted_to() -> None:
    """On smooth images the exact Gaussian conditional must be far better than the mean."""
    _, x = problem("face")
    masked = Masked(x, masks.checkerboard(64, 64, 4).expand_as(x))
    known = images("face", 600)
    methods = {
        "PPCA": CATALOGUE["PPCA"](known, components=100),
        "mean image": CATALOGUE["mean image"](known),
        "diffusion of the edge": CATALOGUE["diffusion of the edge"](),
    }
    errors = {}
    for name, chosen in methods.items():
        *_, imputation = chosen.run(masked, generator(0))
        errors[name] = metrics.mse_hidden(imputation.mean, x, masked.observed).mean().item()
    assert errors["PPCA"] < 0.5 * errors["mean image"]
    assert errors["diffusion of the edge"] < errors["mean image"]


def test_the_bound_of_miwae_is_shown_growing_with_k() -> None:
    counts, bounds = last("MIWAE", "digit", samples=640).curves["bound by K"]
    assert counts.tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 500, 640]
    assert (bounds[-1] > bounds[0]).all()
    torch.testing.assert_close(
        bounds[-1], last("MIWAE", "digit", samples=640).diagnostics["log p(x_obs)"]
    )
