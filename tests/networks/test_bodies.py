"""Network bodies: shapes, and the fast transposed convolution against torch's."""

import copy
import itertools
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn

from dgm_core.models.tabular import tanh_network
from dgm_core.networks import (
    PixelAttention,
    SubpixelConvTranspose2d,
    TanhNetwork,
    UNet,
    bfloat16_networks,
    evaluate,
    linear,
)
from dgm_core.networks.bodies import ROWS_IN_CACHE
from dgm_core.rng import generator


def test_subpixel_transposed_convolution_equals_the_plain_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fast = SubpixelConvTranspose2d(3, 5).double()
        x = torch.randn(2, 3, 7, 6).double()
    plain = nn.ConvTranspose2d(3, 5, 4, 2, 1).double()
    plain.load_state_dict(fast.state_dict())
    torch.testing.assert_close(fast(x), plain(x))


def transposed(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> torch.Tensor:
    return nn.functional.conv_transpose2d(x, layer.weight, layer.bias, 2, 1)


def stepped(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    layer.requires_grad_(True)
    layer(x).square().sum().backward()
    torch.optim.Adam(layer.parameters(), lr=0.1).step()
    return layer.requires_grad_(False)


def stepped_by_a_fused_optimizer(
    layer: SubpixelConvTranspose2d, x: torch.Tensor
) -> SubpixelConvTranspose2d:
    """In training; such a step leaves the version counter of the weights as it was."""
    adam = torch.optim.Adam(layer.requires_grad_(True).parameters(), lr=0.1, fused=True)
    with torch.no_grad():
        layer(x)
    layer(x).square().sum().backward()
    adam.step()
    return layer


def loaded(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    layer.load_state_dict({name: 2 * value for name, value in layer.state_dict().items()})
    return layer


def replaced(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    layer.weight = nn.Parameter(3 * layer.weight.detach())
    return layer


def with_other_data(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    layer.weight.data = 3 * layer.weight.detach()
    return layer


def with_other_bias(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    with torch.no_grad():
        assert layer.bias is not None
        layer.bias.add_(1)
    return layer


def copied(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    return stepped(copy.deepcopy(layer), x)


def pickled(layer: SubpixelConvTranspose2d, x: torch.Tensor) -> SubpixelConvTranspose2d:
    size = len(pickle.dumps(SubpixelConvTranspose2d(3, 5).double()))
    assert len(pickle.dumps(layer)) <= size + 100  # without the kept kernel
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize(
    "change",
    [
        stepped,
        stepped_by_a_fused_optimizer,
        loaded,
        replaced,
        with_other_data,
        with_other_bias,
        copied,
        pickled,
    ],
)
def test_a_kept_kernel_never_outlives_its_weights(
    change: Callable[[SubpixelConvTranspose2d, torch.Tensor], SubpixelConvTranspose2d],
) -> None:
    layer = SubpixelConvTranspose2d(3, 5).double().requires_grad_(False)
    x = torch.linspace(-1, 1, 2 * 3 * 7 * 6).double().view(2, 3, 7, 6)
    with torch.no_grad():
        layer(x)
        torch.testing.assert_close(layer(x), transposed(layer, x))
    after = change(layer, x)
    with torch.no_grad():
        torch.testing.assert_close(after(x), transposed(after, x))


def test_a_kernel_is_gathered_once_while_the_weights_are_frozen() -> None:
    layer, x = SubpixelConvTranspose2d(3, 5).requires_grad_(False), torch.ones(1, 3, 4, 4)
    first, again = layer._kernel_and_bias()[0], layer._kernel_and_bias()[0]
    assert first is again
    layer.requires_grad_(True)
    layer(x).sum().backward()  # gradients reach the weights all the same
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0


def test_a_kernel_kept_in_inference_mode_serves_gradients_of_the_input() -> None:
    layer = SubpixelConvTranspose2d(3, 5).double().requires_grad_(False)
    x = torch.linspace(-1, 1, 48).double().view(1, 3, 4, 4)
    with torch.inference_mode():
        layer(x)
    x.requires_grad_()
    (found,) = torch.autograd.grad(layer(x).square().sum(), x)
    (expected,) = torch.autograd.grad(transposed(layer, x).square().sum(), x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("channels", "size"), [(1, (28, 28)), (3, (32, 32)), (3, (64, 64))])
def test_a_unet_gives_maps_of_the_size_of_the_image(channels: int, size: tuple[int, int]) -> None:
    network = UNet(channels, 5, (8, 16))
    assert network(torch.zeros(2, channels, *size)).shape == (2, 5, *size)


def test_the_error_of_a_unet_names_the_supported_sizes() -> None:
    with pytest.raises(ValueError, match="divisible by 4, got 30 × 28"):
        UNet(1, 1, (8, 16))(torch.zeros(1, 1, 30, 28))


def test_every_pixel_of_a_unet_depends_on_every_other() -> None:
    """By attention: a change in one corner reaches the opposite one.

    The weights are drawn at random, because attention adds nothing before training.
    """
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


@pytest.mark.parametrize("sizes", [(3, 4), (3, 8, 2), (5, 3, 3, 7)])
def test_the_sigmoid_network_is_the_tanh_network(sizes: tuple[int, ...]) -> None:
    layers = [linear(a, b, generator(b)).double() for a, b in itertools.pairwise(sizes)]
    plain = nn.Sequential(*[each for layer in layers for each in (layer, nn.Tanh())][:-1])
    fast = TanhNetwork(*layers)
    x = 3 * torch.randn(4, 5, sizes[0], generator=generator(1), dtype=torch.float64)
    torch.testing.assert_close(fast(x), plain(x))
    torch.testing.assert_close(fast(x[0, 0]), plain(x[0, 0]))
    for ours, theirs in zip(
        torch.autograd.grad(fast(x).square().sum(), list(fast.parameters())),
        torch.autograd.grad(plain(x).square().sum(), list(fast.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_linear_draws_its_weights_from_the_source_alone() -> None:
    before = torch.random.get_rng_state()
    layer, again = (linear(9, 50, generator(0)) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(layer.weight, again.weight)
    assert layer.weight.abs().max() < 1 / 3
    assert layer.weight.std().item() == pytest.approx(1 / 3 / 3**0.5, rel=0.1)
    assert linear(3, 2)(torch.zeros(5, 3)).shape == (5, 2)


def test_a_tanh_network_is_one_in_blocks_of_rows_too() -> None:
    """Without gradients the rows are computed in blocks that fit into the cache."""
    network = tanh_network(3, 2, hidden=5, source=generator(0)).double()
    x = torch.randn(2, ROWS_IN_CACHE + 1, 3, dtype=torch.float64, generator=generator(1))
    first, second, last = network
    plain = last(second(first(x).tanh()).tanh())
    torch.testing.assert_close(network(x), plain)
    with torch.no_grad():
        torch.testing.assert_close(network(x), plain)
        torch.testing.assert_close(network(x[0, 0]), plain[0, 0])
