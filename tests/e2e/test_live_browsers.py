"""The page of one file and the lab's view Live in Firefox and WebKit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dgm_core.live import export
from tests.e2e.other_browsers import OPENERS, Window

pytestmark = pytest.mark.slow  # starts two more browsers
METROPOLIS = "[data-sampler^=Metropolis]"
# The driver of WebKitGTK makes a mouse of every finger.
CASES = [("firefox", "mouse"), ("firefox", "touch"), ("webkit", "mouse")]
each_pointer = pytest.mark.parametrize(("window", "pointer"), CASES, indirect=["window"])


@pytest.fixture(scope="module")
def windows() -> Iterator[Callable[[str], Window]]:
    """Name of a browser → its window, opened once."""
    with ExitStack() as stack:
        yield cache(lambda name: OPENERS[name](stack))


@pytest.fixture
def window(request: pytest.FixtureRequest, windows: Callable[[str], Window]) -> Window:
    return windows(request.param)


def wait_for_iterations(window: Window) -> None:
    shown = f"() => Number(find('{METROPOLIS}')?.getAttribute('data-iteration') ?? 0)"
    window.until(lambda: window.evaluate(shown) > 30, "the chains run")


def mean(window: Window) -> np.ndarray:
    """The mean of Metropolis as it is shown, (28, 28), 0 to 255."""
    levels = window.evaluate(
        f"""() => [...find("{METROPOLIS} canvas").getContext("2d").getImageData(0, 0, 28, 28)
          .data].filter((_, i) => i % 4 === 0)"""
    )
    return np.array(levels).reshape(28, 28)


def bits(window: Window, name: str) -> np.ndarray:
    return np.array(window.evaluate(f"() => [...liveView.board.{name}]"), bool).reshape(28, 28)


def note_pointers(window: Window) -> None:
    window.evaluate(
        """() => {
          window.pointers = [];
          addEventListener("pointerdown", (event) => pointers.push(event.pointerType), true);
        }"""
    )


@each_pointer
def test_the_page_of_one_file_follows_strokes(
    window: Window, pointer: str, tmp_path: Path
) -> None:
    file = tmp_path / "digits.html"
    file.write_text(export.page("mnist-dlvm"), encoding="utf-8")
    window.resize(400, 900)
    window.goto(file.as_uri())
    wait_for_iterations(window)
    assert window.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert window.evaluate("() => find('#live').getAttribute('data-kernels')") == "WebAssembly"
    picture, before = (bits(window, name) for name in ("picture", "hidden"))
    assert len(set(mean(window)[before])) > 5
    note_pointers(window)
    window.evaluate("() => liveView.board.choose('show')")
    window.drag(".live-board canvas", (7, 2), (7, 12), (7, 25), pointer=pointer)
    assert window.evaluate("() => pointers") == [pointer]
    shown = before & ~bits(window, "hidden")
    assert shown[6:8, 4:24].all()
    assert shown.sum() < 6 * 28
    seen = ~before | shown
    window.until(
        lambda: (mean(window)[seen] == 255 * picture[seen]).all(), "the chains observe the row"
    )
    wait_for_iterations(window)
    assert len(set(mean(window)[~seen])) > 5


@each_pointer
def test_the_view_live_of_the_lab_follows_strokes(
    window: Window, pointer: str, server: str
) -> None:
    window.resize(1280, 900)
    window.goto(f"{server}/Inpainting?view=Live&hide=top")
    wait_for_iterations(window)
    ended = "() => find('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    window.until(lambda: window.evaluate(ended), "the script of the page ends")
    assert "in WebAssembly" in window.evaluate("() => find('.where').textContent")
    assert set(mean(window)[14:].ravel()) <= {0, 255}
    note_pointers(window)
    window.drag("canvas.board", (20, 6), (20, 14), (20, 22), pointer=pointer)
    assert window.evaluate("() => pointers") == [pointer]
    window.until(lambda: len(set(mean(window)[20, 6:23])) > 2, "the chains fill the row in")
    wait_for_iterations(window)
    assert window.evaluate("() => new URL(location).searchParams.get('hide')") != "top"
