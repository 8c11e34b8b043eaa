"""The documented table of holes: DMFA and MFA on whole test sets, with the published numbers.

Grey MNIST and faces of 32×32, with one hole of a given size at a random position. SSE and NLL are
sums over the hole and means over images. The NLL is that of a density, and the noise floors of the
models keep the variance of a pixel at 1e-4 or more.

There are no published numbers for faces of 64×64, so they are not in the table. The card of
`celeba-mfa` has their scores: `run(Config(datasets=("celeba",)), device)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics, zoo
from dgm_core.missing import mixed_masks
from dgm_core.rng import generator
from dgm_core.studies.progress import Frame
from dgm_core.types import Masked

HOLES = {
    "mnist": ((14, 14), (10, 15), (18, 18)),
    "celeba32": ((16, 16), (12, 20), (12, 12), (20, 20)),
    "celeba": ((32, 32),),
}
MODELS = {
    ("mnist", "DMFA"): "mnist-dmfa",
    ("mnist", "MFA"): "mnist-mfa",
    ("celeba32", "DMFA"): "celeba-dmfa",
    ("celeba32", "MFA"): "celeba32-mfa",
    ("celeba", "MFA"): "celeba-mfa",
}
PUBLISHED = {
    ("mnist", (14, 14), "DMFA"): (12.96, -244.81),
    ("mnist", (14, 14), "MFA"): (18.59, 58.10),
    ("mnist", (10, 15), "DMFA"): (9.04, -147.29),
    ("mnist", (10, 15), "MFA"): (12.09, 5.85),
    ("mnist", (18, 18), "DMFA"): (31.66, -222.6),
    ("celeba32", (16, 16), "DMFA"): (7.73, -1222.85),
    ("celeba32", (16, 16), "MFA"): (9.82, -882.54),
    ("celeba32", (12, 20), "DMFA"): (10.03, -885.85),
    ("celeba32", (12, 20), "MFA"): (11.73, -815.60),
    ("celeba32", (12, 12), "DMFA"): (None, -304.0),
    ("celeba32", (12, 12), "MFA"): (None, -514.0),
    ("celeba32", (20, 20), "DMFA"): (None, -1076.0),
    ("celeba32", (20, 20), "MFA"): (None, -1316.0),
}
"""(data, hole, method) → published SSE and NLL (Przewięźlikowski et al.; noise floor 1e-10)."""

KEY = ("data", "hole", "method")
"""Fields that identify a row of the table."""
BATCH = 100
"""Images per batch."""


@dataclass(frozen=True)
class Config:
    """Data and number of images.

    Args:
        images: number of images of each test set, chosen at random; None = all.
        datasets: keys of `HOLES`.
    """

    images: int | None = None
    datasets: tuple[str, ...] = ("mnist", "celeba32")


class Row(NamedTuple):
    """One method on one hole; means over images, and their standard errors."""

    data: str
    hole: tuple[int, int]  # height and width, pixels
    method: str
    images: int
    sse: float  # sum over the hole, squared levels in [0, 1]
    sse_error: float
    nll: float  # −log p(x_mis | x_obs), nats
    nll_error: float
    psnr: float  # dB
    ssim: float

    def sentence(self) -> str:
        """One line for a terminal, with the published numbers if there are any."""
        published = PUBLISHED.get((self.data, self.hole, self.method))
        sse, nll = published or (None, None)
        comparison = "" if published is None else f"   published: SSE {sse}, NLL {nll}"
        return (
            f"{self.data:9} {self.hole[0]}×{self.hole[1]} {self.method:5} SSE {self.sse:.2f} ± "
            f"{self.sse_error:.2f}  NLL {self.nll:.1f} ± {self.nll_error:.1f}{comparison}"
        )


def run(config: Config, device: torch.device) -> Iterator[Frame | Row]:
    """Rows of DMFA and MFA on every hole, each as soon as it is measured."""
    done, total = 0, sum(len(HOLES[name]) * len(methods_of(name)) for name in config.datasets)
    for dataset in config.datasets:
        x = test_images(dataset, config.images)
        for size in HOLES[dataset]:
            observed = observed_around(size, x)
            for method in methods_of(dataset):
                yield Frame(f"{dataset} {size[0]}×{size[1]} {method}", done / total)
                model = zoo.load(MODELS[dataset, method], device)
                yield row_of(dataset, size, method, [measure(model, x, observed, device)])
                done += 1


def methods_of(dataset: str) -> list[str]:
    """The methods with a shipped model of the data set."""
    return [method for name, method in MODELS if name == dataset]


def test_images(dataset: str, images: int | None) -> Tensor:
    """Levels in [0, 1], (N, C, H, W); `celeba32` is the window of the paper, faces at 32×32."""
    if dataset == "celeba32":
        return data.source_window(data.load("celeba", "test").sample(images).x)
    return data.load(dataset, "test").sample(images).x


def observed_around(size: tuple[int, int], x: Tensor) -> Tensor:
    """Boolean mask with one hole per image, of the shape of `x`."""
    height, width = x.shape[2:]
    return mixed_masks.holes(len(x), height, width, size, generator(7)).expand_as(x)


@torch.no_grad()
def measure(
    model: Any, original: Tensor, observed: Tensor, device: torch.device
) -> dict[str, list[float]]:
    """SSE, NLL, PSNR and SSIM, one value per image."""
    each: dict[str, list[Tensor]] = {"sse": [], "nll": [], "psnr": [], "ssim": []}
    for x, observed_part in zip(original.split(BATCH), observed.split(BATCH), strict=True):
        part, x = Masked(x, observed_part).to(device), x.to(device)
        conditional = model.conditional(part)
        mean = part.complete(conditional.mean.unflatten(1, x.shape[1:]))
        each["sse"].append(metrics.sse_hidden(mean, x, part.observed))
        each["nll"].append(-conditional.log_prob(x.flatten(1)))
        each["psnr"].append(metrics.psnr_hidden(mean, x, part.observed))
        each["ssim"].append(metrics.ssim_hidden(mean, x, part.observed))
    return {name: torch.cat(parts).tolist() for name, parts in each.items()}


def row_of(
    dataset: str,
    size: tuple[int, int],
    method: str,
    parts: Sequence[Mapping[str, Sequence[float]]],
) -> Row:
    """The row from the scores of all images, in their order."""
    each = {name: torch.tensor([x for part in parts for x in part[name]]) for name in parts[0]}
    found = {name: metrics.mean_and_error(values) for name, values in each.items()}
    means = {name: score.mean.item() for name, score in found.items()}
    errors = {f"{name}_error": found[name].standard_error.item() for name in ("sse", "nll")}
    return Row(dataset, size, method, len(each["sse"]), **means, **errors)


def annotate_card(
    row: dict[str, Any], rows: list[dict[str, Any]], folder: Path = zoo.FOLDER
) -> None:
    """Write all rows of the model of `row` on its card."""
    name = MODELS[row["data"], row["method"]]
    own = [each for each in rows if all(each[key] == row[key] for key in ("data", "method"))]
    zoo.annotate(name, {**zoo.card(name, folder), "measured": {"holes": own}}, folder)
