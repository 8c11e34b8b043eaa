"""Whatever measures on test images measures on images of every class of a sorted split.

`tests/data/test_no_prefix.py` reads the code; these tests run it, on a split whose first half is
black and whose second half is white. Each case stops where the images first reach a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor

import dgm_core.missing.clipped
import dgm_core.recipes.dlvm
from dgm_core import data
from dgm_core.data.sets import Images
from dgm_core.evaluation import clipped, dlvm, gan, holes, live, miwae, pixelcnn, samplers, vae
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.miwae import fully_connected_miwae
from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.recipes.dlvm import _validation_by_acceptance
from dgm_core.studies.inpainting import sampler_sweeps
from dgm_core.studies.likelihood import bounds, small_vae

COUNT = 20
"""Images to measure on; the split has 400."""


def sorted_split(*_: object, **__: object) -> Images:
    """200 black images, then 200 white ones, of 20 groups."""
    x = torch.arange(2.0).repeat_interleave(200)[:, None, None, None].expand(-1, 1, 28, 28)
    y = torch.arange(2).repeat_interleave(200)
    return Images(x, y, ("black", "white"), torch.arange(400) // 20)


class Reached(Exception):
    """The images have reached the function where the case stops."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = images


def stop_at(patch: pytest.MonkeyPatch, where: object, name: str, argument: int) -> None:
    """Let a function raise `Reached` with one of its arguments."""

    def stop(*arguments: Any, **_: object) -> NoReturn:
        raise Reached(arguments[argument])

    patch.setattr(where, name, stop)


def likelihood(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, dlvm, "estimate_log_likelihood", 1)
    return dlvm.run(dlvm.Config("mnist", COUNT), fully_connected_dlvm(2, 4))


def inpainted(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, dlvm, "fill_in", 1)
    config = dlvm.Config("mnist", images=5, draws=2, inpainted=COUNT)
    return dlvm.run(config, fully_connected_dlvm(2, 4).requires_grad_(False))


def by_miwae(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, miwae, "fill_in", 1)
    return miwae.run(miwae.Config("mnist", COUNT), fully_connected_miwae(2, 4))


def by_vae(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, vae, "estimate_log_likelihood", 1)
    return vae.run(vae.Config("mnist", COUNT), fully_connected_dlvm(2, 4))


def by_pixels(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    model = PixelCNN(8, (1,))
    stop_at(patch, model, "log_prob", 0)
    return pixelcnn.run("mnist", model, COUNT)


def over_exposed(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, dgm_core.missing.clipped, "clipped", 0)
    return clipped.run(clipped.Config("mnist", COUNT), fully_connected_miwae(2, 4))


def real_images_of_gans(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    patch.setattr(data, "pixels", lambda *_: (255 * sorted_split().x).byte())
    patch.setattr(gan, "generated_images", lambda *_: None)

    class Reference:
        features = torch.zeros(400, 2)

        def __init__(self, *_: object) -> None: ...

        def distances(self, *_: object) -> Iterator[Any]:
            return iter(())

        def quality(self, images: Tensor | None, _: int) -> None:
            if images is not None:
                raise Reached(images)

    patch.setattr(gan, "Reference", Reference)
    return gan.run(gan.Config("mnist", COUNT), None, None)


def live_weights(patch: pytest.MonkeyPatch) -> Any:
    stop_at(patch, live, "_elbos", 1)
    return live.cost("mnist-dlvm", COUNT)


def tables_of_samplers(patch: pytest.MonkeyPatch) -> NoReturn:
    raise Reached(samplers.test_images(samplers.Config(images=COUNT))[0])


def holes_in_images(patch: pytest.MonkeyPatch) -> NoReturn:
    raise Reached(holes.test_images("mnist", COUNT))


def sweeps(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, sampler_sweeps, "measure", 3)
    return sampler_sweeps.run(sampler_sweeps.Config(images=COUNT), fully_connected_dlvm(2, 4))


def bounds_of_likelihoods(patch: pytest.MonkeyPatch) -> NoReturn:
    raise Reached(bounds.images_of("mnist", COUNT))


def held_out_of_small_vaes(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    stop_at(patch, small_vae, "_frame", 2)
    return small_vae.run(small_vae.Config())


def acceptance_of_recipes(patch: pytest.MonkeyPatch) -> Any:
    stop_at(patch, dgm_core.recipes.dlvm, "Masked", 0)
    return _validation_by_acceptance(data.load("mnist", "valid").x, COUNT)(
        fully_connected_dlvm(2, 4)
    )


CASES: dict[str, Callable[[pytest.MonkeyPatch], Any]] = {
    each.__name__: each
    for each in (
        *(likelihood, inpainted, by_miwae, by_vae, by_pixels, over_exposed, real_images_of_gans),
        *(live_weights, tables_of_samplers, holes_in_images, sweeps, bounds_of_likelihoods),
        *(held_out_of_small_vaes, acceptance_of_recipes),
    )
}


def colours(case: str, patch: pytest.MonkeyPatch) -> set[float]:
    """Brightness of the images that a case reaches."""
    patch.setattr(data, "load", sorted_split)
    with pytest.raises(Reached) as reached:
        list(CASES[case](patch))
    return set(reached.value.images.flatten(1).float().mean(1).tolist())


@pytest.mark.parametrize("case", CASES)
def test_images_of_every_class_are_measured(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert colours(case, monkeypatch) == {0.0, 1.0}


@pytest.mark.parametrize(
    "case", sorted(set(CASES) - {"real_images_of_gans", "acceptance_of_recipes"})
)
def test_a_prefix_would_be_found(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first rows instead of a sample, every case sees black images alone."""

    def first(images: Images, count: int | None = None, first: int = 0) -> Images:
        rows = slice(first, None if count is None else first + min(count, 200))
        return Images(images.x[rows], images.y[rows], images.classes, images.groups[rows])

    monkeypatch.setattr(Images, "sample", first)
    assert colours(case, monkeypatch) == {0.0}
