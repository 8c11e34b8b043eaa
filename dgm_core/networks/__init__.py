"""Network bodies, independent of any distribution, and stacks of small networks."""

from dgm_core.networks.bodies import (
    Centre,
    PixelAttention,
    Residual,
    ResidualBlock,
    SubpixelConvTranspose2d,
    TanhNetwork,
    UNet,
    bfloat16_networks,
    convolutional_decoder,
    convolutional_encoder,
    evaluate,
    face_decoder,
    face_encoder,
    fully_connected_decoder,
    fully_connected_encoder,
    linear,
)

__all__ = [
    "Centre",
    "PixelAttention",
    "Residual",
    "ResidualBlock",
    "SubpixelConvTranspose2d",
    "TanhNetwork",
    "UNet",
    "bfloat16_networks",
    "convolutional_decoder",
    "convolutional_encoder",
    "evaluate",
    "face_decoder",
    "face_encoder",
    "fully_connected_decoder",
    "fully_connected_encoder",
    "linear",
]
