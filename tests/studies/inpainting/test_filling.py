"""One method fills in many images, and all images are scored together."""

from __future__ import annotations

import pytest
import torch

from dgm_core.imputers.chains import PseudoGibbs
from dgm_core.metrics import f1_hidden, mean_and_error
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.samplers import chains, pseudo_gibbs
from dgm_core.studies.inpainting.filling import f1_and_error, fill_in, ink_counts
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by
from dgm_core.types import Masked


def test_pooled_f1_and_its_error_agree_with_a_bootstrap() -> None:
    counts = torch.randint(1, 60, (400, 2), generator=generator(0))
    f1, error = f1_and_error(counts)
    tp, wrong = counts.sum(0).tolist()
    assert f1 == pytest.approx(2 * tp / (2 * tp + wrong))
    chosen = torch.randint(400, (3000, 400), generator=generator(1))
    totals = counts[chosen].sum(1).double()
    again = 2 * totals[:, 0] / (2 * totals[:, 0] + totals[:, 1])
    assert error == pytest.approx(again.std().item(), rel=0.1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_chain_equals_a_loop_written_by_hand(pattern: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = fully_connected_dlvm(3, 8).eval().requires_grad_(False)
    original = (torch.rand(5, 1, 28, 28, generator=generator(4)) < 0.3).float()
    observed = observed_by(pattern, original)
    method = PseudoGibbs(model, iterations=25, warmup=5, chains=2, draws=1, updates=1)
    filled = fill_in(method, original, observed, generator(5), batch=3)
    source, means = generator(5), []
    for rows in (slice(0, 3), slice(3, 5)):
        masked = Masked(original[rows], observed[rows])
        running = chains.RunningMean()
        for step in chains.run(pseudo_gibbs(model, masked.repeat(2)), source, 25, 5):
            if not step.warming_up:
                running.add(step.state.likelihood.mean.clone())
        mean = running.mean.unflatten(0, (len(masked), 2)).mean(1)
        means.append(masked.complete(mean))
    torch.testing.assert_close(filled.mean, torch.cat(means))
    assert (filled.diagnostic("acceptance") == 1).all()
    assert filled.diagnostic("Pareto k").isnan().all()
    assert (filled.negative_log_likelihood() > 0).all()
    assert filled.score().name == "f1"
    counts = ink_counts(filled.mean, original, observed)
    assert filled.score().value == pytest.approx(f1_and_error(counts)[0])
    pairs = torch.tensor([0, 0, 1, 2, 2])
    each = f1_hidden(filled.mean, original, observed)
    assert filled.score(pairs)[1:] != filled.score()[1:]
    assert filled.score(pairs).standard_error == mean_and_error(each, pairs).standard_error
