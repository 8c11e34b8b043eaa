"""x_mis integrated out: the same results as with draws, by quadrature, with less noise."""

from __future__ import annotations

import pytest
import torch

from dgm_core.missing.processes import (
    PROCESSES,
    Clipping,
    LinearMasking,
    MissingProcess,
    Restricted,
    SelfMasking,
    WithBaseRate,
)
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import draw, generator, normal
from dgm_core.samplers.completions import Completions, reweighted, weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.samplers.integrated import FAST, Quadrature, integrated
from dgm_core.types import Masked
from tests.linear_table import conditional_on_a_grid, networks, rows, standard_errors_off

ASSUMED: dict[str, MissingProcess] = {
    "self-masking": SelfMasking(2, [2.5, 0.8], [0.2, -0.4]),
    "clipping": Clipping(0.5, 6.0),
    "clipping, steep": Clipping(0.5, 60.0),
    "base rate": WithBaseRate(Clipping(0.5, 6.0), 0.1),
    "restricted": Restricted(Clipping(0.5, 6.0), [True, False]),
}


@torch.no_grad()
def drawn(process: MissingProcess, count: int, draws: int) -> Completions:
    model = NotMIWAE(**networks(1.4), missing_process=process.double())
    return weighted_completions(model, rows(count), draws, generator(0))


@pytest.mark.parametrize("name", ASSUMED)
def test_mean_variance_and_bound_are_those_of_the_exact_conditional(name: str) -> None:
    process = ASSUMED[name].double()
    log_p, grid, p = conditional_on_a_grid(process)
    exact_mean = (p * grid).sum()
    exact_variance = (p * (grid - exact_mean).square()).sum()
    with torch.no_grad():
        found = integrated(drawn(process, 50, 400), process)
    assert standard_errors_off(found.mean[:, 0], exact_mean) < 5
    assert standard_errors_off(found.variance[:, 0], exact_variance) < 5
    assert standard_errors_off(found.bound, log_p) < 5
    assert (found.mean[:, 1] == rows(50).x[:, 1]).all()
    assert (found.variance[:, 1] == 0).all()


def many_columns(columns: int, count: int) -> Completions:
    """Independent hidden columns of N(0, 1), and a latent without information."""
    parts = networks()
    parts["decoder"] = torch.nn.Linear(1, columns).double()
    torch.nn.init.zeros_(parts["decoder"].weight)
    torch.nn.init.zeros_(parts["decoder"].bias)
    with torch.no_grad():
        parts["likelihood"].scale.raw.copy_(torch.tensor(1 - 1e-3).expm1().log())
    parts["encoder"] = torch.nn.Linear(2 * columns, 2).double()
    torch.nn.init.zeros_(parts["encoder"].weight)
    torch.nn.init.zeros_(parts["encoder"].bias)
    model = NotMIWAE(**parts, missing_process=Clipping(0.0, 4.0).double())
    nothing = torch.zeros(count, columns, dtype=torch.float64)
    with torch.no_grad():
        return weighted_completions(model, Masked(nothing, nothing > 0), 50, generator(1))


def test_with_many_hidden_entries_weights_of_draws_degenerate_and_integrals_do_not() -> None:
    process, columns = Clipping(0.0, 4.0).double(), 300
    sample = many_columns(columns, 40)
    with torch.no_grad():
        found = integrated(sample, process)
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    p = (-0.5 * grid.square() + process.log_prob(torch.tensor([False]), grid[:, None])).detach()
    exact = (p.softmax(0) * grid).sum()
    torch.testing.assert_close(found.mean, exact.expand(40, columns), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.effective_draws, torch.full((40,), 50.0).double())
    assert sample.effective_draws.mean() < 3
    by_draws = mean_and_variance(sample)[0]
    assert (by_draws - exact).square().mean() > 0.3  # about the variance of one draw


