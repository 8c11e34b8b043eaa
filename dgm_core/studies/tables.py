"""The tables of the README: methods on whole test sets, beside the published figures.

*Holes*: DMFA and MFA on grey MNIST and on faces of 32×32, one hole of a stated size anywhere
inside the image. SSE and NLL are sums over the hole, means over images; the NLL is a density's,
with the variance of a pixel never below `NOISE_FLOOR`.

*Samplers*: F1 on the hidden pixels of the posterior mean, MNIST binarised at ½, pixels of all
images pooled. LAIR is run for as many iterations as take it the time of the slower chain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics, zoo
from dgm_core.imputers import CATALOGUE
from dgm_core.missing import mixtures
from dgm_core.rng import generator
from dgm_core.studies.dlvm import PATTERNS, observed_by
from dgm_core.types import Masked

NOISE_FLOOR = 1e-4
"""Of the DMFA and the MFA, on their cards: variance of a pixel in [0, 1]."""

HOLES = {
    "mnist": ((14, 14), (10, 15), (18, 18)),
    "celeba32": ((16, 16), (12, 20), (12, 12), (20, 20)),
}
MODELS = {
    ("mnist", "DMFA"): "mnist-dmfa",
    ("mnist", "MFA"): "mnist-mfa",
    ("celeba32", "DMFA"): "celeba-dmfa",
    ("celeba32", "MFA"): "celeba32-mfa",
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


class HoleRow(NamedTuple):
    """One method on one hole; ± are standard errors over images."""

    data: str
    hole: tuple[int, int]
    method: str
    images: int
    sse: float
    sse_error: float
    nll: float
    nll_error: float
    psnr: float
    ssim: float


class SamplerRow(NamedTuple):
    """One sampler on one pattern of hidden pixels."""

    method: str
    pattern: str
    images: int
    iterations: int
    f1: float  # pooled over images
    f1_error: float  # standard error over images, jackknifed
    nll: float  # −log p(x_mis | x_obs), nats; a bound from above where latents are few
    seconds: float  # an image
    acceptance: float  # NaN for LAIR
    stuck: float  # share of chains that accepted nothing
    ess: float  # of the pool for LAIR, of log p(x, z) for chains; mean over images


@dataclass(frozen=True)
class Config:
    """How much is measured.

    Args:
        images: of each test set for the holes; None = all.
        inpainted: MNIST test images for the samplers.
        chains: an image, for the chain samplers.
        iterations: of the chain samplers, warm-up included.
        completions: K of LAIR.
        batch: images at once for the samplers.
    """

    images: int | None = None
    inpainted: int = 1000
    chains: int = 4
    iterations: int = 200
    warmup: int = 30
    completions: int = 16
    batch: int = 50


class Frame(NamedTuple):
    """What is being measured, and the share of the whole that is done."""

    doing: str
    done: float


def as_table(row: HoleRow | SamplerRow) -> dict[str, Any]:
    """For a TOML file, rounded."""
    return {key: _rounded(value) for key, value in row._asdict().items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return round(value, 4) if isinstance(value, float) else value


def sentence(row: HoleRow | SamplerRow) -> str:
    """One line for a terminal, with what was published where something was."""
    if isinstance(row, SamplerRow):
        return (
            f"{row.pattern:15} {row.method:24} F1 {row.f1:.3f} ± {row.f1_error:.3f}  "
            f"NLL {row.nll:.1f}  {row.seconds:.2f} s an image, {row.iterations} iterations"
        )
    published = PUBLISHED.get((row.data, row.hole, row.method))
    beside = "" if published is None else f"   published: SSE {published[0]}, NLL {published[1]}"
    return (
        f"{row.data:9} {row.hole[0]}×{row.hole[1]} {row.method:5} SSE {row.sse:.2f} ± "
        f"{row.sse_error:.2f}  NLL {row.nll:.1f} ± {row.nll_error:.1f}{beside}"
    )


# --- holes ------------------------------------------------------------------------------------


def holes(config: Config, device: torch.device) -> Iterator[Frame | HoleRow]:
    """Rows of DMFA and MFA on every hole."""
    done, total = 0, sum(map(len, HOLES.values())) * 2
    for dataset, sizes in HOLES.items():
        x = _test_images(dataset, config.images)
        for size in sizes:
            observed = mixtures.holes(len(x), *x.shape[2:], size, generator(7)).expand_as(x)
            for method in ("DMFA", "MFA"):
                yield Frame(f"{dataset} {size[0]}×{size[1]} {method}", done / total)
                model = zoo.load(MODELS[dataset, method], device)
                yield _hole_row(dataset, size, method, model, Masked(x, observed), x)
                done += 1


def _test_images(dataset: str, images: int | None) -> Tensor:
    if dataset == "mnist":
        return data.load("mnist", "test").x[:images]
    return data.source_window(data.load("celeba", "test").x[:images])


@torch.no_grad()
def _hole_row(
    dataset: str, size: tuple[int, int], method: str, model: Any, masked: Masked, truth: Tensor
) -> HoleRow:
    each: dict[str, list[Tensor]] = {"sse": [], "nll": [], "psnr": [], "ssim": []}
    device = next(iter([*model.parameters(), *model.buffers()])).device
    for rows in torch.arange(len(truth)).split(100):
        part = masked[rows].to(device)
        law, x = model.conditional(part), truth[rows].to(device)
        mean = part.complete(law.mean.unflatten(1, x.shape[1:]))
        each["sse"].append(metrics.sse_hidden(mean, x, part.observed))
        each["nll"].append(-law.log_prob(x.flatten(1)))
        each["psnr"].append(metrics.psnr_hidden(mean, x, part.observed))
        each["ssim"].append(metrics.ssim_hidden(mean, x, part.observed))
    found = {name: metrics.mean_and_error(torch.cat(parts).cpu()) for name, parts in each.items()}
    return HoleRow(
        dataset, size, method, len(truth), *map(float, found["sse"]), *map(float, found["nll"]),
        float(found["psnr"][0]), float(found["ssim"][0]),
    )  # fmt: skip


# --- samplers ---------------------------------------------------------------------------------


def samplers(config: Config, device: torch.device) -> Iterator[Frame | SamplerRow]:
    """Rows of the four samplers on every pattern; LAIR last, with the time of Metropolis."""
    model = zoo.load("mnist-dlvm", device)
    truth = data.threshold(data.load("mnist", "test").x[: config.inpainted])
    for number, pattern in enumerate(PATTERNS):
        masked = Masked(truth, observed_by(pattern, truth))
        rows: list[SamplerRow] = []
        for name in ("pseudo-Gibbs", "Metropolis-within-Gibbs", "collapsed Metropolis"):
            yield Frame(f"{pattern}, {name}", (number + len(rows) / 4) / len(PATTERNS))
            settings = _chain_settings(config)
            rows.append(_sampler_row(name, pattern, model, masked, truth, settings, config))
            yield rows[-1]
        yield Frame(f"{pattern}, LAIR", (number + 3 / 4) / len(PATTERNS))
        settings = _lair_settings(config, model, masked, rows[1].seconds)
        yield _sampler_row("LAIR", pattern, model, masked, truth, settings, config)


def _chain_settings(config: Config) -> dict[str, Any]:
    return {
        "iterations": config.iterations,
        "warmup": config.warmup,
        "chains": config.chains,
        "draws": 1,
        "updates": 1,
    }


def _lair_settings(config: Config, model: Any, masked: Masked, seconds: float) -> dict[str, Any]:
    """As many iterations as fit into `seconds` an image, measured on the first batch."""
    settings = {"completions": config.completions, "draws": 1, "updates": 1, "warmup": 10}
    trial = 20
    method = CATALOGUE["LAIR"](model, iterations=trial, **settings)
    begun = time.perf_counter()
    for _ in method.run(masked[: config.batch], generator(0, masked.x.device)):
        pass
    each = (time.perf_counter() - begun) / trial / len(masked[: config.batch])
    return settings | {"iterations": min(max(int(seconds / each), trial), 5000)}


def _sampler_row(
    name: str,
    pattern: str,
    model: Any,
    masked: Masked,
    truth: Tensor,
    settings: dict[str, Any],
    config: Config,
) -> SamplerRow:
    method = CATALOGUE[name](model, **settings)
    device = next(model.parameters()).device
    counts, nll, diagnostics = [], [], []
    begun = time.perf_counter()
    for start in range(0, len(truth), config.batch):
        rows = slice(start, start + config.batch)
        part, x = masked[rows].to(device), truth[rows].to(device)
        *_, last = method.run(part, generator(start, device))
        counts.append(_confusion(last.mean, x, part.observed).cpu())
        nll.append(-last.log_density(x).cpu())
        diagnostics.append({key: v.float().cpu() for key, v in last.diagnostics.items()})
    seconds = (time.perf_counter() - begun) / len(truth)
    f1, error = pooled_f1(torch.cat(counts))
    found = {key: torch.cat([each[key] for each in diagnostics]) for key in diagnostics[0]}
    missing = torch.full((1,), torch.nan)
    return SamplerRow(
        name, pattern, len(truth), settings["iterations"], f1, error,
        torch.cat(nll).mean().item(), seconds,
        found.get("acceptance", missing).mean().item(),
        found.get("stuck chains", missing).mean().item() / config.chains,
        found["ESS"].nanmean().item(),
    )  # fmt: skip


def _confusion(mean: Tensor, truth: Tensor, observed: Tensor) -> Tensor:
    """(B, 2): true positives and wrong pixels among the hidden."""
    guess, true, hidden = mean > 0.5, truth > 0.5, ~observed
    dims = tuple(range(1, mean.dim()))
    return torch.stack(
        [(guess & true & hidden).sum(dims), ((guess != true) & hidden).sum(dims)], 1
    )


def pooled_f1(counts: Tensor) -> tuple[float, float]:
    """F1 of all images' pixels together from counts (B, 2), and its jackknife standard error."""
    total = counts.sum(0)

    def score(tp_wrong: Tensor) -> Tensor:
        tp, wrong = tp_wrong.double().unbind(-1)
        return 2 * tp / (2 * tp + wrong)

    others = score(total - counts)
    count = len(counts)
    error = ((count - 1) * others.var(correction=0)).sqrt()
    return score(total).item(), error.item()


PARTS = {"holes": holes, "samplers": samplers}
"""The two tables by name."""


def annotate_cards(rows: list[dict[str, Any]], folder: Path = zoo.FOLDER) -> None:
    """Write each model's own rows of the table of holes on its card."""
    for (dataset, method), name in MODELS.items():
        own = [row for row in rows if (row["data"], row["method"]) == (dataset, method)]
        if own:
            card = zoo.card(name, folder)
            zoo.annotate(name, {**card, "measured": {"holes": own}}, folder)
