"""Named tables: always available, or read from files, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from dgm_core import data
from dgm_core.data import download
from dgm_core.data.folder import FILES
from dgm_core.data.table_download import ORIGINS, TOLERANCE

BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast": load_breast_cancer,
    "diabetes": lambda: load_diabetes(scaled=False),
}
IN_FILES = [name for name in data.TABLES if name in FILES]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    return tmp_path


def real(name: str) -> pd.DataFrame:
    if not data.is_available(name):
        pytest.skip(f"{name} is not on this machine")
    return data.load_table(name, download_missing=False)


def test_five_tables_are_always_available(empty: Path) -> None:
    here = ("factors", *BUNDLED)
    assert data.available_tables() == here
    assert tuple(name for name, info in data.TABLES.items() if info.always_here) == here


def test_the_drawn_table_has_two_factors_and_noise() -> None:
    x = data.load_table("factors").drop(columns="outcome").to_numpy()
    spectrum = np.linalg.eigvalsh(np.cov(x.T))
    # six directions contain only noise of variance ¼; its sample spectrum is that wide
    np.testing.assert_allclose(spectrum[:6], 0.25, rtol=0.15)
    assert spectrum[6] > 1


@pytest.mark.parametrize("name", BUNDLED)
def test_they_equal_the_tables_of_scikit_learn(empty: Path, name: str) -> None:
    frame, official = data.load_table(name), BUNDLED[name]()
    features = frame.iloc[:, :-1].astype(float)
    np.testing.assert_array_equal(features, official.data)
    if data.TABLES[name].task == "classification":
        np.testing.assert_array_equal(frame.iloc[:, -1].cat.codes, official.target)
    else:
        np.testing.assert_array_equal(frame.iloc[:, -1], official.target)


@pytest.mark.parametrize("name", data.TABLES)
def test_every_table_is_as_described(name: str) -> None:
    frame, info = real(name), data.TABLES[name]
    assert info.name == name
    assert frame.shape == (info.rows, info.features + 1)
    assert frame.columns[-1] == info.target
    assert not frame[info.target].isna().any()
    categorical = [column for column in frame if frame[column].dtype == "category"]
    expected = [info.target] if info.task == "classification" else []
    assert categorical == (["sex"] if name == "diabetes" else expected)
    assert all(frame[c].dtype == np.float64 for c in frame.columns.difference(categorical))
    assert not any("_" in column for column in frame)
    assert frame.isna().sum().sum() == (16 if name == "breast-original" else 0)
    assert info.source.endswith(".")


@pytest.mark.parametrize("name", IN_FILES)
def test_the_files_pass_the_check_of_downloads(name: str) -> None:
    """The checksum for downloads belongs to the table at UCI."""
    frame, origin = real(name), ORIGINS[name]
    assert len(frame) == origin.rows == data.TABLES[name].rows
    features = list(origin.sums.values())[: data.TABLES[name].features]
    np.testing.assert_allclose(frame.iloc[:, :-1].sum(), features, rtol=TOLERANCE)


def test_classes_have_names() -> None:
    assert data.load_table("iris")["species"].cat.categories.tolist() == [
        "setosa",
        "versicolor",
        "virginica",
    ]
    counts = data.load_table("breast")["diagnosis"].value_counts()
    assert counts.to_dict() == {"benign": 357, "malignant": 212}
    counts = real("breast-original")["class"].value_counts()
    assert counts.to_dict() == {"benign": 458, "malignant": 241}


def yeast(folder: Path, rows: int = 1484) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = list(ORIGINS["yeast"].sums)
    frame = pd.DataFrame(rng.uniform(size=(rows, 8)).round(2), columns=names)
    frame["class"] = rng.choice(["CYT", "NUC", "MIT"], rows)
    (folder / "uci").mkdir(exist_ok=True)
    frame.to_csv(folder / "uci" / "yeast.csv", index=False)
    return frame


def test_a_file_makes_a_table_available(empty: Path) -> None:
    written = yeast(empty)
    assert "yeast" in data.available_tables()
    frame = data.load_table("yeast", download_missing=False)
    np.testing.assert_array_equal(frame.iloc[:, :-1], written.iloc[:, :-1])
    assert frame["localization site"].tolist() == written["class"].tolist()
    assert frame.columns[4] == "ER retention (erl)"


@pytest.mark.parametrize("name", IN_FILES)
def test_the_error_for_a_missing_table_says_what_to_do(empty: Path, name: str) -> None:
    with pytest.raises(data.DataUnavailable) as caught:
        data.load_table(name, download_missing=False)
    message = str(caught.value)
    for part in (f"data fetch {name}", f"contains {FILES[name][0]}", "`iris`", str(empty)):
        assert part in message


def test_a_missing_table_is_downloaded(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested = []

    def fetch(name: str) -> None:
        requested.append(name)
        yeast(empty)

    monkeypatch.setattr(download, "fetch", fetch)
    assert len(data.load_table("yeast")) == 1484
    assert requested == ["yeast"]


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "\0\0\0", 'mcg,gvh\n"1,2\n', None], ids=repr
)
def test_a_broken_file_is_named(empty: Path, content: str | None) -> None:
    yeast(empty)
    file = empty / "uci" / "yeast.csv"
    if content is None:  # text in place of numbers
        content = file.read_text().replace("0.", "O.")
    file.write_text(content)
    with pytest.raises(data.DataUnavailable) as caught:
        data.load_table("yeast")
    assert str(file) in str(caught.value)
    assert "Delete it and run: dgm data fetch yeast" in str(caught.value)


@pytest.mark.parametrize("name", ["", "Iris", "mnist", "../iris"])
def test_the_error_for_an_unknown_table_lists_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match="iris, wine, breast, diabetes, banknote"):
        data.load_table(name)
