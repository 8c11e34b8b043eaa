"""Answers of openml.org, in its JSON and ARFF, about small tables made by the tests."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from dgm_core.data.table_download import ORIGINS, Origin

ROWS = 30


def drawn(name: str) -> pd.DataFrame:
    """Random rows with the columns of the project's file of a table."""
    origin = ORIGINS[name]
    rng = np.random.default_rng(len(name))
    frame = pd.DataFrame({column: rng.uniform(1, 9, ROWS).round(3) for column in origin.sums})
    if origin.text:
        frame[origin.text[0]] = rng.choice(["CYT", "NUC", "MIT"], ROWS)
    if origin.codes:
        frame[frame.columns[-1]] = rng.choice(list(origin.codes.values()), ROWS)
    if name == "breast-original":
        frame.loc[[3, 17], "bare_nuclei"] = np.nan
    return frame


def small(name: str) -> Origin:
    """The source description of the random table."""
    sums = drawn(name)[list(ORIGINS[name].sums)].sum()
    return ORIGINS[name]._replace(rows=ROWS, sums=sums.to_dict())


def answers(name: str, url: str) -> dict[str, bytes]:
    """Path → body, for a server at `url`."""
    origin, frame = ORIGINS[name], drawn(name)
    *features, target = frame.columns
    words = {code: word for word, code in origin.codes.items()}
    if words:
        frame[target] = frame[target].map(words)
    levels = sorted(frame[target].unique()) if words or origin.text else []
    columns = [f"V{place + 1}" for place in range(len(features))] + ["Class"]
    kinds = ["numeric"] * len(features) + [f"{{{','.join(levels)}}}" if levels else "numeric"]
    head = "".join(
        f"@attribute {column} {kind}\n" for column, kind in zip(columns, kinds, strict=True)
    )
    body = frame.to_csv(index=False, header=False, na_rep="?", lineterminator="\n")
    arff = f"% drawn for a test\n@relation drawn\n{head}@data\n{body}".encode()
    described = [
        {
            "index": str(place),
            "name": column,
            "data_type": "nominal" if column == "Class" and levels else "numeric",
            "is_target": str(column == "Class").lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": str(int(frame.iloc[:, place].isna().sum())),
            **({"nominal_value": levels} if column == "Class" and levels else {}),
        }
        for place, column in enumerate(columns)
    ]
    about = {
        "id": str(origin.data_id),
        "name": name,
        "version": "1",
        "description": "",
        "format": "ARFF",
        "status": "active",
        "url": f"{url}data/v1/download/{origin.data_id}/{name}.arff",
        "md5_checksum": hashlib.md5(arff, usedforsecurity=False).hexdigest(),
    }
    count = [{"name": "NumberOfInstances", "value": str(float(len(frame)))}]
    api = "/api/v1/json/data"
    return {
        f"{api}/{origin.data_id}": json.dumps({"data_set_description": about}).encode(),
        f"{api}/features/{origin.data_id}": json.dumps(
            {"data_features": {"feature": described}}
        ).encode(),
        f"{api}/qualities/{origin.data_id}": json.dumps(
            {"data_qualities": {"quality": count}}
        ).encode(),
        f"/data/v1/download/{origin.data_id}/{name}.arff": arff,
    }
