"""What all pages share: set-up, head, and widgets that keep their value between pages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

# Before torch is imported: with sessions sharing the cores, a chain is faster on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from dgm_core import device
from ui import colours, data_fetching, navigation, server_limits
from ui.components.page_bar import Keys
from ui.streamlit_internals import browser_reported

device.keep_freed_memory()
server_limits.apply()

KEPT = "keep."
"""Prefix of the keys of widgets that keep their value when the visitor changes pages."""
_STYLE = """
[data-testid=stMainBlockContainer] { padding-top: 1.25rem }
/* White text on the light accent of the dark theme would be unreadable. */
[data-testid=stBaseButton-primary],
[data-testid=stMultiSelect] [data-tag] * { color: BACKGROUND }
/* So would most colours of code. */
[data-testid=stCode] code .token { color: TEXT !important }
[data-testid=stCode] code :is(.keyword, .function, .decorator) {
  color: light-dark(#0B5CAD, #7CB7FF) !important
}
[data-testid=stCode] code :is(.string, .number, .boolean, .builtin) {
  color: light-dark(#0B6B3A, #63D294) !important
}
[data-testid=stCode] code .comment { color: light-dark(#5D6172, #A6AABB) !important }
/* A formula that fits needs no scroll bar. */
.katex-display { padding: 2px }
@media (max-width: 480px) {
  .katex-display { font-size: 0.9em }
  button[data-variant=segmented_control] { padding-inline: 0.5rem }
}
""".replace("BACKGROUND", colours.background.css).replace("TEXT", colours.text.css)
HEAD_START = 0.5
"""Seconds for which the first picture of a lab has the processor for itself: an import holds the
interpreter, and the server could not answer the browser."""
_loaded: set[str] = set()  # labs that this process has imported
_LAST = "last values"
_UNREPORTED = "widgets the browser has not reported"


def kept(name: str, value: object) -> str:
    """Give the kept widget `name` the value it last had, or `value` at first; return its key.

    Call it before the widget, which is drawn with this key and without a value: Streamlit forgets
    a widget that was not drawn. A widget on screen is left alone: a value that is assigned to it
    goes to the browser and may overwrite a newer choice of the visitor. A widget that the browser
    has not drawn yet gets its value once more: the browser receives only what the newest run of
    the script sends, and the widget would begin at its lowest value.

    `ui.links.Setting` does this for settings that share links hold.
    """
    key = KEPT + name
    unreported = st.session_state.setdefault(_UNREPORTED, set())
    if key not in st.session_state:
        st.session_state[key] = last_value(name, value)
        unreported.add(key)
    elif key in unreported:
        if browser_reported(key):
            unreported.discard(key)
        else:
            st.session_state[key] = st.session_state[key]
    return key


def last_value(name: str, value: object) -> Any:
    """The value of the kept widget `name`, on screen or not; `value` if it was never drawn."""
    last = st.session_state.get(_LAST, {}).get(KEPT + name, value)
    return st.session_state.get(KEPT + name, last)


def value_before(name: str) -> Any:
    """Within a callback: the value of the kept widget `name` on the last page, or None."""
    return st.session_state.get(_LAST, {}).get(KEPT + name)


def remember(name: str, value: object) -> None:
    """Set the value of the kept widget `name` for the next time that it is drawn again."""
    st.session_state.setdefault(_LAST, {})[KEPT + name] = value


def renew(name: str, value: object) -> None:
    """Set the value of the kept widget `name`, even if it is on screen: in a callback."""
    remember(name, value)
    st.session_state.pop(KEPT + name, None)


def page(title: str, subtitle: str, here: str = "", keys: Keys | None = None) -> None:
    """Set up a page and draw its head: the first Streamlit call of every page.

    Args:
        title: of the page.
        subtitle: what the page is for, in Markdown.
        here: path of the page; empty: the front page.
        keys: its keyboard shortcuts.
    """
    st.set_page_config(
        page_title=f"{title} · DGM Lab",
        page_icon="▚",
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    data_fetching.begin()
    st.html(f"<style>{_STYLE}</style>")
    last = st.session_state.setdefault(_LAST, {})
    shown = [k for k in st.session_state if isinstance(k, str) and k.startswith(KEPT)]
    last |= {key: st.session_state[key] for key in shown}
    navigation.bar(here, keys or {})
    st.title(title, anchor=False)
    st.markdown(subtitle)


@contextmanager
def loading(lab: str, picture: Callable[[], None]) -> Iterator[None]:
    """Show a picture while the block imports a lab; torch takes seconds.

    Nothing is shown where the server has imported the lab before.

    Args:
        lab: its path.
        picture: draws a shipped picture of the lab without torch.
    """
    place = st.empty()
    first = lab not in _loaded
    if first:
        with place.container():
            with suppress(OSError):  # its file is missing; the lab says so if it needs the file
                picture()
            st.caption("The lab is loading …")
        time.sleep(HEAD_START)
    yield
    _loaded.add(lab)
    if first:
        place.empty()
