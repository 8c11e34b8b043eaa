"""Play, Pause and a slider: the frames of a run that has ended, one after the other.

The server draws every frame, so a frame may be anything: figures, sentences, a component. Images
and chains of samplers have players that run in the browser (`ui.components`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import streamlit as st


@dataclass
class _Position:
    """Where the playback is, kept in the session."""

    of: Hashable
    index: int
    playing: bool = False
    drawn: bool = False
    """Was this frame drawn? Then the next look draws the next one, while the frames are played."""


def play(
    name: str,
    of: Hashable,
    titles: Sequence[str],
    draw: Callable[[int], None],
    *,
    label: str,
    seconds: float,
) -> None:
    """Draw one frame below its controls: the last frame at first, and the next ones on Play.

    It may run the page again, so call it last.

    Args:
        name: of the playback, unique in the session.
        of: the run whose frames these are; another one begins at its last frame.
        titles: of the frames, beside the slider; at least one.
        draw: shows the frame of an index.
        label: of the slider.
        seconds: between two frames.
    """
    last = len(titles) - 1
    position = st.session_state.get(name)
    if position is None or position.of != of or position.index > last:
        position = st.session_state[name] = _Position(of, last)
    playing = position.playing  # when this fragment is made

    @st.fragment(run_every=seconds if playing else None)
    def look() -> None:
        if position.playing and position.drawn:
            position.index += 1
        if position.index == last:
            position.playing = False
        if position.playing != playing:
            st.rerun()
        position.drawn = True
        if last:
            _controls(name, position, titles, label)
        draw(position.index)

    look()


def _controls(name: str, position: _Position, titles: Sequence[str], label: str) -> None:
    """Draw Play or Pause, and the slider. A callback comes before the look that it causes."""

    def press() -> None:
        position.playing, position.drawn = not position.playing, False
        position.index %= len(titles) - 1  # from the last frame back to the first

    def choose() -> None:
        position.index, position.drawn = st.session_state[key], False

    key = f"{name} {position.of} {position.index}"
    row = st.container(horizontal=True, vertical_alignment="bottom")
    action, icon = ("Pause", "pause") if position.playing else ("Play", "play_arrow")
    row.button(action, icon=f":material/{icon}:", on_click=press, key=f"{action} {name}")
    row.select_slider(
        label,
        range(len(titles)),
        position.index,
        key=key,
        format_func=titles.__getitem__,
        on_change=choose,
    )
