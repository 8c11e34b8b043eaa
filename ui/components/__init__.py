"""Inline components: each is a folder with a Python module and an HTML, CSS and JavaScript file.

A browser loads the script of a component once, from a file. HTML and CSS come with the data, so
that no component is ever without its style.

`shared/` holds the parts that several components use: a style sheet, a script or both per name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dgm_core.live import scripts
from ui.streamlit_internals import component_with_script_file

SD_MAX = 0.5
"""The largest standard deviation of a value in [0, 1]: white in images of deviations."""

REGISTERED: dict[str, tuple[Path, tuple[str, ...]]] = {}
"""Component → its folder and the shared names that it uses."""

_SHARED = Path(__file__).parent / "shared"
_OF_THE_LIBRARY: dict[str, dict[str, Callable[[], str]]] = {
    "live": {".js": scripts.view, ".css": scripts.view_style},
    "hidden_pixels": {".js": scripts.hidden_pixels},
}
"""Shared name → kind → function that returns the text."""
_MOUNTING = "mounting"  # part of every component
_UNTIL_MOUNTED = '<div class="until-mounted" style="display: contents" inert>\n'
"""The HTML is on screen before its script has loaded: until then nothing in it can be clicked."""


def inline_component(folder: Path, *shared: str) -> Callable[..., Any]:
    """Register the component of a folder; its .html, .css and .js files have the folder's name.

    Call it once, when the module of the component is imported.

    Args:
        folder: of the component; other .css and .js files in it are parts of the component.
        shared: names of files in `shared/`, or of scripts of the library: "live", its live view,
            or "hidden_pixels". The scripts are joined to one module in this order: those of the
            library, `mounting.js`, the shared scripts, the parts, the script of the component. So
            they need no imports, and no name may be declared twice. Style sheets are joined in
            the same order.

    Raises:
        FileNotFoundError: a file of the component is missing, or a shared name has no file.
    """
    ours = [name for name in shared if name not in _OF_THE_LIBRARY]
    unknown = [name for name in ours if not any(_SHARED.glob(f"{name}.*"))]
    if unknown:
        raise FileNotFoundError(f"expected names of files in {_SHARED}, got {unknown}")

    REGISTERED[folder.name] = (folder, shared)
    html, css, js = (composed(folder, shared, kind) for kind in (".html", ".css", ".js"))
    return component_with_script_file(folder.name, f"{_UNTIL_MOUNTED}{html}\n</div>", css, js)


def composed(folder: Path, shared: Sequence[str], kind: str) -> str:
    """The text of a component for the browser: shared files, parts, then its own file.

    Args:
        folder: of the component.
        shared: names in `shared/`.
        kind: ".html", ".css" or ".js".
    """
    own = folder / f"{folder.name}{kind}"
    files = [_SHARED / f"{name}{kind}" for name in (_MOUNTING, *shared)]
    files = [file for file in files if file.exists()]
    files += [file for file in sorted(folder.glob(f"*{kind}")) if file != own]
    files.append(own)
    tables = [_as_script(name) for name in shared if kind == ".js"]
    library = [_OF_THE_LIBRARY[name][kind]() for name in shared if _has(name, kind)]
    texts = [*library, *tables, *(file.read_text(encoding="utf-8") for file in files)]
    return "\n".join(text for text in texts if text)


def _has(name: str, kind: str) -> bool:
    return kind in _OF_THE_LIBRARY.get(name, ())


def _as_script(name: str) -> str:
    """The table NAME.json in `shared/`, which Python reads too, as a constant of the script."""
    file = _SHARED / f"{name}.json"
    if not file.exists():
        return ""
    return f"const {name.upper()} = {file.read_text(encoding='utf-8').strip()};"
