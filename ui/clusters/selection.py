"""What the lasso holds: the images, what they are, and a file of them."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st

from dgm_core.studies.clusters.course import Moment
from ui.clusters.runs import Story
from ui.contact_sheet import sheet

MOST = 60


def show(story: Story, moment: Moment, selected: np.ndarray | None) -> None:
    """Of the images selected, or of all where none are.

    Args:
        selected: (M,) bool, or None.
    """
    everything = selected is None
    rows = np.arange(story.course.images) if everything else np.flatnonzero(selected)
    pictures, real = story.pictures
    if everything:
        st.markdown("**Draw a lasso** around some points to see what they are.")
    else:
        st.markdown(f"**{_count(len(rows))} selected**")
        st.caption(_said(story, moment, rows))
    seen = _some(rows)
    st.image(
        sheet(pictures[seen]),
        width="stretch",
        output_format="PNG",
        caption=_caption(len(seen), len(rows), real),
        alt="Images of the points",
    )
    st.download_button(
        "Download as CSV",
        lambda: as_csv(story, moment, rows),
        "clusters.csv",
        "text/csv",
        icon=":material/download:",
        key="clusters csv",
        on_click="ignore",
        help="Row of the data set, cluster, confidence, label where it is known, and latents.",
    )


def as_csv(story: Story, moment: Moment, rows: np.ndarray) -> str:
    """One row an image."""
    file = io.StringIO()
    writer = csv.writer(file)
    latents = [f"z{d + 1}" for d in range(moment.mean.shape[1])]
    said = [] if story.labels is None else [story.labels.said]
    writer.writerow(["image", "cluster", "confidence", *said, *latents])
    for row in rows:
        name = [] if story.labels is None else [story.labels.names[story.labels.codes[row]]]
        z = (f"{value:.4f}" for value in moment.mean[row])
        confidence = f"{moment.confidence[row]:.4f}"
        writer.writerow([row, moment.assignment[row] + 1, confidence, *name, *z])
    return file.getvalue()


def _caption(seen: int, rows: int, real: bool) -> str | None:
    """What the pictures are, where that is not plain."""
    said = [f"{seen} of {rows:,} images."] if seen < rows else []
    if not real:
        said.append("Reconstructions: the images themselves are not on this machine.")
    return " ".join(said) or None


def _some(rows: np.ndarray) -> np.ndarray:
    """At most as many as have room, from first to last."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]


def _said(story: Story, moment: Moment, rows: np.ndarray) -> str:
    names, _ = story.clusters(moment)
    parts = [f"Clusters: {_shares(moment.assignment[rows], names)}."]
    if story.labels is not None:
        parts.append(f"Labels: {_shares(story.labels.codes[rows], story.labels.names)}.")
    return " ".join(parts)


def _shares(codes: np.ndarray, names: list[str] | tuple[str, ...]) -> str:
    """The three most frequent, with their shares."""
    counts = np.bincount(codes, minlength=len(names))
    most = [k for k in counts.argsort()[::-1][:3] if counts[k]]
    return ", ".join(f"{names[k]} {counts[k] / len(codes):.0%}" for k in most)


def _count(number: int) -> str:
    return "1 image" if number == 1 else f"{number:,} images"
