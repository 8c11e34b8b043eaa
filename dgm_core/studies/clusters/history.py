"""The training history of `training.mutual`, small enough to be shipped and drawn.

For every snapshot it keeps the scores and the mixture, and for some images the latent mean, the
cluster and the confidence. The file stores latents in half precision and contains no images. A
page decodes the latents, or shows the images if the data set is available.
"""

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
from dgm_core.training.mutual import Config, Shot

SHOWN = 2_000
"""Images in a history, at most."""

CURVES = ("curve", "control_curve", "early_curve")
"""Fields of a `History` that are curves."""


@dataclass(frozen=True)
class Curve:
    """Scores of S snapshots of a run over all its images, (S,) each.

    The bound and its three terms, and the log-evidence, are in nats per image.
    """

    epochs: np.ndarray
    rounds: np.ndarray
    elbo: np.ndarray
    reconstruction: np.ndarray
    entropy: np.ndarray
    message: np.ndarray
    accuracy: np.ndarray
    nmi: np.ndarray
    ari: np.ndarray
    log_evidence: np.ndarray

    @classmethod
    def of(cls, shots: Sequence[Shot]) -> Curve:
        """The scores of a run whose labels are known."""
        rows = []
        for shot in shots:
            assert shot.scores is not None
            scores = (shot.scores.accuracy, shot.scores.nmi, shot.scores.ari)
            rows.append((shot.epoch, shot.round, *shot.bound, *scores, shot.log_evidence))
        columns = np.array(rows, np.float64).T
        counts = columns[:2].astype(np.int64)
        return cls(*counts, *columns[2:])

    def then(self, later: Curve) -> Curve:
        """This curve followed by a later one."""
        fields = [field.name for field in dataclasses.fields(Curve)]
        return Curve(
            *(np.concatenate([getattr(self, name), getattr(later, name)]) for name in fields)
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Latents and clusters of M images, and the mixture, after one epoch."""

    epoch: int
    round: int
    mean: np.ndarray  # (M, L) float32
    assignment: np.ndarray  # (M,) int64
    confidence: np.ndarray  # (M,) float32
    mixture: GaussianMixture
    xy: np.ndarray | None = None  # (M, 2) t-SNE, if it was computed

    @classmethod
    def of(cls, shot: Shot, rows: int = SHOWN) -> Snapshot:
        """The snapshot of the first `rows` images of a shot."""
        return cls(
            shot.epoch,
            shot.round,
            shot.latents.mean[:rows].cpu().numpy(),
            shot.assignment[:rows].cpu().numpy(),
            shot.confidence[:rows].cpu().numpy(),
            shot.mixture.to("cpu"),
        )


@dataclass(frozen=True, eq=False)
class History:
    """The training history of a run and of its control.

    Attributes:
        config: of the run.
        curve, snapshots: of the run, from the end of the warm-up.
        control_curve, control: scores and last snapshot of the control; None if there is none.
        read: (M,) classes predicted by a classifier, for use without the labels; or None.
        early_curve, early: of epochs within the warm-up. Their mixtures are fitted only for
            display; clusters are numbered as in the first of `snapshots`.
    """

    config: Config
    curve: Curve
    snapshots: tuple[Snapshot, ...]
    control_curve: Curve | None = None
    control: Snapshot | None = None
    read: np.ndarray | None = None
    early_curve: Curve | None = None
    early: tuple[Snapshot, ...] = ()

    @property
    def whole_curve(self) -> Curve:
        """The curve including the epochs within the warm-up."""
        return self.curve if self.early_curve is None else self.early_curve.then(self.curve)

    @property
    def images(self) -> int:
        """M, the number of images."""
        return len(self.snapshots[0].assignment)


def history_of(
    config: Config,
    shots: Sequence[Shot],
    control: Sequence[Shot] = (),
    rows: int = SHOWN,
    read: np.ndarray | None = None,
    early: Sequence[Shot] = (),
) -> History:
    """The history of the first `rows` images of a run.

    Args:
        config: of the run.
        shots: of the run.
        control: of its control; empty if it has not started.
        rows: images kept.
        read: (M,) predicted classes.
        early: of epochs within the warm-up.
    """
    return History(
        config,
        Curve.of(shots),
        tuple(Snapshot.of(shot, rows) for shot in shots),
        Curve.of(control) if control else None,
        Snapshot.of(control[-1], rows) if control else None,
        read,
        Curve.of(early) if early else None,
        tuple(Snapshot.of(shot, rows) for shot in early),
    )


def lay_out(history: History) -> Iterator[Frame | History]:
    """`Frame`s, then the history with a t-SNE of every snapshot.

    The t-SNE of the first snapshot after the warm-up starts from PCA. Each later one starts from
    the previous one, each earlier one from the next one, and the control from the first.
    """
    later = [*history.snapshots, *([history.control] if history.control else [])]
    order = [*later, *reversed(history.early)]
    done: list[Snapshot] = []
    start = None
    for index, snapshot in enumerate(order):
        if snapshot is history.control or index == len(later):
            start = done[0].xy
        for item in embeddings.run(embeddings.Config(), snapshot.mean, start=start):
            fraction = item.done if isinstance(item, embeddings.Frame) else 1
            yield Frame(f"t-SNE of epoch {snapshot.epoch}", (index + fraction) / len(order))
            start = item.xy
        done.append(dataclasses.replace(snapshot, xy=start))
    count = len(history.snapshots)
    yield dataclasses.replace(
        history,
        snapshots=tuple(done[:count]),
        control=done[count] if history.control else None,
        early=tuple(reversed(done[len(later) :])),
    )


def save(history: History, path: Path) -> None:
    """Write a history to an `.npz` file."""
    control = [history.control] if history.control else []
    everything = [*history.early, *history.snapshots, *control]
    arrays = {
        "config": np.array(json.dumps(dataclasses.asdict(history.config))),
        "kinds": np.array([len(history.early), len(history.snapshots), len(control)]),
        "epochs": np.array([snapshot.epoch for snapshot in everything]),
        "rounds": np.array([snapshot.round for snapshot in everything]),
        "mean": np.stack([snapshot.mean for snapshot in everything]).astype(np.float16),
        "assignment": np.stack([snapshot.assignment for snapshot in everything]).astype(np.uint8),
        "confidence": np.stack([snapshot.confidence for snapshot in everything]).astype(
            np.float16
        ),
        **{
            f"mixture_{name}": torch.stack(
                [getattr(snapshot.mixture, name) for snapshot in everything]
            ).numpy()
            for name in ("weights", "means", "covariances")
        },
    }
    if all(snapshot.xy is not None for snapshot in everything):
        arrays["xy"] = np.array([snapshot.xy for snapshot in everything], np.float16)
    if history.read is not None:
        arrays["read"] = history.read.astype(np.uint8)
    for name in CURVES:
        if (curve := getattr(history, name)) is not None:
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
    RuntimeError,  # a covariance that is not positive definite
)


def load(path: Path) -> History:
    """Read what `save` wrote.

    Raises:
        OSError: the file does not exist.
        ValueError: the file is not a training history.
    """
    try:
        with path.open("rb") as stream, np.load(stream) as file:
            arrays = {name: file[name] for name in file.files}
        config = Config(**json.loads(str(arrays["config"])))
        early, run, _ = arrays["kinds"].tolist()
        snapshots = [_snapshot(arrays, index) for index in range(len(arrays["epochs"]))]
        fields = [field.name for field in dataclasses.fields(Curve)]
        curves = {
            name: Curve(*(arrays[f"{name}_{field}"] for field in fields))
            for name in CURVES
            if f"{name}_epochs" in arrays
        }
        read = arrays["read"].astype(np.int64) if "read" in arrays else None
        return History(
            config,
            snapshots=tuple(snapshots[early : early + run]),
            control=next(iter(snapshots[early + run :]), None),
            read=read,
            early=tuple(snapshots[:early]),
            **curves,
        )
    except _BROKEN as error:
        raise ValueError(f"{path.name} is not a training history: {error}") from error


def _snapshot(arrays: dict[str, np.ndarray], index: int) -> Snapshot:
    weights, means, covariances = (
        torch.from_numpy(arrays[f"mixture_{name}"][index])
        for name in ("weights", "means", "covariances")
    )
    return Snapshot(
        int(arrays["epochs"][index]),
        int(arrays["rounds"][index]),
        arrays["mean"][index].astype(np.float32),
        arrays["assignment"][index].astype(np.int64),
        arrays["confidence"][index].astype(np.float32),
        GaussianMixture.of_covariances(weights, means, covariances),
        arrays["xy"][index].astype(np.float32) if "xy" in arrays else None,
    )
