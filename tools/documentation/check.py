"""Faults of the documentation, one sentence each."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dgm_core
from tools.documentation.api import File, methods, public, rooms

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)+)(?:\([^`]*\))?`(?!`)")


def undocumented(found: dict[str, File]) -> Iterator[str]:
    """Files, public functions, classes and methods without a docstring, own or inherited."""
    for module in found.values():
        if not module.docstring:
            yield f"{module.modulename} has no docstring"
        for name, value in public(module):
            if not inspect.getdoc(value):
                yield f"{module.modulename}.{name} has no docstring"


def docstrings(found: dict[str, File]) -> Iterator[tuple[str, str]]:
    """Every docstring, with the name it belongs to."""
    for module in found.values():
        yield module.modulename, module.docstring
        for member in vars(module.obj).values():
            own = getattr(member, "__module__", None) == module.modulename
            if own and (inspect.isfunction(member) or inspect.isclass(member)):
                yield f"{module.modulename}.{member.__name__}", member.__doc__ or ""
                for name, each in methods(member):
                    yield f"{module.modulename}.{name}", getattr(each, "__doc__", "") or ""


def dead_references(where: str, text: str) -> Iterator[str]:
    """References like `dgm_core.samplers.lair` or `samplers.lair` to names that do not exist."""
    known = set(rooms())
    for name in REFERENCE.findall(text):
        head, *rest = name.split(".")
        path = rest if head == "dgm_core" else [head, *rest] if head in known else None
        if path and not _exists(path):
            yield f"{where}: `{name}` does not exist"


def _exists(path: list[str]) -> bool:
    value: Any = dgm_core
    full = "dgm_core"
    for name in path:
        full = f"{full}.{name}"
        if hasattr(value, name) and not inspect.ismodule(value):
            value = getattr(value, name)
            continue
        try:
            value = importlib.import_module(full)
        except ImportError:
            if not hasattr(value, name):
                return name in getattr(value, "__annotations__", {})
            value = getattr(value, name)
    return True


def broken_links(out: Path) -> Iterator[str]:
    """Links of the pages to a page, a heading or a picture that does not exist."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))}
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    for path, text in pages.items():
        for link in set(re.findall(r'(?:href|src)="([^"]*)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            if not page.is_file() or (anchor and anchor not in ids.get(page, ())):
                yield f"{path.relative_to(out)}: the link {link} is broken"
