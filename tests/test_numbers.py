"""The tables of `docs/numbers/` show the measured rows."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dgm_core import zoo
from dgm_core.__main__ import app
from dgm_core.checkout import ASSETS
from dgm_core.commands.evaluate.run_study import write_pages
from dgm_core.evaluation import cluster_choices, number_tables
from dgm_core.recipes import RECIPES
from dgm_core.studies.inpainting.sampler_sweeps import PUBLISHED_F1, SAMPLERS
from dgm_core.studies.likelihood import bound_files

ROOT = Path(__file__).parents[1]
PAGES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "numbers").glob("*.md")
}
INPAINTING, CLUSTERS = PAGES["inpainting"], PAGES["clusters"]
LIKELIHOODS, NOT_AT_RANDOM = PAGES["exact-likelihood"], PAGES["missing-not-at-random"]


def test_every_page_begins_with_the_meaning_of_its_numbers() -> None:
    for name, page in PAGES.items():
        headings = re.findall(r"^#+ (.*)", page, re.M)
        assert headings[1] == "What the numbers mean for you", name
        assert page.index("\n- **") < page.index("\n|"), name


def test_no_card_and_no_page_was_measured_on_the_first_test_images() -> None:
    """The rows of a split can be sorted, so test images are chosen at random."""
    first = re.compile(r"\bfirst\s+[\d,]+\s+test\s+(images|faces|drawings|digits)")
    rooms = ("assets", "docs", "pretrained")
    texts = [path for room in rooms for path in (ROOT / room).rglob("*")]
    assert not [
        path.name
        for path in texts
        if path.suffix in {".md", ".toml"} and first.search(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("name", number_tables.TABLES)
def test_each_table_follows_from_its_rows(name: str) -> None:
    """To update: dgm evaluate tables."""
    (page,) = (page for page in PAGES.values() if f"<!-- table: {name} -->" in page)
    assert number_tables.replaced(page, {name: number_tables.TABLES[name]()}) == page


def test_only_marked_sections_are_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- table: vaes -->\nold\n<!-- /table -->\nb\n"
        "<!-- table: distances -->\nold\n<!-- /table -->\n"
    )
    assert number_tables.update(["distances"], tmp_path) == [page]
    assert number_tables.update(["distances"], tmp_path) == []
    text = page.read_text(encoding="utf-8")
    assert text.startswith("a\n<!-- table: vaes -->\nold\n<!-- /table -->\nb\n")
    assert "| 2 | 2.040 | 2.000 |\n<!-- /table -->\n" in text
    assert number_tables.update(None, tmp_path / "none") == []


def test_the_command_writes_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- table: gan -->\n<!-- /table -->\n")
    result = CliRunner().invoke(app, ["evaluate", "tables", "gan", "--pages", str(tmp_path)])
    assert result.exit_code == 0
    assert str(page) in result.output
    assert "| `mnist-wgan` | 4.16 ± 0.46 | 1.23 ± 0.17 | 3.4 |" in page.read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "tables", "nothing"])
    assert result.exit_code != 0


def test_rows_written_elsewhere_change_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated: list = []
    monkeypatch.setattr(number_tables, "update", lambda names: updated.append(names) or [])
    write_pages(tmp_path / "clusters.toml", "choices")
    write_pages(tmp_path, "gan")
    assert updated == []
    write_pages(ASSETS / "clusters.toml", "choices")
    write_pages(zoo.FOLDER, "gan")
    assert updated == [("choices",), ("gan",)]


TABLES = tomllib.loads((ASSETS / "inpainting_tables.toml").read_text(encoding="utf-8"))


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


@pytest.mark.parametrize("name", [name for name in zoo.names() if name.endswith("-dlvm")])
def test_the_numbers_are_those_of_the_cards(name: str) -> None:
    likelihood = zoo.card(name)["measured"]["log_likelihood"]
    text = f"{number(likelihood['nats'], 2)} ± {number(likelihood['standard_error'], 2)}"
    row = next(line for line in INPAINTING.splitlines() if line.startswith(f"| `{name}` |"))
    assert text in row


@pytest.mark.parametrize(
    "row", TABLES["holes"], ids=lambda row: f"{row['data']} {row['hole']} {row['method']}"
)
def test_the_table_of_holes_is_the_measured_one(row: dict) -> None:
    data = {"mnist": "MNIST", "celeba32": "CelebA"}[row["data"]]
    start = f"| {data} {row['hole'][0]}×{row['hole'][1]} | {row['method']} |"
    line = next(line for line in INPAINTING.splitlines() if line.startswith(start))
    assert f"{number(row['sse'], 2)} ± {number(row['sse_error'], 2)}" in line
    assert f"{number(row['nll'], 1)} ± {number(row['nll_error'], 1)}" in line


@pytest.mark.parametrize(
    "row", TABLES.get("samplers", []), ids=lambda row: f"{row['method']} {row['pattern']}"
)
def test_the_table_of_samplers_is_the_measured_one(row: dict) -> None:
    line = next(
        line
        for line in INPAINTING.splitlines()
        if line.startswith(f"| {row['method']} |") and "nats" in line
    )
    f1, error = (number(row[key], 3).lstrip("0") for key in ("f1", "f1_error"))
    assert f"{f1} ± {error}" in line


STUDIES = tomllib.loads((ASSETS / "sampler_studies.toml").read_text(encoding="utf-8"))
STUDIED = [("mnist", name) for name in SAMPLERS] + [("omniglot", name) for name in SAMPLERS]
"""Columns of the table of studies."""


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in STUDIES["sweeps"]
        if row["sweep"] == "missing rate" and row["data"] != "digits"
    ],
    ids=lambda row: f"{row['data']} {row['setting']} {row['sampler']}",
)
def test_the_table_of_studies_is_the_measured_one(row: dict) -> None:
    section = INPAINTING.split("## Studies of the two samplers")[1].splitlines()
    line = next(line for line in section if line.startswith(f"| {row['setting']} |"))
    cell = line.strip("| ").split(" | ")[1 + STUDIED.index((row["data"], row["sampler"]))]
    names = ("f1_mean_hidden", "f1_mean_hidden_error", "f1_mean_all")
    f1, error, everywhere = (number(row[name], 3).lstrip("0") for name in names)
    expected = f"{f1} ± {error}; {everywhere}"
    if row["setting"] in PUBLISHED_F1[row["data"]]:
        source = PUBLISHED_F1[row["data"]][row["setting"]][SAMPLERS.index(row["sampler"])]
        expected += f" ({number(source, 3).lstrip('0')})"
    assert cell == expected


MNAR = tomllib.loads((ASSETS / "mnar_tables.toml").read_text(encoding="utf-8"))
TARGETS = {"breast": "WDBC", "wine": "wine", "diabetes": "diabetes", "red-wine": "red wine"}


@pytest.mark.parametrize(
    "row", MNAR["imputation"], ids=lambda row: f"{row['table']} {row['method']}"
)
def test_the_table_of_imputations_is_the_measured_one(row: dict) -> None:
    section = NOT_AT_RANDOM.split("## Imputing tables")[1].splitlines()
    title = TARGETS.get(row["table"], row["table"].replace("-", " "))
    start = f"| {title} | {row['method']} | "
    cells = next(line for line in section if line.startswith(start)).split(" | ")
    assert cells[2].startswith(f"{number(row['rmse'], 3)} ± {number(row['standard_error'], 3)}")
    if row["decoder_rmse"] == row["decoder_rmse"]:
        assert cells[3].startswith(number(row["decoder_rmse"], 3))
    coverage = row.get("coverage", math.nan)  # NaN: a method without intervals
    assert cells[5].startswith("–" if math.isnan(coverage) else number(100 * coverage, 0))


@pytest.mark.parametrize(
    "row", MNAR["prediction"], ids=lambda row: f"{row['table']} {row['method']}"
)
def test_the_table_of_predictions_is_the_measured_one(row: dict) -> None:
    section = NOT_AT_RANDOM.split("## Prediction from rows with missing values")[1].splitlines()
    head = next(line for line in section if line.startswith("| |")).split(" | ")
    at = next(i for i, name in enumerate(head) if name.startswith(TARGETS[row["table"]]))
    line = next(line for line in section if line.startswith(f"| {row['method']} |"))
    first = {"classification": "log loss", "regression": "RMSE"}[row["task"]]
    text = f"{number(row['mean'][first], 3)} ± {number(row['error'][first], 3)}"
    assert line.split(" | ")[at].startswith(text)


DISTANCES = tomllib.loads((ASSETS / "distances.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("theta", [0.0, 0.1, 0.5, 1.0, 2.0])
def test_the_table_of_distances_is_the_measured_one(theta: float) -> None:
    section = PAGES["gan-distances"].split("## Two parallel segments")[1].splitlines()
    line = next(line for line in section if line.startswith(f"| {theta:g} |"))
    found = {
        row["divergence"]: row["estimate"]
        for row in DISTANCES["distances"]
        if row["pair"] == "segments" and row["theta"] == theta
    }
    cells = [f"{max(found[name], 0):.3f}" for name in ("wasserstein", "hellinger")]
    assert line.split(" | ")[1:] == [cells[0], f"{cells[1]} |"]


CHOICES = tomllib.loads((ASSETS / "clusters.toml").read_text(encoding="utf-8"))["choices"]


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row["choice"])
def test_the_table_of_what_makes_two_models_learn_is_the_measured_one(row: dict) -> None:
    line = next(line for line in CLUSTERS.splitlines() if line.startswith(f"| {row['choice']} |"))
    for what in ("before", "after", "control"):
        assert f"{number(row[what], 3)} ± {number(row[f'{what}_error'], 3)}" in line
    assert f"{row['gain']:+.3f}".replace("-", "−") in line
    differences = [a - b for a, b in zip(row["accuracies"], row["controls"], strict=True)]
    assert sum(differences) / len(differences) == pytest.approx(row["gain"], abs=2e-4)


def test_deskewed_and_raw_digits_have_tables_of_their_own() -> None:
    def section(name: str) -> str:
        return CLUSTERS.split(f"<!-- table: {name} -->")[1].split("<!-- /table -->")[0]

    tables = {True: section("choices"), False: section("choices on raw digits")}
    for row in CHOICES:
        assert row["deskewed"] == cluster_choices.CHOICES[row["choice"]].config(0).deskewed
        for deskewed, table in tables.items():
            assert (f"| {row['choice']} |" in table) == (row["deskewed"] == deskewed)
    assert number(cluster_choices.VADE, 3) in tables[False]
    assert "VaDE" not in tables[True] + section("vaegmm")
    for name in (each for each in zoo.names() if "-vaegmm" in each):
        deskewed = RECIPES[name].config.deskewed
        line = next(x for x in section("vaegmm").splitlines() if x.startswith(f"| `{name}` |"))
        assert ("deskewed |" in line, "raw |" in line) == (deskewed, not deskewed)


@pytest.mark.parametrize("name", [name for name in zoo.names() if "-vaegmm" in name])
def test_the_numbers_of_mixtures_are_those_of_the_cards(name: str) -> None:
    measured = zoo.card(name)["measured"]
    row = next(line for line in CLUSTERS.splitlines() if line.startswith(f"| `{name}` |"))
    for what in ("accuracy_before", "accuracy", "accuracy_control", "accuracy_test", "nmi"):
        assert what not in measured or number(measured[what], 3) in row


LIKELIHOOD = tomllib.loads((ASSETS / "likelihood.toml").read_text(encoding="utf-8"))
BOUNDS = {
    ("ELBO", 1): 1,
    ("IWAE", 100): 2,
    ("IWAE", 10_000): 3,
    ("AIS", 100): 4,
    ("quadrature", None): 5,
    ("AIS backwards", 100): 6,
    ("best mixture", None): 7,
    ("empirical", None): 7,
}
"""Method and effort → column of the table."""


def test_the_misses_of_single_images_are_the_measured_ones() -> None:
    lines = bound_files.load("mnist-vae-2d")["test"].lines
    each = {(line.method, line.effort): line.each for line in lines}
    (exact,) = [line.each for line in lines if line.kind == "exact"]
    assert exact is not None
    miss = (exact - each["IWAE", 10_000]).sort(descending=True)
    assert [round(x, 0) for x in miss.values[:5].tolist()] == [21, 5, 4, 4, 2]
    assert miss.values[5:].abs().max() < 0.25
    annealed = exact - each["AIS", 100]
    assert annealed[miss.indices[0]] == pytest.approx(3.9, abs=0.05)
    assert annealed[miss.indices[1:]].abs().max() < 0.55
    text = PAGES["exact-likelihood"]
    assert f"{miss.values.mean():.1f} and {annealed.mean():.1f} nats" in text.replace("\n  ", " ")


@pytest.mark.parametrize(
    "row", LIKELIHOOD["bounds"], ids=lambda row: f"{row['model']} {row['of']} {row['method']}"
)
def test_the_table_of_bounds_is_the_measured_one(row: dict) -> None:
    method, effort = row["method"], row["effort"]
    column = BOUNDS.get((method, effort), BOUNDS.get((method, None)))
    if column is None:
        return  # the table does not contain every K
    split = {"test": "test", "made": "its own"}[row["of"]]
    start = f"| `{row['model']}`, {split} |"
    line = next(line for line in LIKELIHOODS.splitlines() if line.startswith(start))
    assert line.strip("| ").split(" | ")[column].startswith(number(row["mean"], 2))


@pytest.mark.parametrize(
    "row", LIKELIHOOD["unbounded"], ids=lambda row: f"{row['data']} {row['floor']:g}"
)
def test_the_table_of_floors_is_the_measured_one(row: dict) -> None:
    section = LIKELIHOODS.split("| least variance ξ |")[1].splitlines()
    start = f"| {row['floor']:.0e} |".replace("e-0", "e-")
    cells = next(line for line in section if line.startswith(start)).strip("| ").split(" | ")
    first = {"moons": 1, "digits": 4}[row["data"]]
    assert cells[first] == number(row["train"], 2)
    digits = 2 if abs(row["test"]) < 1000 else 0
    assert cells[first + 1] == f"{row['test']:,.{digits}f}".replace("-", "−")
    assert cells[first + 2] == f"{number(row['upper'], 2)} ({row['components']})"


@pytest.mark.parametrize("name", ["binarized-mnist-vae", "binarized-mnist-elu"])
def test_the_numbers_of_vaes_are_those_of_the_cards(name: str) -> None:
    measured = zoo.card(name)["measured"]
    found, latents = measured["log_likelihood"], measured["latents"]
    row = next(
        line
        for line in LIKELIHOODS.splitlines()
        if line.startswith(f"| `{name}` |") and "±" in line
    )
    assert f"{number(found['nats'], 2)} ± {number(found['standard_error'], 2)}" in row
    assert f"| {number(found['elbo'], 2)} | {latents['active']} of {latents['of']} |" in row
