"""Inline components of the page, each a folder with its Python face and its three files.

What several of them need lies in `shared/`: an idea a name, in a style sheet, a script or both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

SD_MAX = 0.5
"""White in pictures of standard deviations: the largest that a value in [0, 1] can have."""

REGISTERED: dict[str, tuple[Path, tuple[str, ...]]] = {}
"""Component → its folder and the shared names that it uses."""

_SHARED = Path(__file__).parent / "shared"
_LIFE = "mounting"  # no component is without


def inline_component(folder: Path, *shared: str) -> Callable[..., Any]:
    """Register the component of `folder`, whose .html, .css and .js files bear its name.

    To be called once, when the component's module is imported.

    Args:
        folder: of the component; further .css and .js files in it are its parts.
        shared: names in `shared/`. Their .css comes before the component's own, and so does
            their .js, after `mounting.js`, and that of the parts: together they are one module,
            so the component calls what they declare without an import, and no name may be
            declared twice.

    Raises:
        FileNotFoundError: a file of the component is missing, or all of a shared name.
    """
    unknown = [name for name in shared if not any(_SHARED.glob(f"{name}.*"))]
    if unknown:
        raise FileNotFoundError(f"expected names of files in {_SHARED}, got {unknown}")

    REGISTERED[folder.name] = (folder, shared)
    html, css, js = (composed(folder, shared, kind) for kind in (".html", ".css", ".js"))
    return st.components.v2.component(folder.name, html=html, css=css, js=js)


def composed(folder: Path, shared: Sequence[str], kind: str) -> str:
    """The text that the browser gets of a component: shared files, its parts, then its own file.

    Args:
        folder: of the component.
        shared: names in `shared/`.
        kind: ".html", ".css" or ".js".
    """
    own = folder / f"{folder.name}{kind}"
    files = [_SHARED / f"{name}{kind}" for name in (_LIFE, *shared)]
    files = [file for file in files if file.exists()]
    files += [file for file in sorted(folder.glob(f"*{kind}")) if file != own]
    files.append(own)
    tables = [_as_script(name) for name in shared if kind == ".js"]
    texts = [*tables, *(file.read_text(encoding="utf-8") for file in files)]
    return "\n".join(text for text in texts if text)


def _as_script(name: str) -> str:
    """The table NAME.json in `shared/`, which Python reads too, as a constant of the script."""
    file = _SHARED / f"{name}.json"
    if not file.exists():
        return ""
    return f"const {name.upper()} = {file.read_text(encoding='utf-8').strip()};"
