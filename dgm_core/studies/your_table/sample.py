"""An invented table with a story: 300 visits to a clinic, with holes.

Income is positive and skewed. Older people, and people in Tromsø, tell it less often. Blood
pressure was not measured at about one visit in six, by chance. The number of the visit and its
date are not modelled. Nobody lived through these visits: all numbers are drawn here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = 300
CITIES = ("Bergen", "Oslo", "Tromsø")
NAME = "clinic.csv"
STORY = (
    "300 visits to a clinic. Some visitors did not tell their income, and sometimes nobody took "
    "the blood pressure. The table is invented."
)


def sample(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """The table: visit, date, age, income, visits, smokes, city, blood pressure.

    Args:
        seed: of all numbers.
        rows: number of visits.
    """
    source = np.random.default_rng(seed)
    age = source.integers(18, 90, rows)
    city = source.choice(CITIES, rows, p=(0.3, 0.5, 0.2))
    smokes = source.random(rows) < 0.32 - 0.002 * (age - 18)
    visits = source.poisson(np.exp(0.1 + 0.015 * (age - 50) + 0.4 * smokes))
    log_income = 7.9 - 0.009 * (age - 50) + 0.3 * (city == "Oslo") - 0.15 * smokes
    income = np.exp(log_income + source.normal(0, 0.35, rows)).round()
    pressure = (104 + 0.42 * age + 7 * smokes + source.normal(0, 9, rows)).round()
    log_odds = -1.8 + 0.06 * (age - 50) + 0.9 * (city == "Tromsø")
    untold = source.random(rows) < 1 / (1 + np.exp(-log_odds))
    unmeasured = source.random(rows) < 0.16
    days = pd.date_range("2025-01-06", periods=360)[np.sort(source.integers(0, 360, rows))]
    return pd.DataFrame(
        {
            "visit": [f"V{number:04}" for number in range(1, rows + 1)],
            "date": days.strftime("%Y-%m-%d"),
            "age": age,
            "income": pd.array(np.where(untold, np.nan, income), "Int64"),
            "visits": visits,
            "smokes": np.where(smokes, "yes", "no"),
            "city": city,
            "blood pressure": pd.array(np.where(unmeasured, np.nan, pressure), "Int64"),
        }
    )


def sample_csv(seed: int = 0) -> bytes:
    """The table as a CSV file."""
    return sample(seed).to_csv(index=False, lineterminator="\n").encode()
