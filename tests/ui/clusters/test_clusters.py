"""Content of the lab of clusters: names and colours of clusters, files, figures, position."""

from __future__ import annotations

import csv
import dataclasses
import io
from functools import cached_property

import numpy as np
import pytest
import torch
from PIL import Image
from plotly.graph_objects import Figure

from dgm_core import data
from dgm_core.metrics.clustering import UNMATCHED
from dgm_core.studies.clusters.history import History, Snapshot
from tests.small_clusters import CLUSTERS as K
from tests.small_clusters import CONFIG, history, images, run, shipped
from tests.small_clusters import IMAGES as M
from tests.ui.clusters.small_trained_run import trained_run
from ui import contact_sheet, figures
from ui.clusters import charts, learn, own_picture, selection
from ui.clusters.compare import colourings
from ui.clusters.mixture import _most_separating
from ui.clusters.runs import Labels, TrainedRun, shortened
from ui.components.linked_scatter import Categories, Ramp
from ui.components.linked_scatter.palette import COLOURS


@pytest.fixture(autouse=True)
def theme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the theme, which is not defined without a browser."""
    monkeypatch.setattr(figures, "accent", lambda: "#4C5FD5")
    monkeypatch.setattr(figures, "tint", lambda: "#F4F5FA")


def of_labels(
    labels: Labels | None, assignment: np.ndarray, clusters: int
) -> tuple[TrainedRun, Snapshot]:
    """A run whose images have these labels and clusters."""
    config = dataclasses.replace(CONFIG, clusters=clusters)
    snapshot = dataclasses.replace(history().snapshots[-1], assignment=assignment)
    found = trained_run(found=History(config, history().curve, (snapshot,)))
    vars(found)["labels"] = labels
    assert isinstance(type(found).__dict__["labels"], cached_property)
    return found, snapshot


DIGITS = tuple("0123456789")


# --- stories ----------------------------------------------------------------------------------


def test_snapshots_have_names_and_the_control_is_last() -> None:
    found = trained_run()
    assert list(found.snapshots) == ["Before", "Round 1", "After", "Control"]
    assert [snapshot.epoch for snapshot in found.snapshots.values()] == [16, 20, 24, 24]
    assert found.snapshots["Control"] is history().control
    early = ["Epoch 1", "Epoch 3", "Before", "Round 1", "After", "Control"]
    assert list(trained_run(found=shipped()).snapshots) == early
    one = dataclasses.replace(history(), snapshots=history().snapshots[:1], control=None)
    assert list(trained_run(found=one).snapshots) == ["Before"]


def test_labels_and_images_come_from_the_data_set() -> None:
    found = trained_run()
    classes = np.array(found.labels.names)[found.labels.codes]
    assert classes.tolist() == [str(label) for label in images().y.tolist()]
    pictures, real = found.pictures
    assert real
    np.testing.assert_array_equal(pictures, images().x[:, 0])


def test_without_data_images_are_reconstructed_and_labels_predicted() -> None:
    config = dataclasses.replace(CONFIG, dataset="mnist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "is_available", lambda name: False)
        bare = trained_run(found=dataclasses.replace(history(), config=config))
        assert bare.labels is None
        assert bare.scores(history().snapshots[-1]) is None
        assert [type(each) for each in colourings(bare, history().snapshots[-1])] == [
            Categories,
            Ramp,
        ]
        drawn, real = bare.pictures
        read = np.arange(M) % 7
        known = trained_run(found=dataclasses.replace(history(), config=config, read=read))
        assert known.labels.source == "label, as a classifier reads it"
        np.testing.assert_array_equal(known.labels.codes, read)
    assert not real
    with torch.no_grad():
        z = torch.from_numpy(history().snapshots[-1].mean)
        expected = (run().model.decode(z).mean[:, 0] * 255).round()
    np.testing.assert_array_equal(drawn, expected)


def test_a_cluster_has_the_name_and_the_colour_of_the_label_it_is_matched_with() -> None:
    codes = np.arange(M) % 10
    found, snapshot = of_labels(Labels(codes, DIGITS, "label"), (codes + 3) % 10, 10)
    names, colours = found.clusters(snapshot)
    assert names == [f"{k + 1} ≈ {(k - 3) % 10}" for k in range(10)]
    assert colours == [COLOURS[(k - 3) % 10] for k in range(10)]


def test_an_unmatched_cluster_keeps_its_number_and_a_colour_of_its_own() -> None:
    codes = np.arange(M) % 10
    assignment = np.where(np.arange(M) < 12, np.arange(M) % 12, codes)
    found, snapshot = of_labels(Labels(codes, DIGITS, "label"), assignment, 12)
    names, colours = found.clusters(snapshot)
    matched = found.scores(snapshot).matched
    assert (matched == UNMATCHED).sum() == 2
    for k, label in enumerate(matched.tolist()):
        if label == UNMATCHED:
            assert names[k] == str(k + 1)
            assert colours[k] not in COLOURS
        else:
            assert names[k] == f"{k + 1} ≈ {label}"
            assert colours[k] == COLOURS[label]
    assert len(set(colours)) == 12


def test_clusters_are_not_named_after_too_many_labels() -> None:
    codes = np.arange(M) % 30
    names = tuple(f"letter {i}" for i in range(30))
    found, snapshot = of_labels(Labels(codes, names, "label"), codes % 4, 4)
    assert found.clusters(snapshot)[0] == ["1", "2", "3", "4"]
    assert [each.name for each in colourings(found, snapshot)] == [
        "cluster",
        "confidence",
        "label",
    ]
    few, snapshot = of_labels(Labels(codes % 4, ("a", "b", "c", "d"), "label"), codes % 4, 4)
    kinds = [each.name for each in colourings(few, snapshot)]
    assert kinds == ["label", "cluster", "confidence", "error"]
    assert colourings(few, snapshot)[3].codes.sum() == 0


def test_an_error_is_an_image_whose_cluster_is_matched_with_another_label() -> None:
    codes = np.arange(M) % 3
    assignment = codes.copy()
    assignment[:7] = (codes[:7] + 1) % 3
    found, snapshot = of_labels(Labels(codes, ("a", "b", "c"), "label"), assignment, 3)
    error = colourings(found, snapshot)[3]
    np.testing.assert_array_equal(np.flatnonzero(error.codes), np.arange(7))


def test_names_of_alphabets_are_shortened_where_they_stay_different() -> None:
    names = [
        "Early_Aramaic",
        "Blackfoot_(Canadian_Syllabics)",
        "Syriac_(Serto)",
        "Syriac_(Estrangelo)",
        "7",
    ]
    short = ["Early Aramaic", "Blackfoot", "Syriac (Serto)", "Syriac (Estrangelo)", "7"]
    assert shortened(names) == short


def test_different_runs_have_different_revisions() -> None:
    other = dataclasses.replace(history(), config=dataclasses.replace(CONFIG, seed=1))
    assert trained_run().revision == trained_run().revision
    runs = (trained_run(), trained_run(found=other), trained_run("digits-vaegmm"))
    assert len({run.revision for run in runs}) == 3


# --- what is selected -------------------------------------------------------------------------


def test_a_csv_has_a_row_for_each_image_selected() -> None:
    found, snapshot = trained_run(), history().snapshots[-1]
    rows = np.array([3, 0, 150])
    header, *lines = csv.reader(io.StringIO(selection.as_csv(found, snapshot, rows)))
    assert header == ["image", "cluster", "confidence", "label", "z1", "z2", "z3"]
    assert len(lines) == 3
    for row, line in zip(rows, lines, strict=True):
        assert line[0] == str(row)
        assert line[1] == str(snapshot.assignment[row] + 1)
        assert float(line[2]) == pytest.approx(snapshot.confidence[row], abs=1e-4)
        assert line[3] == str(images().y[row].item())
        assert [float(z) for z in line[4:]] == pytest.approx(snapshot.mean[row], abs=1e-4)


def test_a_csv_without_labels_has_no_column_for_them() -> None:
    found, snapshot = of_labels(None, history().snapshots[-1].assignment, K)
    header, line = csv.reader(io.StringIO(selection.as_csv(found, snapshot, np.array([5]))))
    assert header == ["image", "cluster", "confidence", "z1", "z2", "z3"]
    assert len(line) == 6


@pytest.mark.parametrize("count", [1, 5, 12, 13])
def test_a_sheet_has_each_image_at_its_position(count: int) -> None:
    pictures = np.random.default_rng(0).integers(1, 256, (count, 4, 3)).astype(np.uint8)
    sheet = contact_sheet.sheet(pictures, across=5, enlarge=3)
    down, gap = -(-count // 5), contact_sheet.GAP
    assert sheet.shape == (down * (4 + gap) * 3, 5 * (3 + gap) * 3)
    small = sheet[1::3, 1::3]
    np.testing.assert_array_equal(small.repeat(3, 0).repeat(3, 1), sheet)
    covered = np.zeros(small.shape, bool)
    for i, picture in enumerate(pictures):
        top, left = i // 5 * (4 + gap), i % 5 * (3 + gap)
        np.testing.assert_array_equal(small[top : top + 4, left : left + 3], picture)
        covered[top : top + 4, left : left + 3] = True
    assert not small[~covered].any()
    np.testing.assert_array_equal(
        np.array(Image.open(io.BytesIO(contact_sheet.as_png(sheet)))), sheet
    )


def test_the_number_of_images_is_limited_and_the_caption_says_so() -> None:
    rows = np.arange(1000) * 2
    seen = selection._evenly_spaced(rows)
    assert len(seen) == selection.MOST
    assert set(seen) <= set(rows)
    assert (seen[0], seen[-1]) == (0, 1998)
    assert (np.diff(seen) > 0).all()
    assert selection._evenly_spaced(rows[:3]).tolist() == [0, 2, 4]
    assert selection._caption(60, 1497, real=True) == "60 of 1,497 images."
    assert selection._caption(3, 3, real=True) is None
    assert "reconstructions" in selection._caption(3, 3, real=False)


def test_the_most_frequent_names_have_their_fractions() -> None:
    assert (
        selection._most_frequent(np.array([2, 2, 0, 2, 1]), ["a", "b", "c"])
        == "c 60\u00a0%, b 20\u00a0%, a 20\u00a0%"
    )
    assert selection._most_frequent(np.array([1]), ["a", "b"]) == "b 100\u00a0%"


# --- figures ----------------------------------------------------------------------------------


def sent(figure: Figure) -> Figure:
    """The figure, if it can be sent to a browser."""
    assert figure.to_json()
    return figure


def test_curves_carry_the_numbers_of_the_run_and_its_control() -> None:
    both = {"with": history().curve, "control": history().control_curve}
    figure = sent(charts.over_epochs(both, "elbo", at=20))
    assert [trace.name for trace in figure.data] == ["with", "control"]
    for trace, curve in zip(figure.data, both.values(), strict=True):
        np.testing.assert_array_equal(trace.x, curve.epochs)
        np.testing.assert_array_equal(trace.y, curve.elbo)
    assert [shape.x0 for shape in figure.layout.shapes] == [20]
    assert figure.layout.showlegend
    assert not sent(charts.over_epochs(both, "accuracy", legend=False)).layout.showlegend
    assert not charts.over_epochs({"with": history().curve}, "nmi").layout.showlegend


def test_the_best_chain_is_emphasised_and_the_axis_shows_the_second_half() -> None:
    trace = np.array([[-9.0, -3, -2], [-50, -4, -1], [-9, -5, -3]])
    figure = sent(charts.trace(trace))
    for line, values in zip(figure.data, trace, strict=True):
        np.testing.assert_array_equal(line.y, values)
        np.testing.assert_array_equal(line.x, [1, 2, 3])
    widths = [line.line.width for line in figure.data]
    assert np.argmax(widths) == 1
    low, high = figure.layout.yaxis.range
    assert -50 < low <= -5
    assert high >= -1
    assert sent(charts.trace(np.array([[-2.0]]))).layout.yaxis.range[1] > -2


def test_bars_keep_their_order_and_colours() -> None:
    (bar,) = sent(charts.bars([0.7, 0.2], ["a", "b"], ["red", "blue"], "probability")).data
    found = dict(zip(bar.y, zip(bar.x, bar.marker.color, strict=True), strict=True))
    assert found == {"a": (0.7, "red"), "b": (0.2, "blue")}
    assert bar.y[-1] == "a"  # plotly begins at the bottom


def test_the_confusion_is_shaded_by_row_and_shows_its_counts() -> None:
    counts = np.array([[3, 1, 0], [0, 0, 5]])
    (cells,) = sent(charts.confusion(counts, ["x", "y"], ["1", "2", "3"])).data
    np.testing.assert_allclose(cells.z, [[0.75, 0.25, 0], [0, 0, 1]])
    assert cells.text.tolist() == [["3", "1", ""], ["", "", "5"]]
    np.testing.assert_array_equal(cells.customdata, counts)
    assert (list(cells.y), list(cells.x)) == (["x", "y"], ["1", "2", "3"])
    many = charts.confusion(np.eye(30, dtype=int), [str(i) for i in range(30)], ["1"] * 30)
    assert not sent(many).data[0].texttemplate


def test_gains_have_two_standard_errors() -> None:
    rows = [
        {"choice": "a", "gain": 0.1, "gain_error": 0.02},
        {"choice": "b", "gain": -0.05, "gain_error": 0.01},
    ]
    (points,) = sent(charts.gains(rows)).data
    assert list(points.y) == ["b", "a"]
    assert list(points.x) == [-0.05, 0.1]
    assert list(points.error_x.array) == [0.02, 0.04]


def choice(name: str, gains: list[float]) -> dict[str, object]:
    controls = [0.9] * len(gains)
    accuracies = [0.9 + gain for gain in gains]
    bounds = {"elbo_after": -110.0, "elbo_control": -111.5}
    return {"choice": name, "accuracies": accuracies, "controls": controls, **bounds}


def test_a_gain_beyond_two_errors_is_a_tie_if_many_are_compared() -> None:
    """One gain is at 2.6 standard errors: clear alone, but not among eight."""
    middling = choice("middling", [0.01, 0.03, -0.002, 0.02, 0.012])
    noise = [choice(f"noise {i}", [0.01, -0.01, 0.002 * i, 0, -0.003]) for i in range(4)]
    rows = [middling, *noise, choice("good", [0.02, 0.021, 0.019, 0.02, 0.0205])]
    rows += [choice("bad", [-0.03, -0.031, -0.029, -0.03, -0.0302])]
    text = learn.summary(rows)
    assert "**Middling: the rounds change accuracy by +0.014 ± 0.005**, a tie, and" in text
    assert "by +1.5 nats" in text
    assert "clearly raise accuracy with: **good** (+0.020 ± 0.000)." in text
    assert "clearly lower accuracy with: **bad** (−0.030 ± 0.000)." in text
    assert "5 of 7 comparisons with a control are ties." in text
    assert "noise" not in text


def test_the_shipped_choices_are_worded_as_in_the_documentation() -> None:
    text = learn.summary(learn.st_choices())
    assert text.startswith("**Default settings: the rounds change accuracy by +0.007 ± 0.001**, a")
    assert "raise accuracy with: **hard assignments**" in text
    assert "lower accuracy with: **means only** (−0.036" in text
    assert "diagonal" not in text


# --- a picture of one's own -------------------------------------------------------------------


def test_an_image_of_the_run_is_placed_on_itself() -> None:
    snapshot, i = history().snapshots[-1], 17
    plain = data.load("digits", "train").x[i, 0]
    levels = (plain * 255).round().byte().numpy()
    position = own_picture.position_of(trained_run(), snapshot, levels)
    np.testing.assert_allclose(position.mean, snapshot.mean[i], atol=1e-4)
    shot = run().shots[-1]
    responsibilities = shot.mixture.responsibilities(shot.latents.mean, shot.latents.variance)
    np.testing.assert_allclose(position.probabilities, responsibilities[i], atol=1e-4)
    assert position.probabilities.argmax() == snapshot.assignment[i]
    apart = np.linalg.norm(snapshot.mean - snapshot.mean[i], axis=1)
    assert position.neighbours[0] == i
    np.testing.assert_array_equal(position.neighbours, apart.argsort()[: own_picture.NEIGHBOURS])
    densities = shot.mixture.log_prob(shot.latents.mean)
    assert position.log_density == pytest.approx(float(densities[i]), abs=1e-3)
    assert position.rank == pytest.approx(
        float((densities < densities[i]).float().mean()), abs=0.01
    )
    np.testing.assert_array_equal(
        position.reconstruction, trained_run().decoded(position.mean[None])[0]
    )


# --- the mixture ------------------------------------------------------------------------------


def test_the_first_plane_has_the_latents_that_separate_the_clusters() -> None:
    snapshot = history().snapshots[-1]
    mixture = snapshot.mixture
    spread = [
        float(
            (
                mixture.weights
                * (mixture.means[:, d] - mixture.means[:, d] @ mixture.weights) ** 2
            ).sum()
        )
        for d in range(CONFIG.latent_dim)
    ]
    order = np.argsort(spread)[::-1].tolist()
    assert list(_most_separating(snapshot)) == order[:2]
