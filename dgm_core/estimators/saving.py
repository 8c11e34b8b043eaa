"""Fitted estimators as files: `estimator.save(path)`, and `dgm_core.load(path)` reads it.

The file is a safetensors file. Its arrays are the fitted model. Its header has the name of the
estimator and, as JSON, the settings, the columns with their levels, and the training history.
A file is data: nothing in it is imported or run, and no pickle is read. A checksum of all contents
detects damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import safetensors
import safetensors.torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgm_core.estimators.json_values import as_json
from dgm_core.files import written_whole

FORMAT = "dgm_core estimator"
"""Name of the format in the header."""

VERSION = 1
"""Version of the format; an earlier version of dgm_core reports that the file is too new."""

NOT_SAVED = ("checkpoint", "log_dir")
"""Settings that name files or folders on this machine."""

UNUSABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors that may occur when an estimator is built from contents that do not fit together."""


class Content(NamedTuple):
    """Content of a file."""

    estimator: str  # the name of its class
    facts: dict[str, Any]  # values for JSON
    arrays: dict[str, Tensor]


class SavableEstimator(BaseEstimator):
    """An estimator that can be saved to one file.

    A subclass defines its learned state by `_learned` and `_set_learned`.
    """

    model_: Any  # the fitted model
    n_features_in_: int  # set by scikit-learn
    feature_names_in_: NDArray  # set by scikit-learn for DataFrames

    def save(self, path: Path | str) -> Path:
        """Write the fitted estimator to one file, whole or not at all.

        `dgm_core.load` reads the file, on this machine or another, and then gives the same
        results. The settings `checkpoint` and `log_dir` are not saved, because they belong to
        this machine. A `random_state` that is a `RandomState` is saved as None. If
        `missing_process` is a function, the process that it makes is saved instead.

        Args:
            path: the file; the usual extension is `.safetensors`.

        Returns:
            The path.

        Raises:
            NotFittedError: the estimator is not fitted.
            ValueError: a level, name or setting has a type that cannot be saved, the class is
                not part of `dgm_core`, or the settings were changed after the fit.
            OSError: the file cannot be written.
        """
        check_is_fitted(self, "model_")
        kind = type(self)
        if not kind.__module__.startswith("dgm_core."):
            raise ValueError(
                f"only estimators of dgm_core can be saved, and {kind.__name__} is a subclass of "
                "your own"
            )
        content, own = self._content()
        try:
            kind._of_content(content, own)
        except UNUSABLE as error:
            raise ValueError(
                f"this {kind.__name__} cannot be saved, because its settings no longer match its "
                f"fitted model ({error}). Fit it again"
            ) from error
        return write(path, content)

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The learned state: values for JSON, and arrays."""
        raise NotImplementedError

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        """Restore the learned state that `_learned` returned."""
        raise NotImplementedError

    def _saved_setting(self, name: str, value: Any) -> tuple[Any, dict[str, Tensor]]:
        """A setting for JSON, and arrays that belong to it.

        Raises:
            OwnPart: the setting holds code of the user's own.
        """
        return as_json(value), {}

    def _loaded_setting(self, name: str, value: Any, arrays: dict[str, Tensor]) -> Any:
        """The setting from the `value` and `arrays` that `_saved_setting` returned."""
        default = self.get_params(deep=False)[name]
        if isinstance(default, bool | str):
            fits = type(value) is type(default)
        elif default is None:
            fits = isinstance(value, int | str | None)
        else:
            fits = value is None or (isinstance(value, int | float) and value is not True)
        if not fits:
            raise ValueError(f"expected {name} to be like {default!r}, got {value!r}")
        return value

    def _content(self) -> tuple[Content, dict[str, Any]]:
        """The content to save, and the settings that are the user's own code."""
        facts, arrays = self._learned()
        arrays = {f"model.{name}": array for name, array in arrays.items()}
        settings, own = {}, {}
        for name, value in self.get_params(deep=False).items():
            if name in NOT_SAVED:
                continue
            if name == "random_state" and isinstance(value, np.random.RandomState):
                value = None
            try:
                settings[name], more = self._saved_setting(name, value)
            except OwnPart:
                own[name] = value
                continue
            arrays |= {f"{name}.{key}": array for key, array in more.items()}
        facts |= {
            "features": self.n_features_in_,
            "names": [*getattr(self, "feature_names_in_", ())] or None,
            "settings": settings,
            "own": {name: _name_of(value) for name, value in own.items()},
        }
        arrays = {name: array.detach().cpu().clone() for name, array in arrays.items()}
        return Content(type(self).__name__, facts, arrays), own

    @classmethod
    def _of_content(cls, content: Content, own: Mapping[str, Any]) -> Self:
        """The estimator that was saved; `own` are the settings that are not in the content."""
        estimator, facts = cls(), content.facts
        settings = dict(own)
        for name, value in facts["settings"].items():
            if name in NOT_SAVED or name not in estimator.get_params(deep=False):
                raise ValueError(f"{cls.__name__} has no setting {name!r} that is saved")
            arrays = under(name, content.arrays)
            settings[name] = estimator._loaded_setting(name, value, arrays)
        estimator.set_params(**settings)
        estimator.n_features_in_ = int(facts["features"])
        if facts["names"] is not None:
            estimator.feature_names_in_ = np.asarray(facts["names"], dtype=object)
        estimator._set_learned(facts, under("model", content.arrays))
        return estimator


