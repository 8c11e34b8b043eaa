"""Sentences of the documentation that say which method is ahead."""

from __future__ import annotations

import math

import numpy as np

from dgm_core.evaluation import number_words
from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS
from dgm_core.studies.mnar.prediction import SUP_NOT


def sampler(method: str, pattern: str, f1: float) -> dict:
    return {"method": method, "pattern": pattern, "f1": f1, "f1_error": 0.005}


def test_a_target_within_the_error_is_a_tie() -> None:
    rows = [
        sampler(method, pattern, f1)
        for pattern, scores in {
            "50 % at random": (0.85, 0.85),
            "top half": (0.60, 0.6799),
            "80 % at random": (0.81, 0.83),
        }.items()
        for method, f1 in zip((SAMPLERS[0], "LAIR"), scores, strict=True)
    ]
    text = number_words.samplers(rows)
    assert "- LAIR is ahead: top half (pseudo-Gibbs); 80 % at random (pseudo-Gibbs)." in text
    assert "- tie: 50 % at random (pseudo-Gibbs)." in text
    assert ".88 at 50 % at random (.850 ± .005: missed)" in text
    assert ".68 at top half (.680 ± .005: a tie)" in text
    assert ".80 at 80 % at random (.830 ± .005: met)" in text


def imputed(table: str, ours: float, published: float, error: float) -> dict:
    return {
        "table": table,
        "method": "not-MIWAE, known sign",
        "decoder_rmse": ours,
        "decoder_standard_error": 0.002,
        "published": published,
        "published_error": error,
        "runs": 5,
    }


def test_published_errors_are_compared_with_their_own_error() -> None:
    rows = [
        imputed("concrete", 1.18, 1.12, 0.04),
        imputed("red-wine", 1.20, 1.07, 0.0),
        imputed("banknote", 0.50, 0.74, 0.03),
        imputed("yeast", 1.0, math.nan, math.nan),
    ]
    rows.append({**rows[2], "method": "not-MIWAE, self-masking, best of 5 bounds"})
    text = number_words.imputation(rows)
    assert text.startswith("3 comparisons")
    assert "- lower than published: not-MIWAE, known sign (banknote)." in text
    assert "- higher than published: not-MIWAE, known sign (red wine)." in text
    assert "- tie: not-MIWAE, known sign (concrete)." in text


def test_predictors_are_compared_table_by_table() -> None:
    rows = [
        {
            "table": table,
            "method": method,
            "mean": {},
            "error": {},
            "each": [0.0] * 5,
            "behind": behind,
            "behind_error": 0.01,
        }
        for table, behind in (("breast", 0.02), ("wine", 0.2))
        for method in ("supMIWAE", SUP_NOT)
    ]
    assert number_words.prediction(rows).splitlines() == [
        "- WDBC: sup-not-MIWAE is tied with “supMIWAE”.",
        "- wine: sup-not-MIWAE is better than “supMIWAE”.",
    ]


def test_a_gain_is_read_with_the_number_of_choices() -> None:
    gain = np.array([0.0085, 0.0036, 0.0075, 0.0115, 0.0079])
    default = {"choice": "default", "accuracies": gain + 0.9, "controls": [0.9] * 5}
    none = {"accuracies": [0.9, 0.91], "controls": [0.91, 0.9]}
    assert "- gain: default." in number_words.gains([default])
    many = number_words.gains([default, *({"choice": f"{n}", **none} for n in range(16))])
    assert many.startswith("17 comparisons")
    assert "- tie: default; 0; 1;" in many
    assert "Read alone, “default” has p = .00" in many


def mask_row(table: str, method: str, start: float, bound: float) -> dict:
    steps = 0.01 * np.arange(5)
    return {
        "table": table,
        "method": method,
        "rmses": list(start + steps * (1 + start)),
        "imputed": list(start + steps * start),
        "bounds": list(bound + steps * bound),
    }


def test_models_of_the_mask_that_tie_are_said_to_tie() -> None:
    scores = {
        "self-masking": (0.7, 1.0),
        "latent": (1.1, 1.1),
        "equal bounds": (1.2, 0.3),
    }
    rows = [
        mask_row(table, method, score, -1.0 - number)
        for table, pair in scores.items()
        for number, (method, score) in enumerate(
            zip(("not-MIWAE, known sign", "IM-IWAE"), pair, strict=True)
        )
    ]
    text = number_words.mechanisms(rows)
    assert text.startswith("2 comparisons")
    assert "lower RMSE: not-MIWAE, known sign, on “self-masking” tables (than “IM-IWAE” −" in text
    assert "- tie: IM-IWAE, on “latent” tables (than “not-MIWAE, known sign” +.000" in text
    assert "the bounds differ (IM-IWAE minus not-MIWAE: −1." in text
    equal = [{**row, "bounds": [-1.0, -1.1, -1.0, -1.1, -1.0]} for row in rows]
    assert "the bounds tie (IM-IWAE minus not-MIWAE: +.000" in number_words.mechanisms(equal)
