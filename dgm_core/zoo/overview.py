"""Table of all model cards in Markdown: `dgm models --out docs/models.md`.

    >>> print(markdown(["digits-dlvm"]).splitlines()[-1])  # doctest: +ELLIPSIS
    | `digits-dlvm` | Convolutional Bernoulli DLVM of scikit-learn's digits, ...

The pages of `docs/numbers/` and each card's `estimator` explain each number and state how many
images were used. The table shows the first few numbers of each card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dgm_core import zoo

HEAD = """\
| model | what it is | data | weights | trained for | commit | measured |
|---|---|---|---|---|---|---|
"""

PREFACE = """\
# The shipped models

Load a model with `dgm_core.zoo.load(name)`. This page lists the cards of `pretrained/`; each card
has more details.

- `dgm train NAME` trains a model again. `dgm evaluate …` measures it again and writes its card.
- `dgm models --out docs/models.md` writes this page; a test compares it with the cards.
- ± is a standard error. SSE are sums over the hidden pixels, with levels in [0, 1]. Nats are per
  image. [The measured numbers](README.md#the-measured-numbers) explain the rest.
- A commit that ends in "-dirty" means that the code had changes that were not committed yet.

"""


def page(folder: Path = zoo.FOLDER) -> str:
    """Text of `docs/models.md`."""
    return PREFACE + markdown(folder=folder)


def markdown(names: Iterable[str] | None = None, folder: Path = zoo.FOLDER) -> str:
    """Table of the models `names`; None = all models that have a card in `folder`.

    Raises:
        ValueError, BrokenModel: as `zoo.card` does.
    """
    return HEAD + "".join(
        _row(name, zoo.card(name, folder), folder) for name in names or zoo.names(folder)
    )


def numbers(about: Mapping[str, Any]) -> Iterator[str]:
    """The first few numbers under `measured` of a card, each with its name."""
    measured = about.get("measured", {})
    if found := measured.get("log_likelihood"):  # a classifier has one number
        if isinstance(found, Mapping):
            yield f"log p(x) {with_error(found['nats'], found['standard_error'])} nats"
            if "elbo" in found:
                yield f"ELBO {number(found['elbo'])}"
        else:
            yield f"log p(y given x) {number(found, 3)}"
    if found := measured.get("latents"):
        yield f"{found['active']} of {found['of']} latents active"
    for row in measured.get("inpainting", ()):
        if row["pattern"] == "50 % at random":
            score = "f1" if "f1" in row else "psnr"
            unit = {"f1": "F1", "psnr": "PSNR, dB,"}[score]
            value = with_error(row[score], row["standard_error"], 3 if score == "f1" else 1)
            partial = about["architecture"]["name"].endswith("partial-encoder")
            method = row.get("sampler", "importance sampling" if partial else "MIWAE")
            yield f"50 % hidden, {method}: {unit} {value}"
    for row in measured.get("holes", ())[:1]:
        height, width = row["hole"]
        yield (
            f"hole of {height}×{width}: SSE {with_error(row['sse'], row['sse_error'])}, "
            f"−log p {with_error(row['nll'], row['nll_error'], 1)} nats"
        )
    if "made" in measured:
        generated, distance = measured["made"], measured["frechet"]
        found, floor = (
            with_error(distance[name], distance[f"{name}_deviation"])
            for name in ("generated", "floor")
        )
        yield (
            f"Fréchet distance {found} (floor {floor}), "
            f"precision {number(generated['precision'])}, recall {number(generated['recall'])}"
        )
    if isinstance(measured.get("rmse"), float):
        yield f"RMSE {with_error(measured['rmse'], measured['standard_error'], 3)}"
        # Bounds on log probabilities of different data are not compared.
        data = "x_obs, s" if about["architecture"]["name"].endswith("notmiwae") else "x_obs"
        yield f"bound on log p({data}) {number(measured['bound'])} nats"
    elif rows := measured.get("rmse"):
        # The first two rows are constants, which serve as baselines.
        best = min(rows[2:], key=lambda row: row["rmse"])
        value = with_error(best["rmse"], best["standard_error"], 4)
        yield f"RMSE of over-exposed pixels, {best['estimate']}: {value}"
        yield f"best constant: {number(rows[1]['rmse'], 4)}"
    if "accuracy" in measured:
        yield f"accuracy {number(measured['accuracy'], 3)}"
    if "accuracy_before" in measured:
        yield (
            f"before {number(measured['accuracy_before'], 3)}, "
            f"control {number(measured['accuracy_control'], 3)}"
        )
        yield f"ELBO {number(measured['elbo'])} nats"


def _row(name: str, about: Mapping[str, Any], folder: Path) -> str:
    size = (folder / f"{name}.safetensors").stat().st_size
    weights = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
    training = about["training"]
    minutes = sum(training["minutes"].values())
    cells = (
        f"`{name}`",
        about["summary"],
        about["data"],
        weights,
        f"{minutes:.0f} min" if minutes >= 1 else f"{60 * minutes:.0f} s",
        f"`{training['commit']}`",
        "; ".join(numbers(about)) or "–",
    )
    return f"| {' | '.join(cells)} |\n"


def number(value: float, digits: int = 2) -> str:
    """With a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def with_error(value: float, error: float, digits: int = 2) -> str:
    """Value ± error."""
    return f"{number(value, digits)} ± {number(error, digits)}"
