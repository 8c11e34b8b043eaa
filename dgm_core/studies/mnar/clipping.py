"""Over-exposed images: imputations of MIWAE and not-MIWAE for clipped pixels.

    P(x missing) = σ(W (x − b)) for each entry, pixel × channel;   W = 50, b = .75 in training

Ipsen, Mattei & Frellsen 2021, §5.2. MIWAE assumes that values are missing at random, and fills in
values like the darker observed ones. not-MIWAE learned b and W from clipped images alone. If the
user changes the clipping, the draws can be weighted by the process as set, without retraining.

Apart from the few bright values that were kept, the data do not say how far above the threshold a
missing value lies. There the imputation is an extrapolation of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from dgm_core import metrics, zoo
from dgm_core.device import default_device
from dgm_core.imputers.latents import without_each
from dgm_core.missing.clipped import clipped
from dgm_core.missing.processes import Clipping
from dgm_core.models.miwae import MIWAE
from dgm_core.rng import generator
from dgm_core.samplers.importance import MixtureMoments
from dgm_core.samplers.integrated import WeightedEstimate
from dgm_core.studies.mnar.clipping_estimates import Curve, estimates, learned
from dgm_core.types import Masked

SHAPES = {
    "digits": (1, 28, 28),
    "mnist": (1, 28, 28),
    "svhn": (3, 32, 32),
    "svhn-grey": (1, 32, 32),
    "celeba": (3, 64, 64),
}
"""Data set with models of clipped images → image shape."""

RMSE = (
    "Square root of the mean squared error over the hidden entries. An entry is a pixel of one "
    "channel, with levels in [0, 1]. Lower is better."
)
"""Definition of the score."""

PARTS = 8
"""Number of groups of importance samples, for the Monte-Carlo error of the RMSE."""


@dataclass(frozen=True)
class Config:
    """Everything that determines what is clipped and how it is filled in.

    Args:
        dataset: its models impute.
        image: the true levels, uint8 (C, H, W), as bytes.
        threshold: b, in [0, 1]: half of the entries are missing there.
        strength: W, nats per unit of x.
        assumed: the process in not-MIWAE's weights: the learned one (of grey house numbers the one
            that it was given), or the one set here.
        seed: of all randomness.
        samples: K, importance samples.

    Raises:
        ValueError: data set or assumption is unknown, the length is wrong, or a number is out of
            range.
    """

    dataset: str
    image: bytes
    threshold: float = 0.75
    strength: float = 50.0
    assumed: Literal["learned", "as set"] = "learned"
    seed: int = 0
    samples: int = 400

    def __post_init__(self) -> None:
        if self.dataset not in SHAPES:
            known = ", ".join(SHAPES)
            raise ValueError(f"expected a data set among {known}, got {self.dataset!r}")
        if len(self.image) != np.prod(self.shape):
            raise ValueError(f"expected an image of {self.shape} bytes, got {len(self.image)}")
        if self.assumed not in ("learned", "as set"):
            raise ValueError(f"expected assumed 'learned' or 'as set', got {self.assumed!r}")
        if self.samples < PARTS:
            raise ValueError(f"expected at least {PARTS} samples, got {self.samples}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"expected a threshold in [0, 1], got {self.threshold}")
        self.process()  # checks the strength

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return SHAPES[self.dataset]

    @property
    def original(self) -> Tensor:
        """The true image, float32 (1, C, H, W) in [0, 1]."""
        levels = np.frombuffer(self.image, np.uint8).reshape(1, *self.shape)
        return torch.from_numpy(levels.astype(np.float32) / 255)

    def process(self) -> Clipping:
        """The process that clips the image."""
        return Clipping(self.threshold, self.strength)

    def masked(self) -> Masked:
        """The clipped image, one row."""
        return clipped(self.original, generator(self.seed), self.process())


class Filling(NamedTuple):
    """Imputation of one method; images are float32 (C, H, W)."""

    method: str  # constant 1 | MIWAE | not-MIWAE
    mean: np.ndarray
    sd: np.ndarray | None  # of a hidden entry; 0 where observed
    rmse: float
    rmse_error: float  # Monte-Carlo; NaN without randomness
    effective_draws: float  # effective sample size; NaN without weights
    others: dict[str, float]  # further estimates of the same mean → their RMSE


class Frame(NamedTuple):
    """One method has finished."""

    filling: Filling


class Result(NamedTuple):
    """All methods have finished."""

    config: Config
    original: np.ndarray  # (C, H, W)
    clipped: np.ndarray  # (C, H, W), 0 where hidden
    observed: np.ndarray  # (C, H, W) bool
    fillings: dict[str, Filling]
    true: Curve
    learned: Curve


def model_names(dataset: str) -> dict[str, str]:
    """Method → name of its model in the zoo, for a data set."""
    return {"MIWAE": f"{dataset}-clipped-miwae", "not-MIWAE": f"{dataset}-clipped-notmiwae"}


def run(config: Config, load: Callable[[str], MIWAE] | None = None) -> Iterator[Frame | Result]:
    """A `Frame` for each method, then the `Result`.

    Args:
        config: image, clipping and imputation.
        load: model name → model; None = `zoo.load` on the default device.

    Raises:
        ValueError: no entry is hidden.
        BrokenModel: a shipped file cannot be used.
    """
    masked = config.masked()
    if masked.observed.all():
        raise ValueError(
            "No pixel of this image is bright enough to go missing. Choose a brighter image or a "
            f"threshold below {config.threshold:g}."
        )
    fillings = {"constant 1": _constant(config, masked)}
    models: dict[str, MIWAE] = {}
    yield Frame(fillings["constant 1"])
    for method, name in model_names(config.dataset).items():
        model = load(name) if load else cast(MIWAE, zoo.load(name, default_device()))
        models[method] = model
        device = next(model.parameters()).device
        problem = masked.repeat(PARTS).to(device)
        assumed = config.process().to(device) if config.assumed == "as set" else None
        source = generator(config.seed + 1, device)
        found = estimates(model, problem, config.samples // PARTS, source, assumed)
        fillings[method] = _filling(method, config, masked, found)
        yield Frame(fillings[method])
    yield Result(
        config,
        config.original[0].numpy(),
        masked.x[0].numpy(),
        masked.observed[0].numpy(),
        fillings,
        Curve(config.threshold, config.strength),
        learned(models["not-MIWAE"]),
    )


def _constant(config: Config, masked: Masked) -> Filling:
    mean = masked.complete(torch.ones_like(masked.x))
    rmse = _rmse(mean, config.original, masked).item()
    return Filling("constant 1", mean[0].numpy(), None, rmse, np.nan, np.nan, {})


def _filling(
    method: str, config: Config, masked: Masked, found: dict[str, WeightedEstimate]
) -> Filling:
    """Combine the groups of draws, which are the rows of each estimate."""
    original, rmses, errors, wholes = config.original, {}, {}, {}
    for name, estimate in found.items():
        mean, variance, log_w = (each.cpu() for each in estimate)
        log_parts = log_w.logsumexp(0)[:, None]  # (parts, 1)
        mixture = MixtureMoments()
        mixture.add(log_parts, mean[:, None], variance[:, None])
        others = without_each(masked, log_parts, mean[:, None])
        assert others is not None, "expected at least two groups of draws"
        variance = mixture.variance * ~masked.observed
        wholes[name] = WeightedEstimate(mixture.mean, variance, log_w.reshape(-1, 1))
        rmses[name] = _rmse(masked.complete(mixture.mean), original, masked).item()
        errors[name] = metrics.leave_one_out_error(
            torch.stack([_rmse(other, original, masked) for other in others])
        ).item()
    best, *_ = found
    whole = wholes[best]
    return Filling(
        method,
        masked.complete(whole.mean)[0].numpy(),
        whole.variance.clamp_min(0).sqrt()[0].numpy(),
        rmses.pop(best),
        errors[best],
        whole.effective_draws.item(),
        rmses,
    )


def _rmse(guess: Tensor, original: Tensor, masked: Masked) -> Tensor:
    return metrics.rmse(metrics.mse_hidden(guess, original, masked.observed))[0]
