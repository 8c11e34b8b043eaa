"""A VAE and a mixture of Gaussians, trained alternately, jointly, or one after the other.

    one pass   the control: train the VAE under N(0, I), then fit a mixture to its latents
    mutual     after a warm-up under N(0, I), in rounds: fit the mixture, use it as the prior of
               the VAE for some epochs, fit again
    joint      after the same warm-up, one step of online EM after every step of the networks

Every form trains for the same number of epochs and is measured by the same bound: that of
`models.vae_gmm` with the current mixture as the prior. This also holds for one pass, whose bound
would be lower with N(0, I). Only the scores use labels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.data.cluster_images import DATASETS, ClusterImages
from dgm_core.metrics.clustering import ClusteringScores, clustering_scores
from dgm_core.mixtures import Clustering, GaussianMixture, relabelled
from dgm_core.models.vae_gmm import Latents, MixtureVAE, mixture_vae
from dgm_core.rng import draw, generator
from dgm_core.training.loop import Objective, Schedule, fit, latest_weights
from dgm_core.training.losses import negative_joint_bound, negative_mixture_bound
from dgm_core.training.mixture_fits import FITS, Fitted, Plan, log_evidence
from dgm_core.types import LabelledImages

FORMS = ("one pass", "mutual", "joint")

LIMITS = {
    "images": (100, 60_000),
    "clusters": (2, 50),
    "latent_dim": (2, 50),
    "hidden": (8, 1024),
    "layers": (1, 4),
    "warmup": (1, 200),
    "rounds": (0, 50),
    "epochs": (1, 200),
    "weight": (0.0, 10.0),
    "blur": (0.0, 10.0),
    "floor": (1e-6, 10.0),
    "batch_size": (16, 1024),
    "learning_rate": (1e-5, 0.1),
    "seed": (0, 9999),
}


@dataclass(frozen=True)
class Config:
    """All settings of a run.

    Attributes:
        dataset: one of `cluster_images.DATASETS`.
        images: number of images, from the first on.
        deskewed: remove the slant of the images and centre them first.
        form: one of `FORMS`.
        clusters: K.
        latent_dim, hidden, layers: sizes of the networks.
        warmup: epochs under N(0, I).
        rounds, epochs: number of rounds after the warm-up, and epochs per round, in every form.
        fit: a key of `FITS`.
        diagonal, spread, blur, floor: see `Plan`. After its first fit, the joint form always uses
            the spread and no blur. Gibbs and variational fits have a prior instead of `floor`.
        hard: the networks use the message of the one cluster that the mixture chose for an image;
            otherwise the messages of all clusters, weighted by q(c|x).
        weight: weight of the message; 1 gives the bound.
        annealed: the weight grows linearly from round to round up to `weight`.
        renewed: the networks are initialised again in each round and train for `warmup` epochs.
        seed: for initial weights, batches, noise and fits.

    Raises:
        ValueError: an unknown name, or a number outside `LIMITS`.
    """

    dataset: str = "mnist"
    images: int = 10_000
    deskewed: bool = True
    form: str = "mutual"
    clusters: int = 10
    latent_dim: int = 12
    hidden: int = 256
    layers: int = 1
    warmup: int = 50
    rounds: int = 10
    epochs: int = 8
    fit: str = "EM"
    diagonal: bool = False
    spread: bool = True
    blur: float = 0.1
    floor: float = 1e-3
    hard: bool = False
    weight: float = 1.0
    annealed: bool = False
    renewed: bool = False
    batch_size: int = 100
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("dataset", DATASETS), ("form", FORMS), ("fit", tuple(FITS))):
            if getattr(self, name) not in choices:
                got = getattr(self, name)
                raise ValueError(f"expected {name} among {', '.join(choices)}, got {got!r}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")

    @property
    def plan(self) -> Plan:
        """The form of the mixture and of the latents that it is fitted to."""
        return Plan(self.clusters, self.diagonal, self.spread, self.blur, self.floor)

    @property
    def control(self) -> Config:
        """One pass with the same mixture, trained for as many epochs."""
        return dataclasses.replace(self, form="one pass")

    @property
    def epochs_per_round(self) -> int:
        """Epochs of the networks in each round."""
        return self.warmup if self.renewed else self.epochs

    @property
    def all_epochs(self) -> int:
        """Epochs of the networks in all, in every form."""
        return self.warmup + self.rounds * self.epochs_per_round

    def schedule(self, epochs: int, first_epoch: int) -> Schedule:
        """Schedule of a part of the training that starts at epoch `first_epoch`."""
        seed = self.seed * 1000 + first_epoch
        return Schedule(epochs, self.batch_size, self.learning_rate, constant_part=1.0, seed=seed)


PUBLISHED = Config(
    deskewed=False,
    spread=False,
    blur=0.0,
    fit="Gibbs",
    diagonal=True,
    hard=True,
    warmup=100,
    rounds=1,
    epochs=100,
)
"""Settings as published, but with the message that belongs to each image."""


WARM = (
    "dataset",
    "images",
    "deskewed",
    "clusters",
    "latent_dim",
    "hidden",
    "layers",
    "batch_size",
    "learning_rate",
    "seed",
)
"""Settings that determine the weights after the warm-up, besides its length."""


FULL = Config(images=60_000, form="joint", layers=2, warmup=25, rounds=10, epochs=6, blur=0.0)
"""Joint training on all MNIST images outside the test split."""


class Bound(NamedTuple):
    """The bound and its terms, means over images in nats; the current mixture is the prior."""

    elbo: float
    reconstruction: float
    entropy: float
    message: float


class Shot(NamedTuple):
    """The clusters after the warm-up or after a round."""

    epoch: int  # of the networks
    round: int  # number of mixtures that the networks have learned from
    latents: Latents
    mixture: GaussianMixture
    assignment: Tensor  # (N,) int64
    confidence: Tensor  # (N,) responsibility of the assigned cluster
    scores: ClusteringScores
    bound: Bound
    log_evidence: float  # of latents and clusters, parameters integrated out, nats per image


class Frame(NamedTuple):
    """State of a run."""

    doing: str
    done: float  # fraction of the run
    seconds: float
    loss: float  # nats per image, mean over the epoch so far
    shots: tuple[Shot, ...]
    fitting: Fitted | None  # the last fit


@dataclass(frozen=True, eq=False)
class Result:
    """Result of a run; the model has the last mixture as its prior."""

    config: Config
    shots: tuple[Shot, ...]
    model: MixtureVAE


def build(config: Config, seed: int) -> MixtureVAE:
    """Untrained networks under N(0, I)."""
    sizes = (config.latent_dim, config.hidden, config.clusters, config.layers)
    return mixture_vae(*sizes, source=generator(seed))


def run(
    config: Config, images: ClusterImages, folder: Path | None = None
) -> Iterator[Frame | Result]:
    """A `Frame` every few steps, with a new `Shot` after the warm-up and after every round.

    Args:
        config: settings of the run.
        images: from `cluster_images`, or your own.
        folder: for checkpoints, from which an interrupted run resumes. Runs with the same warm-up
            share its checkpoint. Checkpoints are named by the config, so use another folder for
            your own images.
    """
    return _Run(config, images, folder).frames()


@torch.no_grad()
def bound(model: MixtureVAE, mixture: GaussianMixture, x: Tensor, seed: int) -> Bound:
    """The bound on log p(x) of bytes x (N, 1, H, W) with `mixture` as the prior."""
    source = generator(seed, x.device)
    sums = torch.zeros(3, dtype=torch.float64, device=x.device)
    for part in x.split(2000):
        pixels = part.float() / 255
        posterior = model.encode(pixels)
        reconstruction = model.decode(draw(posterior, source)).log_prob(pixels)
        message = mixture.log_joint(posterior.mean, posterior.variance).logsumexp(1)
        terms = torch.stack([reconstruction, posterior.entropy(), message])
        sums += terms.sum(1, dtype=torch.float64)
    reconstruction, entropy, message = (sums / len(x)).tolist()
    return Bound(reconstruction + entropy + message, reconstruction, entropy, message)


@torch.no_grad()
def latents_of(model: MixtureVAE, x: Tensor) -> Latents:
    """q(z|x) of bytes x (N, 1, H, W)."""
    parts = [model.latents(part.float() / 255) for part in x.split(2000)]
    return Latents(*(torch.cat(each) for each in zip(*parts, strict=True)))


class _Run:
    """Networks, mixture and shots of a run."""

    def __init__(self, config: Config, images: ClusterImages, folder: Path | None) -> None:
        self.config, self.images, self.folder = config, images, folder
        self.device = images.x.device
        self.model = build(config, config.seed).to(self.device)
        self.mixture: GaussianMixture | None = None
        self.fitted: Fitted | None = None
        self.shots: list[Shot] = []
        self.epoch = self.round = 0
        self.loss, self.started = float("nan"), time.monotonic()

    def frames(self) -> Iterator[Frame | Result]:
        config = self.config
        plain = negative_mixture_bound()
        yield from self._train(config.warmup, plain)
        yield from self._fit()
        for number in range(1, config.rounds + 1):
            objective = plain if config.form == "one pass" else self._objective(number)
            yield from self._train(config.epochs_per_round, objective)
            if config.form == "joint":
                self._add_shot(self.model.mixture)
            else:
                yield from self._fit()
        self.model.adopt(self._fitted_mixture)
        yield Result(config, tuple(self.shots), self.model.eval().requires_grad_(False))

    @property
    def _fitted_mixture(self) -> GaussianMixture:
        assert self.mixture is not None  # fitted right after the warm-up
        return self.mixture

    def _objective(self, number: int) -> Objective:
        """Make the mixture the prior of the networks; the loss of round `number`."""
        config = self.config
        self.round = number
        if config.renewed:
            self.model = build(config, config.seed + 7919 * number).to(self.device)
        self.model.adopt(self._fitted_mixture)
        weight = config.weight * (number / config.rounds if config.annealed else 1.0)
        if config.form == "joint":
            return negative_joint_bound(
                len(self.images), weight, floor=config.floor, diagonal=config.diagonal
            )
        return negative_mixture_bound(weight, hard=config.hard)

    def _train(self, epochs: int, objective: Objective) -> Iterator[Frame]:
        unassigned = torch.zeros(len(self.images), dtype=torch.int64, device=self.device)
        cluster = self.shots[-1].assignment if self.shots else unassigned
        batches = LabelledImages(self.images.x, cluster)
        schedule = self.config.schedule(epochs, self.epoch)
        before = self.epoch
        steps = fit(
            self.model,
            objective,
            batches,
            latest_weights(),
            schedule,
            checkpoint=self._checkpoint(epochs),
            report_every=20,
        )
        for progress in steps:
            self.epoch, self.loss = before + progress.epoch, progress.loss
            epoch = self.epoch + progress.step / progress.steps
            yield self._frame("the VAE learns", epoch)

    def _checkpoint(self, epochs: int) -> Path | None:
        """A file named by a hash of the settings that determine the weights."""
        if self.folder is None:
            return None
        settings = dataclasses.asdict(self.config)
        if self.epoch == 0:
            settings = {name: settings[name] for name in WARM}
        elif self.config.form == "one pass":  # its networks do not depend on the mixture
            settings = {name: settings[name] for name in (*WARM, "warmup", "epochs")}
        digest = hashlib.sha256(repr((settings, self.epoch, epochs)).encode()).hexdigest()
        return self.folder / f"{digest[:16]}.pt"

    def _fit(self) -> Iterator[Frame]:
        config = self.config
        latents = latents_of(self.model, self.images.x)
        seed = config.seed * 1000 + self.epoch
        mixture = self.mixture
        for fitted in FITS[config.fit](latents, config.plan, self.mixture, seed):
            self.fitted, mixture = fitted, fitted.mixture
            yield self._frame("the mixture is fitted", self.epoch)
        assert mixture is not None  # every fit yields at least once
        self._add_shot(config.plan.blurred(mixture))
        yield self._frame("the mixture is fitted", self.epoch)

    def _add_shot(self, mixture: GaussianMixture) -> None:
        """Add a `Shot` whose clusters are numbered like those of the previous one."""
        config, images = self.config, self.images
        latents = latents_of(self.model, images.x)
        variance = config.plan.variance(latents)
        assignment = mixture.assign(latents.mean, variance)
        if self.shots:
            previous = Clustering(self.shots[-1].mixture, self.shots[-1].assignment)
            mixture, assignment = relabelled(previous, Clustering(mixture, assignment))
            assert assignment is not None  # both clusterings have one
        self.mixture = mixture
        if config.form == "joint" and self.round:
            self.model.adopt(mixture)
        shot = Shot(
            epoch=self.epoch,
            round=self.round,
            latents=latents,
            mixture=mixture,
            assignment=assignment,
            confidence=mixture.responsibilities(latents.mean, variance).amax(1),
            scores=clustering_scores(assignment, images.y, config.clusters),
            bound=bound(self.model, mixture, images.x, config.seed + 1),
            log_evidence=log_evidence(latents, config.plan, assignment),
        )
        self.shots.append(shot)

    def _frame(self, doing: str, epoch: float) -> Frame:
        seconds = time.monotonic() - self.started
        done = min(epoch / self.config.all_epochs, 1.0)
        return Frame(doing, done, seconds, self.loss, tuple(self.shots), self.fitted)
