"""Scores of single models, for their cards: likelihoods, bounds, imputations, accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from dgm_core import zoo
from dgm_core.commands.evaluate.run_study import Folder, measure, write_pages
from dgm_core.device import device_of
from dgm_core.evaluation import classifier, clipped, dlvm, miwae, pixelcnn, vae
from dgm_core.models.classifier import Classifier
from dgm_core.models.miwae import MIWAE
from dgm_core.models.partial import PartialEncoder, PartiallyEncoded
from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.models.vae import VAE

Images = Annotated[int | None, typer.Option(help="Number of test images. Default: all.")]
Draws = Annotated[int, typer.Option(help="K, importance samples per image.")]

app = typer.Typer()


@app.command("dlvm")
def evaluate_dlvm(
    names: Annotated[list[str], typer.Argument(help="Models, such as mnist-dlvm.")],
    folder: Folder = zoo.FOLDER,
    images: Annotated[
        int, typer.Option(help="Number of test images for log p(x).")
    ] = dlvm.Config.images,
    draws: Draws = dlvm.Config.draws,
    inpainted: Annotated[
        int, typer.Option(help="Number of test images for the samplers.")
    ] = dlvm.Config.inpainted,
    iterations: Annotated[
        int, typer.Option(help="Iterations of the samplers.")
    ] = dlvm.Config.iterations,
) -> None:
    """Measure DLVMs: log p(x), acceptance, and F1 (PSNR for faces); write them on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
            VAE,
            lambda dataset, model: dlvm.run(
                dlvm.Config(dataset, images, draws, inpainted, iterations=iterations), model
            ),
        )
        for key, value in found.likelihood._asdict().items():
            typer.echo(
                f"{key:16} {value:.3f}" if isinstance(value, float) else f"{key:16} {value}"
            )
        for row in found.inpainting:
            typer.echo(
                f"{row.sampler:24} {row.pattern:15} {row.score} {row.value:.3f} "
                f"± {row.standard_error:.3f}  "
                f"acceptance {row.acceptance:.4f}  stuck {row.stuck:.3f}"
            )


@app.command("vae")
def evaluate_vae(
    names: Annotated[list[str], typer.Argument(help="Models, such as binarized-mnist-vae.")],
    folder: Folder = zoo.FOLDER,
    images: Images = None,
    draws: Draws = 200,
) -> None:
    """Measure VAEs: log p(x), the ELBO and the active latents; write them on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
            VAE,
            lambda dataset, model: vae.run(vae.Config(dataset, images, draws), model),
        )
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f} (K = {draws}), "
            f"ELBO {found.elbo:.2f} = {found.reconstruction:.2f} − {found.divergence:.2f}; "
            f"{int(found.units.active.sum())} of {len(found.units.active)} latents active"
        )
    write_pages(folder, "vaes")


@app.command("miwae")
def evaluate_miwae(
    names: Annotated[list[str], typer.Argument(help="Models, such as mnist-miwae.")],
    folder: Folder = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="Number of test images.")] = miwae.Config.images,
    draws: Draws = miwae.Config.draws,
) -> None:
    """Measure MIWAEs: bound, weights, and F1 (PSNR for faces); write them on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
            MIWAE,
            lambda dataset, model: miwae.run(miwae.Config(dataset, images, draws), model),
        )
        _print_rows(found.rows)


@app.command("partial")
def evaluate_partial(
    names: Annotated[list[str], typer.Argument(help="Partial encoders, such as mnist-partial.")],
    folder: Folder = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="Number of test images.")] = miwae.Config.images,
    draws: Draws = miwae.Config.draws,
) -> None:
    """Measure partial encoders as `miwae` does, each with its DLVM; write them on their cards."""

    def run(dataset: str, partial: PartialEncoder) -> Iterator[miwae.Frame | miwae.Result]:
        dlvm = zoo.load(f"{dataset}-dlvm", device_of(partial))
        return miwae.run(miwae.Config(dataset, images, draws), PartiallyEncoded(dlvm, partial))

    for name in names:
        _print_rows(measure(name, folder, PartialEncoder, run).rows)


def _print_rows(rows: list[miwae.Row]) -> None:
    for row in rows:
        typer.echo(
            f"{row.pattern:15} {row.score} {row.value:.3f} ± {row.standard_error:.3f}  "
            f"bound {row.bound:.2f} (K = 10: {row.bound_of_10:.2f})  ESS {row.ess:.1f}  "
            f"Pareto k > 0.7: {100 * row.untrusted:.0f} %"
        )


@app.command("clipping")
def evaluate_clipping(
    names: Annotated[list[str], typer.Argument(help="Models, such as svhn-clipped-notmiwae.")],
    folder: Folder = zoo.FOLDER,
    images: Images = None,
    draws: Draws = 200,
) -> None:
    """Measure the RMSE of models of over-exposed images; write it on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
            MIWAE,
            lambda dataset, model: clipped.run(clipped.Config(dataset, images, draws), model),
        )
        for row in found.rows:
            typer.echo(f"{row.estimate:22} RMSE {row.rmse:.4f} ± {row.standard_error:.4f}")
        if found.learned:
            how = "given" if found.learned.given else "learned"
            threshold, strength, _ = found.learned
            typer.echo(f"{how}: threshold {threshold:.3f}, strength {strength:.1f}")
    write_pages(folder, "clipping")


@app.command("classifier")
def evaluate_classifier(
    names: Annotated[list[str], typer.Argument(help="Models, such as mnist-classifier.")],
    folder: Folder = zoo.FOLDER,
) -> None:
    """Measure the accuracy of classifiers on the test split; write it on their cards."""
    from dgm_core.recipes.classifier import labelled

    for name in names:
        found = measure(
            name,
            folder,
            Classifier,
            lambda dataset, model: classifier.run(labelled(dataset, "test"), model),
        )
        typer.echo(
            f"{found.images} images: accuracy {found.accuracy:.4f}, "
            f"log p(y | x) {found.log_likelihood:.3f}"
        )


@app.command("pixels")
def evaluate_pixels(
    names: Annotated[list[str], typer.Argument(help="Models, such as digits-pixelcnn.")],
    folder: Folder = zoo.FOLDER,
    images: Images = None,
) -> None:
    """Measure the exact log p(x) of autoregressive models; write it on their cards."""
    for name in names:
        found = measure(
            name, folder, PixelCNN, lambda dataset, model: pixelcnn.run(dataset, model, images)
        )
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f}, {found.images}"
        )
