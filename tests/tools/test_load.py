"""Several visitors of one real server, without a browser: none fails or affects another.

The small form of `python -m tools.bench.load`: states are awaited, and no time is asserted.
"""

from __future__ import annotations

import asyncio
import random
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tools.bench import load
from tools.bench.server import LAB, Server, serving
from tools.bench.visitors import Visitor

pytestmark = pytest.mark.slow

T = TypeVar("T")

SHORT, LONG_RUN = "iterations=100&chains=1", "iterations=5000&seed=5"


def run(visits: Coroutine[Any, Any, T]) -> T:
    """Result of a coroutine.

    It runs in its own thread, because a browser used earlier keeps the main thread's event loop.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, visits).result()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(LAB) as found:
        run(load.samplers(found, 1, SHORT, between=0))  # the models of all visitors are loaded
        yield found


def is_alive(server: Server) -> bool:
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=60) as answer:
        return answer.read() == b"ok"


def test_none_of_many_runs_fails(server: Server) -> None:
    assert len(run(load.samplers(server, 3, SHORT, between=0)).end) == 3


def test_every_visitor_of_a_class_gets_pictures(server: Server) -> None:
    taken, processor = run(load.classroom(server, 2, 3))
    assert len(taken) >= 2
    assert all(0 < each < 600 for each in taken)
    assert 0 < processor <= 1


def test_reruns_do_not_increase_memory(server: Server) -> None:
    before, after = run(load.reruns(server, 40, 20))
    assert after < 1.05 * before


def test_threads_end_with_their_tabs(server: Server) -> None:
    more, _ = run(load.threads(server, 3))  # raises an error if threads stay
    assert more >= 3


def test_successive_visits_leave_no_thread(server: Server) -> None:
    left, _ = run(load.connects(server, 8))
    assert left <= 0


def test_no_session_reads_or_stops_the_runs_of_another(server: Server) -> None:
    async def visit() -> None:
        async with AsyncExitStack() as tabs:
            one = await load.opened(tabs, server.url, LONG_RUN)
            await one.until(lambda: one.player[1] == "running")
            first = one.player[0]
            other = await load.opened(tabs, server.url)
            assert other.player == ("shipped", "finished")
            clear = BackMsg(clear_cache=True)
            await other.send(clear.SerializeToString())
            bits = other.data["mask_canvas"]
            await one.stroke(1, load.mask_of(7))
            assert one.player[0] != first
            await other.rerun()
            assert other.data["mask_canvas"] == bits
            assert other.player == ("shipped", "finished")
            # each session has its own stop button and uploads
            await other.send(BackMsg(stop_script=True).SerializeToString())
            await one.rerun()
            assert one.player[1] == "running"
            assert one.exceptions == other.exceptions == []

    run(visit())


def test_no_session_takes_over_another_with_a_guessed_name(server: Server) -> None:
    async def visit() -> None:
        async with Visitor(server.url, load.PAGE, protocol=("a", "b" * 32)) as other:
            await other.until(lambda: other.runs > 0)
            assert other.session not in ("", "b" * 32)

    run(visit())


VALUES = [
    *(("json_value", text) for text in ("{", "[]", "1e999", "{}" * 9)),
    ("int_value", 2**62),
    ("double_value", float("nan")),
    ("string_value", "\0" * 3000),
    ("trigger_value", True),
    ("bytes_value", b"\xff" * 3000),
    ("string_array_value", ["a", "<b>", ""]),
    ("double_array_value", [float("inf")] * 3),
]
"""Kind of a widget's state, and a value that no widget has."""


def random_message(source: random.Random, visitor: Visitor) -> bytes:
    """A random message, unlike those of a browser."""
    if source.random() < 0.3:
        return source.randbytes(source.randint(0, 300))
    message = BackMsg()
    rerun = message.rerun_script
    rerun.query_string = "".join(source.choices("&=%?<>\0é∞\u202eab1", k=source.randint(0, 500)))
    rerun.page_name = source.choice(["", "Inpainting", "../app", "%00", "x" * 5000])
    rerun.page_script_hash = source.choice(["", "0" * 32, "<script>"])
    rerun.fragment_id = source.choice(["", "none", "f" * 5000])
    for name in source.sample([*visitor.widgets.values(), "$$ID-x-y", ""], 4):
        state = rerun.widget_states.widgets.add()
        state.id = name
        kind, value = source.choice(VALUES)
        if isinstance(value, list):
            getattr(state, kind).data.extend(value)
        else:
            setattr(state, kind, value)
    return message.SerializeToString()


def test_invalid_messages_end_at_most_their_own_session(server: Server) -> None:
    async def visit() -> None:
        source = random.Random(0)
        async with AsyncExitStack() as tabs:
            calm = await load.opened(tabs, server.url)
            for _ in range(6):
                rude = await load.opened(tabs, server.url)
                for _ in range(10):
                    await rude.send(random_message(source, rude))
            flood = await load.opened(tabs, server.url)
            for _ in range(300):
                await flood.request_run()
            big = await load.opened(tabs, server.url)
            await big.send(bytes(2_000_000))
            await big.line.wait_closed()
            assert big.line.close_code == 1009  # too big
            await calm.rerun()
            assert calm.player == ("shipped", "finished")
            assert calm.exceptions == []

    run(visit())
    assert is_alive(server)
