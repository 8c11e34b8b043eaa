"""The tables by name: features and a target, with readable column names.

    from dgm_core.data import TABLES, load_table
    frame = load_table("concrete")          # float64 columns; a target of classes is categorical
    TABLES["concrete"].target               # 'compressive strength (MPa)'

One table is simulated and four come with scikit-learn; these are always available. The others are
files in `$DGM_DATA/uci`, which are downloaded if they are missing. The not-MIWAE paper (arXiv
2006.12871) uses banknote, concrete, red-wine, white-wine, yeast and breast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from dgm_core.data import download
from dgm_core.data.folder import UNREADABLE, files_of, is_available, missing, unreadable

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Bunch


@dataclass(frozen=True)
class TableInfo:
    """Description of a table."""

    name: str
    title: str
    target: str  # name of the column to predict, which is the last
    task: Literal["classification", "regression"]
    source: str  # a sentence for the reader
    rows: int
    features: int

    @property
    def always_here(self) -> bool:
        """Whether the table needs no file."""
        return self.name in _BUNDLED


def load_table(name: str, *, download_missing: bool = True) -> pd.DataFrame:
    """A table by name: features as float64, NaN = missing, then the target.

    The target is categorical for classification and float64 for regression. The only other
    categorical column is `sex` in `diabetes`.

    Args:
        name: one of `TABLES`.
        download_missing: whether to download a table that is not on this machine.

    Raises:
        ValueError: there is no such table.
        DataUnavailable: the table is broken, or missing and `download_missing` is False.
        DownloadError: the download failed; the message says why and what to do.

    Example:
        >>> load_table("iris").columns.tolist()[2:]
        ['petal length (cm)', 'petal width (cm)', 'species']
    """
    if name not in TABLES:
        raise ValueError(f"no table {name!r}; there are {', '.join(TABLES)}")
    if name in _BUNDLED:
        return _BUNDLED[name]()
    if not is_available(name):
        if not download_missing:
            raise missing(name)
        download.fetch(name)
    try:
        return _read(TABLES[name])
    except UNREADABLE as error:
        raise unreadable(name, files_of(name)[0], error) from error


def available_tables() -> tuple[str, ...]:
    """Names of the tables that are on this machine."""
    return tuple(name for name in TABLES if is_available(name))


_READABLE = {
    "curtosis": "kurtosis",
    "age_days": "age (days)",
    "compressive_strength_mpa": "compressive strength (MPa)",
    "mcg": "signal sequence (mcg)",
    "gvh": "signal sequence (gvh)",
    "alm": "membrane spanning (alm)",
    "mit": "mitochondrial (mit)",
    "erl": "ER retention (erl)",
    "pox": "peroxisomal (pox)",
    "vac": "vacuolar (vac)",
    "nuc": "nuclear (nuc)",
}
"""Readable column names, where replacing underscores with blanks is not enough."""

_CLASSES = {"breast-original": {"2": "benign", "4": "malignant"}}
"""Names of classes that a file writes as numbers."""


def _read(info: TableInfo) -> pd.DataFrame:
    import pandas as pd  # half a second of start-up

    frame = pd.read_csv(files_of(info.name)[0], na_values=["?"]).drop(
        columns="id", errors="ignore"
    )
    target = frame.columns[-1]
    if frame.shape != (info.rows, info.features + 1):
        raise ValueError(
            f"expected {info.rows} rows, {info.features + 1} columns, got {frame.shape}"
        )
    features = frame.columns.drop(target)
    frame[features] = frame[features].astype(float)
    if info.task == "classification":
        classes = frame[target].astype(str).replace(_CLASSES.get(info.name, {}))
        frame[target] = classes.astype("category")
    else:
        frame[target] = frame[target].astype(float)
    names = {name: _READABLE.get(name, name.replace("_", " ")) for name in features}
    return frame.rename(columns=names | {target: info.target})


def _iris() -> pd.DataFrame:
    from sklearn.datasets import load_iris

    return _with_classes(cast("Bunch", load_iris(as_frame=True)), "species")


def _wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    frame = _with_classes(cast("Bunch", load_wine(as_frame=True)), "cultivar")
    frame["cultivar"] = frame["cultivar"].cat.rename_categories(["1", "2", "3"])
    return frame.rename(columns=lambda name: name.replace("_", " "))


def _breast() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    return _with_classes(cast("Bunch", load_breast_cancer(as_frame=True)), "diagnosis")


def _diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    frame = cast("Bunch", load_diabetes(as_frame=True, scaled=False)).frame.astype(float)
    frame.columns = [
        "age (years)",
        "sex",
        "body mass index",
        "blood pressure",
        "total cholesterol",
        "LDL",
        "HDL",
        "total cholesterol / HDL",
        "log triglycerides",
        "blood sugar",
        "progression",
    ]
    frame["sex"] = frame["sex"].astype(int).astype(str).astype("category")
    return frame


def _with_classes(bunch: Bunch, target: str) -> pd.DataFrame:
    import pandas as pd

    classes = pd.Categorical.from_codes(bunch.target, bunch.target_names)
    return bunch.data.assign(**{target: classes})


def _factors() -> pd.DataFrame:
    """x = W z + 0.5 ε with two standard normal factors z; the outcome is z_1 + 0.5 ε.

    The conditional distributions are Gaussian and known. The table is the same on every machine.
    """
    import pandas as pd

    source = np.random.default_rng(0)
    z = source.normal(size=(2000, 2))
    x = z @ source.normal(size=(2, 8)) + 0.5 * source.normal(size=(2000, 8))
    outcome = z[:, 0] + 0.5 * source.normal(size=2000)
    names = [f"x{number}" for number in range(1, 9)]
    return pd.DataFrame(x, columns=names).assign(outcome=outcome)


_BUNDLED: dict[str, Callable[[], pd.DataFrame]] = {
    "factors": _factors,
    "iris": _iris,
    "wine": _wine,
    "breast": _breast,
    "diabetes": _diabetes,
}

_INFOS = (
    TableInfo(
        "factors",
        "Two hidden factors (drawn)",
        "outcome",
        "regression",
        "Simulated from a linear-Gaussian model with two factors, so that every conditional "
        "distribution is known.",
        2000,
        8,
    ),
    TableInfo(
        "iris",
        "Iris flowers",
        "species",
        "classification",
        "Measured by Anderson (1935), made famous by Fisher (1936); comes with scikit-learn.",
        150,
        4,
    ),
    TableInfo(
        "wine",
        "Italian wines",
        "cultivar",
        "classification",
        "Chemical analyses of wines of three cultivars, Forina et al. (1988); UCI, CC BY 4.0; "
        "comes with scikit-learn.",
        178,
        13,
    ),
    TableInfo(
        "breast",
        "Breast cancer, diagnostic (WDBC)",
        "diagnosis",
        "classification",
        "Cell nuclei in images of fine-needle aspirates, Wolberg, Street & Mangasarian (1995); "
        "UCI, CC BY 4.0; comes with scikit-learn.",
        569,
        30,
    ),
    TableInfo(
        "diabetes",
        "Diabetes",
        "progression",
        "regression",
        "Ten baseline variables and the disease's progression a year later, Efron, Hastie, "
        "Johnstone & Tibshirani (2004); comes with scikit-learn.",
        442,
        10,
    ),
    TableInfo(
        "banknote",
        "Banknotes",
        "class",
        "classification",
        "Wavelet features of images of genuine and forged notes, Lohweg (2013); UCI, CC BY 4.0.",
        1372,
        4,
    ),
    TableInfo(
        "concrete",
        "Concrete",
        "compressive strength (MPa)",
        "regression",
        "Mixtures in kg per cubic metre and the strength they reach, Yeh (1998); UCI, CC BY 4.0.",
        1030,
        8,
    ),
    TableInfo(
        "red-wine",
        "Red Vinho Verde",
        "quality",
        "regression",
        "Chemistry and tasters' scores, Cortez et al. (2009); UCI, CC BY 4.0.",
        1599,
        11,
    ),
    TableInfo(
        "white-wine",
        "White Vinho Verde",
        "quality",
        "regression",
        "Chemistry and tasters' scores, Cortez et al. (2009); UCI, CC BY 4.0.",
        4898,
        11,
    ),
    TableInfo(
        "breast-original",
        "Breast cancer, original",
        "class",
        "classification",
        "Nine scores from 1 to 10, with 16 values that are really missing, Wolberg (1992); UCI, "
        "CC BY 4.0.",
        699,
        9,
    ),
    TableInfo(
        "yeast",
        "Yeast proteins",
        "localization site",
        "classification",
        "Scores of protein sequences and where the protein is found, Nakai & Horton (1996); UCI, "
        "CC BY 4.0.",
        1484,
        8,
    ),
)

TABLES: dict[str, TableInfo] = {info.name: info for info in _INFOS}
"""Name → description of the table."""
