"""Imputation by R's mice, on machines that have it."""

from collections.abc import Iterator

import numpy as np
import pytest

from dgm_core.evaluation import mice


@pytest.fixture(params=mice.METHODS)
def run(request: pytest.FixtureRequest) -> Iterator[mice.Mice]:
    if not mice.is_installed():
        pytest.skip("R with mice is not on this machine")
    run = mice.Mice(request.param)
    yield run
    run.close()


def test_a_table_is_completed_many_times(run: mice.Mice) -> None:
    random = np.random.default_rng(0)
    table = random.multivariate_normal([1, -1], [[1, 0.9], [0.9, 1]], 300)
    hidden = random.random(table.shape) < 0.2
    hidden[hidden.all(1)] = False
    incomplete = np.where(hidden, np.nan, table)
    completed = run(incomplete, 4, 1)
    assert completed.shape == (4, 300, 2)
    assert (completed[:, ~hidden] == table[~hidden]).all()
    drawn = completed[:, hidden]
    assert np.isfinite(drawn).all()
    assert (drawn[0] != drawn[1]).any()
    assert np.abs(drawn.mean(0) - table[hidden]).mean() < 0.5
    borrowed = np.isin(completed[:, :, 0], table[~hidden[:, 0], 0]).all()
    assert borrowed == (run.number == 2)
    assert (run(incomplete, 4, 1) == completed).all()


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a method among"):
        mice.Mice("cart")
