"""Uploads, read once instead of at every run of the page.

The content of the last file that could be read stays until another file replaces it: neither a bad
upload nor a change of page loses it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

import streamlit as st

from ui import intake

T = TypeVar("T")


class Upload(NamedTuple, Generic[T]):
    """The state of one uploader."""

    source: Hashable | None  # the last file, and how it was read
    problem: str | None  # why it could not be read
    content: T | None  # of the last file that could be read
    revision: int  # number of files that could be read


def read_once(
    key: str,
    source: Hashable | None,
    read: Callable[[], T] | None,
    errors: tuple[type[Exception], ...] = (intake.BadUpload,),
) -> Upload[T]:
    """Read an upload if its source has changed, and show an error if it cannot be read.

    Args:
        key: where the state is kept in the session.
        source: identifies the file and the way it is read; None: there is no file.
        read: returns the content; None: there is no file.
        errors: what `read` raises for a bad file, with a message for the visitor.
    """
    state = newest(key, source, read, errors)
    if state.problem is not None:
        st.error(state.problem)
        if state.content is not None:
            st.caption("The previous file is still in use.")
    return state


def newest(
    key: str,
    source: Hashable | None,
    read: Callable[[], T] | None,
    errors: tuple[type[Exception], ...] = (intake.BadUpload,),
) -> Upload[T]:
    """As `read_once`, but the caller shows the error."""
    state: Upload[T] = st.session_state.get(key, Upload(None, None, None, 0))
    if source != state.source:
        state = state._replace(source=source, problem=None)
        try:
            if read is not None:
                state = state._replace(content=read(), revision=state.revision + 1)
        except errors as error:
            state = state._replace(problem=str(error))
        st.session_state[key] = state
    return state
