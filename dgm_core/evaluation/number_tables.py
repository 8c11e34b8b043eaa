"""Tables of the documentation, generated from measured rows and from the models' cards.

A page of `docs/numbers/` marks the position of a table with two comments,

    <!-- table: floors -->
    <!-- /table -->

and `update` writes the table between them. The commands of `dgm evaluate` write the rows to
`assets/*.toml`.

    >>> replaced("<!-- table: a -->\\nold\\n<!-- /table -->", {"a": "new"})
    '<!-- table: a -->\\nnew\\n<!-- /table -->'
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from dgm_core import zoo
from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.checkout import ASSETS, CHECKOUT
from dgm_core.evaluation import number_words
from dgm_core.evaluation.cluster_choices import VADE
from dgm_core.evaluation.mechanisms import EQUAL_BOUNDS
from dgm_core.evaluation.mnar_protocol import METHODS
from dgm_core.files import written_whole
from dgm_core.recipes import RECIPES, MixtureRecipe
from dgm_core.studies.inpainting import sampler_rows
from dgm_core.studies.inpainting.sampler_sweeps import PUBLISHED_F1, SAMPLERS
from dgm_core.studies.latent import directions
from dgm_core.studies.mnar.clipping_estimates import DECODER, DRAWN, INTEGRATED
from dgm_core.zoo.overview import number, with_error

PAGES = CHECKOUT / "docs" / "numbers"
SWEEPS = ASSETS / "sampler_studies.npz"

PUBLISHED_CLIPPED = {
    ("svhn-grey", "notmiwae", "constant 1"): 0.1757,
    ("svhn-grey", "miwae", DECODER): 0.1730,
    ("svhn-grey", "notmiwae", DECODER): 0.0729,
}
"""RMSE of Ipsen, Mattei & Frellsen 2021, table 2: grey house numbers, the true process given."""

Row = Mapping[str, Any]


def update(names: Iterable[str] | None = None, pages: Path = PAGES) -> list[Path]:
    """Write tables into the pages that have comments for them.

    Args:
        names: names in `TABLES`; None = all.
        pages: folder of the Markdown files. It may be missing, as in an installed library.

    Returns:
        The pages that changed.
    """
    written = {name: TABLES[name]() for name in names or TABLES}
    changed = []
    for path in sorted(pages.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = replaced(before, written)
        if after != before:
            with written_whole(path) as whole:
                whole.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def replaced(page: str, tables: Mapping[str, str]) -> str:
    """The page with each table of `tables` replaced; other tables stay."""

    def between(found: re.Match[str]) -> str:
        first, name, _, last = found.groups()
        return found[0] if name not in tables else f"{first}{tables[name]}\n{last}"

    pattern = r"(<!-- table: ([\w ]+) -->\n)(.*?)(<!-- /table -->)"
    return re.sub(pattern, between, page, flags=re.S)


# --- inpainting -----------------------------------------------------------------------------


def samplers() -> str:
    """F1 of the samplers on one model, by pattern of hidden pixels."""
    patterns = ("50 % at random", "top half", "80 % at random")
    rows = _rows("inpainting_tables", "samplers")
    found = {(row["method"], row["pattern"]): row for row in rows}
    methods = dict.fromkeys(method for method, _ in found)
    lines = [[method, *(_sampler(found[method, each]) for each in patterns)] for method in methods]
    return _table(["", *patterns], lines)


def _sampler(row: Row) -> str:
    details = ""
    if math.isnan(row["acceptance"]):
        unit = "draws" if row["method"] == "partial encoder" else "it."
        details = f" ({number(row['iterations'], 0)} {unit}, ESS {row['ess']:.0f})"
    elif row["acceptance"] < 1:
        details = f" ({100 * row['acceptance']:.1f} %, {100 * row['stuck']:.0f} % stuck)"
    return f"{_short(row['f1'], row['f1_error'])}{details}, {number(row['nll'], 1)} nats"


def partial_encoders() -> str:
    """Scores, bound and weights of the partial encoders, from their cards."""
    names = [name for name in zoo.names() if name.endswith("-partial")]
    rows = [(name, row) for name in names for row in zoo.card(name)["measured"]["inpainting"]]
    lines = [
        [
            f"`{name}`",
            row["pattern"],
            _short(row["f1"], row["standard_error"])
            if "f1" in row
            else f"{with_error(row['psnr'], row['standard_error'], 1)} dB",
            number(row["bound"], 1),
            number(row["ess"], 1),
            f"{100 * row['untrusted']:.0f} %",
        ]
        for name, row in rows
    ]
    heads = ["model", "hidden", "F1 or PSNR", "bound on log p(x_obs), nats", "ESS of 1,000"]
    return _table([*heads, "Pareto k above 0.7"], lines)


def studies() -> str:
    """F1 of two samplers on two data sets, with the F1 of the public code in brackets."""
    sweeps = (row for row in _rows("sampler_studies", "sweeps") if row["sweep"] == "missing rate")
    found = {(row["data"], row["setting"], row["sampler"]): row for row in sweeps}
    columns = {"mnist": "MNIST", "omniglot": "Omniglot"}
    short_names = ("pseudo-Gibbs", "Metropolis")
    heads = [f"{name}, {sampler}" for name in columns.values() for sampler in short_names]
    settings = dict.fromkeys(setting for data, setting, _ in found if data in columns)
    lines = [
        [each, *(_study(found[data, each, sampler]) for data in columns for sampler in SAMPLERS)]
        for each in settings
    ]
    return _table(["hidden", *heads], lines)


def _study(row: Row) -> str:
    all_pixels = _short(row["f1_mean_all"])
    if row["setting"] in PUBLISHED_F1[row["data"]]:
        published = PUBLISHED_F1[row["data"]][row["setting"]][SAMPLERS.index(row["sampler"])]
        all_pixels += f" ({_short(published)})"
    return f"{_short(row['f1_mean_hidden'], row['f1_mean_hidden_error'])}; {all_pixels}"


# --- exact likelihood -----------------------------------------------------------------------


def bounds() -> str:
    """Bounds on log p(x), by model and source of the images."""
    columns = {
        "ELBO": [("ELBO", 1)],
        "IWAE, K = 100": [("IWAE", 100)],
        "IWAE, K = 10,000": [("IWAE", 10_000)],
        "AIS": [("AIS", 100)],
        "log p(x), exact": [("quadrature", None)],
        "AIS backwards": [("AIS backwards", 100)],
        "upper limit for this kind of model": [("best mixture", None), ("empirical", None)],
    }
    found: dict[tuple[str, str], dict[Any, Row]] = {}
    for row in _rows("likelihood", "bounds"):
        line = found.setdefault((row["model"], row["of"]), {})
        line[row["method"], row["effort"]] = line[row["method"], None] = row

    def cell(line: Mapping[Any, Row], title: str) -> str:
        row = next((line[key] for key in columns[title] if key in line), None)
        if row is None:
            return "–"
        limit = title.startswith("upper limit")
        return number(row["mean"]) if limit else with_error(row["mean"], row["error"])

    sources = {"test": "test", "made": "its own"}
    lines = [
        [f"`{model}`, {sources[of]}", *(cell(line, title) for title in columns)]
        for (model, of), line in found.items()
    ]
    return _table(["model, 20 images", *columns], lines)


def floors() -> str:
    """Log-likelihoods of Gaussian decoders, by the lower limit of their variance."""
    found = {(row["data"], row["floor"]): row for row in _rows("likelihood", "unbounded")}
    lines = []
    for floor in dict.fromkeys(floor for _, floor in found):
        line = [f"{floor:.0e}".replace("e-0", "e-")]
        for kind in ("moons", "digits"):
            row = found[kind, floor]
            test = row["test"]
            line += [
                number(row["train"]),
                number(test) if abs(test) < 1000 else f"{test:,.0f}".replace("-", "−"),
                f"{number(row['upper'])} ({row['components']})",
            ]
        lines.append(line)
    mixture = "best mixture (components)"
    heads = ["moons: training", "test", mixture, "digits, 10×10: training", "test", mixture]
    return _table(["least variance ξ", *heads], lines)


def vaes() -> str:
    """Bounds of the VAEs of statically binarised MNIST, with the published values."""
    heads = ["statically binarised MNIST, all 10,000 test images", "log p(x) ≥, K = 200", "ELBO"]
    lines = []
    for name in ("binarized-mnist-vae", "binarized-mnist-elu"):
        measured = zoo.card(name)["measured"]
        found, latents = measured["log_likelihood"], measured["latents"]
        line = [f"`{name}`", with_error(found["nats"], found["standard_error"])]
        line += [number(found["elbo"]), f"{latents['active']} of {latents['of']}"]
        lines.append([*line, _trained(name)])
    lines.append(["784-300-300-100 with ELUs, as published", "−95.50", "−101.15", "", ""])
    return _table([*heads, "active latents", "trained for"], lines)


# --- values missing not at random -----------------------------------------------------------


def imputation() -> str:
    """RMSE and coverage of methods on tables whose high values are missing; published RMSE."""
    tables = {
        "banknote": "banknote",
        "concrete": "concrete",
        "red-wine": "red wine",
        "white-wine": "white wine",
        "breast": "WDBC",
    }
    found = {(row["table"], row["method"]): row for row in _rows("mnar_tables", "imputation")}
    lines = [
        [title, method, *_imputed(found[table, method])]
        for table, title in tables.items()
        for method in (*METHODS, *TABLE_BASELINES)
        if (table, method) in found
    ]
    heads = ["table", "method", "weighted draws", "decoder means", "published"]
    return _table([*heads, "90 % intervals cover", "ESS of 2,000"], lines)


def _imputed(row: Row) -> list[str]:
    published = "–" if math.isnan(row["published"]) else f"{row['published']:.2f}"
    error = with_error(row["rmse"], row["standard_error"], 3)
    if math.isnan(row["decoder_rmse"]):
        return [error, "–", published, "–", "–"]
    decoder = with_error(row["decoder_rmse"], row["decoder_standard_error"], 3)
    coverage = f"{100 * row['coverage']:.0f} ± {100 * row['coverage_error']:.0f} %"
    return [error, decoder, published, coverage, f"{row['ess']:.0f}"]


def prediction() -> str:
    """Scores of predictors on rows with missing values, and their difference to sup-not-MIWAE."""
    scores = {"classification": "log loss", "regression": "RMSE"}
    titles = {"breast": "WDBC", "red-wine": "red wine"}
    rows = _rows("mnar_tables", "prediction")
    found = {(row["table"], row["method"]): row for row in rows}
    tasks = {row["table"]: scores[row["task"]] for row in rows}

    def cell(row: Row) -> str:
        score = tasks[row["table"]]
        text = with_error(row["mean"][score], row["error"][score], 3)
        if row["method"] == "sup-not-MIWAE":
            return text
        return f"{text} ({_signed(row['behind'])} ± {number(row['behind_error'], 3)})"

    methods = dict.fromkeys(method for _, method in found)
    lines = [[name, *(cell(found[table, name]) for table in tasks)] for name in methods]
    heads = [f"{titles.get(table, table)}, {score}" for table, score in tasks.items()]
    return _table(["", *heads], lines)


def clipping() -> str:
    """RMSE of over-exposed entries by data set, with the ESS of the weights behind it."""
    sets = {
        "svhn-grey": "SVHN, grey, process given",
        "svhn": "SVHN, colour",
        "celeba": "CelebA, 64×64",
        "mnist": "MNIST",
        "digits": "digits of scikit-learn",
    }
    cards = {
        (dataset, kind): zoo.card(f"{dataset}-clipped-{kind}")["measured"]
        for dataset in sets
        for kind in ("miwae", "notmiwae")
    }
    found = {(*key, row["estimate"]): row for key, card in cards.items() for row in card["rmse"]}

    def line(title: str, kind: str, estimate: str) -> list[str]:
        cells = []
        for dataset in sets:
            row = found[dataset, kind, estimate]
            cell = _short(row["rmse"], row["standard_error"])
            if "ess" in row:
                cell += f", ESS {row['ess']:.1f}"
            published = PUBLISHED_CLIPPED.get((dataset, kind, estimate))
            cells.append(cell if published is None else f"{cell} ({_short(published)})")
        return [title, *cells]

    def process(dataset: str) -> str:
        card = cards[dataset, "notmiwae"]
        curve = card.get("learned") or card["given"]
        how = "" if "learned" in card else "given "
        return f"{how}{_short(curve['threshold'])}, {curve['strength']:.1f}"

    lines = [
        line("constant 1", "notmiwae", "constant 1"),
        line("the mean of the hidden values (no method knows it)", "notmiwae", "best constant"),
        line("MIWAE", "miwae", DECODER),
        line("not-MIWAE, x_mis integrated out", "notmiwae", INTEGRATED),
        line("not-MIWAE, weighted drawn values", "notmiwae", DRAWN),
        line("not-MIWAE, decoder means", "notmiwae", DECODER),
        ["threshold and strength (true .75 and 50)", *(process(dataset) for dataset in sets)],
    ]
    return _table(["", *sets.values()], lines)


def mechanisms() -> str:
    """Errors of models of the mask on tables of two mechanisms."""
    lines = [
        [row["table"], row["method"], *_over_seeds(row["rmses"]), _off(row), _bound(row)]
        for row in _rows("mechanisms", "mechanisms")
        if row["table"] != EQUAL_BOUNDS
    ]
    heads = ["what decides", "method", "RMSE", "imputed − hidden mean", "bound, nats per row"]
    return _table(heads, lines)


def equal_bounds() -> str:
    """Bounds and imputed means on a table that cannot tell two mechanisms apart."""
    lines = [
        [row["method"], _bound(row), *_over_seeds(row["imputed"])]
        for row in _rows("mechanisms", "mechanisms")
        if row["table"] == EQUAL_BOUNDS
    ]
    return _table(["method", "bound, nats per row", "mean of the imputed values"], lines)


def _off(row: Row) -> str:
    return next(_over_seeds([a - b for a, b in zip(row["imputed"], row["hidden"], strict=True)]))


def _bound(row: Row) -> str:
    return next(_over_seeds(row["bounds"]), "–")


def _over_seeds(values: Sequence[float]) -> Iterator[str]:
    """The mean and its standard error; nothing if there are no values."""
    if values:
        yield with_error(mean(values), stdev(values) / math.sqrt(len(values)), 3)


# --- clusters -------------------------------------------------------------------------------


def choices() -> str:
    """Accuracy of a VAE trained with a mixture on deskewed digits, for each choice."""
    return _choices(deskewed=True)


def choices_on_raw_digits() -> str:
    """The same on raw digits, with the published number of VaDE."""
    published = ["VaDE (Jiang et al. 2017), all 70,000", "–", "–", number(VADE, 3)]
    return _choices([*published, "–", "–", "–"], deskewed=False)


def _choices(*more: list[str], deskewed: bool) -> str:
    stages = ("before", "after", "control")
    lines = []
    for row in _rows("clusters", "choices"):
        if row["deskewed"] != deskewed:
            continue
        accuracies = [with_error(row[each], row[f"{each}_error"], 3) for each in stages]
        gain = f"{_signed(row['gain'])} ± {number(row['gain_error'], 3)}"
        bound = ", ".join(number(row[f"elbo_{each}"], 1) for each in stages)
        lines.append([row["choice"], str(row["seeds"]), *accuracies, gain, bound])
    heads = [f"{'deskewed' if deskewed else 'raw'} digits", "seeds", *stages, "gain"]
    return _table([*heads, "bound: before, after, control"], [*lines, *more])


def choice_meanings() -> str:
    """Table of what each row of `choices` changes."""
    lines = [[row["choice"], row["about"]] for row in _rows("clusters", "choices")]
    return _table(["row", "what it changes"], lines)


def vaegmm() -> str:
    """Accuracy and bounds of the shipped VAEs that were trained with a mixture."""
    lines = []
    for name, recipe in RECIPES.items():
        if not isinstance(recipe, MixtureRecipe):
            continue
        found = zoo.card(name)["measured"]
        prepared = "deskewed" if recipe.config.deskewed else "raw"
        fields = ("accuracy_before", "accuracy", "accuracy_control", "accuracy_test", "nmi")
        scores = [number(found[each], 3) if each in found else "–" for each in fields]
        bound = (number(found[each], 1) for each in ("elbo_before", "elbo", "elbo_control"))
        images = f"{found['images']:,}, {prepared}"
        lines.append([f"`{name}`", images, *scores, ", ".join(bound)])
    heads = ["shipped", "images", "before", "after", "control", "test images", "NMI"]
    return _table([*heads, "bound: before, after, control"], lines)


# --- GANs -----------------------------------------------------------------------------------


def gan() -> str:
    """Fréchet distance with its floor, precision and recall of the shipped WGANs."""
    lines = []
    for name in ("mnist-wgan", "svhn-wgan", "celeba-wgan"):
        found = zoo.card(name)["measured"]
        generated, real = found["made"], found["real"]

        def both(*fields: str, generated: Row = generated, real: Row = real) -> str:
            first, second = (
                ", ".join(number(each[field]) for field in fields) for each in (generated, real)
            )
            return f"{first} ({second})"

        distance = found["frechet"]
        line = [
            f"`{name}`",
            *(
                f"{number(distance[of])} ± {number(distance[f'{of}_deviation'])}"
                for of in ("generated", "floor")
            ),
            number(distance["times_floor"], 1),
        ]
        lines.append([*line, both("precision", "recall"), both("nearest"), _trained(name)])
    heads = [
        *("", "Fréchet distance", "floor", "÷ floor", "precision, recall (real test images)"),
        *("median distance to the nearest training image (of test images)", "trained for"),
    ]
    return _table(heads, lines)


def hits() -> str:
    """How often an image at the ends of a trait slider has the trait as it should."""
    lines = []
    for dataset in directions.WANTED:
        right = zoo.card(f"{dataset}-classifier")["measured"]["of_each"]
        found = directions.load(ASSETS / f"{dataset}-wgan-directions.npz").traits
        for trait, (absent, present), offered in zip(
            found.names, found.hits.tolist(), found.offered, strict=True
        ):
            judge = "measured" if trait in directions.MEASURED else number(right[trait], 3)
            rates = (number(rate, 3) for rate in (absent, present))
            lines.append([f"`{dataset}-wgan`", trait, *rates, judge, "yes" if offered else "no"])
    heads = ["", "trait", "absent at −4", "present at 4", "accuracy of the judge", "slider"]
    return _table(heads, lines)


def distances() -> str:
    """Distances between two segments, as estimated by critics."""
    found = {
        (row["theta"], row["divergence"]): row["estimate"]
        for row in _rows("distances", "distances")
        if row["pair"] == "segments"
    }
    lines = [
        [f"{theta:g}", *(f"{found[theta, name]:.3f}" for name in ("wasserstein", "hellinger"))]
        for theta in (0.0, 0.1, 0.5, 1.0, 2.0)
    ]
    heads = ["θ", "Wasserstein-1 (true: θ)", "squared Hellinger (true: 0 at 0, else 2)"]
    return _table(heads, lines)


# --- speed ------------------------------------------------------------------------------------


def rounding() -> str:
    """What 8 bits per weight cost the models of the live page."""
    heads = ["model", "weight file", "ELBO, nats", "loss by rounding", "same decisions"]
    lines = [
        [
            f"`{row['model']}`",
            f"{row['bytes'] / 1e6:.2f} MB",
            number(row["elbo"]),
            with_error(row["loss"], row["loss_error"], 3),
            f"{100 * row['same_decisions']:.1f} %",
            f"{number(row['log_ratio_difference'])} nats",
            f"{100 * row['acceptance']:.1f} / {100 * row['rounded_acceptance']:.1f} %",
        ]
        for row in _rows("live", "rounding")
    ]
    return _table([*heads, "log ρ differs by", "acceptance"], lines)


def live_speed() -> str:
    """How fast the live engine and its pages are, with the load of the machine."""
    lines = []
    for row in _rows("live", "speed"):
        goal = row.get("goal")
        target = "" if goal is None else f"≤ {goal:{',.0f' if goal >= 100 else '.3g'}}"
        if goal is not None and row["value"] > goal:
            target += ", missed"
        whole = isinstance(row["value"], int) or row["value"] >= 100
        value = f"{number(row['value'], 0 if whole else 2)} {row['unit']}"
        lines.append([row["what"], value.strip(), target, number(row["load"], 1)])
    return _table(["", "measured", "target", "load average"], lines)


# --- tables of a user's own -----------------------------------------------------------------


def table_methods() -> str:
    """Scores of the methods for tables, by table and mechanism; the lowest CRPS and ties bold."""
    lines = [
        [
            row["table"],
            row["mechanism"],
            row["method"],
            _bold(_short(row["crps"], row["crps_error"]), row["tie"]),
            _short(row["rmse"], row["rmse_error"]),
            "–" if math.isnan(row["coverage"]) else f"{100 * row['coverage']:.0f} %",
            number(row["energy"], 3),
            f"{row['seconds']:.1f}",
        ]
        for row in _rows("table_methods", "methods")
    ]
    heads = ["CRPS", "RMSE", "90 % intervals cover", "energy distance", "seconds"]
    return _table(["table", "missing", "method", *heads], lines)


def _bold(text: str, chosen: bool) -> str:
    return f"**{text}**" if chosen else text


def pooling() -> str:
    """Between-imputation variance and coverage of pooled intervals on simulated tables."""
    lines = [
        [
            row["method"],
            row["mechanism"],
            row["estimand"],
            f"{row['ratio']:.2f} ± {row['ratio_error']:.2f}",
            f"{100 * row['coverage']:.1f} ± {100 * row['coverage_error']:.1f} %",
            _with_error(row["bias"], row["bias_error"]),
            str(row["tables"]),
            f"{row['seconds']:.1f}",
        ]
        for row in _rows("pooling", "pooling")
    ]
    heads = ["variance ÷ proper", "95 % intervals cover", "bias", "tables", "seconds"]
    return _table(["method", "missing", "estimate", *heads], lines)


def _with_error(value: float, error: float) -> str:
    return f"{_signed(round(value, 3))} ± {error:.3f}"


TABLES: dict[str, Callable[[], str]] = {
    "samplers": samplers,
    "partial encoders": partial_encoders,
    "studies": studies,
    "bounds": bounds,
    "floors": floors,
    "vaes": vaes,
    "imputation": imputation,
    "prediction": prediction,
    "clipping": clipping,
    "mechanisms": mechanisms,
    "equal bounds": equal_bounds,
    "choices": choices,
    "choices on raw digits": choices_on_raw_digits,
    "choice meanings": choice_meanings,
    "vaegmm": vaegmm,
    "gan": gan,
    "hits": hits,
    "distances": distances,
    "rounding": rounding,
    "table methods": table_methods,
    "pooling": pooling,
    "live speed": live_speed,
    "samplers words": lambda: number_words.samplers(_rows("inpainting_tables", "samplers")),
    "studies words": lambda: number_words.studies(
        [row for row in sampler_rows.load(SWEEPS) if row.sweep == "missing rate"]
    ),
    "imputation words": lambda: number_words.imputation(_rows("mnar_tables", "imputation")),
    "prediction words": lambda: number_words.prediction(_rows("mnar_tables", "prediction")),
    "mechanisms words": lambda: number_words.mechanisms(_rows("mechanisms", "mechanisms")),
    "choices words": lambda: number_words.gains(_rows("clusters", "choices")),
}
"""Name in the pages' comments → function that returns the table, or sentences about it."""


def _rows(name: str, table: str) -> list[dict[str, Any]]:
    """Rows of a table of `assets/NAME.toml`."""
    return tomllib.loads((ASSETS / f"{name}.toml").read_text(encoding="utf-8"))[table]


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, without a final line break."""
    head, *rest = (
        "".join(f"| {cell} " if cell else "| " for cell in line) + "|" for line in (heads, *lines)
    )
    return "\n".join([head, "|" + "---|" * len(heads), *rest])


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _short(value: float, error: float | None = None) -> str:
    """Value and error with three digits, without the 0 before the decimal point."""
    text = number(value, 3).removeprefix("0")
    return text if error is None else f"{text} ± {_short(error)}"


def _trained(name: str) -> str:
    minutes = sum(zoo.card(name)["training"]["minutes"].values())
    return f"{minutes:.0f} min, one busy core"
