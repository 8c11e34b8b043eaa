"""The site: a start page, guides, measured numbers, the API by room, and a search.

The pages work from a file, without a server and without a network. Nothing is written by hand
that the code says itself. The build stops at a public name without a docstring, at a reference or
link that leads nowhere, and at a room that is missing on the page of the API.
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

from tools.documentation import api, check, guides, search

TEMPLATES = Path(__file__).parent / "templates"
API = guides.Guide("api.html", "All rooms", None)


def build(out: Path) -> list[str]:
    """Write the site to the folder `out`; returns what is wrong with it, one sentence each."""
    named = [name for names in guides.GROUPS.values() for name in names]
    wrong = [f"the room {name} is missing in GROUPS" for name in api.rooms() if name not in named]
    wrong += [f"the room {name} does not exist" for name in named if name not in api.rooms()]
    if wrong:
        return wrong
    found = api.files()
    # Commands are shown as a person types them, on a page of their own.
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
    return wrong + list(_faults(out, found))


def _write_static(out: Path) -> None:
    """The style and the script of the search."""
    style = (TEMPLATES / "site.css").read_text(encoding="utf-8")
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
    """The guides and their pictures; returns what can be found in them."""
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
    """A page for each file of the library."""
    with warnings.catch_warnings(), patch.object(pdoc.doc_ast, "_get_source", api.source):
        # A name imported for its type alone is shown as it is written.
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        for name, module in shown.items():
            page = _accessible(_without_dead_ends(pdoc.render.html_module(module, shown)))
            _write(out / f"{name.replace('.', '/')}.html", page)


def _without_dead_ends(page: str) -> str:
    """Without the links within a page to names that it does not show, such as inherited ones."""
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    return re.sub(
        r'<a href="#([^"]*)">([^<]*)</a>',
        lambda link: link[0] if link[1] in ids else link[2],
        page,
    )


def _accessible(page: str) -> str:
    """With names for links without words, and blocks that scroll by keyboard."""
    page = page.replace('class="headerlink"', 'class="headerlink" aria-label="Link to this entry"')
    page = page.replace("<pre>", '<pre tabindex="0">')
    page = page.replace('<div class="attr ', '<div tabindex="0" class="attr ')
    return re.sub(r'<h6 id="[^"]*">(.*?)</h6>', r'<p class="field">\1</p>', page)


def _faults(out: Path, found: dict[str, api.File]) -> list[str]:
    wrong = list(check.undocumented(found))
    for where, text in check.docstrings(found):
        wrong += check.dead_references(where, text)
    for guide, text in guides.texts():
        if guide.file != "CHANGELOG.md":  # it names what was there then
            wrong += check.dead_references(guide.file or guide.href, text)
    return wrong + list(check.broken_links(out))


def _write(path: Path, text: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
