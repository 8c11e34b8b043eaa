"""What the address of a page under test says."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def parameters(app: AppTest) -> dict[str, str]:
    """Name → value; those of an address that was not written come as lists."""
    return {
        name: texts if isinstance(texts, str) else texts[0]
        for name, texts in app.query_params.items()
    }
