"""A run of `training.mutual` made small: what a page shows of it, and what is shipped of it.

Of every shot it keeps the numbers and the mixture, and of some images where they lie, in which
cluster, and how surely. Latents are in half precision in the file. It holds no image: a page decodes
the latents, or shows the images where the data set is.
"""  # noqa: E501

from __future__ import annotations

import dataclasses
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dgm_core.files import written_whole
from dgm_core.mixtures import GaussianMixture
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.progress import Frame
from dgm_core.training.mutual import Bound, Config, Shot

SHOWN = 2_000
"""Images in a course, at most."""

CURVES = ("curve", "control_curve", "early_curve")
"""Of a `Course`, by their names."""


@dataclass(frozen=True)
class Curve:
    """Numbers of every shot of a run, over all its images; (S,) each."""

    epochs: np.ndarray
    rounds: np.ndarray
    elbo: np.ndarray  # nats an image
    reconstruction: np.ndarray
    entropy: np.ndarray
    message: np.ndarray
    accuracy: np.ndarray
    nmi: np.ndarray
    ari: np.ndarray
    log_evidence: np.ndarray  # nats an image

    @classmethod
    def of(cls, shots: Sequence[Shot]) -> Curve:
        """From a run."""
        rows = [
            (
                shot.epoch,
                shot.round,
                *(getattr(shot.bound, name) for name in Bound._fields),
                shot.scores.accuracy,
                shot.scores.nmi,
                shot.scores.ari,
                shot.log_evidence,
            )
            for shot in shots
        ]
        columns = np.array(rows, np.float64).T
        whole = columns[:2].astype(np.int64)
        return cls(*whole, *columns[2:])

    def then(self, later: Curve) -> Curve:
        """This and what comes after it."""
        fields = [field.name for field in dataclasses.fields(Curve)]
        return Curve(
            *(np.concatenate([getattr(self, name), getattr(later, name)]) for name in fields)
        )


@dataclass(frozen=True, eq=False)
class Moment:
    """M images and the mixture at one moment."""

    epoch: int
    round: int
    mean: np.ndarray  # (M, L) float32
    assignment: np.ndarray  # (M,) int64
    confidence: np.ndarray  # (M,) float32
    mixture: GaussianMixture
    xy: np.ndarray | None = None  # (M, 2) t-SNE, if it was laid out

    @classmethod
    def of(cls, shot: Shot, rows: int = SHOWN) -> Moment:
        """The first `rows` images of a shot."""
        return cls(
            shot.epoch,
            shot.round,
            shot.latents.mean[:rows].cpu().numpy(),
            shot.assignment[:rows].cpu().numpy(),
            shot.confidence[:rows].cpu().numpy(),
            shot.mixture.to("cpu"),
        )


@dataclass(frozen=True, eq=False)
class Course:
    """A run and its control.

    Attributes:
        config: of the run.
        curve, moments: of the run.
        control_curve, control: of one pass, its numbers and its last moment; None without one.
        read: (M,) what a classifier reads in the images, where labels may be missing; None if
            none did.
        early_curve, early: of moments within the warm-up, each with a mixture fitted for the
            looking alone; clusters are named as those of the first of `moments`.
    """

    config: Config
    curve: Curve
    moments: tuple[Moment, ...]
    control_curve: Curve | None = None
    control: Moment | None = None
    read: np.ndarray | None = None
    early_curve: Curve | None = None
    early: tuple[Moment, ...] = ()

    @property
    def whole_curve(self) -> Curve:
        """With the moments within the warm-up."""
        return self.curve if self.early_curve is None else self.early_curve.then(self.curve)

    @property
    def images(self) -> int:
        """M."""
        return len(self.moments[0].assignment)


def course_of(
    config: Config,
    shots: Sequence[Shot],
    control: Sequence[Shot] = (),
    rows: int = SHOWN,
    read: np.ndarray | None = None,
    early: Sequence[Shot] = (),
) -> Course:
    """What is kept of a run and its control, if that has begun, and of moments before."""
    return Course(
        config,
        Curve.of(shots),
        tuple(Moment.of(shot, rows) for shot in shots),
        Curve.of(control) if control else None,
        Moment.of(control[-1], rows) if control else None,
        read,
        Curve.of(early) if early else None,
        tuple(Moment.of(shot, rows) for shot in early),
    )


