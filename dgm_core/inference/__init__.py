"""From completed tables to conclusions.

`pool` combines the estimates of several completed tables by Rubin's rules, and `pool_models` does
so for fitted models. `analyses` has a mean and a linear regression to pool. `sensitivity` shows
how a conclusion depends on why values are missing, by the `draws` of every missing cell, and
`cautions` says what to know first.
`choice` hides known cells of a table, completes them by several methods, and compares the scores;
`calibration` says whether draws are as wide as their errors. `patterns` finds which cells are
missing together and what this goes with, `defects` what looks wrong in a table, and `report`
writes all this as an HTML page.
"""

from dgm_core.inference.analyses import column_mean, linear_regression
from dgm_core.inference.cautions import Caution, cautions
from dgm_core.inference.draws import draws_of
from dgm_core.inference.pooling import (
    Coefficients,
    Pooled,
    Test,
    bootstrapped,
    pool,
    pool_models,
)
from dgm_core.inference.sensitivity import along_shifts, along_strengths, tipping_points

__all__ = [
    "Caution",
    "Coefficients",
    "Pooled",
    "Test",
    "along_shifts",
    "along_strengths",
    "bootstrapped",
    "cautions",
    "column_mean",
    "draws_of",
    "linear_regression",
    "pool",
    "pool_models",
    "tipping_points",
]
