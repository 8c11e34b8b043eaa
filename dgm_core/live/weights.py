"""The weight file of the live engine: one file with the weights, the architecture and the licence.

The format is safetensors. Matrices have 8 bits per number and one factor per row, small tensors 16
bits (`dgm_core.zoo.quantisation`). The metadata entry `live` describes the model in JSON: its
name, its licence, the layers of both networks, and the kinds of q(z|x) and p(x|z).

    >>> content = packed("digits-dlvm")
    >>> len(content) < 2e6, described(content)["latents"]
    (True, 40)
"""

from __future__ import annotations

import json
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from dgm_core import zoo
from dgm_core.distributions.likelihoods import BernoulliLikelihood, GaussianLikelihood
from dgm_core.distributions.posteriors import LOG_SCALE_RANGE, DiagonalGaussian, FullGaussian
from dgm_core.models.vae import VAE
from dgm_core.networks.bodies import Centre
from dgm_core.zoo import quantisation

IMAGE = (1, 28, 28)
LICENCE = "MIT"


class NotLive(ValueError):
    """The model has a part that the live engine does not have; the message names it."""


def packed(name: str) -> bytes:
    """The weight file of a model of the zoo: images of 28×28, 8 bits per number.

    Raises:
        ValueError, ModelsUnavailable, BrokenModel: as `zoo.load` does.
        NotLive: the engine cannot run this model.
    """
    model = zoo.load(name)
    if not isinstance(model, VAE):
        raise NotLive(f"the live engine runs DLVMs; {name} is a {type(model).__name__}")
    about = {"name": name, "summary": zoo.card(name)["summary"], "licence": LICENCE}
    return write(model, IMAGE, about, quantised=True)


def write(
    model: VAE, shape: tuple[int, ...], about: dict[str, Any], *, quantised: bool = False
) -> bytes:
    """A weight file.

    Args:
        model: its networks consist of the layers in `LAYERS`.
        shape: of one x, (C, H, W) or (D,).
        about: further entries of the metadata.
        quantised: 8 bits per number of a matrix; otherwise 32.

    Raises:
        NotLive: the engine cannot run this model.
    """
    weights = {key: value.detach().contiguous() for key, value in model.state_dict().items()}
    stored = quantisation.pack(weights) if quantised else weights
    description = {**about, "shape": shape, "latents": model.latent_dim, **_described(model)}
    return safetensors.torch.save(
        {key: value.contiguous() for key, value in stored.items()},
        {"live": json.dumps(description)},
    )


def described(content: bytes) -> dict[str, Any]:
    """The description in a weight file."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["live"])


def tensors(content: bytes) -> dict[str, Tensor]:
    """The weights in a weight file, as the engine computes with them."""
    stored = quantisation.unpack(safetensors.torch.load(content))
    return {name: value.float() for name, value in stored.items()}


def _described(model: VAE) -> dict[str, Any]:
    return {
        "encoder": _layers(model.encoder, "encoder"),
        "decoder": _layers(model.decoder, "decoder"),
        "posterior": {"kind": _posterior(model.posterior), "log_scale": LOG_SCALE_RANGE},
        "likelihood": _likelihood(model.likelihood),
    }


def _posterior(head: nn.Module) -> str:
    if isinstance(head, FullGaussian):
        return "full"
    if isinstance(head, DiagonalGaussian):
        return "diagonal"
    raise NotLive(f"the live engine has no {type(head).__name__}")


def _likelihood(head: nn.Module) -> dict[str, Any]:
    if isinstance(head, BernoulliLikelihood):
        return {"kind": "bernoulli"}
    if isinstance(head, GaussianLikelihood):
        link = "sigmoid" if head.link is torch.sigmoid else "identity"
        if link == "sigmoid" or isinstance(head.link, nn.Identity):
            scale = head.scale(torch.zeros(1, len(head.scale.raw))).tolist()
            return {"kind": "gaussian", "link": link, "scales": scale}
    raise NotLive(f"the live engine has no {type(head).__name__} of this kind")


def _layers(network: nn.Module, prefix: str) -> list[dict[str, Any]]:
    """A sequence of layers, in the words of `engine/network.js`."""
    if not isinstance(network, nn.Sequential):
        raise NotLive(f"the live engine runs sequences of layers, got {type(network).__name__}")
    layers = []
    for number, layer in enumerate(network):
        if type(layer) not in LAYERS:
            raise NotLive(f"the live engine has no layer {type(layer).__name__}")
        layers.append({**LAYERS[type(layer)](layer), "name": f"{prefix}.{number}"})
    return layers


def _convolution(layer: nn.Conv2d) -> dict[str, Any]:
    (stride, *_), (padding, *_) = layer.stride, layer.padding
    plain = layer.dilation == (1, 1) and layer.groups == 1 and isinstance(padding, int)
    if not plain or layer.stride != (stride, stride) or layer.padding != (padding, padding):
        raise NotLive("the live engine has only plain convolutions of equal sides")
    return {"kind": "convolution", "stride": stride, "padding": padding}


LAYERS: dict[type[nn.Module], Any] = {
    Centre: lambda layer: {"kind": "centre"},
    nn.Flatten: lambda layer: {"kind": "flatten"},
    nn.Unflatten: lambda layer: {"kind": "reshape", "shape": list(layer.unflattened_size)},
    nn.Linear: lambda layer: {"kind": "linear"},
    nn.Conv2d: _convolution,
    nn.SiLU: lambda layer: {"kind": "silu"},
    nn.Tanh: lambda layer: {"kind": "tanh"},
    nn.PixelShuffle: lambda layer: {"kind": "shuffle", "factor": layer.upscale_factor},
}
"""Layer → its description; layers with weights have the name of their tensors too."""
