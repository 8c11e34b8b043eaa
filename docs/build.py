"""The documentation as pages: `python docs/build.py --out site`.

One page a room of the library, which opens with the room's own docstring; a room of several files
lists them, and each has a page. Beside them the guides of this folder and the command line. The
pages need no network. Nothing is written by hand that the code says itself, so the build stops at
a public name without a docstring, at a name in a docstring that leads nowhere, and at a room
without a place below.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pdoc
import pdoc.doc
import pdoc.doc_ast
import pdoc.render
import typer
import typer.cli
from pdoc.render_helpers import relative_link, to_html

import dgm_core

HERE = Path(__file__).parent

GROUPS = {
    "Distributions and numbers": ("types", "rng", "distributions", "mixtures", "bounds"),
    "Networks and models": ("networks", "models"),
    "Filling in": ("samplers", "imputers", "baselines", "estimators", "settings"),
    "Data and what is missing": ("data", "missing"),
    "Is it right?": ("metrics", "distances"),
    "Training": ("training", "recipes", "zoo"),
    "Studies and evaluation": ("studies", "evaluation"),
    "Large tables, many processes": ("scale",),
    "At the edge": ("device", "files", "bench"),
}
"""Where each room stands on the front page."""

GUIDES = {
    "index": ("README.md", "The library"),
    "your-own": ("your-own.md", "A model, a sampler, … of your own"),
    "models": ("models.md", "The shipped models"),
    "command-line": (None, "The command line"),
}
"""Page → file in this folder, title; None = made here."""

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)+)(?:\([^`]*\))?`(?!`)")


class Row(NamedTuple):
    """A line of a room's contents."""

    name: str
    href: str
    summary: str


def rooms() -> list[str]:
    """The parts of `dgm_core`, the command line apart."""
    found = (module.name for module in pkgutil.iter_modules(dgm_core.__path__))
    return sorted(name for name in found if name not in ("__main__", "commands"))


class File(pdoc.doc.Module):
    """A file of the library with what is defined in it; what it takes from others is a link."""

    @cached_property
    def _member_objects(self) -> dict[str, Any]:
        for name in getattr(self.obj, "__all__", ()):
            getattr(self.obj, name)  # pdoc reads the module's dict, where lazy names are missing
        found = super()._member_objects
        return {name: value for name, value in found.items() if home(self, name) == self.fullname}


def home(module: pdoc.doc.Module, name: str) -> str:
    """The full name of the file in which a name of `module` is defined."""
    value = getattr(module.obj, name, None)
    if inspect.ismodule(value):
        return value.__name__
    of = getattr(value, "__module__", None)
    if (inspect.isclass(value) or inspect.isfunction(value)) and isinstance(of, str):
        return of
    return imported(module.fullname).get(name, module.fullname)


