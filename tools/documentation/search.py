"""Index of the search: sections of the guides, and names of the library.

The index is a script, because a page opened from a file may load no other data.
"""

from __future__ import annotations

import html
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tools.documentation.api import File, public, summary


class Entry(NamedTuple):
    """One search result."""

    title: str
    where: str  # the page or the file that contains it
    href: str
    text: str


def sections(title: str, href: str, page: str) -> Iterator[Entry]:
    """Entries of the sections of a guide.

    Args:
        title: title of the guide in the table of contents.
        href: address of the guide, from the root of the site.
        page: HTML of the guide's text.
    """
    for number, (anchor, heading, body) in enumerate(headings(page)):
        if number == 0:
            yield Entry(title, "", href, body)
        else:
            yield Entry(heading, title, f"{href}#{anchor}", body)


def headings(page: str) -> list[tuple[str, str, str]]:
    """Anchor, heading and text of each section of a page, without markup."""
    parts = re.split(r'<h[1-3][^>]*\bid="([^"]+)"[^>]*>(.*?)</h[1-3]>', page, flags=re.S)
    found = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return [(anchor, _plain(heading), _plain(body)) for anchor, heading, body in found]


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def names(found: dict[str, File]) -> Iterator[Entry]:
    """Entries of the files of the library and of their public names."""
    for full, module in found.items():
        href = f"{full.replace('.', '/')}.html"
        yield Entry(full, "", href, summary(module.docstring))
        for name, value in public(module):
            if module.get(name) is None:  # left out by `__all__`
                continue
            text = summary(inspect.getdoc(value) or "")
            yield Entry(name, full, f"{href}#{name}", text)


def script(entries: Iterable[Entry]) -> str:
    """The index as a script that sets `searchIndex`."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f"window.searchIndex = [\n{lines}\n];\n"
