"""Network bodies: shapes, and the fast transposed convolution against torch's."""

import pytest
import torch
from torch import nn

from dgm_core.networks import (
    PixelAttention,
    SubpixelConvTranspose2d,
    Tanh,
    UNet,
    bfloat16_networks,
    evaluate,
    linear,
)
from dgm_core.rng import generator


def test_subpixel_transposed_convolution_equals_the_plain_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fast = SubpixelConvTranspose2d(3, 5).double()
        x = torch.randn(2, 3, 7, 6).double()
    plain = nn.ConvTranspose2d(3, 5, 4, 2, 1).double()
    plain.load_state_dict(fast.state_dict())
    torch.testing.assert_close(fast(x), plain(x))


@pytest.mark.parametrize(("channels", "size"), [(1, (28, 28)), (3, (32, 32)), (3, (64, 64))])
def test_a_unet_gives_maps_of_the_size_of_the_image(channels: int, size: tuple[int, int]) -> None:
    network = UNet(channels, 5, (8, 16))
    assert network(torch.zeros(2, channels, *size)).shape == (2, 5, *size)


def test_a_unet_says_which_sizes_it_can_do() -> None:
    with pytest.raises(ValueError, match="divisible by 4, got 30 × 28"):
        UNet(1, 1, (8, 16))(torch.zeros(1, 1, 30, 28))


def test_every_pixel_of_a_unet_sees_every_other() -> None:
    """By attention: a change in one corner reaches the opposite one, once it is trained away
    from its start, at which the attention adds nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(1, 1, (8, 16), blocks=1).double()
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.1)
        x = torch.rand(1, 1, 64, 64).double().requires_grad_()
    network(x)[0, 0, -1, -1].backward()
    assert x.grad[0, 0, 0, 0] != 0


def test_pixel_attention_equals_torch_attention() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ours = PixelAttention(8, heads=2).double()
        nn.init.normal_(ours.out.weight)
        h = torch.randn(3, 8, 4, 5).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.queries_keys_values.weight,
            "in_proj_bias": ours.queries_keys_values.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    pixels = ours.norm(h.flatten(2).mT)
    expected = h + theirs(pixels, pixels, pixels)[0].mT.unflatten(2, (4, 5))
    torch.testing.assert_close(ours(h), expected)


def test_bfloat16_is_used_within_its_block_only_and_gives_back_float32() -> None:
    network, x = nn.Linear(64, 64), torch.randn(4, 64, generator=generator(0))
    exact = evaluate(network, x)
    with bfloat16_networks():
        rough = evaluate(network, x)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    torch.testing.assert_close(rough, exact, rtol=0.02, atol=0.02)
    assert torch.equal(evaluate(network, x), exact)


def test_tanh_by_sigmoid_is_tanh() -> None:
    x = torch.linspace(-12, 12, 401, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(Tanh()(x), torch.tanh(x))
    torch.autograd.gradcheck(Tanh(), x)
    assert torch.equal(torch.vmap(Tanh())(x.reshape(401, 1))[:, 0], Tanh()(x))


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 7), (7, 3)])
def test_linear_is_that_of_torch_whichever_way_it_is_stored(inputs: int, outputs: int) -> None:
    layer = linear(inputs, outputs, generator(0)).double()
    assert (layer.in_features, layer.out_features) == (inputs, outputs)
    weight = layer.weight.T if inputs < outputs else layer.weight
    x = torch.randn(4, 5, inputs, generator=generator(1), dtype=torch.float64)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, weight, layer.bias))
    assert layer.weight.abs().max() < inputs**-0.5
    assert torch.equal(layer.weight, linear(inputs, outputs, generator(0)).double().weight)
    assert linear(inputs, outputs)(torch.zeros(2, inputs)).shape == (2, outputs)
