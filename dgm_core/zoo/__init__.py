"""Trained models by name: load, list, register and save them.

Each model is two files in `pretrained/`: a card (`.toml`) and its weights (`.safetensors`). The
card states what the model is, how and on what data it was trained, and its measured numbers.
`load` builds the architecture that the card names, checks the weights against the card's SHA-256,
and freezes the model, so that sessions can share it. `dgm_core.zoo.overview` lists all cards with
their numbers.

    >>> model = load("digits-dlvm")
    >>> model.latent_dim, model.training
    (40, False)
    >>> card("digits-dlvm")["measured"]["log_likelihood"]["nats"]
    -60.54

You can save your own model in any folder and register it. Until the process ends, `load` then
finds it by name like a shipped model. A card contains data only. It names an architecture of
`ARCHITECTURES`, or `register` receives the constructor; a card never causes an import. Pickles can
run code and are never read.

    >>> import tempfile
    >>> from torch import nn
    >>> about = {"summary": "A line", "architecture": {"name": "line", "in_features": 3,
    ...          "out_features": 1}}
    >>> path = save("my-line", nn.Linear(3, 1), about, Path(tempfile.mkdtemp()))
    >>> register(path, nn.Linear)
    'my-line'
    >>> load("my-line")
    Linear(in_features=3, out_features=1, bias=True)
    >>> unregister("my-line")
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import tomli_w
import torch
from torch import nn

from dgm_core.checkout import PRETRAINED
from dgm_core.files import written_whole
from dgm_core.models import (
    classifier,
    clipped,
    dlvm,
    dmfa,
    mfa,
    miwae,
    partial,
    pixelcnn,
    tabular,
    vae_gmm,
    wgan,
)
from dgm_core.zoo import quantisation

FOLDER = Path(os.environ.get("DGM_PRETRAINED") or PRETRAINED).expanduser()
"""Folder of the shipped models: `$DGM_PRETRAINED`, else `pretrained/` of the checkout.

An installed package contains no weights, so it needs the variable. The variable is read once, when
this module is imported.
"""

Constructor = Callable[..., nn.Module]
"""Builds an untrained model from the entries under `architecture` on its card, except `name`."""

ARCHITECTURES: dict[str, Constructor] = {
    "fully-connected-dlvm": dlvm.fully_connected_dlvm,
    "convolutional-dlvm": dlvm.convolutional_dlvm,
    "face-dlvm": dlvm.face_dlvm,
    "convolutional-partial-encoder": partial.convolutional_partial_encoder,
    "face-partial-encoder": partial.face_partial_encoder,
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


PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
"""Suffixes of weight files that can run code when they are read."""


class BrokenModel(ValueError):
    """A card or its weights cannot be used; the message names the file and the reason."""


class ModelsUnavailable(FileNotFoundError):
    """The shipped models are not on this machine; the message says what to do."""


class Registered(NamedTuple):
    """A registered model: its files, and its constructor (None = the one that its card names)."""

    path: Path  # of the card
    sha256: str  # of the weights
    constructor: Constructor | None


_REGISTERED: dict[str, Registered] = {}


def names(folder: Path = FOLDER) -> list[str]:
    """Names of the models that have a card, sorted; `FOLDER` includes the registered models."""
    registered = _REGISTERED if folder == FOLDER else ()
    return sorted({path.stem for path in folder.glob("*.toml")}.union(registered))


def check_available(folder: Path = FOLDER) -> None:
    """Check that the shipped models are on this machine; another folder may be empty.

    Raises:
        ModelsUnavailable: the shipped models are not on this machine.
    """
    if folder == FOLDER and not any(folder.glob("*.toml")):
        raise ModelsUnavailable(
            f"There are no trained models in {folder}: set DGM_PRETRAINED to a folder that holds "
            "them, such as pretrained/ in a checkout of DGM Lab."
        )


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The card of a model.

    Raises:
        ValueError: there is no model of this name.
        ModelsUnavailable: the shipped models are not on this machine.
        BrokenModel: the card cannot be read.
    """
    path = _card_path(name, folder)
    if not path.is_file():
        check_available(folder)
        raise ValueError(f"no model {name!r}; there are {', '.join(names(folder)) or 'none'}")
    return _read(path)


def load(name: str, device: torch.device | str = "cpu", folder: Path = FOLDER) -> Any:
    """Build a model, verify and load its weights, freeze it (eval mode, no gradients).

    The class of the model depends on its card.

    Raises:
        ValueError: there is no model of this name.
        ModelsUnavailable: the shipped models are not on this machine.
        BrokenModel: the weights are missing, altered, or of another architecture.
    """
    about, path = card(name, folder), _card_path(name, folder)
    registered = _REGISTERED.get(name) if folder == FOLDER else None
    return _built(about, path, registered.constructor if registered else None).to(device)


