"""The autoregressive model: no pixel depends on later ones, and probabilities sum to one."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.rng import generator
from dgm_core.types import Masked

ALL = torch.tensor(list(itertools.product([0.0, 1.0], repeat=9))).reshape(-1, 1, 3, 3)
"""Every binary image of 3 × 3 pixels."""


def model(*, first_own: bool = False) -> PixelCNN:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = PixelCNN(8, (1, 2), first_own=first_own)
        for each in made.parameters():  # far from the case of equal pixels
            torch.nn.init.normal_(each, std=0.5)
    return made.requires_grad_(False)


def influence(of: PixelCNN, side: int = 7) -> Tensor:
    """[i, j]: whether the logit of pixel i changes with pixel j."""
    x = torch.rand(1, 1, side, side, generator=generator(2))
    jacobian = torch.autograd.functional.jacobian(of, x)
    return jacobian.reshape(side**2, side**2) != 0


def test_no_logit_depends_on_its_own_pixel_or_a_later_one() -> None:
    found = influence(model())
    assert not found.triu().any()
    assert found[-1, :-1].float().mean() > 0.5  # but on most of the earlier ones


def test_a_first_layer_of_type_b_is_detected() -> None:
    found = influence(model(first_own=True))
    assert found.diagonal().all()
    assert not found.triu(1).any()
    total = model(first_own=True).double().log_prob(ALL.double()).logsumexp(0)
    assert abs(total) > 0.01  # and its "probabilities" do not sum to one


def test_probabilities_of_all_images_sum_to_one() -> None:
    log_p = model().double().log_prob(ALL.double())
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-10)
    assert log_p.std() > 0.5  # not because all are equal


def test_filled_pixels_have_the_probabilities_of_one_pass() -> None:
    seen = torch.rand(5, 1, 9, 6, generator=generator(0)) < 0.4
    x = (torch.rand(5, 1, 9, 6, generator=generator(1)) < 0.5).float()
    filled = model().fill(Masked(x, seen), generator(3))
    assert torch.equal(filled.x[seen], x[seen])
    assert set(filled.x.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(filled.probability, model()(filled.x).sigmoid())
    each = model().log_prob_each(filled.x)
    torch.testing.assert_close(filled.log_prob_each(), each, rtol=1e-3, atol=1e-3)


def exact(original: Tensor, observed: Tensor) -> Tensor:
    """E[x | x_obs] by enumeration, (3, 3)."""
    fits = ((original == ALL) | ~observed).flatten(1).all(1)
    weight = torch.where(fits, model().log_prob(ALL), -math.inf).softmax(0)
    return torch.tensordot(weight, ALL[:, 0], 1)


@pytest.mark.parametrize("later", [True, False])
def test_it_completes_later_pixels_correctly_and_earlier_ones_not(later: bool) -> None:
    draws, original = 20_000, ALL[301:302]
    observed = torch.arange(9).reshape(1, 1, 3, 3) < 4
    observed = observed if later else ~observed
    rows = Masked(original.expand(draws, -1, -1, -1), observed.expand(draws, -1, -1, -1))
    filled = model().fill(rows, generator(4))
    expected, found = exact(original, observed), filled.x.mean(0)[0]
    error = filled.x.std(0)[0] / math.sqrt(draws) + 1e-4
    off = (found - expected).abs() / error
    if later:
        assert off.max() < 4
        return
    assert off.max() > 20
    # Weighted by the probability of the observed pixels, the same draws are correct.
    log_w = torch.where(rows.observed, filled.log_prob_each(), 0.0).flatten(1).sum(1)
    weight = log_w.softmax(0)[:, None, None]
    weighted = (weight * filled.x[:, 0]).sum(0)
    spread = (weight.square() * (filled.x[:, 0] - weighted).square()).sum(0).sqrt() + 1e-4
    assert ((weighted - expected).abs() / spread).max() < 4
