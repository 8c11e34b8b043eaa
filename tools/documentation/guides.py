"""The Markdown files of the repository as pages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer
import typer.cli
from pdoc.render_helpers import to_html

from tools.documentation.api import File, summary

ROOT = Path(__file__).parents[2]


class Guide(NamedTuple):
    """A page of the site that does not document a file of the library."""

    href: str  # address, from the root of the site
    title: str  # title in the table of contents
    file: str | None  # Markdown file, from the root of the repository; None = generated


START = Guide("index.html", "Start", "docs/README.md")
GUIDES = {
    "Guides": (
        START,
        Guide("library.html", "Use the library", "docs/library.md"),
        Guide("methods.html", "The methods", "docs/methods.md"),
        Guide("your-own.html", "Your own parts", "docs/your-own.md"),
        Guide("large-tables.html", "Large tables", "docs/large-tables.md"),
        Guide("structure.html", "Structure", "docs/structure.md"),
        Guide("hosting.html", "Hosting", "docs/hosting.md"),
        Guide("promises.html", "Promises", "docs/promises.md"),
        Guide("models.html", "The shipped models", "docs/models.md"),
        Guide("command-line.html", "The command line", None),
        Guide("contributing.html", "Contributing", "CONTRIBUTING.md"),
        Guide("security.html", "Security", "SECURITY.md"),
        Guide("changelog.html", "Changelog", "CHANGELOG.md"),
    ),
    "Measured numbers": (
        Guide("numbers/inpainting.html", "Inpainting", "docs/numbers/inpainting.md"),
        Guide(
            "numbers/exact-likelihood.html", "Exact likelihood", "docs/numbers/exact-likelihood.md"
        ),
        Guide(
            "numbers/missing-not-at-random.html",
            "Missing not at random",
            "docs/numbers/missing-not-at-random.md",
        ),
        Guide("numbers/your-own-table.html", "Your own table", "docs/numbers/your-own-table.md"),
        Guide("numbers/clusters.html", "Clusters", "docs/numbers/clusters.md"),
        Guide(
            "numbers/wgan-latent-space.html",
            "WGAN latent space",
            "docs/numbers/wgan-latent-space.md",
        ),
        Guide("numbers/gan-distances.html", "GAN distances", "docs/numbers/gan-distances.md"),
        Guide("numbers/theory.html", "Theory", "docs/numbers/theory.md"),
        Guide("numbers/speed.html", "Speed", "docs/numbers/speed.md"),
        Guide("numbers/load.html", "Load and faults", "docs/numbers/load.md"),
        Guide("numbers/large-tables.html", "Large tables", "docs/numbers/large-tables.md"),
    ),
}
"""Heading in the table of contents → its pages."""

GROUPS = {
    "Foundations": (
        *("types", "rng", "device", "files", "checkout", "settings"),
        *("child_process", "stepwise", "lazy", "options"),
    ),
    "Data": ("data", "missing"),
    "Probability": ("distributions", "mixtures", "bounds", "distances", "metrics"),
    "Models": ("networks", "models", "baselines"),
    "Imputation": ("samplers", "imputers", "estimators", "inference"),
    "Training": ("training", "zoo", "recipes"),
    "Studies": ("studies", "live", "evaluation", "scale", "bench"),
}
"""Heading on the page of the API → its rooms."""


def texts() -> Iterator[tuple[Guide, str]]:
    """Each guide with its Markdown; the page of the API is left out."""
    for guides in GUIDES.values():
        for guide in guides:
            if guide.file is None:
                yield guide, command_line()
            else:
                yield guide, (ROOT / guide.file).read_text(encoding="utf-8")


def command_line() -> str:
    """The commands and their options in Markdown, from the help texts of the program."""
    from dgm_core.__main__ import app

    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="dgm")
    text = typer.cli.get_docs_for_click(obj=command, ctx=context, name="dgm", title="dgm")
    text = text.replace("# dgm\n", "# The command line\n", 1)
    return text.replace(f"{ROOT}/", "")  # default folders are paths of this machine


def groups() -> str:
    """Table of all rooms by group for the start page, in Markdown."""
    rows = [
        f"| [{heading}](api.html#{_anchor(heading)}) | "
        + ", ".join(f"[`{name}`](dgm_core/{name}.html)" for name in names)
        + " |"
        for heading, names in GROUPS.items()
    ]
    return "\n## API by room\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def api(found: dict[str, File]) -> str:
    """The page of the API: all rooms with their first sentences, in Markdown."""
    parts = [
        "# API by room",
        "The library is divided into rooms. Each page starts with what the room is for.",
    ]
    for heading, names in GROUPS.items():
        parts.append(f"## {heading}\n\n| room | contents |\n|---|---|")
        for name in names:
            text = summary(found[f"dgm_core.{name}"].docstring).replace("|", "&#124;")
            parts[-1] += f"\n| [`{name}`](dgm_core/{name}.html) | {text} |"
    return "\n\n".join(parts)


def markup(guide: Guide, text: str) -> tuple[str, set[str]]:
    """HTML of a guide, and the paths in the repository of the pictures that it shows.

    Links between Markdown files become links between pages. Links to other files of the
    repository become plain text, because the site has no copy of these files.
    """
    pages = {each.file: each.href for group in GUIDES.values() for each in group}
    folder = posixpath.dirname(guide.file or "")
    depth = "../" * guide.href.count("/")
    pictures: set[str] = set()

    def link(found: re.Match[str]) -> str:
        mark, words, address = found.groups()
        target, _, anchor = address.partition("#")
        if re.match(r"[a-z]+:", address) or not target or guide.file is None:
            return found[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if mark:
            pictures.add(path)
            return f"![{words}]({depth}{path})"
        if path in pages:
            return f"[{words}]({depth}{pages[path]}{'#' if anchor else ''}{anchor})"
        return found[0] if target.endswith(".html") else words

    pieces = re.split(r"(^```.*?^```$)", text, flags=re.S | re.M)
    pieces[::2] = [re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", link, piece) for piece in pieces[::2]]
    page = str(to_html("".join(pieces)))
    page = page.replace("<table>", '<div class="table" tabindex="0"><table>')
    page = page.replace("</table>", "</table></div>").replace("<th></th>", "<td></td>")
    return re.sub(r"(?<=\d) ± (?=[\d.])", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}", page), pictures
