"""The selected images: a contact sheet, their clusters and labels, and a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dgm_core.studies.clusters.history import Snapshot
from ui.clusters.runs import RECONSTRUCTIONS, TrainedRun
from ui.contact_sheet import sheet
from ui.download_button import download_button
from ui.percent import percent

MOST = 60
"""Images on the contact sheet, at most."""


def show(trained: TrainedRun, snapshot: Snapshot, selected: np.ndarray | None) -> None:
    """Draw the selected images, or some of all images where none is selected.

    Args:
        trained: the run.
        snapshot: gives clusters, confidence and latents.
        selected: (M,) bool, or None.
    """
    everything = selected is None
    rows = np.arange(trained.history.images) if everything else np.flatnonzero(selected)
    pictures, real = trained.pictures
    if everything:
        st.markdown("**Draw a lasso** around some points to see their images.")
    else:
        st.markdown(f"**{_count(len(rows))} selected**")
        st.caption(_summary(trained, snapshot, rows))
    shown = _evenly_spaced(rows)
    st.image(
        sheet(pictures[shown]),
        width="stretch",
        output_format="PNG",
        caption=_caption(len(shown), len(rows), real),
        alt="Images of the points",
    )
    download_button(
        "Download as CSV",
        lambda: as_csv(trained, snapshot, rows),
        "clusters.csv",
        "text/csv",
        key="clusters csv",
        help="Row in the data set, cluster, confidence, label if available, and latents.",
    )


def as_csv(trained: TrainedRun, snapshot: Snapshot, rows: np.ndarray) -> str:
    """CSV text with one row per image."""
    file = io.StringIO()
    writer = csv.writer(file)
    latents = [f"z{d + 1}" for d in range(snapshot.mean.shape[1])]
    source = [] if trained.labels is None else [trained.labels.source]
    writer.writerow(["image", "cluster", "confidence", *source, *latents])
    for row in rows:
        name = [] if trained.labels is None else [trained.labels.names[trained.labels.codes[row]]]
        z = (f"{value:.4f}" for value in snapshot.mean[row])
        confidence = f"{snapshot.confidence[row]:.4f}"
        writer.writerow([row, snapshot.assignment[row] + 1, confidence, *name, *z])
    return file.getvalue()


def _caption(shown: int, selected: int, real: bool) -> str | None:
    """Caption of the contact sheet, if one is needed."""
    sentences = [f"{shown} of {selected:,} images."] if shown < selected else []
    if not real:
        sentences.append(RECONSTRUCTIONS)
    return " ".join(sentences) or None


def _evenly_spaced(rows: np.ndarray) -> np.ndarray:
    """At most `MOST` rows, evenly spaced from the first to the last."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]


def _summary(trained: TrainedRun, snapshot: Snapshot, rows: np.ndarray) -> str:
    names, _ = trained.clusters(snapshot)
    parts = [f"Clusters: {_most_frequent(snapshot.assignment[rows], names)}."]
    if trained.labels is not None:
        labels = _most_frequent(trained.labels.codes[rows], trained.labels.names)
        parts.append(f"Labels: {labels}.")
    return " ".join(parts)


def _most_frequent(codes: np.ndarray, names: Sequence[str]) -> str:
    """The three most frequent names, with their fractions."""
    counts = np.bincount(codes, minlength=len(names))
    most = [k for k in counts.argsort()[::-1][:3] if counts[k]]
    return ", ".join(f"{names[k]} {percent(counts[k] / len(codes))}" for k in most)


def _count(number: int) -> str:
    return "1 image" if number == 1 else f"{number:,} images"
