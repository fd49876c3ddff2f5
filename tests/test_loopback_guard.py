"""The guard that keeps tests on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback_guard import OutsideLoopbackError, attempts

from crawlers.crawl import crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig

ELSEWHERE = "203.0.113.7"  # of a block that is kept for documentation


def _send(how: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        getattr(one, how)(*{"sendto": [b"x", (ELSEWHERE, 9)]}.get(how, [(ELSEWHERE, 9)]))


WAYS: dict[str, Callable[[], object]] = {
    "connect": lambda: _send("connect"),
    "connect_ex": lambda: _send("connect_ex"),
    "sendto": lambda: _send("sendto"),
    "create_connection": lambda: socket.create_connection((ELSEWHERE, 9), timeout=1),
    "getaddrinfo": lambda: socket.getaddrinfo("example.org", 9),
    "gethostbyname": lambda: socket.gethostbyname("example.org"),
    "mapped": lambda: socket.create_connection((f"::ffff:{ELSEWHERE}", 9), timeout=1),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_another_machine(way: str) -> None:
    with pytest.raises(OutsideLoopbackError, match=rf"test_no_way.*{way}.* tried ") as caught:
        WAYS[way]()
    assert attempts() == [caught.value.strerror]


def test_loopback_pipes_and_names_that_exist_nowhere_are_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost", "127.1"):
            socket.create_connection((host, server.getsockname()[1])).close()
    short = Path(f"/tmp/loopback-{tmp_path.parent.name}")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(short))
        server.listen()
        client.connect(str(short))
    short.unlink()
    one, other = socket.socketpair()
    one.close()
    other.close()
    socket.getaddrinfo(socket.gethostname(), 80)
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("no.such.host.invalid", 80)
    assert not isinstance(caught.value, OutsideLoopbackError)
    assert attempts() == []


def test_a_child_process_is_guarded_and_named() -> None:
    code = f"import socket; socket.create_connection(('{ELSEWHERE}', 9), timeout=1)"
    for flags in ([], ["-P"]):
        ended = subprocess.run(
            [sys.executable, *flags, "-c", code], check=False, capture_output=True, text=True
        )
        assert "OutsideLoopbackError" in ended.stderr
        (said,) = attempts()
        assert "test_a_child_process_is_guarded_and_named" in said
        assert f"tried {ELSEWHERE}:9 in: {sys.executable}" in said


def test_a_crawl_without_a_source_never_reaches_its_host(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="Could not reach raw.githubusercontent.com"):
        crawl(Workspace(tmp_path), CrawlConfig(attempts=1))
    tried = attempts()
    assert tried
    assert {said.partition(" in: ")[0] for said in tried} == {
        "Tests may reach loopback alone, but tests/test_loopback_guard.py::"
        "test_a_crawl_without_a_source_never_reaches_its_host (call) tried "
        "raw.githubusercontent.com:443"
    }


def test_a_test_that_survives_the_refusal_fails_all_the_same(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    scheduling = Path(__file__).with_name("scheduling") / "by_file.py"
    (tmp_path / "scheduling").mkdir()
    shutil.copy(scheduling, tmp_path / "scheduling")
    (tmp_path / "test_it.py").write_text(
        "import socket\n"
        "def test_it():\n"
        "    try:\n"
        "        socket.gethostbyname('example.org')\n"
        "    except OSError:\n"
        "        pass\n"
        "def test_other():\n"
        "    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, "--rootdir", tmp_path, tmp_path],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert "but test_it.py::test_it (call) tried example.org:None in: " in ended.stdout
