"""`python -m tools.hosting.check python3.12`: does the app start on an unprepared machine?

The check copies the tracked files into an empty folder. It installs `requirements.txt` into a new
virtual environment of the named Python, and starts the server without a network. There is no data,
unless `--data` names a folder of prepared data sets.
A browser opens every page, and ten sessions run the inpainting lab at the same time. A second
server is traced: the check lists the files it writes and the addresses it connects to.

Run the check on Linux, with Chromium, in the environment of `requirements-dev.txt`. To cut off the
network it needs root rights or user namespaces, and to trace a server it needs strace. It prints
which steps were not possible. The exit status is 1 if there is a problem.
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
    "Inpainting?view=Live",
    "Exact_likelihood",
    "Missing_not_at_random",
    "Clusters",
    "WGAN_latent_space",
    "GAN_distances",
    "Theory",
    "Your_table",
)
SESSIONS = 10
LIMIT = 1200.0
"""Largest allowed peak memory of a server with `SESSIONS` sessions, in megabytes."""
PATIENCE = 180.0
"""Seconds to wait for the first answer of a server."""
TRACED = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,connect"


class Folders(NamedTuple):
    """Folders of one check, all in a temporary folder."""

    scratch: Path
    data: Path | None = None  # of prepared data sets

    @property
    def app(self) -> Path:
        """Copy of the tracked files."""
        return self.scratch / "app"

    @property
    def python(self) -> Path:
        """Python of the new virtual environment."""
        return self.scratch / "venv" / "bin" / "python"

    @property
    def writable(self) -> tuple[Path, Path]:
        """Temporary folder and cache folder, where the app may write."""
        return self.scratch / "tmp", self.scratch / "cache"

    def environment(self) -> dict[str, str]:
        """Environment variables of a machine without any settings of the app."""
        temporary, cache = self.writable
        data = {} if self.data is None else {"DGM_DATA": str(self.data.resolve())}
        return data | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch / "home"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(temporary),
            "XDG_CACHE_HOME": str(cache),
        }


class Started(NamedTuple):
    """A running server that answers."""

    server: Server
    seconds: float  # from its start to its first answer
    log: Path

    def peak(self) -> float:
        """Peak resident memory so far, mapped library files included, in megabytes."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"^VmHWM:\s+(\d+)", status, re.M)[0]) / 1024


def main(arguments: list[str] | None = None) -> int:
    """Run all checks; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.hosting.check", description=__doc__)
    parser.add_argument("python", help="Python of the new environment, such as python3.12")
    parser.add_argument("--venv", type=Path, help="use this environment, and install nothing")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every page")
    parser.add_argument("--data", type=Path, help="folder of prepared data sets")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        folders = Folders(Path(scratch), options.data)
        problems = [*prepare(folders, options.python, options.venv)]
        print("network: " + ("cut off" if cut_off() else "AVAILABLE, could not be cut off"))
        pictures = options.pictures or folders.scratch / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        with serving(folders) as started:
            problems += visit_pages(started, pictures)
        if shutil.which("strace"):
            with serving(folders, traced=True) as started:
                list(visit_pages(started, None))
            problems += check_trace(folders)
        else:
            print("strace is not installed: files and connections were not checked")
    print(*(f"PROBLEM: {each}" for each in problems), sep="\n")
    return 1 if problems else 0


def prepare(folders: Folders, python: str, venv: Path | None) -> Iterator[str]:
    """Copy the files and install the packages; yields problems."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        (folders.app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folders.app / name)
    for folder in (*folders.writable, folders.scratch / "home"):
        folder.mkdir()
    if venv:
        (folders.scratch / "venv").symlink_to(venv.resolve())
    else:
        start = time.monotonic()
        subprocess.run([python, "-m", "venv", folders.scratch / "venv"], check=True)
        command = [folders.python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
        subprocess.run(command, cwd=folders.app, check=True)
        print(f"seconds to install: {time.monotonic() - start:.0f}")
    size = subprocess.run(
        ["du", "-sm", f"{folders.scratch / 'venv'}/"], check=True, capture_output=True, text=True
    )
    versions = "import sys, torch; print(sys.version.split()[0], 'torch', torch.__version__)"
    found = subprocess.run(
        [folders.python, "-c", versions], check=True, capture_output=True, text=True
    )
    print(f"Python {found.stdout.strip()}, environment of {size.stdout.split()[0]} MB")
    conflicts = subprocess.run(
        [folders.python, "-m", "pip", "check"], check=False, capture_output=True, text=True
    )
    print(f"pip check: {conflicts.stdout.strip()}")
    if conflicts.returncode:
        yield "pip check found versions that conflict"


def cut_off() -> bool:
    """Cut off this program and its children from all networks but loopback; True on success."""
    new_user, new_network, set_flags, up = 0x10000000, 0x40000000, 0x8914, 0x1
    spaces = new_network if os.geteuid() == 0 else new_network | new_user
    if ctypes.CDLL(None).unshare(spaces) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))
    return True


