"""Trained models by name: card → built, verified, frozen model.

Each model is two files in `pretrained/`: a card (`.toml`: what, how trained, on what, which
numbers it reached) and its weights (`.safetensors`). `load` builds the architecture that the card
names, checks the weights against the card's SHA-256, and freezes the result, which sessions may
share. `dgm_core.zoo.overview` lists all cards with their numbers.

    >>> model = load("digits-dlvm")
    >>> model.latent_dim, model.training
    (40, False)
    >>> card("digits-dlvm")["measured"]["log_likelihood"]["nats"]
    -60.04

A model of one's own is saved in a folder of one's own and registered, for as long as the process
lives; after that it is loaded by name as the shipped ones are. A card is data: it names an
architecture of `ARCHITECTURES`, or the constructor is handed over; nothing is imported because a
card says so. Pickles, which can run code, are never read.

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
from dgm_core.zoo import quantisation

_CHECKOUT = Path(__file__).parents[2] / "pretrained"

FOLDER = Path(os.environ.get("DGM_PRETRAINED") or _CHECKOUT).expanduser()
"""Where the shipped models are: `$DGM_PRETRAINED`, else `pretrained/` of the checkout.

An installed package has no weights in it, so there the variable is needed. It is read once, when
this module is imported.
"""

Constructor = Callable[..., nn.Module]
"""Builds an untrained model from what stands under `architecture` on its card, the name apart."""

ARCHITECTURES: dict[str, Constructor] = {
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


PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
"""How files of weights end that can run code when they are read."""


class BrokenModel(ValueError):
    """A card or its weights cannot be used; the message names the file and says why."""


class ModelsUnavailable(FileNotFoundError):
    """The shipped models are not on this machine; the message says what to do."""


class Registered(NamedTuple):
    """Where a model of one's own is, and what builds it; None = what its card names."""

    path: Path  # of the card
    sha256: str  # of the weights
    constructor: Constructor | None


_REGISTERED: dict[str, Registered] = {}


def names(folder: Path = FOLDER) -> list[str]:
    """The models that have a card, in alphabetical order; with the shipped, those registered."""
    own = _REGISTERED if folder == FOLDER else ()
    return sorted({path.stem for path in folder.glob("*.toml")}.union(own))


def check_available(folder: Path = FOLDER) -> None:
    """Check that the shipped models are on this machine; another folder may be empty.

    Raises:
        ModelsUnavailable: they are not.
    """
    if folder == FOLDER and not any(folder.glob("*.toml")):
        raise ModelsUnavailable(
            f"There are no trained models in {folder}: set DGM_PRETRAINED to a folder that holds "
            "them, such as pretrained/ in a checkout of DGM Lab."
        )


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The card of a model.

    Raises:
        ValueError: no such model.
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
        ValueError: no such model.
        ModelsUnavailable: the shipped models are not on this machine.
        BrokenModel: weights missing, altered, or not those of the architecture.
    """
    about, path = card(name, folder), _card_path(name, folder)
    own = _REGISTERED.get(name) if folder == FOLDER else None
    return _built(about, path, own.constructor if own else None).to(device)


def register(
    path: Path | str, constructor: Constructor | None = None, *, name: str | None = None
) -> str:
    """Make a model of one's own known by name, until the process ends.

    It is built and checked here as `load` does it, so what is wrong shows at once. The files stay
    where they are, and are checked again whenever they are loaded. To register the same again
    changes nothing.

    Args:
        path: of the card, NAME.toml; the weights are NAME.safetensors beside it.
        constructor: builds the untrained model from the arguments under `architecture` on the
            card; None = the card names one of `ARCHITECTURES`.
        name: to load it by; default: the card's file name.

    Returns:
        The name.

    Raises:
        ValueError: the name is of a shipped model, or registered for another one.
        BrokenModel: no card, an unknown architecture, or weights that are missing, altered,
            pickled, or not those of the architecture.
    """
    path = Path(path).resolve()
    name = name or path.stem
    if (FOLDER / f"{name}.toml").is_file():
        raise ValueError(f"{name!r} is the name of a shipped model; choose another")
    if not path.is_file():
        raise BrokenModel(f"there is no card {path}")
    about = _read(path)
    _built(about, path, constructor)
    found = Registered(path, about["sha256"], constructor)
    if _REGISTERED.setdefault(name, found) != found:
        raise ValueError(
            f"{name!r} is registered for {_REGISTERED[name].path} already, with other contents or "
            "another constructor; choose another name, or unregister that one first"
        )
    return name


def unregister(name: str) -> None:
    """Forget a model of one's own; its files stay.

    Raises:
        ValueError: no such model is registered.
    """
    if _REGISTERED.pop(name, None) is None:
        raise ValueError(f"no model {name!r} is registered")


def _card_path(name: str, folder: Path) -> Path:
    own = _REGISTERED.get(name) if folder == FOLDER else None
    return own.path if own else folder / f"{name}.toml"


def _read(path: Path) -> dict[str, Any]:
    """A card that is there.

    Raises:
        BrokenModel: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenModel(f"the card {path.name} is not valid TOML: {error}") from error


def _built(about: dict[str, Any], path: Path, constructor: Constructor | None) -> nn.Module:
    """The model of the card at `path`, verified and frozen."""
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
    if content[8:9] != b"{":  # a header in JSON follows its length
        raise BrokenModel(
            f"{weights.name} is no safetensors file; a pickle, which can run code, is not read"
        )
    try:
        arguments = dict(about["architecture"])
        kind = arguments.pop("name")
        make = constructor or ARCHITECTURES.get(kind)
        if make is None:
            raise BrokenModel(
                f"the card {path.name} wants an architecture {kind!r} that dgm_core does not "
                "have; register the card with its constructor, zoo.register(path, constructor)"
            )
        model = make(**arguments)
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
    """Write weights and card; both whole or not at all.

    `load` gives back the rounded weights, so measure what `load` returns, not `model`.

    Args:
        name: of both files.
        model: what to save.
        about: what the card says; under `architecture` its name and the constructor's arguments.
        folder: where.
        packed: matrices in a byte a number (`eight_bits`); else all in half precision.

    Returns:
        The path of the card, as `register` wants it.
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
