"""Network bodies: shapes, and the fast transposed convolution against torch's."""

import torch
from torch import nn

from dgm_core.networks import SubpixelConvTranspose2d


def test_subpixel_transposed_convolution_equals_the_plain_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fast = SubpixelConvTranspose2d(3, 5).double()
        x = torch.randn(2, 3, 7, 6).double()
    plain = nn.ConvTranspose2d(3, 5, 4, 2, 1).double()
    plain.load_state_dict(fast.state_dict())
    torch.testing.assert_close(fast(x), plain(x))
