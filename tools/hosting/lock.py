"""`python -m tools.hosting.lock`: lock the app's dependencies, with the hashes of their files.

`requirements-torch.lock` has PyTorch and what it alone needs, `requirements.lock` everything else.
The container image installs both; with PyTorch's CPU builds only the second. They hold for Linux,
macOS and Windows, and for all versions of Python that the project supports.

The program needs `uv` (`pip install uv`) and the network. Run it after each change of
`requirements.txt`, or to take newer versions of what the pinned packages need.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS = ROOT / "requirements.txt"
APP = ROOT / "requirements.lock"
TORCH = ROOT / "requirements-torch.lock"
OLDEST = "3.11"
"""Oldest version of Python for which the files hold."""
OF_TORCH = re.compile(r"(torch|torchvision|triton|cuda-.*|nvidia-.*)==")
HEAD = "# {about}. Do not edit: `python -m tools.hosting.lock` writes this file.\n"


def main() -> int:
    """Write both files; returns the exit status."""
    command = ["uv", "pip", "compile", "--universal", "--generate-hashes", "--no-config"]
    command += ["--no-header", "--no-annotate", "--python-version", OLDEST, str(PINS)]
    settings = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    compiled = subprocess.run(command, env=settings, stdout=subprocess.PIPE, text=True, check=True)
    torch, app = split(compiled.stdout)
    TORCH.write_text(HEAD.format(about="PyTorch and what it alone needs") + torch)
    APP.write_text(HEAD.format(about="All dependencies but those of PyTorch") + app)
    return 0


def split(compiled: str) -> tuple[str, str]:
    """The lines of PyTorch and what it alone needs, and the other lines."""
    parts: tuple[list[str], list[str]] = ([], [])
    for entry in re.split(r"^(?=[A-Za-z0-9])", compiled, flags=re.M):
        parts[OF_TORCH.match(entry) is None].append(entry)
    return "".join(parts[0]), "".join(parts[1])


if __name__ == "__main__":
    sys.exit(main())
