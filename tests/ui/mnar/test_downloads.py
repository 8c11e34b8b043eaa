"""Downloads of the MNAR lab: observed cells are unchanged; the numbers are those of the run."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from dgm_core.data.reading import read_table
from dgm_core.data.reading.numerals import is_number
from dgm_core.missing.amputation import Amputation
from dgm_core.missing.base import Mechanism
from dgm_core.studies.mnar import side_by_side
from tests.ui.mnar.small_run import FORMULA, PLAN, ROWS, finished, table
from ui.mnar import downloads
from ui.mnar.masked_table import MaskedTable
from ui.mnar.run_results import results_of
from ui.mnar.table_choice import File, UploadedTable, amputed, st_table, table_of

PLANS = {"removed": PLAN, "missing cells": None}
NAN = float("nan")
AGE = table().frame["age"].mean() - table().frame["age"].std(ddof=0)
ASSUMED = (
    "under your assumption that high values go missing, the fitted probability of being missing"
)
NAMES = ["age", "height", "smokes", FORMULA, "blood"]


def missing(data: MaskedTable) -> pd.DataFrame:
    """Cells in which the completed table may differ from the upload."""
    observed = data.problem.masked.observed.numpy()
    return amputed(data.table, observed).isna()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_completed_table_keeps_observed_cells_bit_for_bit(plan: Amputation | None) -> None:
    data, _, (*_, result) = finished(plan)
    before, absent = data.table.frame, missing(data)
    if plan is not None:  # cells are removed from these two columns only
        more = absent & before.notna()
        assert [name for name in NAMES if more[name].any()] == ["age", "height"]
    for answer in result.answers.values():
        after = downloads.completed(data, answer.mean)
        assert list(after.columns) == NAMES
        assert after.index.equals(before.index)
        assert not after.isna().to_numpy().any()
        for name in NAMES:
            assert after[name].dtype == before[name].dtype
            kept = ~absent[name]
            pd.testing.assert_series_equal(after[name][kept], before[name][kept], check_exact=True)


def test_imputed_cells_hold_the_answer_in_the_units_of_the_column() -> None:
    data, _, (*_, result) = finished(PLAN)
    mean = result.answers["not-MIWAE"].mean
    after, absent = downloads.completed(data, mean), missing(data)
    age = table().frame["age"]
    expected = age.mean() + age.std(ddof=0) * mean[:, 0].double().numpy()
    np.testing.assert_allclose(after["age"][absent["age"]], expected[absent["age"]], rtol=1e-6)
    levels = after["smokes"][absent["smokes"]]
    likelier = np.where(mean[:, 2].numpy() > 0.5, "yes", "no")[absent["smokes"]]
    assert list(levels) == list(likelier)


def test_a_target_is_unchanged() -> None:
    wine = st_table("wine")
    data = MaskedTable(wine, Amputation(columns=(0, 5)))
    after = downloads.completed(data, torch.zeros_like(wine.known.x))
    assert list(after.columns) == [*wine.frame.columns, wine.target.name]
    pd.testing.assert_series_equal(after[wine.target.name], wine.target)
    kept = wine.frame.drop(columns=[wine.frame.columns[0], wine.frame.columns[5]])
    pd.testing.assert_frame_equal(after[kept.columns], kept)
    removed = data.problem.hidden[:, 0].numpy()
    assert (after.iloc[:, 0][removed] == wine.frame.iloc[:, 0].mean()).all()


def test_the_text_of_a_table_is_read_back_as_the_same_numbers() -> None:
    data, _, (*_, result) = finished(None)
    mean = result.answers["MIWAE"].mean
    after = downloads.completed(data, mean)
    read = pd.read_csv(io.BytesIO(downloads.as_file(data, mean)))
    assert len(read) == ROWS
    for name in ("age", "height"):
        assert np.array_equal(read[name].to_numpy(), after[name].to_numpy())
    assert list(read["blood"]) == list(after["blood"].astype(str))


def test_cells_and_names_are_no_spreadsheet_formulas() -> None:
    data, _, (*_, result) = finished(PLAN)
    text = downloads.as_file(data, result.answers["MIWAE"].mean).decode()
    cells = [cell for line in text.splitlines() for cell in line.split(",")]
    assert "'+1+1" in cells
    assert "'@SUM(A1)" in cells
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if re.match("[=+@-]", cell) and not is_number(cell)]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_folder_holds_every_copy_the_errors_and_the_report(plan: Amputation | None) -> None:
    data, _, (*_, result) = finished(plan)
    answer, absent = result.answers["not-MIWAE"], missing(data)
    with zipfile.ZipFile(io.BytesIO(downloads.as_zip(data, answer, "# Words\n"))) as folder:
        assert folder.testzip() is None
        texts = {name: folder.read(name).decode() for name in folder.namelist()}
    copies = [f"copies/{number:02}.csv" for number in range(1, side_by_side.COPIES + 1)]
    assert set(texts) == {"imputed.csv", "standard deviations.csv", "report.md", *copies}
    assert texts["report.md"] == "# Words\n"
    assert texts["imputed.csv"] == downloads.as_file(data, answer.mean).decode()
    deviations = pd.read_csv(io.StringIO(texts["standard deviations.csv"])).to_numpy()
    assert (deviations[~absent.to_numpy()] == 0).all()
    assert (deviations[absent.to_numpy()] > 0).all()
    ages = np.stack([pd.read_csv(io.StringIO(texts[name]))["age"] for name in copies])
    removed = absent["age"].to_numpy()
    assert (ages[:, ~removed] == table().frame["age"].to_numpy()[~removed]).all()
    assert (ages[:, removed].std(0) > 0).all()


UPLOAD = b"""id;age;date;pay;town
A1;31,5;2024-01-01;;Rome
A2;;2024-01-02;120;Oslo
A3;40,0;2024-01-03;150;
;;;;
A4;52,5;2024-01-04;190;Rome
A5;;2024-01-05;110;Oslo
A6;47,0;2024-01-06;160;Rome
"""


@pytest.mark.parametrize("target", [None, "town"])
@pytest.mark.parametrize("plan", [None, Amputation(columns=(0,), threshold=0.0)])
def test_an_upload_comes_back_with_every_column_and_row(
    plan: Amputation | None, target: str | None
) -> None:
    reading = read_table(UPLOAD, "it.csv")
    whole = table_of("0123456789abcdef", "it.csv", reading.frame, None)
    uploaded = whole._replace(file=File(UPLOAD, reading))
    if target is not None:
        uploaded = UploadedTable(reading, uploaded, "it").with_target(target)
    data = MaskedTable(uploaded, plan)
    answer = torch.zeros_like(uploaded.known.x)
    written = downloads.as_file(data, answer).decode()
    given, found = (text.splitlines() for text in (UPLOAD.decode(), written))
    removed = data.problem.hidden[:, 0].numpy()
    assert removed.any() == (plan is not None)
    rows = iter(removed)
    for old, new in zip(given, found, strict=True):
        if old.startswith(("id", ";")):
            assert new == old  # the header, and a row without any value
            continue
        before, after, was_removed = old.split(";"), new.split(";"), next(rows)
        for name, a, b in zip(given[0].split(";"), before, after, strict=True):
            missing_there = a == "" and name in {"age", "pay", "town"} - {target}
            if missing_there or (name == "age" and was_removed):
                assert b not in ("", a)
            else:
                assert b == a, name


def numbers_of(text: str) -> dict[str, list[str]]:
    """Method → the cells of its line in the report."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows[1:]}


