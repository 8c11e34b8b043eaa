"""The page of the lab, after the addresses of the data sets are replaced once."""

import os
import runpy
from pathlib import Path

import pytest

from tests.data.official_server import point_parts_at
from ui import data_fetching

if data_fetching.__dict__.setdefault("_is_official", True):
    point_parts_at(os.environ["OFFICIAL_SERVER"], pytest.MonkeyPatch())
    data_fetching._is_official = False

runpy.run_path(str(Path(__file__).parents[5] / "pages/1_Inpainting.py"))
