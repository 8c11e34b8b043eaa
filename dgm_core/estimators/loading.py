"""Reading of the files that `estimator.save(path)` writes.

>>> import tempfile
>>> import numpy as np
>>> table = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0], [5.0, np.nan]])
>>> imputer = MFAImputer(components=1, factors=1).fit(table)
>>> with tempfile.TemporaryDirectory() as folder:
...     path = imputer.save(Path(folder) / "doubles.safetensors")
...     load(path).transform(table)[4].round(1)
array([ 5., 10.])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from dgm_core.distributions.columns import Column
from dgm_core.estimators.mfa import MFAImputer
from dgm_core.estimators.miwae import IMIWAEImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.estimators.saving import UNUSABLE, SavableEstimator, read
from dgm_core.estimators.supmiwae import SupMIWAEClassifier, SupMIWAERegressor
from dgm_core.missing.base import MissingProcess

ESTIMATORS: dict[str, type[SavableEstimator]] = {
    each.__name__: each
    for each in (
        IMIWAEImputer,
        MFAImputer,
        MIWAEImputer,
        NotMIWAEImputer,
        SupMIWAEClassifier,
        SupMIWAERegressor,
    )
}
"""Name in the file → class."""


def load(
    path: Path | str,
    *,
    missing_process: MissingProcess | Callable[[int], MissingProcess] | None = None,
    likelihood: Callable[[Sequence[Column]], nn.Module] | None = None,
) -> Any:
    """The fitted estimator in a file that `estimator.save(path)` wrote.

    It gives the same results as the estimator that was saved. Reading a file runs none of its
    contents, so files from other people are safe. For the same reason a file does not contain
    your own code: if the estimator was fitted with your own missing process or likelihood, pass
    it again.

    Args:
        path: the file.
        missing_process: your own missing process, if the estimator was fitted with one whose class
            is not in `dgm_core`.
        likelihood: your own function, if the estimator was fitted with one.

    Returns:
        The estimator, of the class that was saved.

    Raises:
        ValueError: the file is not a saved estimator, is damaged, or has a newer format; or
            `missing_process` or `likelihood` is needed, is not needed, or does not fit.
        OSError: the file cannot be read.
    """
    content = read(path)
    if content.estimator not in ESTIMATORS:
        raise ValueError(
            f"expected {path} to hold one of {', '.join(ESTIMATORS)}, got {content.estimator!r}"
        )
    own = {"missing_process": missing_process, "likelihood": likelihood}
    for name, value in own.items():
        saved_name = content.facts["own"].get(name)
        if saved_name and value is None:
            raise ValueError(
                f"{path} was fitted with the {name} {saved_name}, which is not part of dgm_core: "
                f"give it again, load(path, {name}={saved_name})"
            )
        if value is not None and not saved_name:
            raise ValueError(f"{path} needs no {name}: leave the argument out")
    own = {name: value for name, value in own.items() if value is not None}
    try:
        return ESTIMATORS[content.estimator]._of_content(content, own)
    except UNUSABLE as error:
        where = " with the arguments that were given" if own else ""
        raise ValueError(f"{path} cannot be used{where}: {error}") from error
