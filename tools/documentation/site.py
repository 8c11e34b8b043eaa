"""The site: a start page, guides, measured numbers, the API by room, and a search.

The pages can be opened as files, without a server and without a network. Documentation of the code
comes from its docstrings. The build reports public names without a docstring, dead references and
links, and rooms that are missing on the page of the API.
"""

from __future__ import annotations

import re
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pdoc.doc_ast
import pdoc.render
from pygments.formatters import HtmlFormatter

from dgm_core.live import scripts
from tools.documentation import api, check, guides, search

TEMPLATES = Path(__file__).parent / "templates"
API = guides.Guide("api.html", "All rooms", None)


def build(out: Path) -> list[str]:
    """Write the site to the folder `out`; returns its faults, one sentence each."""
    named = [name for names in guides.GROUPS.values() for name in names]
    faults = [f"the room {name} is missing in GROUPS" for name in api.rooms() if name not in named]
    faults += [f"the room {name} does not exist" for name in named if name not in api.rooms()]
    if faults:
        return faults
    found = api.files()
    # A page of its own shows the commands as a user types them.
    shown = {name: found[name] for name in found if not name.startswith("dgm_core.commands")}
    pdoc.render.configure(
        docformat="google", search=False, show_source=False, template_directory=TEMPLATES
    )
    rooms = [guides.Guide(f"dgm_core/{name}.html", name, None) for name in sorted(named)]
    pdoc.render.env.globals["contents"] = partial(api.contents, found=shown)
    pdoc.render.env.globals["site"] = [
        *guides.GUIDES.items(),
        ("API by room", [API, guides.Guide("dgm_core.html", "dgm_core", None), *rooms]),
    ]
    _write_static(out)
    entries = list(_write_guides(out, shown))
    _write_files(out, shown)
    entries += search.names(shown)
    _write(out / "search-index.js", search.script(entries))
    return faults + list(_faults(out, found))


def _write_static(out: Path) -> None:
    """Write the style sheet and the script of the search."""
    style = scripts.colours() + (TEMPLATES / "site.css").read_text(encoding="utf-8")
    light, dark = (
        HtmlFormatter(style=name, nobackground=True).get_style_defs(".pdoc-code")
        for name in ("default", "github-dark")
    )
    dark = f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    legible = """\
.pdoc-code :is(.c, .c1, .cm, .go) { color: var(--muted) }
.pdoc-code :is(.nd, .ow) { color: var(--word) }
"""
    _write(out / "site.css", f"{style}\n{light}\n{dark}\n{legible}")
    _write(out / "search.js", (TEMPLATES / "search.js").read_text(encoding="utf-8"))


def _write_guides(out: Path, shown: dict[str, api.File]) -> list[search.Entry]:
    """Write the guides and their pictures; returns their search entries."""
    entries: list[search.Entry] = []
    template = pdoc.render.env.get_template("guide.html.jinja2")
    for guide, text in [*guides.texts(), (API, guides.api(shown))]:
        if guide == guides.START:
            text += guides.groups()
        body, pictures = guides.markup(guide, text)
        title = re.search(r"^# (.*)", text, re.M)
        headings = [name for name, pages in guides.GUIDES.items() if guide in pages]
        page = template.render(
            title=title[1] if title else guide.title,
            body=body,
            root="../" * guide.href.count("/"),
            here=guide.href,
            open=headings[0] if headings else "API by room",
            sections=re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', body),
        )
        _write(out / guide.href, _accessible(page))
        for picture in pictures:
            target = out / picture
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(guides.ROOT / picture, target)
        entries += search.sections(guide.title, guide.href, body)
    return entries


def _write_files(out: Path, shown: dict[str, api.File]) -> None:
    """Write a page for each file of the library."""
    with warnings.catch_warnings(), patch.object(pdoc.doc_ast, "_get_source", api.source):
        # pdoc shows a name that is imported only for its type as it is written, and warns.
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        for name, module in shown.items():
            page = _accessible(_without_dead_ends(pdoc.render.html_module(module, shown)))
            _write(out / f"{name.replace('.', '/')}.html", page)


def _without_dead_ends(page: str) -> str:
    """The page without links to anchors that it lacks, such as those of inherited names."""
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    return re.sub(
        r'<a href="#([^"]*)">([^<]*)</a>',
        lambda link: link[0] if link[1] in ids else link[2],
        page,
    )


def _accessible(page: str) -> str:
    """The page with names for links without text, and with blocks that scroll by keyboard."""
    page = page.replace('class="headerlink"', 'class="headerlink" aria-label="Link to this entry"')
    page = page.replace("<pre>", '<pre tabindex="0">')
    page = page.replace('<div class="attr ', '<div tabindex="0" class="attr ')
    return re.sub(r'<h6 id="[^"]*">(.*?)</h6>', r'<p class="field">\1</p>', page)


def _faults(out: Path, found: dict[str, api.File]) -> list[str]:
    """Faults of the docstrings, of the guides and of the written pages."""
    faults = list(check.undocumented(found))
    for where, text in check.docstrings(found):
        faults += check.dead_references(where, text)
    for guide, text in guides.texts():
        if guide.file != "CHANGELOG.md":  # it names parts of earlier versions
            faults += check.dead_references(guide.file or guide.href, text)
    return faults + list(check.broken_links(out))


def _write(path: Path, text: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
