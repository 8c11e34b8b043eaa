"""Download UCI's tables from openml.org, in the layout of the files at UCI.

scikit-learn fetches a data set by its number and checks the MD5 sum that openml.org states. This
module checks that it is the expected table: the numbers of rows and columns, and the sum of every
numeric column to a relative 1e-4. The tolerance allows another rounding, but not another order of
columns, another coding or another version.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Bunch

TOLERANCE = 1e-4


class Origin(NamedTuple):
    """Source of a table and its expected content."""

    data_id: int  # its number on openml.org
    rows: int
    sums: Mapping[str, float]  # column sums, by the names and in the order of our file
    text: tuple[str, ...] = ()  # a last column of text, if any
    codes: Mapping[str, int] = MappingProxyType(
        {}
    )  # last column: value at openml.org → in our file


_WINE = (
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
    "quality",
)
_RED = (
    13303.1,
    843.985,
    433.29,
    4059.55,
    139.859,
    25384,
    74302,
    1593.79794,
    5294.47,
    1052.38,
    16666.35,
    9012,
)
_WHITE = (
    33574.75,
    1362.825,
    1636.87,
    31305.15,
    224.193,
    172939,
    677690.5,
    4868.74609,
    15616.13,
    2399.27,
    51498.88,
    28790,
)

ORIGINS: dict[str, Origin] = {
    "banknote": Origin(
        1462,
        1372,
        {
            "variance": 595.0847727,
            "skewness": 2637.468482,
            "curtosis": 1917.544405,
            "entropy": -1634.952745,
            "class": 610,
        },
        codes={"1": 0, "2": 1},
    ),
    "concrete": Origin(
        44959,
        1030,
        {
            "cement": 289600.6,
            "blast_furnace_slag": 76112.35,
            "fly_ash": 55812.75,
            "water": 187013.35,
            "superplasticizer": 6389.205,
            "coarse_aggregate": 1002106.15,
            "fine_aggregate": 796786.25,
            "age_days": 47032,
            "compressive_strength_mpa": 36892.3709,
        },
    ),
    "red-wine": Origin(44972, 1599, dict(zip(_WINE, _RED, strict=True))),
    "white-wine": Origin(44971, 4898, dict(zip(_WINE, _WHITE, strict=True))),
    "breast-original": Origin(
        15,
        699,
        {
            "clump_thickness": 3088,
            "cell_size_uniformity": 2191,
            "cell_shape_uniformity": 2242,
            "marginal_adhesion": 1962,
            "single_epithelial_cell_size": 2248,
            "bare_nuclei": 2421,
            "bland_chromatin": 2403,
            "normal_nucleoli": 2004,
            "mitoses": 1111,
            "class": 1880,
        },
        codes={"benign": 2, "malignant": 4},
    ),
    "yeast": Origin(
        181,
        1484,
        {
            "mcg": 742.18,
            "gvh": 741.90,
            "alm": 742.05,
            "mit": 387.60,
            "erl": 749.00,
            "pox": 11.13,
            "vac": 741.83,
            "nuc": 409.88,
        },
        text=("class",),
    ),
}


def openml_table(name: str, scratch: Path) -> Iterator[pd.DataFrame]:
    """Download a table, check it and name its columns as in our file; `scratch` is unused.

    Raises:
        ValueError: the answer cannot be read, or is another table.
        OSError, http.client.HTTPException: the network failed.
    """
    from sklearn.datasets import fetch_openml  # scikit-learn costs a second of start-up

    origin = ORIGINS[name]
    with warnings.catch_warnings(action="ignore"):  # about a version that is not the newest
        try:
            # the pandas parser fails on classes named 1 and 2
            answer = fetch_openml(
                data_id=origin.data_id,
                as_frame=True,
                cache=False,
                n_retries=1,
                parser="liac-arff",
            )
            frame = cast("Bunch", answer).frame
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError("openml.org answered in an unexpected form") from error
    yield _checked(frame, origin)


def _checked(frame: pd.DataFrame, origin: Origin) -> pd.DataFrame:
    what = f"data set {origin.data_id} of openml.org differs from the expected one"
    columns = [*origin.sums, *origin.text]
    if frame.shape != (origin.rows, len(columns)):
        raise ValueError(
            f"{what}: expected the shape {(origin.rows, len(columns))}, got {frame.shape}"
        )
    frame = frame.set_axis(columns, axis=1)
    if origin.codes:
        frame[columns[-1]] = frame[columns[-1]].astype(str).map(origin.codes.get)
    for column, expected in origin.sums.items():
        found = float(np.nansum(frame[column].astype(float).to_numpy()))
        if not math.isclose(found, expected, rel_tol=TOLERANCE):
            raise ValueError(f"{what}: expected {column} to sum to {expected:g}, got {found:g}")
    return frame
