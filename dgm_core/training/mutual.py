"""A VAE and a mixture of Gaussians that learn from each other, or do not.

    one pass   the VAE under N(0, I) all the way; a mixture is fitted to its latents. The control.
    mutual     after a warm-up under N(0, I), in rounds: fit the mixture, take it as the prior of
               the VAE for some epochs, fit again
    joint      after the same warm-up, one step of online EM after every step of the networks

Every form trains for the same number of epochs and is judged by the same bound, that of
`models.vae_gmm` with the mixture of that moment as the prior: of one pass too, whose N(0, I) would
only make it lower. Labels are looked at by the scores alone.
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
    """All that determines a run.

    Attributes:
        dataset: one of `cluster_images.DATASETS`.
        images: the first so many.
        set_upright: images are sheared upright and centred first.
        form: one of `FORMS`.
        clusters: K.
        latent_dim, hidden, layers: of the networks.
        warmup: epochs under N(0, I).
        rounds, epochs: so many rounds of so many epochs after it, in every form.
        fit: a key of `FITS`.
        diagonal, spread, blur, floor: see `Plan`. The joint form follows the spread, without
            blur, after its first fit; Gibbs and variational fits have a prior in place of `floor`.
        hard: the networks hear of the one cluster that the mixture chose for an image; else of
            all, weighed by q(c|x).
        weight: of the message; 1 is the bound.
        annealed: the weight grows from round to round, evenly up to that.
        renewed: the networks begin anew in each round, and have the warm-up's epochs for it.
        seed: of initial weights, batches, noise and fits.

    Raises:
        ValueError: an unknown name, or a number out of `LIMITS`.
    """

    dataset: str = "mnist"
    images: int = 10_000
    set_upright: bool = True
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
        for name, known in (("dataset", DATASETS), ("form", FORMS), ("fit", tuple(FITS))):
            if getattr(self, name) not in known:
                got = getattr(self, name)
                raise ValueError(f"expected {name} among {', '.join(known)}, got {got!r}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")

    @property
    def plan(self) -> Plan:
        """What is fitted to the latents."""
        return Plan(self.clusters, self.diagonal, self.spread, self.blur, self.floor)

    @property
    def control(self) -> Config:
        """One pass with the same mixture, trained for as long."""
        return dataclasses.replace(self, form="one pass")

    @property
    def epochs_a_round(self) -> int:
        """What the networks train in each round."""
        return self.warmup if self.renewed else self.epochs

    @property
    def all_epochs(self) -> int:
        """What the networks train in all, in every form."""
        return self.warmup + self.rounds * self.epochs_a_round

    def schedule(self, epochs: int, place: int) -> Schedule:
        """Of a part of the training that begins at epoch `place`."""
        seed = self.seed * 1000 + place
        return Schedule(epochs, self.batch_size, self.learning_rate, constant_part=1.0, seed=seed)


SOURCE = Config(
    set_upright=False,
    spread=False,
    blur=0.0,
    fit="Gibbs",
    diagonal=True,
    hard=True,
    warmup=100,
    rounds=1,
    epochs=100,
)
"""As the source of the VAE + GMM study has it, but with the message that belongs to each image."""


WARM = (
    "dataset",
    "images",
    "set_upright",
    "clusters",
    "latent_dim",
    "hidden",
    "layers",
    "batch_size",
    "learning_rate",
    "seed",
)
"""What of a config the weights after the warm-up depend on, but its length."""


FULL = Config(images=60_000, form="joint", layers=2, warmup=25, rounds=10, epochs=6, blur=0.0)
"""All of MNIST that is not its test split, both at once."""


class Bound(NamedTuple):
    """Means over the images, nats an image; the mixture of the moment is the prior."""

    elbo: float
    reconstruction: float
    entropy: float
    message: float


class Shot(NamedTuple):
    """The clusters at one moment."""

    epoch: int  # of the networks
    round: int  # mixtures that they have learned from; 0 before
    latents: Latents
    mixture: GaussianMixture
    assignment: Tensor  # (N,) int64
    confidence: Tensor  # (N,) of the cluster chosen
    scores: ClusteringScores | None
    bound: Bound
    log_evidence: float  # of latents and clusters, parameters integrated out, nats an image


class Frame(NamedTuple):
    """Where a run stands."""

    doing: str
    done: float
    seconds: float
    loss: float  # nats an image, of the epoch so far
    shots: tuple[Shot, ...]
    fitting: Fitted | None  # the course of the last fit


@dataclass(frozen=True, eq=False)
class Result:
    """The end of a run; the model has the last mixture as its prior."""

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
        config: of the run.
        images: from `cluster_images`, or of one's own.
        folder: for checkpoints, from which a run that was cut off goes on; runs that begin with
            the same warm-up share it. They are named by configs: images of one's own need a
            folder of their own.
    """
    return _Run(config, images, folder).frames()


