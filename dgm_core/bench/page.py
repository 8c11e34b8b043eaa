"""The inpainting lab in a real browser: starts `python -m ui.bench`, which imports the app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str, module: str = "ui.bench") -> int:
    """Measure, printing the table as it grows; returns the exit status.

    Args:
        arguments: of `python -m MODULE`.
        module: what measures.

    Raises:
        FileNotFoundError: the app does not lie beside the library.
    """
    if not (ROOT / "ui" / "bench").is_dir():
        raise FileNotFoundError(f"expected the app beside the library, found none in {ROOT}")
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT).returncode