def test_on_images_observed_entries_stay_and_a_constant_process_changes_nothing() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = networks()
    parts["encoder"] = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 2).double())
    parts["decoder"] = torch.nn.Sequential(
        torch.nn.Linear(1, 12).double(), torch.nn.Unflatten(1, (3, 2, 2))
    )
    x = torch.rand(4, 3, 2, 2, generator=generator(2)).double()
    masked = Masked(x, torch.rand(x.shape, generator=generator(3)) < 0.5)
    with torch.no_grad():
        sample = weighted_completions(MIWAE(**parts), masked, 20, generator(4))
    constant = PROCESSES["completely at random"](12).double()
    with torch.no_grad():
        found, plain = integrated(sample, constant), mean_and_variance(sample)
    torch.testing.assert_close(found.mean, plain[0])
    torch.testing.assert_close(found.variance, plain[1], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.effective_draws, sample.effective_draws)
    assert torch.equal(found.mean[masked.observed], masked.x[masked.observed])


def test_the_fast_quadrature_has_the_bound_and_the_gradient_of_the_fine_one() -> None:
    process = Clipping(0.5, 6.0).double()
    model = NotMIWAE(**networks(1.4), missing_process=process)
    found = []
    for quadrature in (FAST, Quadrature(12.0, 2001)):
        model.zero_grad()
        sample = weighted_completions(model, rows(20), 5, generator(5))
        bound = integrated(sample, process, quadrature).bound.mean()
        bound.backward()
        found.append((bound.detach(), process.log_strength.grad, process.threshold.grad))
    for fast, fine in zip(*found, strict=True):
        torch.testing.assert_close(fast, fine, rtol=1e-3, atol=0)


def test_few_draws_bias_the_process_towards_softness_and_integrals_do_not() -> None:
    """The strength with the best bound on a grid, from 2 draws per row of the true model."""
    true_process, strengths = Clipping(0.5, 8.0).double(), (2.0, 4.0, 8.0, 16.0)
    parts = networks()
    model = NotMIWAE(**parts, missing_process=true_process)
    source = generator(6)
    with torch.no_grad():
        x = draw(model.decode(normal((20_000, 1), source, torch.float64)), source)
        masked = Masked(x, true_process.sample(x, source))
        sample = weighted_completions(MIWAE(**parts), masked, 2, source)
        processes = [Clipping(0.5, strength).double() for strength in strengths]
        plain = [reweighted(sample, each).bound.mean().item() for each in processes]
        whole = [integrated(sample, each).bound.mean().item() for each in processes]
    assert strengths[whole.index(max(whole))] == 8
    assert strengths[plain.index(max(plain))] < 8


def test_terms_that_cannot_be_integrated_are_refused() -> None:
    sample = drawn(ASSUMED["clipping"], 2, 3)
    with pytest.raises(ValueError, match="own value alone"):
        integrated(sample, LinearMasking(2).double())
    with pytest.raises(ValueError, match="'target'"):
        integrated(
            sample._replace(terms={**sample.terms, "target": sample.log_w}), ASSUMED["clipping"]
        )
    dlvm = fully_connected_dlvm(latent_dim=2, hidden=4)
    with torch.no_grad():
        distribution = dlvm.decode(torch.zeros(6, 2))
    with pytest.raises(NotImplementedError, match="BernoulliPixels"):
        integrated(sample._replace(likelihood=distribution), ASSUMED["clipping"])


@pytest.mark.parametrize("name", PROCESSES)
def test_entrywise_says_whether_other_values_matter(name: str) -> None:
    process = PROCESSES[name](4)
    with torch.no_grad():
        for number, parameter in enumerate(process.parameters()):
            noise = torch.randn(parameter.shape, generator=generator(number))
            parameter.add_(0.3 * noise)
    slopes = process.sensitivity(torch.randn(50, 4, generator=generator(9)))
    others = slopes - torch.diag(slopes.diagonal())
    assert process.entrywise == (others.abs().max() < 1e-9)
