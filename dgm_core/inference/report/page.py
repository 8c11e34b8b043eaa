"""Parts of an HTML page as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

OBSERVED, COMPLETE = (
    f'<span class="key observed"></span> {name}' for name in ("observed", "complete cases")
)
IMPUTED, POOLED = (f'<span class="key imputed"></span> {name}' for name in ("imputed", "pooled"))


class Section(NamedTuple):
    """A section of the report."""

    key: str
    title: str
    body: str  # HTML
    assumptions: Sequence[str] = ()  # named at the end of the section, and listed in the last one


class Table(NamedTuple):
    """A table; cells are HTML, and columns that begin with ">" are aligned to the right."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    best: frozenset[int] = frozenset()  # rows in bold

    def html(self) -> str:
        """The table in a frame that scrolls on a narrow screen."""
        right = [head.startswith(">") for head in self.heads]
        heads = "".join(
            f'<th scope="col"{" class=right" * aligned}>{escape(head.removeprefix(">"))}</th>'
            for head, aligned in zip(self.heads, right, strict=True)
        )
        lines = []
        for place, row in enumerate(self.rows):
            cells = "".join(
                f'<td class="{"right" if aligned else "name"}">{cell}</td>'
                for cell, aligned in zip(row, right, strict=True)
            )
            lines.append(f"<tr{' class=best' * (place in self.best)}>{cells}</tr>")
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(self.caption)}">'
            f"<table><caption>{escape(self.caption)}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{''.join(lines)}</tbody></table></div>"
        )


def paragraph(html: str, kind: str = "") -> str:
    """A paragraph of HTML."""
    return f'<p class="{kind}">{html}</p>' if kind else f"<p>{html}</p>"


def bullets(items: Iterable[str]) -> str:
    """A list of HTML items; nothing if there is none."""
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def figures(drawn: Iterable[tuple[str, str]]) -> str:
    """Figures, each an SVG and a caption in HTML."""
    each = "".join(
        f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" for svg, caption in drawn
    )
    return f'<div class="figures">{each}</div>' if each else ""


def document(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page. It loads nothing: its content security policy forbids every connection."""
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    contents = "".join(f'<li><a href="#{each.key}">{each.title}</a></li>' for each in sections)
    body = "".join(
        f'<section id="{each.key}"><h2>{each.title}</h2>{each.body}'
        + "".join(
            paragraph(f"<b>Assumption.</b> {escape(text)}", "assumption")
            for text in each.assumptions
        )
        + "</section>"
        for each in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f'<header><h1>{escape(title)}</h1>{lead}</header><nav aria-label="Contents"><ol>{contents}'
        f"</ol></nav><main>{body}</main></body></html>\n"
    )
