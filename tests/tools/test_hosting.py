"""Hosting files: settings, file sizes, the container image, replicas, and fair CPU slots."""

from __future__ import annotations

import fnmatch
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tools.hosting.check import PAGES, outside_address, written_path
from tools.hosting.check_tables import computed, family
from ui import cache, jobs
from ui.inpainting.all_methods import AllMethods
from ui.inpainting.live import Live
from ui.inpainting.slow_motion import SlowMotion
from ui.inpainting.step_by_step import StepByStep
from ui.inpainting.studies import Studies
from ui.jobs import Slots

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
PROXY = (ROOT / "hosting" / "haproxy.cfg").read_text(encoding="utf-8")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def test_the_table_of_settings_matches_the_code() -> None:
    read = re.compile(r"""(?:environ\.get\(|environ\[|getenv\()\s*["'](DGM_[A-Z_]+)["']""")
    folders = ("dgm_core", "ui", "pages")
    files = [ROOT / "app.py", *(f for name in folders for f in (ROOT / name).rglob("*.py"))]
    found = {name for file in files for name in read.findall(file.read_text(encoding="utf-8"))}
    assert found == set(re.findall(r"^\| `(DGM_[A-Z_]+)` \|", GUIDE, re.M))


def test_no_file_is_too_large_for_a_plain_repository() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in tracked() if (ROOT / name).is_file()}
    assert max(sizes.values()) < 100e6
    assert sum(size for name, size in sizes.items() if name.startswith("pretrained/")) <= 66e6


