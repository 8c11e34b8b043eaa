"""Parameters in the address of a page under test."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def parameters(app: AppTest) -> dict[str, str]:
    """Name → value; a list of an address that the page has not written gives its first entry."""
    return {
        name: texts if isinstance(texts, str) else texts[0]
        for name, texts in app.query_params.items()
    }
