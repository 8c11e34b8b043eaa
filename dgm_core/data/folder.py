"""Where prepared data sets live."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


class DataUnavailable(FileNotFoundError):
    """A data set is not on this machine; the message says what to do."""


def data_folder() -> Path:
    """`$DGM_DATA`, else a folder in the user's cache. It need not exist."""
    named = os.environ.get("DGM_DATA")
    return Path(named).expanduser() if named else user_cache_path("dgm-lab") / "data"
