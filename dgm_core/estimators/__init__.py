"""scikit-learn estimators over the models: a table with holes in, a table or a prediction out.

`MFAImputer` fits by exact EM; `MIWAEImputer` is a deep model, for holes that came at random;
`NotMIWAEImputer` also learns why values are missing. `SupMIWAEClassifier` and `SupMIWAERegressor`
predict from rows with holes, with or without a missing process.

Each of them is saved to one file by its `save`, and `load` reads the file.
"""

from dgm_core.estimators.loading import load
from dgm_core.estimators.mfa import MFAImputer
from dgm_core.estimators.miwae import MIWAEImputer, NotMIWAEImputer
from dgm_core.estimators.supmiwae import SupMIWAEClassifier, SupMIWAERegressor

__all__ = [
    "MFAImputer",
    "MIWAEImputer",
    "NotMIWAEImputer",
    "SupMIWAEClassifier",
    "SupMIWAERegressor",
    "load",
]
