"""Settings that help a VAE and a mixture learn from each other: one changed at a time, over seeds.

Each choice is compared with its own control: the same images, networks, fit and epochs in one
pass. The gain is the difference from the control for each seed; both start with the same warm-up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from dgm_core.data.cluster_images import ClusterImages, cluster_images
from dgm_core.metrics import mean_and_error
from dgm_core.studies.progress import Frame
from dgm_core.training import mutual
from dgm_core.training.mutual import FULL, PUBLISHED, Config, Shot

KEY = ("choice",)


@dataclass(frozen=True)
class Choice:
    """One choice of settings, as changes to the default.

    Attributes:
        changes: fields of `mutual.Config` and their values.
        about: the difference from the default, in one sentence.
    """

    changes: Mapping[str, Any]
    about: str

    def config(self, seed: int) -> Config:
        """Settings of a run."""
        return dataclasses.replace(Config(), **self.changes, seed=seed)

    def control(self, seed: int) -> Config:
        """Settings of its control, with one round of epochs after the warm-up."""
        config = self.config(seed).control
        after = config.rounds * config.epochs_per_round
        return dataclasses.replace(config, rounds=1, epochs=after, renewed=False)


def _changed(config: Config) -> dict[str, Any]:
    """The settings that differ from the default."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }


def _choice(about: str, **changes: Any) -> Choice:
    return Choice(MappingProxyType(changes), about)


CHOICES: dict[str, Choice] = {
    "default settings": _choice(
        "Deskewed images; the mixture is fitted to means and variances of q(z|x); variance 0.1 "
        "added to each cluster; soft assignments; full covariances."
    ),
    "both at once": _choice("One step of online EM after every batch.", form="joint"),
    "images not deskewed": _choice("The images are not deskewed.", deskewed=False),
    "means only": _choice(
        "The mixture is fitted to the means of q(z|x) alone, without added variance.",
        spread=False,
        blur=0.0,
    ),
    "no added variance": _choice("No variance is added to the clusters.", blur=0.0),
    "hard assignments": _choice(
        "The prior of each image is its most probable cluster alone, as in the paper.", hard=True
    ),
    "diagonal covariances": _choice("The clusters have no correlations.", diagonal=True),
    "Gibbs": _choice("The mixture is Bayesian and fitted by blocked Gibbs sampling.", fit="Gibbs"),
    "variational Bayes": _choice(
        "scikit-learn's variational mixture, fitted to the means of q(z|x).",
        fit="variational",
        spread=False,
        blur=0.0,
    ),
    "networks reset": _choice(
        "The networks of the VAE are reset at the start of each of two rounds.",
        renewed=True,
        rounds=2,
        warmup=44,
    ),
    "weight annealed": _choice(
        "The weight of the mixture term grows from 0.1 to 1.", annealed=True
    ),
    "weight 2": _choice("The weight of the mixture term is 2.", weight=2.0),
    "6 latents": _choice("Half as many latent dimensions.", latent_dim=6),
    "24 latents": _choice("Twice as many latent dimensions.", latent_dim=24),
    "as in the paper": _choice(
        "Images not deskewed; means of q(z|x) alone; diagonal covariances; hard assignments; "
        "Gibbs; 100 + 100 epochs.",
        **_changed(PUBLISHED),
    ),
    "1,000 images": _choice(
        "A tenth of the images, twice the epochs.", images=1_000, warmup=100, epochs=16
    ),
    "scikit-learn's digits": _choice(
        "1,497 digits of another data set, and more epochs.",
        dataset="digits",
        warmup=60,
        epochs=12,
    ),
    "both at once, 60,000 images": _choice(
        "All training images of MNIST; one step of online EM after every batch; no added "
        "variance; one more layer.",
        **_changed(FULL),
    ),
}
"""Choices by name; the lab shows the first."""

VADE = 0.9446
"""Accuracy that Jiang et al. (2017) state for VaDE on raw digits, all 70,000 of MNIST."""


