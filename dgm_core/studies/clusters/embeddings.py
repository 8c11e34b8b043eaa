"""Latents in the plane: what a page can show of many dimensions, and where a new point lands.

    t-SNE         neighbours stay neighbours (van der Maaten & Hinton 2008); distances between
                  clusters and their sizes mean little
    UMAP-like     t-SNE whose attraction is four times as strong all the way, which looks as UMAP
                  does (Böhm, Berens & Kobak 2022): tighter clusters, more of what connects them
    PCA           the plane of the largest variance: distances mean what they say
    clusters apart  the plane in which the clusters' means lie farthest apart for their width
                  (Fisher's discriminant); it is told the clusters

The first two are openTSNE's (Poličar, Stražar & Zupan 2024), which puts a new point where its
neighbours are without moving them. They begin from the plane given as `start`, and the others are
turned like it, so that before and after can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

METHODS = ("t-SNE", "UMAP-like", "PCA", "clusters apart")

Place = Callable[[np.ndarray], np.ndarray]
"""Points (n, D) → where they land, (n, 2)."""

EARLY, LATE, CHUNK = 125, 375, 25
"""Iterations of t-SNE under exaggeration 12, then without; and between two looks at it."""

CALM = 3
"""N / (3 perplexity) is the most that attraction is made stronger by: where all of few points are
neighbours, more of it draws them onto one spot."""

LIMITS = {"perplexity": (2.0, 200.0), "seed": (0, 9999)}


@dataclass(frozen=True)
class Config:
    """How points are laid out.

    Attributes:
        method: one of `METHODS`.
        perplexity: of t-SNE, about the number of neighbours a point has; lowered to a third of the
            points if there are few.
        seed: of t-SNE.

    Raises:
        ValueError: an unknown method, or a number out of `LIMITS`.
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
    """A layout under way."""

    done: float
    xy: np.ndarray  # (N, 2) float32


class Embedding(NamedTuple):
    """A layout, and where others would land in it."""

    xy: np.ndarray  # (N, 2) float32
    place: Place


def run(
    config: Config,
    points: np.ndarray,
    clusters: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> Iterator[Frame | Embedding]:
    """`Frame`s while points (N, D) are laid out, then the `Embedding`.

    Args:
        config: how.
        points: (N, D), N > 3 and D > 1.
        clusters: (N,) of each, which "clusters apart" needs.
        start: (N, 2), a layout of the same N to begin from, or to be turned like.

    Raises:
        ValueError: too few points, not finite ones or all the same, a layout of others, or not the
            clusters where they are needed.
    """
    points = np.ascontiguousarray(points, np.float64)
    if points.ndim != 2 or len(points) < 4 or points.shape[1] < 2:
        raise ValueError(f"expected at least 4 points of 2 dimensions, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("expected finite points")
    if not np.ptp(points, 0).any():
        raise ValueError("expected points that differ, got the same one each time")
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
    """Fisher's two directions, (D, 2); principal ones of fewer than three clusters of width."""
    names, counts = np.unique(clusters, return_counts=True)
    wide = np.isin(clusters, names[counts > 1])
    if len(np.unique(clusters[wide])) < 3:
        return _principal(points)
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rule = LinearDiscriminantAnalysis(solver="eigen", shrinkage=1e-3)
    try:
        return _two(rule.fit(points[wide], clusters[wide]).scalings_)
    except np.linalg.LinAlgError:  # each cluster is one spot
        return _principal(points)


def _two(directions: np.ndarray) -> np.ndarray:
    """The first two columns; a column of zeros where there is but one."""
    return np.pad(directions[:, :2], ((0, 0), (0, max(0, 2 - directions.shape[1]))))


def _linear(points: np.ndarray, directions: np.ndarray, start: np.ndarray | None) -> Embedding:
    centre = points.mean(0)
    turn = turned((points - centre) @ directions, start)

    def place(new: np.ndarray) -> np.ndarray:
        return ((new - centre) @ directions @ turn).astype(np.float32)

    return Embedding(place(points), place)


def turned(xy: np.ndarray, like: np.ndarray | None) -> np.ndarray:
    """The rotation or reflection (2, 2) that brings xy (N, 2) nearest to `like` (Procrustes)."""
    if like is None:
        return np.eye(2)
    u, _, vt = np.linalg.svd((xy - xy.mean(0)).T @ (like - like.mean(0)))
    return u @ vt


def _tsne(
    config: Config, points: np.ndarray, start: np.ndarray | None
) -> Iterator[Frame | Embedding]:
    import openTSNE  # a second to import

    perplexity = min(config.perplexity, (len(points) - 1) / 3)
    affinities = openTSNE.affinity.PerplexityBasedNN(
        points,
        perplexity,
        method="exact" if len(points) <= 6000 else "annoy",
        n_jobs=1,
        random_state=config.seed,
    )
    if start is None or not np.ptp(start[:, 0]):
        begin = openTSNE.initialization.pca(points, random_state=config.seed)
    else:
        begin = openTSNE.initialization.rescale(np.array(start, np.float64))
    layout = openTSNE.TSNEEmbedding(
        begin,
        affinities,
        negative_gradient_method="bh" if len(points) < 2000 else "fft",
        ints_in_interval=2,  # half as fine as its default, in a quarter of the time
        n_jobs=1,
        random_state=config.seed,
    )
    most = max(1.0, len(points) / (CALM * perplexity))
    late = 4.0 if config.method == "UMAP-like" else 1.0
    parts = [(min(12.0, most), 0.5, EARLY), (min(late, most), 0.8, LATE)]
    taken = 0
    for exaggeration, momentum, iterations in parts:
        for _ in range(iterations // CHUNK):
            layout = layout.optimize(CHUNK, exaggeration=exaggeration, momentum=momentum)
            taken += CHUNK
            yield Frame(taken / (EARLY + LATE), np.asarray(layout, np.float32))

    def place(new: np.ndarray) -> np.ndarray:
        some = np.ascontiguousarray(new, np.float64)
        near = layout.prepare_partial(
            some, initialization="median", perplexity=min(10, perplexity)
        )
        near = near.optimize(100, learning_rate=0.1, exaggeration=1.0, momentum=0.2)
        return np.asarray(near, np.float32)

    yield Embedding(np.asarray(layout, np.float32), place)
