"""`python -m tools.hosting.check python3.12`: does the app start on an unprepared machine?

What is tracked is copied into an empty folder, `requirements.txt` alone installed into a fresh
virtual environment of the Python that is named, and the server started without a data folder and
without a network. A browser opens every page, ten sessions run the inpainting lab at a time, and a
second server is traced: which files it writes, and where it wants to connect.

Run from the environment of `requirements-dev.txt`, with Chromium, on Linux. Cutting off the
network and tracing need the rights to do so (root, or user namespaces; strace); what could not be
done is said. The exit status is 1 if anything is not as it should be.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tools.bench.browser import LONG, browser, context, rest
from tools.bench.load import samplers
from tools.bench.server import Server, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
PAGES = (
    "",
    "Inpainting",
    "Inpainting?view=Slow%20motion",
    "Inpainting?view=All%20methods",
    "Inpainting?view=Studies",
    "Exact_likelihood",
    "Missing_not_at_random",
    "Clusters",
    "WGAN_latent_space",
    "GAN_distances",
    "Theory",
)
SESSIONS = 10
LIMIT = 1500.0
"""Megabytes that a server with so many sessions may take at its peak."""
PATIENCE = 180.0
"""Seconds that a server may take to answer."""
TRACED = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,connect"


class Place(NamedTuple):
    """Where everything lies: nothing else need be there."""

    scratch: Path

    @property
    def app(self) -> Path:
        """The copy of what is tracked."""
        return self.scratch / "app"

    @property
    def python(self) -> Path:
        """Python of the virtual environment."""
        return self.scratch / "venv" / "bin" / "python"

    @property
    def writable(self) -> tuple[Path, Path]:
        """The temporary and the cache folder."""
        return self.scratch / "tmp", self.scratch / "cache"

    def environment(self) -> dict[str, str]:
        """Environment variables of a machine that knows nothing of the app."""
        temporary, cache = self.writable
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch / "home"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(temporary),
            "XDG_CACHE_HOME": str(cache),
        }


class Started(NamedTuple):
    """A server that answers."""

    server: Server
    seconds: float  # from its start to its answer
    log: Path

    def peak(self) -> float:
        """The most that was resident so far, libraries' files included, megabytes."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmHWM:\s+(\d+)", status, re.M)[1]) / 1024


def main(arguments: list[str] | None = None) -> int:
    """Check what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.hosting.check", description=__doc__)
    parser.add_argument("python", help="of the fresh environment, as python3.12")
    parser.add_argument("--venv", type=Path, help="one that is installed already")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every page")
    asked = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        problems = [*prepared(place, asked.python, asked.venv)]
        print("network: " + ("cut off" if cut_off() else "THERE: it could not be cut off"))
        pictures = asked.pictures or place.scratch / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        with serving(place) as started:
            problems += visited(started, pictures)
        if shutil.which("strace"):
            with serving(place, traced=True) as started:
                list(visited(started, None))
            problems += noticed(place)
        else:
            print("no strace: files and connections were not looked at")
    print(*(f"PROBLEM: {each}" for each in problems), sep="\n")
    return 1 if problems else 0


def prepared(place: Place, python: str, venv: Path | None) -> Iterator[str]:
    """Copy and install; yields what is wrong with it."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        (place.app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place.app / name)
    for folder in (*place.writable, place.scratch / "home"):
        folder.mkdir()
    if venv:
        (place.scratch / "venv").symlink_to(venv.resolve())
    else:
        begun = time.monotonic()
        subprocess.run([python, "-m", "venv", place.scratch / "venv"], check=True)
        command = [place.python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
        subprocess.run(command, cwd=place.app, check=True)
        print(f"seconds to install: {time.monotonic() - begun:.0f}")
    size = subprocess.run(
        ["du", "-sm", f"{place.scratch / 'venv'}/"], check=True, capture_output=True, text=True
    )
    versions = "import sys, torch; print(sys.version.split()[0], 'torch', torch.__version__)"
    found = subprocess.run(
        [place.python, "-c", versions], check=True, capture_output=True, text=True
    )
    print(f"Python {found.stdout.strip()}, environment of {size.stdout.split()[0]} MB")
    agreed = subprocess.run(
        [place.python, "-m", "pip", "check"], check=False, capture_output=True, text=True
    )
    print(f"pip check: {agreed.stdout.strip()}")
    if agreed.returncode:
        yield "pip check found versions that do not go together"


def cut_off() -> bool:
    """Leave this program and its children only the loopback device; was that allowed?"""
    new_user, new_network, set_flags, up = 0x10000000, 0x40000000, 0x8914, 0x1
    spaces = new_network if os.geteuid() == 0 else new_network | new_user
    if ctypes.CDLL(None).unshare(spaces) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))
    return True