class Row(NamedTuple):
    """One choice over seeds: means and their standard errors."""

    choice: str
    about: str
    deskewed: bool  # whether the digits are; results on deskewed and raw ones are not compared
    seeds: int
    epochs: int
    before: float  # accuracy after the warm-up
    before_error: float
    after: float
    after_error: float
    control: float  # accuracy of the control
    control_error: float
    gain: float  # after − control, seed by seed
    gain_error: float
    nmi: float
    ari: float
    elbo_before: float  # nats per image, with the mixture as the prior in all three
    elbo_after: float
    elbo_control: float
    accuracies: tuple[float, ...]  # after, one per seed
    controls: tuple[float, ...]

    def sentence(self) -> str:
        """One line for a terminal."""
        return (
            f"{self.choice:24} before {self.before:.3f} ± {self.before_error:.3f}  after "
            f"{self.after:.3f} ± {self.after_error:.3f}  control {self.control:.3f} ± "
            f"{self.control_error:.3f}  gain {self.gain:+.3f} ± {self.gain_error:.3f}  ELBO "
            f"{self.elbo_before:.2f} → {self.elbo_after:.2f} (control {self.elbo_control:.2f})"
        )


def run(names: tuple[str, ...], seeds: int, folder: Path | None) -> Iterator[Frame | Row]:
    """Measure choices one after another; each yields a `Row`.

    Args:
        names: keys of `CHOICES`.
        seeds: number of seeds, from 0.
        folder: for checkpoints.

    Raises:
        ValueError: no such choice.
        DataUnavailable: MNIST is not on this machine.
    """
    check(names)
    for number, name in enumerate(names):
        pairs = []
        for seed in range(seeds):
            configs = CHOICES[name].config(seed), CHOICES[name].control(seed)
            images = images_of(configs[0])
            for item in measure(*configs, images, folder):
                if isinstance(item, Pair):
                    pairs.append(item)
                else:
                    done = (seed + item) / seeds
                    yield Frame(f"{name}, seed {seed}", (number + done) / len(names))
        yield row_of(name, pairs)


def check(names: Sequence[str]) -> None:
    """Raise a ValueError if a name is not in `CHOICES`."""
    for name in names:
        if name not in CHOICES:
            raise ValueError(f"expected a choice among {', '.join(CHOICES)}, got {name!r}")


def images_of(config: Config) -> ClusterImages:
    """Images of a run and its control."""
    return cluster_images(config.dataset, config.images, deskewed=config.deskewed)


class End(NamedTuple):
    """Scores of a shot."""

    epoch: int
    accuracy: float
    nmi: float
    ari: float
    elbo: float  # nats per image

    @classmethod
    def of(cls, shot: Shot) -> End:
        """The scores of `shot`."""
        scores = shot.scores
        return cls(shot.epoch, scores.accuracy, scores.nmi, scores.ari, shot.bound.elbo)


class Pair(NamedTuple):
    """A run after its warm-up and at its end, and its control."""

    before: End
    after: End
    control: End


def measure(
    config: Config, control: Config, images: ClusterImages, folder: Path | None
) -> Iterator[float | Pair]:
    """One seed of a choice: fractions of the work that is done, then the result."""
    ends: list[tuple[Shot, ...]] = []
    for which in (config, control):
        for item in mutual.run(which, images, folder):
            if isinstance(item, mutual.Frame):
                yield (len(ends) + item.done) / 2
            else:
                ends.append(item.shots)
    chosen, controls = ends
    yield Pair(End.of(chosen[0]), End.of(chosen[-1]), End.of(controls[-1]))


def row_of(name: str, pairs: Sequence[Pair]) -> Row:
    """The row of a choice from all its seeds, in their order."""
    ends = {field: [getattr(pair, field) for pair in pairs] for field in Pair._fields}
    accuracy = {
        field: torch.tensor([end.accuracy for end in each], dtype=torch.float64)
        for field, each in ends.items()
    }
    accuracy["gain"] = accuracy["after"] - accuracy["control"]
    fields: dict[str, float] = {}
    for field, values in accuracy.items():
        mean, error = mean_and_error(values)
        fields |= {field: float(mean), f"{field}_error": float(error)}
    for field, each in ends.items():
        fields[f"elbo_{field}"] = _mean([end.elbo for end in each])
    return Row(
        choice=name,
        about=CHOICES[name].about,
        deskewed=CHOICES[name].config(0).deskewed,
        seeds=len(pairs),
        epochs=ends["after"][0].epoch,
        nmi=_mean([end.nmi for end in ends["after"]]),
        ari=_mean([end.ari for end in ends["after"]]),
        accuracies=tuple(round(value, 4) for value in accuracy["after"].tolist()),
        controls=tuple(round(value, 4) for value in accuracy["control"].tolist()),
        **fields,
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