def register(
    path: Path | str, constructor: Constructor | None = None, *, name: str | None = None
) -> str:
    """Register your own model under a name, until the process ends.

    The model is built and checked here as in `load`, so that faults are reported at once. The
    files stay where they are, and `load` checks them again. Registering the same model again
    changes nothing.

    Args:
        path: path of the card, NAME.toml; the weights are NAME.safetensors in the same folder.
        constructor: builds the untrained model from the arguments under `architecture` on the
            card; None = the card names one of `ARCHITECTURES`.
        name: name for `load`; default: the card's file name without its suffix.

    Returns:
        The name.

    Raises:
        ValueError: a shipped model or another registered model has this name.
        BrokenModel: there is no card, its architecture is unknown, or the weights are missing,
            altered, pickled, or of another architecture.
    """
    path = Path(path).resolve()
    name = name or path.stem
    if (FOLDER / f"{name}.toml").is_file():
        raise ValueError(f"{name!r} is the name of a shipped model; choose another")
    if not path.is_file():
        raise BrokenModel(f"there is no card {path}")
    about = _read(path)
    _built(about, path, constructor)
    registered = Registered(path, about["sha256"], constructor)
    if _REGISTERED.setdefault(name, registered) != registered:
        raise ValueError(
            f"{name!r} is registered for {_REGISTERED[name].path} already, with other contents or "
            "another constructor; choose another name, or unregister that one first"
        )
    return name


def unregister(name: str) -> None:
    """Remove a registered model; its files stay.

    Raises:
        ValueError: no model is registered under this name.
    """
    if _REGISTERED.pop(name, None) is None:
        raise ValueError(f"no model {name!r} is registered")


def _card_path(name: str, folder: Path) -> Path:
    registered = _REGISTERED.get(name) if folder == FOLDER else None
    return registered.path if registered else folder / f"{name}.toml"


def _read(path: Path) -> dict[str, Any]:
    """Contents of an existing card.

    Raises:
        BrokenModel: the card cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenModel(f"the card {path.name} is not valid TOML: {error}") from error


def _built(about: dict[str, Any], path: Path, constructor: Constructor | None) -> nn.Module:
    """Model of the card `about` at `path`, verified and frozen."""
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        pickled = [path.with_suffix(end) for end in PICKLES if path.with_suffix(end).is_file()]
        raise BrokenModel(
            f"the weights {weights.name} are missing beside their card"
            + "".join(
                f"; {each.name} is not read, since a pickle can run code" for each in pickled
            )
        )
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != about.get("sha256"):
        raise BrokenModel(f"the weights {weights.name} do not match the SHA-256 on their card")
    if content[8:9] != b"{":  # after 8 bytes with its length, a header in JSON
        raise BrokenModel(
            f"{weights.name} is not a safetensors file; a pickle can run code and is not read"
        )
    try:
        arguments = dict(about["architecture"])
        kind = arguments.pop("name")
        build = constructor or ARCHITECTURES.get(kind)
        if build is None:
            raise BrokenModel(
                f"the card {path.name} names an architecture {kind!r} that dgm_core does not "
                "have; register the card with its constructor, zoo.register(path, constructor)"
            )
        model = build(**arguments)
        model.load_state_dict(quantisation.unpack(safetensors.torch.load(content)), strict=True)
    except (KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise BrokenModel(f"{path.stem} cannot be built from its card: {error}") from error
    return model.eval().requires_grad_(False)


def save(
    name: str,
    model: nn.Module,
    about: dict[str, Any],
    folder: Path = FOLDER,
    *,
    packed: bool = False,
) -> Path:
    """Write the weights and the card; each file is written completely or not at all.

    The weights are rounded, so measure the model that `load` returns, not `model`.

    Args:
        name: name of both files, without suffix.
        model: the model to save.
        about: contents of the card. The entry `architecture` has its name and the arguments of the
            constructor.
        folder: folder of both files.
        packed: True = matrices with one byte per number (`dgm_core.zoo.quantisation`); False = all
            weights in half precision.

    Returns:
        The path of the card, which `register` takes.
    """
    weights = {key: value.contiguous().cpu() for key, value in model.state_dict().items()}
    halves = {
        key: value.half() if value.is_floating_point() else value for key, value in weights.items()
    }
    content = safetensors.torch.save(quantisation.pack(weights) if packed else halves)
    with written_whole(folder / f"{name}.safetensors") as part:
        part.write_bytes(content)
    about = {"name": name, **about, "sha256": hashlib.sha256(content).hexdigest()}
    return annotate(name, about, folder)


def annotate(name: str, about: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write a model's card; returns its path."""
    path = folder / f"{name}.toml"
    with written_whole(path) as part:
        part.write_text(tomli_w.dumps(about, multiline_strings=True), encoding="utf-8")
    return path
