"""The library's documentation, read from its code: rooms, files, names and docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import pdoc.doc
from pdoc.render_helpers import relative_link

import dgm_core


class Row(NamedTuple):
    """One line of a room's contents."""

    name: str
    href: str
    summary: str


class File(pdoc.doc.Module):
    """A file of the library, with the names that it defines; imported names are left out."""

    @cached_property
    def _member_objects(self) -> dict[str, Any]:
        for name in getattr(self.obj, "__all__", ()):
            getattr(self.obj, name)  # import lazy names: pdoc reads only the module's dict
        found = super()._member_objects
        return {name: value for name, value in found.items() if home(self, name) == self.fullname}


def rooms() -> list[str]:
    """Names of the parts of `dgm_core`, without the command line."""
    found = (module.name for module in pkgutil.iter_modules(dgm_core.__path__))
    return sorted(name for name in found if name not in ("__main__", "commands"))


def files() -> dict[str, File]:
    """Full name → file, for all of the library except its `__main__` files."""
    found = pkgutil.walk_packages(dgm_core.__path__, "dgm_core.")
    names = ["dgm_core", *(each.name for each in found if not each.name.endswith("__main__"))]
    return {name: File(importlib.import_module(name)) for name in names}


def home(module: pdoc.doc.Module, name: str) -> str:
    """The full name of the file in which a name of `module` is defined."""
    value = getattr(module.obj, name, None)
    if inspect.ismodule(value):
        return value.__name__
    defined_in = getattr(value, "__module__", None)
    if (inspect.isclass(value) or inspect.isfunction(value)) and isinstance(defined_in, str):
        return defined_in
    return _imported(module.fullname).get(name, module.fullname)


@cache
def _imported(module: str) -> dict[str, str]:
    """Imported name → the file it is imported from."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


@cache
def source(value: Any) -> str:
    """The code of a class, function or module; "" if it has none.

    pdoc reads the code of every class, and Python parses the whole file each time. This function
    parses each file once.
    """
    module = inspect.getmodule(value)
    ours = module is not None and module.__name__.startswith("dgm_core")
    if module is None or not ours or not inspect.isclass(value):
        try:
            return inspect.getsource(value)
        except (OSError, TypeError):  # generated, by `dataclass` for example
            return ""
    return _classes(module.__name__).get(value.__qualname__, "")


@cache
def _classes(module: str) -> dict[str, str]:
    """Qualified name → code, for all classes of a file."""
    text = inspect.getsource(sys.modules[module])
    lines, found = text.splitlines(keepends=True), {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                found[prefix + node.name] = "".join(lines[first - 1 : node.end_lineno])
                collect(node.body, f"{prefix}{node.name}.")

    collect(ast.parse(text).body, "")
    return found


def summary(docstring: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(docstring.strip().partition("\n\n")[0].split())


def contents(module: File, found: dict[str, File]) -> list[tuple[str, list[Row]]]:
    """Tables of a room: the names it offers, and its files; empty if the room is one file."""
    if not module.is_package:
        return []
    room, offered = module.fullname, []
    for name in getattr(module.obj, "__all__", ()):
        where = home(module, name)
        value = getattr(module.obj, name)
        if where == room or where not in found or inspect.ismodule(value):
            continue
        text = inspect.getdoc(value) if callable(value) else found[where]._var_docstrings.get(name)
        offered.append(Row(name, f"{relative_link(room, where)}#{name}", summary(text or "")))
    inside = [
        Row(each.name, relative_link(room, each.fullname), summary(each.docstring))
        for each in found.values()
        if each.fullname.rpartition(".")[0] == room
    ]
    tables = [("What it offers", offered), ("Its files", inside)]
    return [(heading, rows) for heading, rows in tables if rows]


def public(module: File) -> Iterator[tuple[str, Any]]:
    """Name and value of each public function, class and method that is defined in a file."""
    for member in vars(module.obj).values():
        if getattr(member, "__module__", None) != module.modulename:
            continue
        if not (inspect.isfunction(member) or inspect.isclass(member)):
            continue
        if not member.__name__.startswith("_"):
            yield member.__name__, member
            yield from methods(member)


def methods(member: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of each public method and property of a class; empty for a function."""
    if inspect.isclass(member):
        fields = getattr(member, "__annotations__", {})
        for name, value in vars(member).items():
            if name in fields or name.startswith("_"):
                continue
            if inspect.isfunction(value) or isinstance(
                value, property | classmethod | staticmethod
            ):
                yield f"{member.__name__}.{name}", getattr(member, name)
