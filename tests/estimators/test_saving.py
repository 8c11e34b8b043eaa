"""Fitted estimators in files: same results after the round trip, and no file can do harm."""

from __future__ import annotations

import datetime
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn

from dgm_core import zoo
from dgm_core.distributions.likelihoods import GaussianLikelihood
from dgm_core.estimators import (
    IMIWAEImputer,
    MFAImputer,
    MIWAEImputer,
    NotMIWAEImputer,
    SupMIWAEClassifier,
    SupMIWAERegressor,
)
from dgm_core.estimators.loading import load
from dgm_core.estimators.saving import VERSION, Content, SavableEstimator, read, write
from dgm_core.missing.base import MissingProcess
from dgm_core.missing.processes import (
    PROCESSES,
    ByColumn,
    KnownSignSelfMasking,
    MissingCompletelyAtRandom,
    MLPMasking,
    Restricted,
    SelfMasking,
    WithBaseRate,
)

ROOT = Path(__file__).parents[2]
SMALL = {"hidden": 6, "epochs": 2, "samples": 10, "draws": 3}


def numbers() -> np.ndarray:
    source = np.random.default_rng(0)
    x = source.normal(size=(40, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -3.0]
    return np.where(source.random(x.shape) < 0.2, np.nan, x)


def mixed() -> pd.DataFrame:
    """A column of every kind, with levels of many types."""
    source = np.random.default_rng(1)
    rows = 40
    age = pd.Series(source.normal(40, 10, rows))
    days = pd.to_datetime(["2026-01-01 00:00:00.000000001", "2026-01-02 12:00:00.000000002"])
    frame = pd.DataFrame(
        {
            "age": age,
            "city": source.choice(["Oslo", "Bergen", "Ål"], rows),
            "smoker": pd.array(source.random(rows) < 0.5, dtype="boolean"),
            "children": pd.array(source.integers(0, 4, rows), dtype="Int64"),
            "class": source.integers(1, 4, rows),
            "band": pd.cut(age, 3),
            "day": pd.Categorical(days[source.integers(0, 2, rows)], categories=days),
            "code": source.choice(np.array([b"a", b"b\xff", b"c"], object), rows),
        }
    )
    return frame.mask(source.random(frame.shape) < 0.15)


def labels() -> np.ndarray:
    return np.where(np.nan_to_num(numbers()[:, 0]) > 0, "right", "left")


def targets() -> np.ndarray:
    return 3 * np.nan_to_num(numbers()[:, 0]) + 10


def some_columns() -> MissingProcess:
    inner = KnownSignSelfMasking([1.0, -1.0, 1.0], strength=[0.5, 1.0, 2.0])
    inner.threshold.requires_grad_(False)
    return WithBaseRate(Restricted(inner, [True, False, True]), rate=0.1)


Fit = Callable[[], SavableEstimator]
FITTED: dict[str, Fit] = {
    "mfa": lambda: MFAImputer(2, 1, isotropic=True).fit(numbers()),
    "mfa of a frame": lambda: MFAImputer(1, 1).fit(pd.DataFrame(numbers(), columns=[*"abc"])),
    "miwae": lambda: MIWAEImputer(**SMALL, loss="absolute", restarts=2).fit(numbers()),
    "miwae, Student's t": lambda: MIWAEImputer(**SMALL, likelihood="student-t").fit(numbers()),
    "miwae, mixed": lambda: MIWAEImputer(**SMALL, categorical=["class"]).fit(mixed()),
    "not-miwae": lambda: NotMIWAEImputer(**SMALL).fit(numbers()),
    "not-miwae, mixed": lambda: NotMIWAEImputer(SelfMasking, **SMALL).fit(mixed()),
    "not-miwae, a template": lambda: NotMIWAEImputer(some_columns(), **SMALL).fit(numbers()),
    "not-miwae, a network": lambda: NotMIWAEImputer(MLPMasking(3, 5), **SMALL).fit(numbers()),
    "not-miwae, together": lambda: NotMIWAEImputer(
        ByColumn(SelfMasking(3), [0, 0, 1]), **SMALL
    ).fit(numbers()),
    "not-miwae, three rates": lambda: NotMIWAEImputer(
        MissingCompletelyAtRandom([0.2, 0.3, 0.4]), **SMALL
    ).fit(numbers()),
    "im-iwae": lambda: IMIWAEImputer(**SMALL).fit(numbers()),
    "im-iwae, mixed": lambda: IMIWAEImputer(**SMALL, restarts=2).fit(mixed()),
    "classifier": lambda: SupMIWAEClassifier(**SMALL).fit(numbers(), labels()),
    "classifier, not at random": lambda: SupMIWAEClassifier(SelfMasking, **SMALL).fit(
        mixed(), np.arange(40) % 3
    ),
    "regressor": lambda: SupMIWAERegressor(**SMALL).fit(numbers(), targets()),
    "regressor, not at random": lambda: SupMIWAERegressor(
        PROCESSES["linear"], **SMALL, decoder="linear and bent"
    ).fit(numbers(), targets()),
} | {
    f"not-miwae, {name}": lambda process=process: NotMIWAEImputer(process, **SMALL).fit(numbers())
    for name, process in PROCESSES.items()
}


def results(estimator: Any, x: Any) -> dict[str, Any]:
    """The fitted attributes of an estimator and its results on a table."""
    found: dict[str, Any] = {
        name: getattr(estimator, name)
        for name in ("history_", "bound_", "n_iter_", "log_likelihoods_")
        if hasattr(estimator, name)
    }
    for each in getattr(estimator, "mechanisms_", ()):
        found[f"mechanism of {each.feature}"] = [*each[:-1], {**each.details}]
    if hasattr(estimator, "transform"):
        found["completed"] = estimator.transform(x)
        found["sd"] = estimator.impute_with_sd(x)[1]
        found["draws"] = estimator.sample_imputations(x, 3, random_state=5, proper=False)
        found["score"] = estimator.score(x)
        found["names"] = estimator.get_feature_names_out()
    else:
        found["imputed"] = estimator.impute(x)
        found["predicted"] = estimator.predict(x)
    if hasattr(estimator, "predict_proba"):
        found["p"] = estimator.predict_proba(x)
        found["classes"] = estimator.classes_
    return found


def table_of(name: str) -> Any:
    if name == "mfa of a frame":
        return pd.DataFrame(numbers(), columns=[*"abc"])
    return (
        mixed()
        if name
        in ("miwae, mixed", "not-miwae, mixed", "im-iwae, mixed", "classifier, not at random")
        else numbers()
    )


def check_equal(a: Any, b: Any, where: str) -> None:
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            check_equal(a[key], b[key], f"{where}, {key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b, strict=True)):
            check_equal(*pair, f"{where}, {i}")
    elif isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    else:
        np.testing.assert_array_equal(a, b, where)


@pytest.fixture(scope="module")
def fitted() -> dict[str, SavableEstimator]:
    return {name: fit() for name, fit in FITTED.items()}


@pytest.mark.parametrize("name", FITTED)
def test_settings_and_fitted_attributes_survive_a_round_trip(
    name: str, fitted: dict[str, SavableEstimator], tmp_path: Path
) -> None:
    before = fitted[name]
    path = before.save(tmp_path / "model.safetensors")
    after = load(path)
    assert type(after) is type(before)
    settings, saved = before.get_params(deep=False), after.get_params(deep=False)
    process, saved_process = (each.pop("missing_process", None) for each in (settings, saved))
    assert {**settings, "categorical": 0} == {**saved, "categorical": 0}
    assert [*settings.get("categorical", ())] == [*saved.get("categorical", ())]
    if isinstance(process, MissingProcess):
        assert str(process) == str(saved_process)
        check_equal({**process.state_dict()}, {**saved_process.state_dict()}, name)
        frozen = [each.requires_grad for each in process.parameters()]
        assert [each.requires_grad for each in saved_process.parameters()] == frozen
    else:
        assert saved_process is process
    check_equal(results(before, table_of(name)), results(after, table_of(name)), name)
    again = after.save(tmp_path / "again.safetensors")
    assert read(again).facts == read(path).facts


def test_a_fresh_process_gives_the_same_results(
    fitted: dict[str, SavableEstimator], tmp_path: Path
) -> None:
    for i, estimator in enumerate(fitted.values()):
        estimator.save(tmp_path / f"{i}.safetensors")
    code = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "from dgm_core.estimators.loading import load\n"
        "from tests.estimators.test_saving import FITTED, results, table_of\n"
        "folder = Path(sys.argv[1])\n"
        "found = {name: results(load(folder / f'{i}.safetensors'), table_of(name))\n"
        "         for i, name in enumerate(FITTED)}\n"
        "(folder / 'found.pickle').write_bytes(pickle.dumps(found))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
    found = pickle.loads((tmp_path / "found.pickle").read_bytes())
    expected = {name: results(each, table_of(name)) for name, each in fitted.items()}
    check_equal(expected, found, "a fresh process")


def test_a_loaded_estimator_can_be_fitted_again(tmp_path: Path) -> None:
    state = np.random.RandomState(3)
    before = MIWAEImputer(**SMALL, checkpoint=tmp_path / "c.pt", random_state=state).fit(numbers())
    after = load(before.save(tmp_path / "model.safetensors"))
    assert after.checkpoint is None
    assert after.random_state is None
    after.set_params(random_state=0).fit(numbers())
    same = MIWAEImputer(**SMALL).fit(numbers())
    check_equal(after.transform(numbers()), same.transform(numbers()), "fitted again")


class HeatFailure(MissingProcess):
    """A custom missing process."""

    entrywise = True

    def __init__(self, features: int, steepness: float = 1.0) -> None:
        super().__init__()
        self.features, self.steepness = features, steepness
        self.limit = nn.Parameter(torch.ones(features))

    def logits(self, x: Tensor) -> Tensor:
        return self.steepness * (self.limit - x)


def one_scale(columns: Any) -> nn.Module:
    """A custom likelihood."""
    return GaussianLikelihood(len(columns), 0.01, nn.Identity())


OWN = {
    "a class": (HeatFailure, "HeatFailure"),
    "an instance": (HeatFailure(3, steepness=2.0), "HeatFailure"),
    "within another": (WithBaseRate(HeatFailure(3)), "WithBaseRate"),
}


@pytest.mark.parametrize("case", OWN)
def test_a_custom_missing_process_must_be_passed_again(case: str, tmp_path: Path) -> None:
    process, name = OWN[case]
    before = NotMIWAEImputer(process, **SMALL).fit(numbers())
    path = before.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=rf"missing_process.*{name}.*load\(path, missing_process"):
        load(path)
    after = load(path, missing_process=process)
    check_equal(results(before, numbers()), results(after, numbers()), case)
    with pytest.raises(ValueError, match="cannot be used with the arguments that were given"):
        load(path, missing_process=MLPMasking(3))


def test_a_function_is_saved_as_the_process_that_it_makes(tmp_path: Path) -> None:
    make = lambda features: KnownSignSelfMasking([1.0] * features, strength=2.0)  # noqa: E731
    before = NotMIWAEImputer(make, **SMALL).fit(numbers())
    after = load(before.save(tmp_path / "model.safetensors"))
    check_equal(results(before, numbers()), results(after, numbers()), "loaded")
    after.fit(numbers())
    check_equal(results(before, numbers()), results(after, numbers()), "fitted again")


def test_a_custom_likelihood_must_be_passed_again(tmp_path: Path) -> None:
    before = MIWAEImputer(**SMALL, likelihood=one_scale).fit(numbers())
    path = before.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="likelihood one_scale, which is not part of dgm_core"):
        load(path)
    check_equal(
        results(before, numbers()), results(load(path, likelihood=one_scale), numbers()), "own"
    )
    with pytest.raises(ValueError, match="needs no missing_process"):
        load(path, likelihood=one_scale, missing_process=SelfMasking)


