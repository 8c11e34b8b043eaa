"""Layouts of latents in the plane, and the projection of new points into them.

    t-SNE         neighbours stay neighbours (van der Maaten & Hinton 2008); sizes of clusters and
                  distances between them mean little
    UMAP-like     t-SNE with four times the attraction in all iterations; the result looks like
                  UMAP (Böhm, Berens & Kobak 2022): tighter clusters, and more connections
    PCA           the plane of the largest variance; distances can be compared
    clusters apart  Fisher's discriminant: the plane in which the cluster means lie farthest apart
                  relative to the width of the clusters; it uses the assignment to clusters

The first two use openTSNE (Poličar, Stražar & Zupan 2024), which projects a new point to its
neighbours without moving them. They start from the layout `start`. The linear layouts are rotated
to match it. Two layouts of the same points can therefore be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

METHODS = ("t-SNE", "UMAP-like", "PCA", "clusters apart")

Projection = Callable[[np.ndarray], np.ndarray]
"""Points (n, D) → positions in the plane, (n, 2)."""

EARLY, LATE, CHUNK = 125, 375, 25
"""Iterations of t-SNE with exaggeration 12, iterations without, and iterations per frame."""

FEWEST_NEIGHBOURHOODS = 3
"""The exaggeration is at most N / (3 perplexity). With few points, all of them are neighbours, and
a stronger attraction would collapse them to one position."""

LIMITS = {"perplexity": (2.0, 200.0), "seed": (0, 9999)}


@dataclass(frozen=True)
class Config:
    """Settings of a layout.

    Attributes:
        method: one of `METHODS`.
        perplexity: of t-SNE, about the number of neighbours of a point; at most a third of the
            number of points.
        seed: of t-SNE.

    Raises:
        ValueError: an unknown method, or a number outside `LIMITS`.
    """

    method: str = "t-SNE"
    perplexity: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"expected a method among {', '.join(METHODS)}, got {self.method!r}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")


class Frame(NamedTuple):
    """A layout during the computation."""

    done: float  # fraction of the iterations
    xy: np.ndarray  # (N, 2) float32


class Embedding(NamedTuple):
    """A finished layout, and the projection of new points into it."""

    xy: np.ndarray  # (N, 2) float32
    project: Projection


def run(
    config: Config,
    points: np.ndarray,
    clusters: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> Iterator[Frame | Embedding]:
    """`Frame`s while points (N, D) are laid out, then the `Embedding`.

    Args:
        config: method and settings.
        points: (N, D), N > 3 and D > 1.
        clusters: (N,) assignment; required by "clusters apart".
        start: (N, 2), a layout of the same points to start from, or to be rotated to.

    Raises:
        ValueError: points that are too few, not finite or all equal; a `start` of another shape;
            or no clusters where they are required.
    """
    points = np.ascontiguousarray(points, np.float64)
    if points.ndim != 2 or len(points) < 4 or points.shape[1] < 2:
        raise ValueError(f"expected at least 4 points of 2 dimensions, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("expected finite points")
    if not np.ptp(points, 0).any():
        raise ValueError("expected points that differ, got equal points")
    if start is not None and start.shape != (len(points), 2):
        raise ValueError(f"expected start of shape {(len(points), 2)}, got {start.shape}")
    if config.method == "PCA":
        yield _linear(points, _principal(points), start)
    elif config.method == "clusters apart":
        if clusters is None or len(clusters) != len(points):
            got = "none" if clusters is None else len(clusters)
            raise ValueError(f"expected the clusters of {len(points)} points, got {got}")
        yield _linear(points, _discriminant(points, clusters), start)
    else:
        yield from _tsne(config, points, start)


def _principal(points: np.ndarray) -> np.ndarray:
    """The two directions of the largest variance, (D, 2)."""
    _, _, directions = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return _two(directions.T)


def _discriminant(points: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Fisher's two directions, (D, 2).

    With fewer than three clusters of more than one point: the principal directions.
    """
    names, counts = np.unique(clusters, return_counts=True)
    several = np.isin(clusters, names[counts > 1])
    if len(np.unique(clusters[several])) < 3:
        return _principal(points)
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage=1e-3)
    try:
        return _two(discriminant.fit(points[several], clusters[several]).scalings_)
    except np.linalg.LinAlgError:  # the points of each cluster are equal
        return _principal(points)


def _two(directions: np.ndarray) -> np.ndarray:
    """The first two columns; a column of zeros is added if there is only one."""
    return np.pad(directions[:, :2], ((0, 0), (0, max(0, 2 - directions.shape[1]))))


def _linear(points: np.ndarray, directions: np.ndarray, start: np.ndarray | None) -> Embedding:
    centre = points.mean(0)
    rotation = rotation_to((points - centre) @ directions, start)

    def project(new: np.ndarray) -> np.ndarray:
        return ((new - centre) @ directions @ rotation).astype(np.float32)

    return Embedding(project(points), project)


def rotation_to(xy: np.ndarray, target: np.ndarray | None) -> np.ndarray:
    """The rotation or reflection (2, 2) that brings xy (N, 2) nearest to `target` (Procrustes)."""
    if target is None:
        return np.eye(2)
    u, _, vt = np.linalg.svd((xy - xy.mean(0)).T @ (target - target.mean(0)))
    return u @ vt


def _tsne(
    config: Config, points: np.ndarray, start: np.ndarray | None
) -> Iterator[Frame | Embedding]:
    import openTSNE  # a second to import
    from openTSNE import affinity, initialization

    perplexity = min(config.perplexity, (len(points) - 1) / 3)
    affinities = affinity.PerplexityBasedNN(
        points,
        perplexity,  # pyright: ignore[reportArgumentType]  (any positive number)
        method="exact" if len(points) <= 6000 else "annoy",
        n_jobs=1,
        random_state=config.seed,
    )
    if start is None or not np.ptp(start[:, 0]):
        initial = initialization.pca(points, random_state=config.seed)
    else:
        initial = initialization.rescale(np.array(start, np.float64))
    layout = openTSNE.TSNEEmbedding(
        initial,
        affinities,
        negative_gradient_method="bh" if len(points) < 2000 else "fft",
        ints_in_interval=2,  # half the default resolution, a quarter of the time
        n_jobs=1,
        random_state=config.seed,
    )
    most = max(1.0, len(points) / (FEWEST_NEIGHBOURHOODS * perplexity))
    late = 4.0 if config.method == "UMAP-like" else 1.0
    phases = [(min(12.0, most), 0.5, EARLY), (min(late, most), 0.8, LATE)]
    iteration = 0
    for exaggeration, momentum, iterations in phases:
        for _ in range(iterations // CHUNK):
            layout = layout.optimize(CHUNK, exaggeration=exaggeration, momentum=momentum)
            iteration += CHUNK
            yield Frame(iteration / (EARLY + LATE), np.asarray(layout, np.float32))

    def project(new: np.ndarray) -> np.ndarray:
        new = np.ascontiguousarray(new, np.float64)
        added = layout.prepare_partial(
            new, initialization="median", perplexity=min(10, perplexity)
        )
        added = added.optimize(100, learning_rate=0.1, exaggeration=1.0, momentum=0.2)
        return np.asarray(added, np.float32)

    yield Embedding(np.asarray(layout, np.float32), project)
