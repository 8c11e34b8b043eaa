"""The scripts of the engine as texts: files without imports, joined to one script."""

from __future__ import annotations

import base64
import json
from pathlib import Path

ENGINE = Path(__file__).parent / "engine"
PAGE = Path(__file__).parent / "page"
PARTS = ("kernels", "stream", "weights", "network", "distributions", "sampler", "gpu")
"""Files of the engine, in the order in which they are joined."""
VIEW = ("hidden_pixels", "board", "panels", "view")
"""Files of the view, in the order in which they are joined."""


def engine() -> str:
    """Everything but the messages: kernels, networks and samplers."""
    code = base64.b64encode((ENGINE / "kernels.wasm").read_bytes()).decode("ascii")
    return "\n".join([f'const KERNELS = "{code}";', *map(_text, PARTS)])


def worker() -> str:
    """The script of a worker."""
    return f"{engine()}\n{_text('worker')}"


def client() -> str:
    """The script of a page: the class `LiveChains`, and the worker as a text."""
    # "</" would end a script element in the middle of the text.
    text = json.dumps(worker()).replace("</", "<\\/")
    return f"const LIVE_WORKER = {text};\n{_text('client')}"


def view() -> str:
    """The script of a page with the classes `LiveChains`, `LivePanels` and `LiveView`."""
    return "\n".join([client(), *(_text(name, PAGE) for name in VIEW)])


def hidden_pixels() -> str:
    """The script with the colour and the hatching of hidden pixels."""
    return _text("hidden_pixels", PAGE)


def view_style() -> str:
    """The style sheet of the view."""
    return (PAGE / "view.css").read_text(encoding="utf-8")


def colours() -> str:
    """The style sheet of the colours: text, page and accent."""
    return (PAGE / "colours.css").read_text(encoding="utf-8")


def _text(name: str, folder: Path = ENGINE) -> str:
    return (folder / f"{name}.js").read_text(encoding="utf-8")
