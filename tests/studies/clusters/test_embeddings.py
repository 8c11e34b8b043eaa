"""Latents in the plane: neighbours stay neighbours, and new points land near their own class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import trustworthiness

from dgm_core import data
from dgm_core.rng import generator, normal
from dgm_core.studies.clusters import embeddings
from dgm_core.studies.clusters.embeddings import METHODS, Config, Embedding, Frame

LINEAR = ("PCA", "clusters apart")
NEIGHBOURS = ("t-SNE", "UMAP-like")


def blobs(count: int = 240, apart: float = 9.0, dim: int = 5, seed: int = 0) -> tuple:
    """Points of three distant clusters, and the cluster of each point."""
    cluster = np.arange(count) % 3
    noise = normal((count, dim), generator(seed), torch.float64).numpy()
    return noise + apart * np.eye(dim)[cluster], cluster


def layout(
    method: str,
    points: np.ndarray,
    clusters: np.ndarray | None = None,
    start: np.ndarray | None = None,
    **settings: float,
) -> Embedding:
    *_, last = embeddings.run(Config(method, **settings), points, clusters, start)
    return last


@pytest.fixture(scope="module")
def digits() -> tuple:
    """Pixels of digits in 12 dimensions, their classes, and the same for 100 held-out digits."""
    sets = [data.load("digits", split) for split in ("train", "valid")]
    x, new = (each.x.flatten(1).double().numpy() for each in sets)
    plane = PCA(12, random_state=0).fit(x)
    y, of_new = (each.y.numpy() for each in sets)
    return plane.transform(x)[:600], y[:600], plane.transform(new)[:100], of_new[:100]


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_plane_again(method: str) -> None:
    points, clusters = blobs(100)
    one, two = (layout(method, points, clusters, seed=3) for _ in range(2))
    assert np.array_equal(one.xy, two.xy)
    assert np.array_equal(one.project(points[:5] + 0.1), two.project(points[:5] + 0.1))
    assert one.xy.shape == (100, 2)
    assert one.xy.dtype == one.project(points[:5]).dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_frames_lead_to_the_result(method: str) -> None:
    points, clusters = blobs(60)
    *frames, last = embeddings.run(Config(method), points, clusters)
    assert isinstance(last, Embedding)
    done = [frame.done for frame in frames]
    if method in LINEAR:
        assert not frames
    else:
        assert all(isinstance(frame, Frame) for frame in frames)
        assert done == sorted(done)
        assert done[-1] == 1
        assert np.array_equal(frames[-1].xy, last.xy)
        assert not np.array_equal(frames[0].xy, last.xy)


def test_the_plane_of_the_largest_variance_agrees_with_scikit_learn() -> None:
    points, _ = blobs(80)
    points = points * np.array([3.0, 2.0, 1.0, 0.5, 0.1])
    theirs = PCA(2).fit(points)
    found = layout("PCA", points)
    signs = np.sign((found.xy * theirs.transform(points)).sum(0))
    np.testing.assert_allclose(found.xy, signs * theirs.transform(points), atol=1e-4)
    new = points[:7] + 1
    np.testing.assert_allclose(found.project(new), signs * theirs.transform(new), atol=1e-4)


def test_clusters_apart_finds_a_plane_of_small_variance() -> None:
    """Clusters are separated where points vary least, and one of them is a single point."""
    points, clusters = blobs(150, apart=0.6)
    wide = points * np.array([1.0, 1.0, 1.0, 30.0, 30.0])
    clusters = np.append(clusters, 7)
    wide = np.vstack([wide, np.full((1, 5), 3.0)])

    def separation(xy: np.ndarray) -> float:
        means = np.stack([xy[clusters == k].mean(0) for k in range(3)])
        within = np.mean([xy[clusters == k].var(0).sum() for k in range(3)])
        return means.var(0).sum() / within

    apart, plain = layout("clusters apart", wide, clusters), layout("PCA", wide)
    assert separation(apart.xy) > 5 * separation(plain.xy)
    theirs = LinearDiscriminantAnalysis(solver="svd").fit(wide[:-1], clusters[:-1])
    assert separation(apart.xy) == pytest.approx(separation(theirs.transform(wide)), rel=0.15)


def test_with_fewer_than_three_clusters_of_several_points_it_is_pca() -> None:
    points, clusters = blobs(60)
    spots = np.eye(5)[clusters]  # each cluster is one spot
    for x, each in (
        (points, np.minimum(clusters, 1)),
        (points, np.arange(60)),
        (spots, clusters),
    ):
        found = layout("clusters apart", x, each)
        np.testing.assert_allclose(found.xy, layout("PCA", x).xy, atol=1e-6)


@pytest.mark.parametrize("method", LINEAR)
def test_linear_planes_project_a_point_to_its_position(method: str) -> None:
    points, clusters = blobs(90)
    found = layout(method, points, clusters)
    np.testing.assert_allclose(found.project(points), found.xy, atol=1e-5)


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_linear_plane_is_rotated_to_the_start(method: str, flip: float) -> None:
    points, clusters = blobs(90)
    plain = layout(method, points, clusters).xy
    cosine, sine = np.cos(2.0), np.sin(2.0)
    turn = np.array([[cosine, sine], [-flip * sine, flip * cosine]])
    before = 3 * plain @ turn + np.array([5.0, -1.0])  # turned or mirrored, larger, elsewhere
    found = layout(method, points, clusters, before)
    np.testing.assert_allclose(found.xy, plain @ turn, atol=1e-4)
    np.testing.assert_allclose(found.project(points[:9]), found.xy[:9], atol=1e-5)
    # The same plane: distances are unchanged.
    spread = np.linalg.norm(plain[:, None] - plain, axis=2)
    turned = np.linalg.norm(found.xy[:, None] - found.xy, axis=2)
    np.testing.assert_allclose(turned, spread, atol=1e-3)


@pytest.mark.parametrize("method", NEIGHBOURS)
def test_distant_clusters_stay_apart(method: str) -> None:
    points, clusters = blobs()
    xy = layout(method, points).xy
    distance = np.linalg.norm(xy[:, None] - xy, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (clusters[distance.argmin(1)] == clusters).all()
    assert trustworthiness(points, xy, n_neighbors=10) > 0.9
    shuffled = xy[np.random.default_rng(0).permutation(len(xy))]
    assert trustworthiness(points, shuffled, n_neighbors=10) < 0.6
    means = np.stack([xy[clusters == k].mean(0) for k in range(3)])
    widths = [np.linalg.norm(xy[clusters == k] - means[k], axis=1).mean() for k in range(3)]
    between = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(3, 1)]
    assert between.min() > 2 * max(widths)


def test_more_attraction_makes_tighter_clusters() -> None:
    points, clusters = blobs()

    def tightness(method: str) -> float:
        xy = layout(method, points).xy
        within = np.mean([xy[clusters == k].var(0).sum() for k in range(3)])
        return within / xy.var(0).sum()

    assert tightness("UMAP-like") < 0.5 * tightness("t-SNE")


@pytest.mark.parametrize("method", NEIGHBOURS)
def test_a_new_digit_is_projected_to_its_class(method: str, digits: tuple) -> None:
    points, classes, new, of_new = digits
    found = layout(method, points)
    centres = np.stack([found.xy[classes == k].mean(0) for k in range(10)])

    def of_its_own(xy: np.ndarray, labels: np.ndarray) -> float:
        nearest = np.linalg.norm(xy[:, None] - centres, axis=2).argmin(1)
        return (nearest == labels).mean()

    placed = found.project(new)
    assert of_its_own(placed, of_new) > 0.8
    assert of_its_own(placed[::-1], of_new) < 0.3
    # The others have not moved, and an existing point lands near itself.
    again = np.linalg.norm(found.project(points[:100]) - found.xy[:100], axis=1)
    assert np.median(again) < 0.15 * found.xy.std()


def test_a_layout_starts_from_the_previous_one() -> None:
    """A figure then keeps its orientation when its points move a little."""
    points, clusters = blobs()
    before = layout("t-SNE", points).xy @ np.array([[0.0, 1.0], [1.0, 0.0]])
    moved = points + 0.1 * blobs(seed=1)[0]

    def shift(xy: np.ndarray) -> float:
        means = [
            np.stack([each[clusters == k].mean(0) for k in range(3)]) for each in (xy, before)
        ]
        return np.linalg.norm(means[0] - means[1], axis=1).max() / before.std()

    assert shift(layout("t-SNE", moved, start=before).xy) < 0.5
    assert shift(layout("t-SNE", moved).xy) > 1
    # A plane without width in its first direction is not used as a start.
    assert np.isfinite(layout("t-SNE", moved, start=0 * before).xy).all()


@pytest.mark.parametrize("method", NEIGHBOURS)
@pytest.mark.parametrize("count", [4, 5, 9, 30, 100, 200])
def test_few_points_do_not_collapse(method: str, count: int) -> None:
    points, _ = blobs(count, apart=0.0)
    found = layout(method, points)
    assert found.xy.std(0).min() > 0.05
    assert found.project(points[:2]).shape == (2, 2)
    assert np.isfinite(found.project(points[:2])).all()


@pytest.mark.parametrize("method", METHODS)
def test_invalid_points_are_refused(method: str) -> None:
    points, clusters = blobs(12)
    hole = points.copy()
    hole[3, 1] = np.nan
    wrong = {
        r"at least 4 points of 2 dimensions, got \(3, 5\)": points[:3],
        r"at least 4 points of 2 dimensions, got \(12, 1\)": points[:, :1],
        "finite points": hole,
        "points that differ": np.ones_like(points),
    }
    for message, each in wrong.items():
        with pytest.raises(ValueError, match=message):
            layout(method, each, clusters[: len(each)])
    with pytest.raises(ValueError, match=r"start of shape \(12, 2\), got \(7, 2\)"):
        layout(method, points, clusters, np.zeros((7, 2)))


@pytest.mark.parametrize(("clusters", "got"), [(None, "none"), (np.arange(5), "5")])
def test_clusters_apart_needs_those_of_all_points(clusters: np.ndarray | None, got: str) -> None:
    with pytest.raises(ValueError, match=f"clusters of 12 points, got {got}"):
        layout("clusters apart", blobs(12)[0], clusters)


def test_an_invalid_config_is_refused() -> None:
    with pytest.raises(ValueError, match=r"method among t-SNE, .*, got 'x'"):
        Config("x")
    for settings in ({"perplexity": 1.0}, {"perplexity": 201.0}, {"seed": -1}, {"seed": 10_000}):
        ((name, value),) = settings.items()
        with pytest.raises(ValueError, match=f"expected {name} from .*, got {value}"):
            Config(**settings)
