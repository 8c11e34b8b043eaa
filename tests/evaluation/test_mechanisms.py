"""Tables of two mechanisms: their exact results, the equal densities, and the measured rows."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from dgm_core.checkout import ASSETS
from dgm_core.evaluation import mechanisms
from dgm_core.evaluation.mechanisms import EQUAL_BOUNDS, EXACT, OTHER, OWN, TABLES, exact
from dgm_core.metrics.comparison import clear, paired

MEASURED = {
    (row["table"], row["method"]): row
    for row in tomllib.loads((ASSETS / "mechanisms.toml").read_text(encoding="utf-8"))[
        "mechanisms"
    ]
}


@pytest.mark.parametrize("name", TABLES)
def test_exact_conditional_means_are_those_of_the_simulation(name: str) -> None:
    """The errors E[x_mis | x_obs, s] − x_mis have mean 0, also weighted by what is observed."""
    full, incomplete = TABLES[name].simulated(0, 20_000)
    _, completed = exact(TABLES[name], incomplete)
    hidden = np.isnan(incomplete)
    assert 0.2 < hidden[:, 0].mean() < 0.55
    assert (completed[~hidden] == full[~hidden]).all()
    errors = np.where(hidden, completed - full, 0)
    for weights in (np.ones(len(full)), full[:, -1], hidden.sum(1)):
        each = (errors * weights[:, None]).sum(1)
        assert abs(each.mean()) < 4.5 * each.std() / np.sqrt(len(each))
    # The check can fail: missing at random, the mean of this table is far from the truth.
    wrong = np.where(hidden, np.nanmean(incomplete, 0) - full, 0).sum(1)
    assert abs(wrong.mean()) > 10 * wrong.std() / np.sqrt(len(wrong))


@pytest.mark.parametrize("name", TABLES)
def test_exact_densities_add_up_to_one(name: str) -> None:
    """E[q(x_obs, s) / p(x_obs, s)] = 1 for any density q; here that of another table."""
    design = TABLES[name]
    other = mechanisms.Design(design.loadings, design.losing, design.own_value, 1.0, 0.6)
    _, incomplete = design.simulated(1, 20_000)
    ratio = np.exp(exact(other, incomplete)[0] - exact(design, incomplete)[0])
    assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / np.sqrt(len(ratio))


def test_two_mechanisms_give_the_same_observed_values_and_other_hidden_ones() -> None:
    """If z is known: the second joint density is self-masking, for every z."""
    design = TABLES[EQUAL_BOUNDS]
    a, v = design.loadings[0], design.noise[0] ** 2
    x, z = np.meshgrid(np.linspace(-3, 3, 61), np.linspace(-2, 2, 9))
    missing = expit(design.log_odds(z))
    seen = (1 - missing) * norm.pdf(x, a * z, np.sqrt(v))
    hidden = missing * norm.pdf(x, a * z + mechanisms.other_shift(design), np.sqrt(v))
    log_odds = np.log(hidden / seen)
    w = design.slope / a
    np.testing.assert_allclose(log_odds, log_odds[:1].repeat(9, 0), atol=1e-10)
    np.testing.assert_allclose(np.diff(log_odds[0]), w * np.diff(x[0]), atol=1e-10)
    # Without the shift it depends on z, not on x: no self-censoring.
    same = np.log(missing * norm.pdf(x, a * z, np.sqrt(v)) / seen)
    assert np.ptp(same[:, 0]) > 1
    np.testing.assert_allclose(np.ptp(same, 1), 0, atol=1e-10)


def test_a_study_of_small_models_gives_a_row_for_each_method() -> None:
    quick = {**mechanisms.SETTINGS, "epochs": 1, "samples": 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mechanisms, "SETTINGS", quick)
        config = mechanisms.Config((EQUAL_BOUNDS,), ("MIWAE", "IM-IWAE"), 2)
        rows = [each for each in mechanisms.run(config) if isinstance(each, mechanisms.Row)]
    assert [row.method for row in rows] == [EXACT, OTHER, "MIWAE", "IM-IWAE"]
    assert all(len(row.rmses) == len(row.imputed) == 2 for row in rows)
    assert [len(row.bounds) for row in rows] == [2, 2, 0, 2]
    assert all("equal bounds" in row.sentence() for row in rows)
    with pytest.raises(ValueError, match="names among"):
        mechanisms.Config(methods=("nothing",))
    with pytest.raises(ValueError, match="at least 2 seeds"):
        mechanisms.Config(seeds=1)


def test_each_model_is_ahead_on_tables_of_its_own_mechanism() -> None:
    differences = {
        (table, method): paired(MEASURED[table, own]["rmses"], row["rmses"])
        for table, own in OWN.items()
        for (where, method), row in MEASURED.items()
        if where == table and method in ("MIWAE", *OWN.values()) and method != own
    }
    assert len(differences) == 4
    assert all(each.df == 4 for each in differences.values())
    assert clear(differences) == list(differences)
    assert all(each.value < 0 for each in differences.values())


def test_equal_bounds_and_different_answers_were_measured() -> None:
    rows = {method: row for (table, method), row in MEASURED.items() if table == EQUAL_BOUNDS}
    values, latent = (rows[method] for method in OWN.values())
    assert not clear({"bounds": paired(latent["bounds"], values["bounds"])})
    gap = paired(values["imputed"], latent["imputed"])
    expected = mechanisms.other_shift(TABLES[EQUAL_BOUNDS])
    assert gap.value == pytest.approx(expected, rel=0.25)
    assert gap.value > 10 * gap.error
    for row in (values, latent):
        assert max(np.subtract(rows[EXACT]["bounds"], row["bounds"])) < 0.1