@torch.no_grad()
def bound(model: MixtureVAE, mixture: GaussianMixture, x: Tensor, seed: int) -> Bound:
    """The bound on log p(x) of bytes x (N, 1, H, W) with `mixture` as the prior."""
    source = generator(seed, x.device)
    sums = torch.zeros(3, dtype=torch.float64, device=x.device)
    for part in x.split(2000):
        pixels = part.float() / 255
        law = model.encode(pixels)
        reconstruction = model.decode(draw(law, source)).log_prob(pixels)
        message = mixture.log_joint(law.mean, law.variance).logsumexp(1)
        each = torch.stack([reconstruction, law.entropy(), message])
        sums += each.sum(1, dtype=torch.float64)
    means = (sums / len(x)).tolist()
    return Bound(sum(means), *means)


@torch.no_grad()
def latents_of(model: MixtureVAE, x: Tensor) -> Latents:
    """q(z|x) of bytes x (N, 1, H, W)."""
    parts = [model.latents(part.float() / 255) for part in x.split(2000)]
    return Latents(*(torch.cat(each) for each in zip(*parts, strict=True)))


class _Run:
    """Networks, mixture and what was seen of them."""

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
            yield from self._train(config.epochs_a_round, objective)
            if config.form == "joint":
                self.mixture = self.model.mixture
                self._look()
            else:
                yield from self._fit()
        self.model.adopt(self.mixture)
        yield Result(config, tuple(self.shots), self.model.eval().requires_grad_(False))

    def _objective(self, number: int) -> Objective:
        """The networks take the mixture as their prior."""
        config = self.config
        self.round = number
        if config.renewed:
            self.model = build(config, config.seed + 7919 * number).to(self.device)
        self.model.adopt(self.mixture)
        weight = config.weight * (number / config.rounds if config.annealed else 1.0)
        if config.form == "joint":
            return negative_joint_bound(
                len(self.images), weight, floor=config.floor, diagonal=config.diagonal
            )
        return negative_mixture_bound(weight, hard=config.hard)

    def _train(self, epochs: int, objective: Objective) -> Iterator[Frame]:
        nothing = torch.zeros(len(self.images), dtype=torch.int64, device=self.device)
        cluster = self.shots[-1].assignment if self.shots else nothing
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
            place = self.epoch + progress.step / progress.steps
            yield self._frame("the VAE learns", place)

    def _checkpoint(self, epochs: int) -> Path | None:
        """Named by all that the weights depend on: of a warm-up, not what comes after it."""
        if self.folder is None:
            return None
        settings = dataclasses.asdict(self.config)
        if self.epoch == 0:
            settings = {name: settings[name] for name in WARM}
        elif self.config.form == "one pass":  # whose networks never hear of a mixture
            settings = {name: settings[name] for name in (*WARM, "warmup", "epochs")}
        digest = hashlib.sha256(repr((settings, self.epoch, epochs)).encode()).hexdigest()
        return self.folder / f"{digest[:16]}.pt"

    def _fit(self) -> Iterator[Frame]:
        config = self.config
        latents = latents_of(self.model, self.images.x)
        seed = config.seed * 1000 + self.epoch
        for fitted in FITS[config.fit](latents, config.plan, self.mixture, seed):
            self.fitted = fitted
            yield self._frame("the mixture is fitted", self.epoch)
        self.mixture = config.plan.handed_over(self.fitted.mixture)
        self._look()
        yield self._frame("the mixture is fitted", self.epoch)

    def _look(self) -> None:
        """Add a `Shot`, its clusters named as those of the last."""
        config, images = self.config, self.images
        latents = latents_of(self.model, images.x)
        variance = config.plan.variance(latents)
        clustering = Clustering(self.mixture, self.mixture.assign(latents.mean, variance))
        if self.shots:
            last = self.shots[-1]
            clustering = relabelled(Clustering(last.mixture, last.assignment), clustering)
        self.mixture, assignment = clustering
        if config.form == "joint" and self.round:
            self.model.adopt(self.mixture)
        confidence = self.mixture.responsibilities(latents.mean, variance).amax(1)
        scores = clustering_scores(assignment, images.y, config.clusters)
        evidence = log_evidence(latents, config.plan, assignment)
        value = bound(self.model, self.mixture, images.x, config.seed + 1)
        shot = Shot(
            self.epoch,
            self.round,
            latents,
            self.mixture,
            assignment,
            confidence,
            scores,
            value,
            evidence,
        )
        self.shots.append(shot)

    def _frame(self, doing: str, place: float) -> Frame:
        seconds = time.monotonic() - self.started
        done = min(place / self.config.all_epochs, 1.0)
        return Frame(doing, done, seconds, self.loss, tuple(self.shots), self.fitted)
