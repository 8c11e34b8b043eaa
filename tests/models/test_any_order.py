"""The any-order model against enumeration of a small joint distribution."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dgm_core.models import any_order
from dgm_core.models.any_order import (
    AnyOrder,
    any_order_loss,
    bounds,
    fill,
    log_prob_hidden,
    random_ranks,
    raster_ranks,
)
from dgm_core.rng import generator
from dgm_core.types import Masked

SIZE = 5
EVERY = torch.tensor(list(itertools.product([0.0, 1.0], repeat=SIZE)), dtype=torch.float64)
TABLE = torch.randn(len(EVERY), generator=generator(0), dtype=torch.float64).mul(1.5).softmax(0)


def exact(known: Masked) -> Tensor:
    """Logits of the true conditionals, from the table of all probabilities."""
    agree = ((known.x[:, None] == EVERY) | ~known.observed[:, None]).all(2).double()
    weights = agree * TABLE  # (B, 2^D)
    one = weights @ EVERY
    return one.log() - (weights.sum(1, keepdim=True) - one).log()


def inconsistent(known: Masked) -> Tensor:
    """Conditionals that belong to no joint distribution."""
    seen = known.observed.double()
    return 0.8 * ((2 * known.x - 1) * seen).cumsum(1) - 0.3 * seen.sum(1, keepdim=True)


def draws(rows: int) -> Tensor:
    return EVERY[torch.multinomial(TABLE, rows, replacement=True, generator=generator(1))]


def test_every_order_gives_the_exact_conditional() -> None:
    observed = torch.tensor([True, False, False, True, False])
    x = EVERY
    for order in itertools.permutations(range(3)):
        rank = torch.full((SIZE,), -1)
        rank[~observed] = torch.tensor(order)
        found = log_prob_hidden(exact, x, observed.expand(x.shape), rank.expand(x.shape))
        same = ((x[:, None] == EVERY) | ~observed).all(2).double()
        torch.testing.assert_close(found, TABLE.log() - (same @ TABLE).log())


def test_completions_sum_to_one_in_any_order_also_without_a_joint() -> None:
    nothing = torch.zeros_like(EVERY, dtype=torch.bool)
    for seed in range(5):
        rank = random_ranks(Masked(EVERY[:1], nothing[:1]), generator(seed)).expand(EVERY.shape)
        found = log_prob_hidden(inconsistent, EVERY, nothing, rank)
        assert found.exp().sum().item() == pytest.approx(1)
        assert sorted(rank[0].tolist()) == [0, 1, 2, 3, 4]


def test_the_loss_is_minus_the_mean_of_log_p() -> None:
    x = draws(60_000)
    entropy = -(TABLE * TABLE.log()).sum().item()
    losses = torch.stack(
        [any_order_loss(exact, part, generator(i)) for i, part in enumerate(x.split(1000))]
    )
    assert abs(losses.mean().item() - entropy) < 5 * losses.std().item() / len(losses) ** 0.5
    flat = torch.stack(
        [
            any_order_loss(lambda known: 0.9 * exact(known), part, generator(i))
            for i, part in enumerate(x.split(1000))
        ]
    )
    assert (flat - losses).mean() > 5 * (flat - losses).std() / len(losses) ** 0.5


def test_a_loss_without_its_factor_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With half of the entries known in every row, the sum is too small."""
    monkeypatch.setattr(
        any_order, "uniform", lambda shape, source, *_: torch.full(shape, 0.5).double()
    )
    monkeypatch.setattr(
        any_order, "random_ranks", lambda masked, source: torch.arange(SIZE).expand(masked.x.shape)
    )
    x = draws(20_000)
    seen = torch.arange(SIZE) < 2
    log_p = any_order._log_prob_each(exact(Masked(x, seen.expand(x.shape))), x)[:, 2:].sum(1)
    loss = any_order_loss(exact, x, generator(0))
    torch.testing.assert_close(loss, -log_p.mean() * SIZE / 3)


@pytest.mark.parametrize("order", ["random", "raster", "most certain first"])
def test_draws_follow_the_exact_conditional(order: str) -> None:
    rows = 40_000
    x = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    observed = torch.tensor([True, False, False, True, False])
    masked = Masked(x[None], observed[None]).repeat(rows)
    rank = {
        "random": lambda: random_ranks(masked, generator(5)),
        "raster": lambda: raster_ranks(masked),
    }
    chosen = rank[order]() if order in rank else None
    *_, last = fill(exact, masked, generator(2), chosen)
    assert last.number == 3
    assert last.known.observed.all()
    assert (last.known.x[:, observed] == x[observed]).all()
    same = ((x == EVERY) | ~observed).all(1).double()
    expected = TABLE * same / (same @ TABLE)
    counts = (last.known.x[:, None] == EVERY).all(2).double().mean(0)
    error = (expected * (1 - expected) / rows).sqrt()
    assert ((counts - expected).abs() <= 5 * error + 1e-12).all()
    probability = expected[(last.known.x[:, None] == EVERY).all(2).double().argmax(1)]
    torch.testing.assert_close(last.log_prob, probability.log())


def test_rows_with_fewer_hidden_entries_wait() -> None:
    x = torch.ones(2, SIZE, dtype=torch.float64)
    observed = torch.tensor([[True] * 4 + [False], [False] * 5])
    masked = Masked(x, observed)
    for rank in (None, raster_ranks(masked)):
        steps = list(fill(exact, masked, generator(0), rank))
        assert len(steps) == 5
        assert [step.known.observed[0].all().item() for step in steps] == [True] * 5
        assert [int(step.known.observed[1].sum()) for step in steps] == [1, 2, 3, 4, 5]
        assert len({step.log_prob[0].item() for step in steps}) == 1


def test_bounds_are_ordered_and_equal_for_a_joint() -> None:
    x, nothing = EVERY, torch.zeros_like(EVERY, dtype=torch.bool)
    found = bounds(exact, x, nothing, generator(0), orders=3)
    torch.testing.assert_close(found.mean, TABLE.log())
    torch.testing.assert_close(found.log_mean, TABLE.log())
    found = bounds(inconsistent, x, nothing, generator(0), orders=6)
    assert (found.mean < found.log_mean).all()
    every = torch.stack(
        [
            log_prob_hidden(inconsistent, x, nothing, torch.tensor(order).expand(x.shape))
            for order in itertools.permutations(range(SIZE))
        ]
    )
    mixture = every.logsumexp(0) - math.log(len(every))
    assert mixture.exp().sum().item() == pytest.approx(1)
    assert (every.mean(0) < mixture).all()


def test_the_network_does_not_read_hidden_pixels() -> None:
    model = AnyOrder((8, 16), 1)
    x = (torch.rand(2, 1, 28, 28, generator=generator(0)) < 0.5).float()
    observed = torch.rand(x.shape, generator=generator(1)) < 0.5
    logits = model(Masked(x, observed))
    assert logits.shape == x.shape
    torch.testing.assert_close(logits, model(Masked(torch.where(observed, x, 1 - x), observed)))
    assert not torch.equal(logits, model(Masked(torch.where(observed, 1 - x, x), observed)))
    any_order_loss(model, x, generator(2)).backward()
    assert all(each.grad is not None for each in model.parameters())
    assert model.network.head[1].weight.grad.any()