@cache
def imported(module: str) -> dict[str, str]:
    """Name → file from which `module` takes it."""
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

    pdoc asks for that of every class, and Python parses a whole file for each.
    """
    of = inspect.getmodule(value)
    if of is None or not inspect.isclass(value) or not of.__name__.startswith("dgm_core"):
        try:
            return inspect.getsource(value)
        except (OSError, TypeError):  # written by `dataclass`, say
            return ""
    return classes(of.__name__).get(value.__qualname__, "")


@cache
def classes(module: str) -> dict[str, str]:
    """Name → code of the classes of a file, those within others included."""
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


def modules() -> dict[str, File]:
    """All files of the library by their full names."""
    found = pkgutil.walk_packages(dgm_core.__path__, "dgm_core.")
    names = ["dgm_core", *(each.name for each in found if not each.name.endswith("__main__"))]
    return {name: File(importlib.import_module(name)) for name in names}


def summary(docstring: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(docstring.strip().partition("\n\n")[0].split())


def contents(module: File, found: dict[str, File]) -> list[tuple[str, list[Row]]]:
    """What a room of several files takes from them, and the files; nothing of a single file."""
    if not module.is_package:
        return []
    here, taken = module.fullname, []
    for name in getattr(module.obj, "__all__", ()):
        where = home(module, name)
        value = getattr(module.obj, name)
        if where == here or where not in found or inspect.ismodule(value):
            continue
        text = inspect.getdoc(value) if callable(value) else found[where]._var_docstrings.get(name)
        taken.append(Row(name, f"{relative_link(here, where)}#{name}", summary(text or "")))
    files = [
        Row(each.name, relative_link(here, each.fullname), summary(each.docstring))
        for each in found.values()
        if each.fullname.rpartition(".")[0] == here
    ]
    both = [("What it offers", taken), ("Its files", files)]
    return [(heading, rows) for heading, rows in both if rows]


def documented(found: dict[str, File]) -> Iterator[str]:
    """Public functions, classes and methods that have no docstring, their own or inherited."""
    for module in found.values():
        if not module.docstring:
            yield f"{module.modulename} has no docstring"
        for member in vars(module.obj).values():
            if getattr(member, "__module__", None) != module.modulename:
                continue
            if not (inspect.isfunction(member) or inspect.isclass(member)):
                continue
            if member.__name__.startswith("_"):
                continue
            for name, each in [(member.__name__, member), *_methods(member)]:
                if not inspect.getdoc(each):
                    yield f"{module.modulename}.{name} has no docstring"


def _methods(member: Any) -> Iterator[tuple[str, Any]]:
    if inspect.isclass(member):
        fields = getattr(member, "__annotations__", {})
        for name, value in vars(member).items():
            if name in fields or name.startswith("_"):
                continue
            if inspect.isfunction(value) or _is_property(value):
                yield f"{member.__name__}.{name}", getattr(member, name)


def _is_property(value: object) -> bool:
    return isinstance(value, property | classmethod | staticmethod)


def texts(found: dict[str, File]) -> Iterator[tuple[str, str]]:
    """Every docstring with where it stands."""
    for module in found.values():
        yield module.modulename, module.docstring
        for member in vars(module.obj).values():
            own = getattr(member, "__module__", None) == module.modulename
            if own and (inspect.isfunction(member) or inspect.isclass(member)):
                yield f"{module.modulename}.{member.__name__}", member.__doc__ or ""
                for name, each in _methods(member):
                    yield f"{module.modulename}.{name}", getattr(each, "__doc__", "") or ""


def leads_nowhere(where: str, text: str) -> Iterator[str]:
    """Names like `dgm_core.samplers.lair` or `samplers.lair` in a text that are not there."""
    known = set(rooms())
    for name in REFERENCE.findall(text):
        head, *rest = name.split(".")
        path = rest if head == "dgm_core" else [head, *rest] if head in known else None
        if path and not _is_there(path):
            yield f"{where}: `{name}` is not there"


def _is_there(path: list[str]) -> bool:
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


def without_dead_ends(page: str) -> str:
    """Names that pdoc links within a page, inherited ones say, which the page does not show."""
    places = set(re.findall(r'\bid="([^"]+)"', page))
    return re.sub(
        r'<a href="#([^"]*)">([^<]*)</a>',
        lambda link: link[0] if link[1] in places else link[2],
        page,
    )


def broken_links(out: Path) -> Iterator[str]:
    """Links of the pages to a page or a place that is not there."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))}
    places = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    for path, text in pages.items():
        for link in set(re.findall(r'href="([^"]*)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, place = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            if page not in pages or (place and place not in places[page]):
                yield f"{path.relative_to(out)}: the link {link} leads nowhere"


def command_line() -> str:
    """The commands and their options, in Markdown, as the program itself knows them."""
    from dgm_core.__main__ import app

    command = typer.main.get_command(app)
    name = "python -m dgm_core"
    return typer.cli.get_docs_for_click(
        obj=command, ctx=typer.Context(command, info_name=name), name=name, title=name
    )


def front(found: dict[str, File]) -> str:
    """The rooms in their groups, with their first lines, in Markdown."""
    parts = []
    for heading, names in GROUPS.items():
        parts.append(f"\n## {heading}\n\n| room | what it holds |\n|---|---|")
        for name in names:
            text = summary(found[f"dgm_core.{name}"].docstring).replace("|", "&#124;")
            parts.append(f"| [`{name}`](dgm_core/{name}.html) | {text} |")
    return "\n".join(parts)


def guide(page: str, found: dict[str, File]) -> str:
    """A page that is not of a room, as HTML."""
    file, title = GUIDES[page]
    text = command_line() if file is None else (HERE / file).read_text(encoding="utf-8")
    for other, (name, _) in GUIDES.items():
        text = text.replace(f"]({name})", f"]({other}.html)").replace(
            f"]({name}#", f"]({other}.html#"
        )
    if page == "index":
        text += front(found)
    return pdoc.render.env.get_template("guide.html.jinja2").render(
        title=title,
        body=to_html(re.sub(r"\]\(\.\./([^)]*)\)", r"]", text)),
        guides=[(name, title) for name, (_, title) in GUIDES.items()],
        groups=GROUPS,
    )


def build(out: Path) -> list[str]:
    """Write all pages to `out`; what is wrong with them, one sentence each."""
    named = [name for names in GROUPS.values() for name in names]
    wrong = [f"the room {name} has no page" for name in rooms() if name not in named]
    wrong += [f"there is no room {name}" for name in named if name not in rooms()]
    if wrong:
        return wrong
    found = modules()
    # Commands are shown as a person types them, on a page of their own.
    shown = {name: found[name] for name in found if not name.startswith("dgm_core.commands")}
    pdoc.render.configure(
        docformat="google", search=False, show_source=False, template_directory=HERE / "templates"
    )
    pdoc.render.env.globals["contents"] = partial(contents, found=shown)
    with warnings.catch_warnings(), patch.object(pdoc.doc_ast, "_get_source", source):
        # A name imported for its type alone is shown as it is written.
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        for name, module in shown.items():
            path = out / f"{name.replace('.', '/')}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(without_dead_ends(pdoc.render.html_module(module, shown)), "utf-8")
    for page in GUIDES:
        (out / f"{page}.html").write_text(guide(page, shown), encoding="utf-8")
    wrong += documented(found)
    for where, text in texts(found):
        wrong += leads_nowhere(where, text)
    for file in sorted(HERE.glob("*.md")):
        wrong += leads_nowhere(file.name, file.read_text(encoding="utf-8"))
    return wrong + list(broken_links(out))


def main() -> None:
    """Build, and say what is wrong."""
    parser = argparse.ArgumentParser(description="Write the documentation as pages.")
    parser.add_argument("--out", type=Path, default=Path("site"), help="folder; default: site")
    out = parser.parse_args().out.resolve()
    wrong = build(out)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"wrote {out / 'index.html'}")


if __name__ == "__main__":
    main()