class OwnPart(Exception):
    """A setting is the user's own code, which is not saved."""


def read(path: Path | str) -> Content:
    """Content of a file, after checks.

    Raises:
        ValueError: the file is not a saved estimator, is damaged, or has a newer format.
        OSError: the file cannot be read.
    """
    raw = Path(path).read_bytes()
    try:
        arrays = safetensors.torch.load(raw)
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    except (*UNUSABLE, safetensors.SafetensorError) as error:
        raise ValueError(
            f"{path} is not a saved estimator, or it is damaged: expected a complete safetensors "
            f"file ({error})"
        ) from error
    about = header.get("__metadata__", {})
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{path} is a safetensors file, but not a saved estimator: expected the format "
            f"{FORMAT!r}, got {about.get('format')!r}"
        )
    version = about.get("version", "")
    if version.isdecimal() and int(version) > VERSION:  # its checksum may be computed differently
        raise ValueError(
            f"{path} has version {version} of the format, and this dgm_core reads versions up "
            f"to {VERSION}: install a newer dgm_core"
        )
    text = about.get("facts", "")
    try:
        checksum = _checksum(version, about.get("estimator", ""), text, arrays)
        if about.get("sha256") != checksum:
            raise ValueError("its contents do not match their checksum")
        facts = json.loads(text)
    except UNUSABLE as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("own"), dict):
        raise ValueError(f"{path} is damaged: its header is not that of an estimator")
    arrays = {name: array.clone() for name, array in arrays.items()}
    return Content(about["estimator"], facts, arrays)


def write(path: Path | str, content: Content) -> Path:
    """Write a file, whole or not at all; returns its path.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    encoded = _encoded(content)
    with written_whole(path) as part:
        part.write_bytes(encoded)
    return path


def _encoded(content: Content) -> bytes:
    text, version = json.dumps(content.facts, ensure_ascii=False), str(VERSION)
    arrays = {name: array.contiguous() for name, array in content.arrays.items()}
    about = {
        "format": FORMAT,
        "version": version,
        "estimator": content.estimator,
        "facts": text,
        "sha256": _checksum(version, content.estimator, text, arrays),
    }
    return safetensors.torch.save(arrays, about)


def _checksum(version: str, estimator: str, facts: str, arrays: Mapping[str, Tensor]) -> str:
    """SHA-256 of all contents of a file."""
    found = hashlib.sha256(json.dumps([version, estimator, facts]).encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(json.dumps([name, str(array.dtype), [*array.shape]]).encode())
        found.update(array.numpy().tobytes())
    return found.hexdigest()


def under(start: str, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The arrays whose names start with `start` and a dot, without that prefix."""
    start = f"{start}."
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}


def _name_of(value: Any) -> str:
    """Name of the user's own class or function."""
    return getattr(value, "__qualname__", None) or type(value).__qualname__