def laid_out(course: Course) -> Iterator[Frame | Course]:
    """The course with a t-SNE of every moment.

    The first of the run proper is laid out by itself; from there each later one begins where the
    one before it ended, and each earlier one where the next one did.
    """
    later = [*course.moments, *([course.control] if course.control else [])]
    order = [*later, *reversed(course.early)]
    done: list[Moment] = []
    start = None
    for place, moment in enumerate(order):
        if moment is course.control or place == len(later):
            start = done[0].xy
        for item in embeddings.run(embeddings.Config(), moment.mean, start=start):
            share = getattr(item, "done", 1)
            yield Frame(f"t-SNE of epoch {moment.epoch}", (place + share) / len(order))
        start = item.xy
        done.append(dataclasses.replace(moment, xy=item.xy))
    count = len(course.moments)
    yield dataclasses.replace(
        course,
        moments=tuple(done[:count]),
        control=done[count] if course.control else None,
        early=tuple(reversed(done[len(later) :])),
    )


def save(course: Course, path: Path) -> None:
    """Write an `.npz`."""
    control = [course.control] if course.control else []
    everything = [*course.early, *course.moments, *control]
    arrays = {
        "config": np.array(json.dumps(dataclasses.asdict(course.config))),
        "kinds": np.array([len(course.early), len(course.moments), len(control)]),
        "epochs": np.array([moment.epoch for moment in everything]),
        "rounds": np.array([moment.round for moment in everything]),
        "mean": np.stack([moment.mean for moment in everything]).astype(np.float16),
        "assignment": np.stack([moment.assignment for moment in everything]).astype(np.uint8),
        "confidence": np.stack([moment.confidence for moment in everything]).astype(np.float16),
        **{
            f"mixture_{name}": torch.stack(
                [getattr(moment.mixture, name) for moment in everything]
            ).numpy()
            for name in ("weights", "means", "covariances")
        },
    }
    if everything[0].xy is not None:
        arrays["xy"] = np.stack([moment.xy for moment in everything]).astype(np.float16)
    if course.read is not None:
        arrays["read"] = course.read.astype(np.uint8)
    for name in CURVES:
        if (curve := getattr(course, name)) is not None:
            arrays |= {f"{name}_{field}": value for field, value in vars(curve).items()}
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    RuntimeError,  # a covariance that is none
)


def load(path: Path) -> Course:
    """Read what `save` wrote.

    Raises:
        OSError: no such file.
        ValueError: it is not of this form.
    """
    try:
        with path.open("rb") as stream, np.load(stream) as file:
            found = {name: file[name] for name in file.files}
        config = Config(**json.loads(str(found["config"])))
        early, run, _ = found["kinds"].tolist()
        moments = [_moment(found, place) for place in range(len(found["epochs"]))]
        curves = {
            name: Curve(*(found[f"{name}_{field.name}"] for field in dataclasses.fields(Curve)))
            for name in CURVES
            if f"{name}_epochs" in found
        }
        read = found["read"].astype(np.int64) if "read" in found else None
        return Course(
            config,
            moments=tuple(moments[early : early + run]),
            control=next(iter(moments[early + run :]), None),
            read=read,
            early=tuple(moments[:early]),
            **curves,
        )
    except _BROKEN as error:
        raise ValueError(f"{path.name} is not a course: {error}") from error


def _moment(found: dict[str, np.ndarray], place: int) -> Moment:
    mixture = GaussianMixture.of_covariances(
        *(
            torch.from_numpy(found[f"mixture_{name}"][place])
            for name in ("weights", "means", "covariances")
        )
    )
    return Moment(
        int(found["epochs"][place]),
        int(found["rounds"][place]),
        found["mean"][place].astype(np.float32),
        found["assignment"][place].astype(np.int64),
        found["confidence"][place].astype(np.float32),
        mixture,
        found["xy"][place].astype(np.float32) if "xy" in found else None,
    )
