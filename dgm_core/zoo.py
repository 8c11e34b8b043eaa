"""Trained models by name: card → built, verified, frozen model.

Each model is two files in `pretrained/`: a card (`.toml`: what, how trained, on what, which
numbers it reached) and its weights (`.safetensors`). `load` builds the architecture that the card
names, checks the weights against the card's SHA-256, and freezes the result, which sessions may
share.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import tomli_w
import torch
from torch import nn

from dgm_core import eight_bits
from dgm_core.files import written_whole
from dgm_core.models import (
    classifier,
    clipped,
    dlvm,
    dmfa,
    mfa,
    miwae,
    pixelcnn,
    tabular,
    vae_gmm,
    wgan,
)

FOLDER = Path(__file__).parent.parent / "pretrained"

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "fully-connected-dlvm": dlvm.fully_connected_dlvm,
    "convolutional-dlvm": dlvm.convolutional_dlvm,
    "face-dlvm": dlvm.face_dlvm,
    "mirrored-vae": dlvm.mirrored_vae,
    "fully-connected-miwae": miwae.fully_connected_miwae,
    "face-miwae": miwae.face_miwae,
    "clipping-miwae": clipped.clipping_miwae,
    "clipping-notmiwae": clipped.clipping_notmiwae,
    "table-miwae": tabular.table_miwae,
    "table-notmiwae": tabular.table_notmiwae,
    "mfa": mfa.MixtureOfFactorAnalysers,
    "unet-dmfa": dmfa.unet_dmfa,
    "mixture-vae": vae_gmm.mixture_vae,
    "wgan": wgan.wgan,
    "pixelcnn": pixelcnn.PixelCNN,
    "classifier": classifier.classifier,
}


class BrokenModel(ValueError):
    """A card or its weights cannot be used; the message names the file and says why."""


def names(folder: Path = FOLDER) -> list[str]:
    """The models that have a card, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The card of a model.

    Raises:
        ValueError: no such model.
        BrokenModel: the card cannot be read.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"no model {name!r}; there are {', '.join(names(folder)) or 'none'}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenModel(f"the card {path.name} is not valid TOML: {error}") from error


def load(name: str, device: torch.device | str = "cpu", folder: Path = FOLDER) -> nn.Module:
    """Build a model, verify and load its weights, freeze it (eval mode, no gradients).

    Raises:
        ValueError: no such model.
        BrokenModel: weights missing, altered, or not those of the architecture.
    """
    about = card(name, folder)
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise BrokenModel(f"the weights {path.name} are missing beside their card")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != about.get("sha256"):
        raise BrokenModel(f"the weights {path.name} do not match the SHA-256 on their card")
    try:
        architecture = dict(about["architecture"])
        model = ARCHITECTURES[architecture.pop("name")](**architecture)
        model.load_state_dict(eight_bits.unpack(safetensors.torch.load(content)), strict=True)
    except (KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise BrokenModel(f"{name} cannot be built from its card: {error}") from error
    return model.to(device).eval().requires_grad_(False)


def save(
    name: str,
    model: nn.Module,
    about: dict[str, Any],
    folder: Path = FOLDER,
    *,
    packed: bool = False,
) -> None:
    """Write weights and card; both whole or not at all.

    `load` gives back the rounded weights, so measure what `load` returns, not `model`.

    Args:
        name: of both files.
        model: what to save.
        about: what the card says.
        folder: where.
        packed: matrices in a byte a number (`eight_bits`); else all in half precision.
    """
    weights = {key: value.contiguous().cpu() for key, value in model.state_dict().items()}
    halves = {key: value.half() for key, value in weights.items()}
    content = safetensors.torch.save(eight_bits.pack(weights) if packed else halves)
    with written_whole(folder / f"{name}.safetensors") as part:
        part.write_bytes(content)
    annotate(name, {"name": name, **about, "sha256": hashlib.sha256(content).hexdigest()}, folder)


def annotate(name: str, about: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write a model's card."""
    with written_whole(folder / f"{name}.toml") as part:
        part.write_text(tomli_w.dumps(about, multiline_strings=True), encoding="utf-8")
