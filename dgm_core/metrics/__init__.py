"""Scores of imputations, on hidden entries only: observed entries never count.

Data are images (B, C, H, W) or tables (B, D), draws are (n, B, …), and a score has one value per
row, (B,). `DEFINITIONS` gives the meaning of each score by its name on the page. The NLL has no
function: it is minus the `log_density` of an `Imputation`.

`clustering` compares clusters with labels; its definitions are in `CLUSTERING_DEFINITIONS`.
`frechet` compares sets of generated images with real ones. Nothing is hidden in either.
"""

from dgm_core.metrics.calibration import Histogram, Reliability, pit, pit_histogram, reliability
from dgm_core.metrics.clustering import UNMATCHED, ClusteringScores, clustering_scores
from dgm_core.metrics.definitions import (
    CLUSTERING_DEFINITIONS,
    DEFINITIONS,
    TABLE_DEFINITIONS,
)
from dgm_core.metrics.errors import (
    MeanAndError,
    jackknife,
    leave_one_out_error,
    mean_and_error,
    pooled_rmse,
    rmse,
)
from dgm_core.metrics.frechet import frechet_distance, nearest, precision_recall
from dgm_core.metrics.point_estimate import (
    f1_hidden,
    mse_hidden,
    psnr_hidden,
    sse_hidden,
    ssim_hidden,
)
from dgm_core.metrics.predictive import (
    coverage_hidden,
    crps_hidden,
    gaussian_coverage_hidden,
    gaussian_mixture_log_density,
)
from dgm_core.metrics.table_error import rmse_of_table

__all__ = [
    "CLUSTERING_DEFINITIONS",
    "DEFINITIONS",
    "TABLE_DEFINITIONS",
    "UNMATCHED",
    "ClusteringScores",
    "Histogram",
    "MeanAndError",
    "Reliability",
    "clustering_scores",
    "coverage_hidden",
    "crps_hidden",
    "f1_hidden",
    "frechet_distance",
    "gaussian_coverage_hidden",
    "gaussian_mixture_log_density",
    "jackknife",
    "leave_one_out_error",
    "mean_and_error",
    "mse_hidden",
    "nearest",
    "pit",
    "pit_histogram",
    "pooled_rmse",
    "precision_recall",
    "psnr_hidden",
    "reliability",
    "rmse",
    "rmse_of_table",
    "sse_hidden",
    "ssim_hidden",
]