class Subclass(MIWAEImputer):
    """A custom estimator."""


def test_a_failed_save_is_refused_and_leaves_the_file_unchanged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("before")
    days = [datetime.date(2026, 1, day) for day in (1, 2, 3)] * 10
    frame = pd.DataFrame({"a": np.arange(30.0), "day": pd.Categorical(days)})
    changed = MIWAEImputer(**SMALL).fit(numbers()).set_params(hidden=7)
    refused: list[tuple[BaseEstimator, type[Exception], str]] = [
        (MIWAEImputer(), NotFittedError, "not fitted"),
        (MFAImputer(), NotFittedError, "not fitted"),
        (Subclass(**SMALL).fit(numbers()), ValueError, "Subclass is a subclass of your own"),
        (MIWAEImputer(**SMALL).fit(frame), ValueError, "type date cannot be saved"),
        (changed, ValueError, "settings no longer match its fitted model"),
    ]
    for estimator, error, message in refused:
        with pytest.raises(error, match=message):
            estimator.save(path)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["model.safetensors"]


class Harmful:
    """Unpickling it creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path, made = tmp_path / "model", tmp_path / "made"
    contents = {
        "nothing": b"",
        "a pickle": pickle.dumps(Harmful(made)),
        "text": b"age,city\n1,Oslo\n" * 100,
        "a huge header": (2**62).to_bytes(8, "little") + b"{}",
        "weights": (zoo.FOLDER / "breast-miwae.safetensors").read_bytes(),
    }
    torch.save({"a": Harmful(made)}, tmp_path / "checkpoint")
    contents["a checkpoint"] = (tmp_path / "checkpoint").read_bytes()
    for name, content in contents.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a saved estimator"):
            load(path)
        assert not made.exists(), name
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_a_damaged_file_is_refused(fitted: dict[str, SavableEstimator], tmp_path: Path) -> None:
    whole = fitted["not-miwae"].save(tmp_path / "whole").read_bytes()
    path = tmp_path / "damaged"
    source = np.random.default_rng(0)
    for place in source.integers(0, len(whole), 200).tolist():
        path.write_bytes(whole[:place])
        with pytest.raises(ValueError, match="damaged"):
            load(path)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(source.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"damaged|not a saved estimator|newer dgm_core"):
            load(path)


def test_a_newer_format_is_reported(fitted: dict[str, SavableEstimator], tmp_path: Path) -> None:
    path = fitted["mfa"].save(tmp_path / "model")
    text = path.read_bytes().replace(b'"version":"%d"' % VERSION, b'"version":"9"')
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"version 9 .* install a newer dgm_core"):
        load(path)


def nested() -> Any:
    value: Any = 0
    for _ in range(400):
        value = {"tuple": [value]}
    return value


CRAFTED: dict[str, dict[str, Any]] = {
    "networks of a size that no memory holds": {"settings": {"hidden": 10**9}},
    "latents without end": {"settings": {"latent_dim": 10**12}},
    "a setting of another type": {"settings": {"hidden": "many"}},
    "a setting that the estimator does not have": {"settings": {"cache": "/"}},
    "a place on the machine": {"settings": {"checkpoint": "/etc/passwd"}},
    "a method of the class": {"settings": {"save": "x"}},
    "another decoder": {"settings": {"decoder": "os.system"}},
    "another likelihood": {"settings": {"likelihood": "os.system"}},
    "another loss": {"settings": {"loss": "none"}},
    "no samples": {"settings": {"samples": 0}},
    "an unknown process": {"settings": {"missing_process": {"process": {"class": "nn.Module"}}}},
    "an unknown constructor": {"settings": {"missing_process": {"constructor": "eval"}}},
    "a process without end": {"settings": {"missing_process": {"process": {"class": "ByColumn"}}}},
    "no columns": {"columns": []},
    "another number of columns": {
        "columns": [{"name": 0, "levels": [], "location": 0, "scale": 1}]
    },
    "a column without a scale": {
        "columns": [{"name": i, "levels": [], "location": 0, "scale": 0} for i in range(3)]
    },
    "levels twice": {
        "columns": [{"name": i, "levels": [1, 1], "location": 0, "scale": 1} for i in range(3)]
    },
    "levels of an unknown type": {
        "columns": [{"name": i, "levels": [{"x": 1}], "location": 0, "scale": 1} for i in range(3)]
    },
    "deep levels": {"columns": [{"name": nested(), "levels": [], "location": 0, "scale": 1}]},
    "facts of another kind": {"history_": 3},
    "no features": {"features": "three"},
}


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_file_is_refused(
    case: str, fitted: dict[str, SavableEstimator], tmp_path: Path
) -> None:
    content = read(fitted["not-miwae"].save(tmp_path / "model"))
    facts = json.loads(json.dumps(content.facts))
    for name, value in CRAFTED[case].items():
        facts[name] = facts[name] | value if isinstance(value, dict) else value
    path = write(tmp_path / "crafted", content._replace(facts=facts))
    with pytest.raises(ValueError, match="crafted cannot be used"):
        load(path)


def test_arrays_and_estimators_must_fit(
    fitted: dict[str, SavableEstimator], tmp_path: Path
) -> None:
    miwae, mfa = (read(fitted[name].save(tmp_path / name)) for name in ("miwae", "mfa"))
    less = dict([*miwae.arrays.items()][1:])
    contents = {
        "arrays are missing": miwae._replace(arrays=less),
        "arrays are too many": miwae._replace(arrays=miwae.arrays | {"model.x": torch.ones(3)}),
        "another estimator's": Content("MFAImputer", miwae.facts, miwae.arrays),
        "more factors": mfa._replace(
            facts=mfa.facts | {"settings": mfa.facts["settings"] | {"factors": 10**9}}
        ),
    }
    for name, content in contents.items():
        with pytest.raises(ValueError, match="cannot be used"):
            load(write(tmp_path / name, content))
    with pytest.raises(ValueError, match=r"to hold one of .* got 'Path'"):
        load(write(tmp_path / "other", miwae._replace(estimator="Path")))
    for facts in ([], {"own": 3}):
        with pytest.raises(ValueError, match="damaged"):
            load(write(tmp_path / "other", miwae._replace(facts=facts)))
