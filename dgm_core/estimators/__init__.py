"""scikit-learn estimators over the models: a table with holes in, a table or a prediction out.

`MFAImputer` fits by exact EM; `MIWAEImputer` is a deep model, for holes that came at random;
`NotMIWAEImputer` also learns why values are missing.
"""

from dgm_core.estimators.mfa import MFAImputer
from dgm_core.estimators.miwae import MIWAEImputer, NotMIWAEImputer

__all__ = ["MFAImputer", "MIWAEImputer", "NotMIWAEImputer"]
