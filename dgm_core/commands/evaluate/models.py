"""Models alone: likelihoods and bounds, what they fill in, accuracy, each for the model's card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgm_core import zoo
from dgm_core.commands.evaluate.run_study import measure, write_pages
from dgm_core.evaluation import classifier, clipped, dlvm, miwae, pixelcnn
from dgm_core.studies.likelihood import vae_quality

app = typer.Typer()


@app.command("dlvm")
def evaluate_dlvm(
    names: Annotated[list[str], typer.Argument(help="models, mnist-dlvm for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images for log p(x)")] = 1000,
    draws: Annotated[int, typer.Option(help="importance samples an image")] = 5000,
    inpainted: Annotated[int, typer.Option(help="test images for the samplers")] = 100,
    iterations: Annotated[int, typer.Option(help="of the samplers")] = 500,
) -> None:
    """Measure log p(x), acceptance and F1 (faces: PSNR) of DLVMs; write them on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
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
    names: Annotated[list[str], typer.Argument(help="models, binarized-mnist-vae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 200,
) -> None:
    """Measure log p(x), the ELBO and which latents are used; write them on the models' cards."""
    for name in names:
        found = measure(
            name,
            folder,
            lambda dataset, model: vae_quality.run(
                vae_quality.Config(dataset, images, draws), model
            ),
        )
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f} (K = {draws}), "
            f"ELBO {found.elbo:.2f} = {found.reconstruction:.2f} − {found.divergence:.2f}; "
            f"{int(found.units.active.sum())} of {len(found.units.active)} latents active"
        )
    write_pages(folder, "vaes")


@app.command("miwae")
def evaluate_miwae(
    names: Annotated[list[str], typer.Argument(help="models, mnist-miwae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int, typer.Option(help="test images")] = 200,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 1000,
) -> None:
    """Measure the bound, the weights and F1 (faces: PSNR) of MIWAEs; write them on their cards."""
    for name in names:
        found = measure(
            name,
            folder,
            lambda dataset, model: miwae.run(miwae.Config(dataset, images, draws), model),
        )
        for row in found.rows:
            typer.echo(
                f"{row.pattern:15} {row.score} {row.value:.3f} ± {row.standard_error:.3f}  "
                f"bound {row.bound:.2f} (K = 10: {row.bound_of_10:.2f})  ESS {row.ess:.1f}  "
                f"Pareto k > 0.7: {row.untrusted:.0%}"
            )


@app.command("clipping")
def evaluate_clipping(
    names: Annotated[list[str], typer.Argument(help="models, svhn-clipped-notmiwae for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
    draws: Annotated[int, typer.Option(help="K, importance samples an image")] = 200,
) -> None:
    """Measure the RMSE of what fills in over-exposed images; write it on the models' cards."""
    for name in names:
        found = measure(
            name,
            folder,
            lambda dataset, model: clipped.run(clipped.Config(dataset, images, draws), model),
        )
        for row in found.rows:
            typer.echo(f"{row.estimate:22} RMSE {row.rmse:.4f} ± {row.standard_error:.4f}")
        if found.learned:
            typer.echo("learned: threshold {:.3f}, strength {:.1f}".format(*found.learned))


@app.command("classifier")
def evaluate_classifier(
    names: Annotated[list[str], typer.Argument(help="models, mnist-classifier for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
) -> None:
    """Measure how often classifiers are right on the test split; write it on their cards."""
    from dgm_core.recipes.classifier import labelled

    for name in names:
        found = measure(
            name,
            folder,
            lambda dataset, model: classifier.run(labelled(dataset, "test"), model),
        )
        typer.echo(
            f"{found.images} images: accuracy {found.accuracy:.4f}, "
            f"log p(y | x) {found.log_likelihood:.3f}"
        )


@app.command("pixels")
def evaluate_pixels(
    names: Annotated[list[str], typer.Argument(help="models, digits-pixelcnn for one")],
    folder: Annotated[Path, typer.Option(help="where card and weights are")] = zoo.FOLDER,
    images: Annotated[int | None, typer.Option(help="test images; all")] = None,
) -> None:
    """Measure the exact log p(x) of autoregressive models; write it on their cards."""
    for name in names:
        found = measure(name, folder, lambda dataset, model: pixelcnn.run(dataset, model, images))
        typer.echo(
            f"{name}: log p(x) {found.log_p:.2f} ± {found.standard_error:.2f}, "
            f"{found.images} images"
        )
