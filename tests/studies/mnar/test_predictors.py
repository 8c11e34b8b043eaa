"""All prediction methods: one predictor, fitted to its optimum, without test targets."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from dgm_core.distributions.columns import Numeric
from dgm_core.metrics.prediction import classification_scores
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.rng import generator, normal
from dgm_core.studies.mnar.predictors import (
    METHODS,
    SUP,
    SUP_NOT,
    Split,
    Training,
    by_oracle,
    fitted,
    predictor,
)
from dgm_core.types import Masked

PLAN = Amputation(columns=(0, 1), threshold=0.3)
TINY = Training("toy", PLAN, steps=4, draws=3, hidden=8, samples=20)


def one_factor(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three columns of one factor, and a class that the first two predict well."""
    x = 0.9 * normal((count, 1), generator(seed)) + 0.45 * normal((count, 3), generator(seed + 1))
    noise = 0.3 * normal((count,), generator(seed + 2))
    return x, (x[:, 0] + x[:, 1] + noise > 1.2).long()


def split(*, classes: int | None = 2, count: int = 400) -> tuple[Split, Tensor]:
    """The split, and the targets of its test rows."""
    (x, y), (test_x, test_y) = one_factor(count, 0), one_factor(300, 10)
    if classes is None:
        y, test_y = x.sum(1), test_x.sum(1)
    known, test = (Masked(each, torch.ones_like(each, dtype=torch.bool)) for each in (x, test_x))
    left, test_left = ampute(known, PLAN).masked, ampute(test, PLAN).masked
    return Split(3, (Numeric(),) * 3, classes, known, left, y, test, test_left), test_y


def test_the_classifier_on_complete_rows_is_that_of_scikit_learn() -> None:
    x = normal((200, 4), generator(0), torch.float64)
    y = (x @ normal((4, 3), generator(1), torch.float64)).argmax(1)
    several = split(classes=3)[0]._replace(masked=Masked(x, torch.ones_like(x, dtype=torch.bool)))
    config = Training("toy", PLAN, penalty=2.0)
    ours = fitted(config, predictor(several), x, y)(x).probs
    theirs = LogisticRegression(C=0.5, tol=1e-8, max_iter=500).fit(x, y).predict_proba(x)
    torch.testing.assert_close(ours.detach(), torch.tensor(theirs), rtol=0, atol=1e-4)


def test_the_regressor_on_complete_rows_is_ridge_of_its_own_noise() -> None:
    x = normal((60, 4), generator(0), torch.float64)
    y = x[:, 0] - 0.5 * x[:, 1] + 0.8 * normal((60,), generator(1), torch.float64) + 3
    several = split(classes=None)[0]._replace(
        masked=Masked(x, torch.ones_like(x, dtype=torch.bool))
    )
    distribution = fitted(Training("toy", PLAN, penalty=5.0), predictor(several), x, y)(x)
    torch.testing.assert_close(
        distribution.scale[0] ** 2, (y - distribution.mean).square().mean(), rtol=1e-4, atol=0
    )
    ridge = Ridge(alpha=5.0 * distribution.scale[0].item() ** 2).fit(x, y)
    torch.testing.assert_close(
        distribution.mean.detach(), torch.tensor(ridge.predict(x)), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("classes", [2, None])
def test_every_method_has_a_distribution_for_every_test_row(
    name: str, classes: int | None
) -> None:
    known, test_y = split(classes=classes, count=60)
    distributions = METHODS[name](TINY, known)
    assert sum(distribution.batch_shape[0] for distribution in distributions) == len(test_y)
    for distribution in distributions:
        assert not distribution.mean.requires_grad
        assert torch.isfinite(distribution.log_prob(test_y[: distribution.batch_shape[0]])).all()
    for distribution, again in zip(distributions, METHODS[name](TINY, known), strict=True):
        torch.testing.assert_close(
            distribution.log_prob(test_y), again.log_prob(test_y), rtol=0, atol=0
        )


def test_only_the_oracle_uses_the_complete_table() -> None:
    known, _ = split()
    (distribution,) = by_oracle(TINY, known)
    (blind,) = by_oracle(TINY, known._replace(known=known.masked, test_known=known.test_masked))
    assert not torch.allclose(distribution.probs, blind.probs)


def test_if_high_values_are_missing_only_a_learned_process_recovers_the_class() -> None:
    known, test_y = split()
    config = Training("toy", PLAN, steps=150, draws=5, hidden=16, samples=100)

    def log_loss(name: str) -> float:
        logits = torch.cat([distribution.logits for distribution in METHODS[name](config, known)])
        return classification_scores(logits, test_y)["log loss"]

    found = {name: log_loss(name) for name in METHODS}
    assert (
        found["oracle"]
        < found[SUP_NOT]
        < min(found[name] for name in ("mean, then predict", "MICE, then predict", SUP))
    )
    assert found["MIWAE, then predict"] - found[SUP_NOT] > 0.03
