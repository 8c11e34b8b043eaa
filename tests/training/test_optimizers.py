"""The optimisers equal torch's, and do without its compiler."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from dgm_core.rng import generator, normal
from dgm_core.training.optimizers import Adam, GradientDescent

RATES = (1e-2, 3e-3, 1e-1, 1e-2, 5e-2)


def network() -> nn.Module:
    """Two layers, one of them in float64, and a parameter without a gradient."""
    net = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3).double())
    for number, each in enumerate(net.parameters()):
        each.data = normal(tuple(each.shape), generator(number)).to(each.dtype)
    net.register_parameter("unused", nn.Parameter(torch.ones(2)))
    return net


def give_gradients(net: nn.Module, step: int) -> None:
    x = normal((7, 5), generator(100 + step))
    net[1](net[0](x).tanh().double()).square().sum().backward()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_steps_are_those_of_torch(weight_decay: float) -> None:
    ours, theirs = network(), network()
    adam = Adam(ours.parameters(), betas=(0.5, 0.9), weight_decay=weight_decay)
    reference = torch.optim.Adam(
        theirs.parameters(), betas=(0.5, 0.9), weight_decay=weight_decay, fused=True
    )
    for step, rate in enumerate(RATES):
        adam.rate = reference.param_groups[0]["lr"] = rate
        for net, optimizer in ((ours, adam), (theirs, reference)):
            optimizer.zero_grad()
            give_gradients(net, step)
            optimizer.step()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(mine, other)
    assert not torch.equal(ours[0].weight, network()[0].weight)
    assert torch.equal(ours.unused, torch.ones(2))


def trained(net: nn.Module, optimizer: Adam | torch.optim.Adam, steps: range) -> nn.Module:
    for step in steps:
        optimizer.zero_grad()
        give_gradients(net, step)
        optimizer.step()
    return net


@pytest.mark.parametrize("saved_by", ["ours", "torch"])
def test_a_run_continues_from_saved_moments(saved_by: str) -> None:
    net = network()
    adam = Adam(net.parameters()) if saved_by == "ours" else torch.optim.Adam(net.parameters())
    trained(net, adam, range(3))
    state = copy.deepcopy(adam.state_dict())
    resumed = copy.deepcopy(net)
    again = Adam(resumed.parameters())
    again.load_state_dict(state)
    without = copy.deepcopy(net)
    trained(net, adam, range(3, 6))
    trained(resumed, again, range(3, 6))
    trained(without, Adam(without.parameters()), range(3, 6))
    torch.testing.assert_close(resumed[0].weight, net[0].weight, rtol=1e-6, atol=1e-7)
    assert (without[0].weight - net[0].weight).abs().max() > 1e-4  # the moments matter


def test_moments_of_another_model_are_refused() -> None:
    small = nn.Linear(2, 1)
    adam = Adam(small.parameters())
    small(torch.ones(1, 2)).sum().backward()
    adam.step()
    for other in (nn.Linear(3, 1), nn.Linear(2, 1, bias=False)):
        with pytest.raises(ValueError, match="do not fit this model"):
            Adam(other.parameters()).load_state_dict(adam.state_dict())


def test_gradient_descent_is_that_of_torch() -> None:
    ours, theirs = network(), network()
    descent = GradientDescent(ours.parameters(), 0.01)
    reference = torch.optim.SGD(theirs.parameters(), 0.01)
    for step in range(3):
        for net, optimizer in ((ours, descent), (theirs, reference)):
            optimizer.zero_grad()
            give_gradients(net, step)
            optimizer.step()
    assert torch.equal(ours[0].weight, theirs[0].weight)


TRAINING = """
import sys, torch
from dgm_core.networks.bodies import linear
from dgm_core.rng import generator
from dgm_core.training import Schedule, fit, latest_weights
x, model = torch.ones(8, 1), linear(1, 1, generator(0))
{first}
for _ in fit(model, lambda m, x, s: (m(x) - 2).square().mean(), x, latest_weights(), Schedule(1)):
    pass
print(*(name for name in ("sympy", "torch._dynamo") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("first", "imported"),
    [
        ("", ""),
        ("torch.nn.utils.skip_init(torch.nn.Linear, 1, 1)", "sympy"),
        ("torch.optim.Adam(model.parameters())", "sympy torch._dynamo"),
    ],
)
def test_a_training_imports_neither_the_compiler_nor_sympy(first: str, imported: str) -> None:
    code = TRAINING.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == imported, done.stderr