@contextmanager
def serving(folders: Folders, *, traced: bool = False) -> Iterator[Started]:
    """Context manager: run `streamlit run app.py` until the end of the block.

    Raises:
        RuntimeError: the server ended, or did not answer within `PATIENCE` seconds.
    """
    port = free_port()
    command = [folders.python, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += ["--server.address=127.0.0.1", f"--server.port={port}"]
    if traced:
        trace = ["strace", "-D", "-ff", "--seccomp-bpf", "-y", "-qq", "-s", "500"]
        command = [*trace, "-e", f"trace={TRACED}", "-o", folders.scratch / "trace", *command]
    log = folders.scratch / "log"
    with log.open("w", encoding="utf-8") as file:
        start = time.time()
        process = subprocess.Popen(
            command, cwd=folders.app, env=folders.environment(), stdout=file, stderr=file
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while not answers(f"{url}/_stcore/health"):
                if process.poll() is not None or time.time() - start > PATIENCE:
                    text = log.read_text(encoding="utf-8")
                    raise RuntimeError(f"expected an answer of {url}, got none; its log:\n{text}")
                time.sleep(0.02)
            yield Started(Server(url, process, start), time.time() - start, log)
        finally:
            process.terminate()
            process.wait(60)


def answers(url: str) -> bool:
    """True if the address answers without an error."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


def visit_pages(started: Started, pictures: Path | None) -> Iterator[str]:
    """Open all pages and run the lab; yields problems.

    Measured numbers are printed, and limits checked, only if `pictures` is given.
    """
    url, count = started.server.url, SESSIONS if pictures else 1
    with browser() as chromium:
        start = time.monotonic()
        page = context(chromium).new_page()
        page.goto(url)
        page.locator(".player canvas").first.wait_for(timeout=LONG)
        rest(page)
        first = started.seconds + time.monotonic() - start
    if pictures:
        print(f"seconds to the first answer {started.seconds:.1f}, to the start page {first:.1f}")
    asyncio.run(samplers(started.server, 1))
    if pictures:
        print_memory(started, "1 session, run finished")
    asyncio.run(samplers(started.server, count))
    if (
        pictures
        and (peak := print_memory(started, f"{count} sessions with simultaneous runs")) > LIMIT
    ):
        yield f"expected at most {LIMIT:.0f} MB with {count} sessions, got {peak:.0f} MB"
    with browser() as chromium:
        for path in PAGES:
            yield from open_page(chromium, f"{url}/{path}", path, pictures)
    if pictures and (peak := print_memory(started, "then every page in sequence")) > LIMIT:
        yield f"expected at most {LIMIT:.0f} MB after all pages, got {peak:.0f} MB"
    if "Traceback" in (log := started.log.read_text(encoding="utf-8")):
        yield f"an exception in the server's log:\n{log}"


def print_memory(started: Started, what: str) -> float:
    """Print the peak memory of the server; returns it in megabytes."""
    peak = started.peak()
    private = started.server.megabytes()
    print(f"{what}: {peak:.0f} MB peak resident memory, {private:.0f} MB private memory now")
    return peak


def open_page(chromium: Browser, url: str, path: str, pictures: Path | None) -> Iterator[str]:
    """Open a page and wait until it is drawn; yields its errors."""
    visitor = context(chromium)
    page = visitor.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.locator("h1").first.wait_for(timeout=LONG)
    rest(page)
    errors += page.locator('[data-testid="stException"]').all_inner_texts()
    if pictures:
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": 1280, "height": min(int(height) + 10, 2400)})
        page.wait_for_timeout(1500)
        name = re.sub(r"\W+", "-", path) or "front"
        page.screenshot(path=pictures / f"{name}.png")
    visitor.close()
    yield from (f"{path or 'front'}: {error}" for error in errors)


def check_trace(folders: Folders) -> Iterator[str]:
    """Read the trace: prints written files and addresses; yields those that are not allowed."""
    paths: set[Path] = set()
    addresses: set[str] = set()
    for trace in folders.scratch.glob("trace.*"):
        for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
            if path := written_path(line, folders.app):
                paths.add(path)
            elif address := outside_address(line):
                addresses.add(address)
    temporary, cache = folders.writable
    names = {folders.app: "app", temporary: "temporary", cache: "cache"}
    counts: dict[str, int] = {}
    outside = []
    for path in sorted(paths):
        where = next((name for root, name in names.items() if root in path.parents), None)
        if "__pycache__" in path.parts:
            where = "byte code"  # Python's cache, beside the source files
        elif where not in ("temporary", "cache"):
            outside.append(path)
            continue
        counts[where] = counts.get(where, 0) + 1
    print(f"files written: {', '.join(f'{n} {name}' for name, n in counts.items()) or 'none'}")
    print(f"written elsewhere: {', '.join(map(str, outside)) or 'nothing'}")
    print(f"connections to other machines: {', '.join(sorted(addresses)) or 'none'}")
    yield from (f"wrote {path} outside of its writable folders" for path in outside)
    yield from (f"tried to connect to {address}" for address in sorted(addresses))


def written_path(line: str, folder: Path) -> Path | None:
    """Path that a line of strace's output opens for writing, creates or renames to; else None."""
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


def outside_address(line: str) -> str | None:
    """Address on another machine to which a line of strace's output connects; else None."""
    found = re.search(r'^connect\(.*(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"', line)
    if found is None or found[1].startswith("127.") or found[1] == "::1":
        return None
    port = re.search(r"sin6?_port=htons\((\d+)\)", line)
    return f"{found[1]}:{port[1] if port else '?'}"


if __name__ == "__main__":
    sys.exit(main())
