"""scikit-learn estimators for tables with missing values: imputation and prediction.

`MFAImputer` is fitted by exact EM. `MIWAEImputer` is a deep model for values missing at random.
`NotMIWAEImputer` also learns why values are missing, from the values themselves; `IMIWAEImputer`
learns it from latent variables. `ChainedImputer` regresses each column on the others, as R's
package mice does. `SupMIWAEClassifier` and `SupMIWAERegressor` predict from
incomplete rows, with or without a missing process.

`estimator.save(path)` writes an estimator to one file, and `load(path)` reads it. A
`ChainedImputer` is not saved, because it consists of its table.
"""

from dgm_core.estimators.chained import ChainedImputer
from dgm_core.estimators.loading import load
from dgm_core.estimators.mfa import MFAImputer
from dgm_core.estimators.miwae import IMIWAEImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.estimators.supmiwae import SupMIWAEClassifier, SupMIWAERegressor

__all__ = [
    "ChainedImputer",
    "IMIWAEImputer",
    "MFAImputer",
    "MIWAEImputer",
    "NotMIWAEImputer",
    "SupMIWAEClassifier",
    "SupMIWAERegressor",
    "load",
]
