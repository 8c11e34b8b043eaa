"""Deep generative models with missing data: models, exact conditional samplers, diagnostics.

    import dgm_core

    imputer = dgm_core.NotMIWAEImputer().fit(table)  # NaN where values are missing
    completed = imputer.transform(table)
    imputer.save("model.safetensors")  # dgm_core.load reads it

Seven scikit-learn estimators complete tables or predict from them (`dgm_core.estimators`). For
images, start with `dgm_core.zoo` (trained models), `dgm_core.data` (images),
`dgm_core.missing.masks` (what to hide) and `dgm_core.samplers` (how to fill it in).

The library draws no pictures and chooses no device for its caller: results are where the inputs
are. `import dgm_core` loads nothing else. Each name below loads its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgm_core import (
        baselines,
        data,
        estimators,
        imputers,
        inference,
        metrics,
        missing,
        models,
        samplers,
        zoo,
    )
    from dgm_core.estimators import (
        ChainedImputer,
        IMIWAEImputer,
        MFAImputer,
        MIWAEImputer,
        NotMIWAEImputer,
        SupMIWAEClassifier,
        SupMIWAERegressor,
        load,
    )
    from dgm_core.imputers import CATALOGUE
    from dgm_core.rng import generator
    from dgm_core.types import Imputation, Masked, Sampler

__version__ = "0.9.0"

__all__ = [
    "CATALOGUE",
    "ChainedImputer",
    "IMIWAEImputer",
    "Imputation",
    "MFAImputer",
    "MIWAEImputer",
    "Masked",
    "NotMIWAEImputer",
    "Sampler",
    "SupMIWAEClassifier",
    "SupMIWAERegressor",
    "baselines",
    "data",
    "estimators",
    "generator",
    "imputers",
    "inference",
    "load",
    "metrics",
    "missing",
    "models",
    "samplers",
    "zoo",
]

_ROOM_OF = {
    "CATALOGUE": "imputers",
    "ChainedImputer": "estimators",
    "IMIWAEImputer": "estimators",
    "Imputation": "types",
    "MFAImputer": "estimators",
    "MIWAEImputer": "estimators",
    "Masked": "types",
    "NotMIWAEImputer": "estimators",
    "Sampler": "types",
    "SupMIWAEClassifier": "estimators",
    "SupMIWAERegressor": "estimators",
    "generator": "rng",
    "load": "estimators",
}
"""Public name → room that defines it; the other names of `__all__` are rooms."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOM_OF.get(name, name)}")
    value = globals()[name] = getattr(room, name) if name in _ROOM_OF else room
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