def test_the_container_image_holds_every_file_of_the_app() -> None:
    """A tracked file that is neither copied nor listed here would be missing in the image."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    copied = [name for line in lines for name in line.split()]
    beside = {
        *("tests", "tools", "docs", "hosting", ".ci", ".git", ".gitignore", ".dockerignore"),
        *(".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
        *(
            "CITATION.cff",
            "biome.json",
            "SECURITY.md",
            "Dockerfile",
            "compose.yaml",
            "pyproject.toml",
            "requirements-dev.txt",
            "requirements.txt",
            "requirements-ray.txt",
        ),
    }
    tops = {Path(name).parts[0] for name in tracked()}
    assert tops - beside == {*copied}
    ignoring = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignoring if line.startswith("!")}
    assert let_in == {*copied}
    assert not any(fnmatch.fnmatch(name, "*secret*") for name in tracked())


def test_the_container_image_runs_without_privileges_and_has_a_health_check() -> None:
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER (?!root|0\b)", last, re.M)
    assert "/_stcore/health" in re.search(r"^HEALTHCHECK(?:.*\\\n)+.*", last, re.M)[0]
    assert "--server.address=0.0.0.0" in last
    assert "--server.fileWatcherType=none" in last


def test_every_image_is_pinned_by_its_digest() -> None:
    digest = "@sha256:[0-9a-f]{64}"
    named = re.search(rf"^ARG PYTHON_IMAGE=(python:3\.\d+\.\d+-\S+{digest})$", DOCKERFILE, re.M)[1]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"${PYTHON_IMAGE}"}
    for name in ("lab", "gpu"):
        arguments = COMPOSE["services"][name]["build"]["args"]
        assert arguments["PYTHON_IMAGE"] == f"${{PYTHON_IMAGE:-{named}}}"
    proxy = COMPOSE["services"]["proxy"]["image"]
    assert re.fullmatch(rf"\$\{{PROXY_IMAGE:-haproxy:\d+\.\d+\.\d+-\S+{digest}\}}", proxy)


def test_the_container_image_installs_what_is_locked() -> None:
    for name in ("requirements.lock", "requirements-torch.lock"):
        install = f"pip install --no-deps --only-binary :all: --require-hashes -r {name}"
        assert install in DOCKERFILE
    # Another index, without hashes, is used only if the host names it.
    assert re.search(r'^ARG TORCH_INDEX=""$', DOCKERFILE, re.M)
    assert COMPOSE["services"]["lab"]["build"]["args"]["TORCH_INDEX"] == "${TORCH_INDEX:-}"


def test_the_replicas_have_limits_and_a_session_cookie() -> None:
    lab, gpu, proxy = (COMPOSE["services"][name] for name in ("lab", "gpu", "proxy"))
    assert lab["deploy"]["replicas"] == "${REPLICAS:-2}"
    assert gpu["profiles"] == ["gpu"]
    for service in (lab, gpu, proxy):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    (alias,) = lab["networks"]["labs"]["aliases"]
    assert gpu["networks"]["labs"]["aliases"] == [alias]
    port = re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)[1]
    assert re.search(r"^\s+default-server check ", PROXY, re.M)
    assert f" {alias}:{port} " in PROXY
    assert re.search(r"^\s+cookie lab insert indirect nocache", PROXY, re.M)
    assert "./hosting/haproxy.cfg:" in proxy["volumes"][0]


# --- CPU slots ------------------------------------------------------------------------------


def order_of(slots: Slots, *requests: bool) -> list[int]:
    """Order in which requests get the only slot; True requests a place at the front of the queue.

    The thread that released the slot makes the last request at once, as a run does after an item.
    """
    order, threads = [], []
    slots.acquire()
    for number, ahead in enumerate(requests):

        def request(number: int = number, ahead: bool = ahead) -> None:
            slots.acquire(ahead=ahead)
            order.append(number)
            slots.release()

        threads.append(threading.Thread(target=request))
        threads[-1].start()
        while len(slots) < number + 1:
            threads[-1].join(0.001)
    slots.release()
    slots.acquire()
    order.append(len(requests))
    slots.release()
    for thread in threads:
        thread.join()
    assert slots.free == 1
    return order


def test_slots_are_given_in_the_order_of_requests() -> None:
    assert order_of(Slots(1), *[False] * 5) == [0, 1, 2, 3, 4, 5]


def test_a_run_without_items_goes_ahead_every_other_time() -> None:
    assert order_of(Slots(1), False, False, False, True) == [3, 0, 1, 2, 4]
    assert order_of(Slots(1), False, False, True, True, True, True) == [2, 0, 3, 1, 4, 6, 5]


def test_no_more_runs_compute_at_a_time_than_there_are_slots() -> None:
    slots, lock, inside, most = Slots(2), threading.Lock(), [0], [0]

    def work() -> None:
        for _ in range(50):
            slots.acquire()
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with lock:
                inside[0] -= 1
            slots.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 2
    assert (slots.free, len(slots)) == (2, 0)


@pytest.mark.parametrize(("cores", "named", "expected"), [(1, "", 1), (8, "", 4), (8, "3", 3)])
def test_the_number_of_slots_follows_cores_and_setting(
    cores: int, named: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.os, "cpu_count", lambda: cores)
    monkeypatch.setenv("DGM_PLACES", named)
    assert jobs.slot_count() == expected


@pytest.mark.parametrize("named", ["0", "-1", "two", "1.5"])
def test_an_invalid_number_of_slots_is_refused(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGM_PLACES", named)
    with pytest.raises(ValueError, match="expected DGM_PLACES to be a number of at least 1"):
        jobs.slot_count()


def test_sessions_share_the_model_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device `meta` takes the place of an accelerator and needs no hardware."""
    monkeypatch.setenv("DGM_DEVICE", "meta")
    cache.st_model.clear()
    try:
        found: list = []
        threads = [
            threading.Thread(target=lambda: found.append(cache.st_model("digits-dlvm")))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert all(model is found[0] for model in found)
        assert {weights.device.type for weights in found[0].parameters()} == {"meta"}
    finally:
        cache.st_model.clear()


# --- reading a trace ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('openat(AT_FDCWD</app>, "x", O_WRONLY|O_CREAT, 0666) = 5</app/x>', "/app/x"),
        ('openat(AT_FDCWD</app>, "x", O_RDONLY|O_CLOEXEC) = 5</app/x>', None),
        ('openat(AT_FDCWD</app>, "x", O_RDWR|O_CREAT, 0666) = -1 EACCES (…)', None),
        ('openat(AT_FDCWD</app>, "/dev/null", O_RDWR) = 5</dev/null>', None),
        ('mkdir("/home/a/.streamlit", 0777) = 0', "/home/a/.streamlit"),
        ('rename("/tmp/part", "whole") = 0', "/app/whole"),
    ],
)
def test_files_written_are_read_from_a_trace(line: str, path: str | None) -> None:
    assert written_path(line, Path("/app")) == (path and Path(path))


def test_connections_are_read_from_a_trace() -> None:
    address = '{sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}'
    away = f"connect(9<UDP:[1]>, {address}, 16) = 0"
    assert outside_address(away) == "192.0.2.1:53"
    assert outside_address(away.replace("192.0.2.1", "127.0.0.1")) is None
    assert (
        outside_address('connect(9, {sa_family=AF_UNIX, sun_path="/run/nscd"}, 110) = -1') is None
    )


def test_the_check_opens_every_page_and_every_view_of_the_inpainting_lab() -> None:
    pages = {path.stem.partition("_")[2] for path in (ROOT / "pages").glob("*.py")}
    assert pages <= set(PAGES)
    views = {view.name for view in (StepByStep, Live, SlowMotion, AllMethods, Studies)}
    named = {unquote(query) for _, _, query in (each.partition("?view=") for each in PAGES)}
    assert named - {""} == views - {StepByStep.name}  # the first view needs no name


BUSY = """
import time
print(flush=True)
while True:
    time.process_time()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_computation_of_a_server_itself_is_counted() -> None:
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            own, children = computed(server.pid, 1.0)
        finally:
            server.kill()
    assert own > 0
    assert children == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_computation_of_children_is_counted() -> None:
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            own, children = computed(server.pid, 1.0)
        finally:
            for each in family(server.pid)[::-1]:
                os.kill(each, signal.SIGKILL)
    assert own == 0
    assert children > 0