@contextmanager
def serving(place: Place, *, traced: bool = False) -> Iterator[Started]:
    """`streamlit run app.py`, until the end of the block.

    Raises:
        RuntimeError: it ended at once, or does not answer.
    """
    port = free_port()
    command = [place.python, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += ["--server.address=127.0.0.1", f"--server.port={port}"]
    if traced:
        trace = ["strace", "-D", "-ff", "--seccomp-bpf", "-y", "-qq", "-s", "500"]
        command = [*trace, "-e", f"trace={TRACED}", "-o", place.scratch / "trace", *command]
    log = place.scratch / "log"
    with log.open("w", encoding="utf-8") as file:
        begun = time.time()
        process = subprocess.Popen(
            command, cwd=place.app, env=place.environment(), stdout=file, stderr=file
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while not answers(f"{url}/_stcore/health"):
                if process.poll() is not None or time.time() - begun > PATIENCE:
                    raise RuntimeError(f"no answer:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.02)
            yield Started(Server(url, process, begun), time.time() - begun, log)
        finally:
            process.terminate()
            process.wait(60)


def answers(url: str) -> bool:
    """Does it?"""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


def visited(started: Started, pictures: Path | None) -> Iterator[str]:
    """Open all pages and run the lab; yields what is wrong. Figures come with pictures."""
    url, count = started.server.url, SESSIONS if pictures else 1
    with browser() as chromium:
        begun = time.monotonic()
        page = context(chromium).new_page()
        page.goto(url)
        page.locator(".player canvas").first.wait_for(timeout=LONG)
        rest(page)
        first = started.seconds + time.monotonic() - begun
    if pictures:
        print(f"seconds to the first answer {started.seconds:.1f}, to the whole front {first:.1f}")
    asyncio.run(samplers(started.server, 1))
    if pictures:
        told(started, "1 session, its run finished")
    asyncio.run(samplers(started.server, count))
    if pictures and (peak := told(started, f"{count} sessions, their runs at a time")) > LIMIT:
        yield f"{peak:.0f} MB with {count} sessions, more than {LIMIT:.0f}"
    with browser() as chromium:
        for path in PAGES:
            yield from seen(chromium, f"{url}/{path}", path, pictures)
    if pictures and (peak := told(started, "and then every page, one after another")) > LIMIT:
        yield f"{peak:.0f} MB after every page, more than {LIMIT:.0f}"
    if "Traceback" in (log := started.log.read_text(encoding="utf-8")):
        yield f"the server's log:\n{log}"


def told(started: Started, what: str) -> float:
    """The peak of memory, megabytes; said."""
    peak = started.peak()
    own = started.server.megabytes()
    print(f"{what}: {peak:.0f} MB resident at the peak, {own:.0f} MB of its own now")
    return peak


def seen(chromium: Browser, url: str, path: str, pictures: Path | None) -> Iterator[str]:
    """Open a page until it rests; yields its errors."""
    visitor = context(chromium)
    page = visitor.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.locator("h1").first.wait_for(timeout=LONG)
    rest(page)
    errors += page.locator('[data-testid="stException"]').all_inner_texts()
    if pictures:
        tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": 1280, "height": min(int(tall) + 10, 2400)})
        page.wait_for_timeout(1500)
        name = re.sub(r"\W+", "-", path) or "front"
        page.screenshot(path=pictures / f"{name}.png")
    visitor.close()
    yield from (f"{path or 'front'}: {error}" for error in errors)


def noticed(place: Place) -> Iterator[str]:
    """Read the trace: prints what was written and asked for; yields what should not have been."""
    wrote: set[Path] = set()
    asked: set[str] = set()
    for trace in place.scratch.glob("trace.*"):
        for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
            if path := written(line, place.app):
                wrote.add(path)
            elif address := reached_for(line):
                asked.add(address)
    folders = {place.app: "app", **dict(zip(place.writable, ("temporary", "cache"), strict=True))}
    counts: dict[str, int] = {}
    outside = []
    for path in sorted(wrote):
        where = next((name for root, name in folders.items() if root in path.parents), None)
        if "__pycache__" in path.parts:
            where = "byte code"  # Python's own cache, beside what it was compiled from
        elif where not in ("temporary", "cache"):
            outside.append(path)
            continue
        counts[where] = counts.get(where, 0) + 1
    print(f"files written: {', '.join(f'{n} {name}' for name, n in counts.items()) or 'none'}")
    print(f"written elsewhere: {', '.join(map(str, outside)) or 'nothing'}")
    print(f"addresses asked for beyond this machine: {', '.join(sorted(asked)) or 'none'}")
    yield from (f"wrote {path}" for path in outside)
    yield from (f"wanted to connect to {address}" for address in sorted(asked))


def written(line: str, folder: Path) -> Path | None:
    """What a line of strace's says was written: a file opened for it, made, or renamed to."""
    if re.search(r"= -1 ", line):
        return None
    if line.startswith(("open", "creat")):
        opened = re.search(r"= \d+<(/.*)>$", line)
        if opened is None or not re.search(r"O_WRONLY|O_RDWR|O_CREAT|^creat", line):
            return None
        path = Path(opened[1].removesuffix(" (deleted)"))
    elif line.startswith(("mkdir", "rename")):
        path = folder / re.findall(r'"((?:[^"\\]|\\.)*)"', line)[-1]
    else:
        return None
    return None if path.parts[1] in ("dev", "proc", "memfd:") else path


def reached_for(line: str) -> str | None:
    """The address beyond this machine that a line of strace's says was asked for."""
    found = re.search(r'^connect\(.*(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"', line)
    if found is None or found[1].startswith("127.") or found[1] == "::1":
        return None
    port = re.search(r"sin6?_port=htons\((\d+)\)", line)
    return f"{found[1]}:{port[1] if port else '?'}"


if __name__ == "__main__":
    sys.exit(main())