def test_the_report_states_the_numbers_of_the_run() -> None:
    data, config, items = finished(PLAN)
    result = items[-1]
    text = downloads.report(data, config, result, results_of(items))
    found = numbers_of(text)
    for name, answer in result.answers.items():
        assert found[name] == [
            f"{answer.rmse.mean:.3f}",
            f"{answer.rmse.standard_error:.3f}",
            f"{answer.mae:.3f}",
            f"{answer.coverage:.1%}".replace("%", "\u00a0%"),
            f"{answer.bound + (data.constant_rates if name == 'MIWAE' else 0):.2f}",
        ]
    baselines = [item for item in items if isinstance(item, side_by_side.Baseline)]
    for each in baselines:
        expected = [f"{each.rmse.mean:.3f}", f"{each.rmse.standard_error:.3f}", "", "", ""]
        assert found[each.name] == expected
    assert len(found) == len(result.answers) + len(baselines)
    rate = missing(data).to_numpy().mean()
    assert f"{ROWS} rows, 5 columns; {100 * rate:.1f}\u00a0% of the cells were missing." in text
    for setting in ("- threshold: -0.5", "- direction: low", "- steps: 6", "- samples: 30"):
        assert setting in text.splitlines()
    for name in ("age", "height"):  # only columns with removed values have a mechanism
        assert re.search(f"^- {name}: ", text, re.MULTILINE)


def test_the_report_of_an_unchanged_table_has_no_errors() -> None:
    data, config, items = finished(None)
    text = downloads.report(data, config, items[-1], results_of(items))
    assert "Nothing was removed." in text
    assert "nan" not in text
    assert "error" not in text.partition("## Scores")[2]
    found = numbers_of(text)
    assert found.keys() == set(side_by_side.MODELS)  # a method without a score has no row
    assert all(len(cells) == 1 for cells in found.values())
    assert "| method | bound, nats per row |" in text


def test_without_a_chosen_mechanism_the_report_has_none_and_miwae_completes_the_table() -> None:
    data, config, items = finished(None, None)
    text = downloads.report(data, config, items[-1], results_of(items))
    assert "No mechanism was assumed." in text
    for words in ("not-MIWAE", "direction", "under your assumption"):
        assert words not in text
    assert downloads.first_model(data, items[-1]) == "MIWAE"


def test_the_first_download_is_not_miwae_only_if_the_owner_chose_a_mechanism() -> None:
    chosen, simulated = finished(None), finished(PLAN)
    assert downloads.first_model(chosen[0], chosen[2][-1]) == "not-MIWAE"
    assert downloads.first_model(simulated[0], simulated[2][-1]) == "MIWAE"  # own cells unknown


@pytest.mark.parametrize(
    ("mechanism", "sentence"),
    [
        (
            Mechanism("", 0, "low", -1.0, -2.0, "itself"),
            f"age: {ASSUMED} falls at {AGE:.4g} (half of the values there are missing; "
            "the log-odds change by 2.0 per standard deviation).",
        ),
        (
            Mechanism("", 1, "high", NAN, 2.0, 0),
            f"height: {ASSUMED} is higher for high values. It depends most on age.",
        ),
        (
            Mechanism("", 0, "none", NAN, 0.0, None),
            f"age: {ASSUMED} does not depend on the value itself.",
        ),
        (
            Mechanism("", 0, "none", NAN, 0.0, 3),
            f"age: {ASSUMED} does not depend on the value itself. It depends most on {FORMULA}.",
        ),
    ],
    ids=["low", "without a threshold", "none", "another column's alone"],
)
def test_the_report_states_the_assumption_and_the_units_of_the_column(
    mechanism: Mechanism, sentence: str
) -> None:
    data, config, _ = finished(PLAN)
    assert downloads.mechanism_text(mechanism, data, config) == sentence
