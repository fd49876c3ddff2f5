"""An object store on loopback that speaks S3: moto's server, in an environment of its own.

``make setup-dev`` installs it into ``.venv-object-store``.
"""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PYTHON = Path(__file__).parents[2] / ".venv-object-store" / "bin" / "python"
_URL = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def serve_objects(log: Path) -> Iterator[str]:
    """Run the server and yield its URL; a test is skipped where it isn't installed."""
    if not _PYTHON.exists():
        if os.environ.get("STICKERWORKS_REQUIRE_OBJECT_STORE") == "1":
            pytest.fail(f"{_PYTHON} is missing: run `make setup-dev`", pytrace=False)
        pytest.skip("`make setup-dev` installs the object store")
    command = [_PYTHON, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=_bare()
        )
    try:
        yield _wait(process, log)
    finally:
        process.kill()
        process.wait()


def make_bucket(url: str, name: str) -> None:
    """Create a bucket; it is there already where a test made it before."""
    request = urllib.request.Request(f"{url}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=30).close()


def _bare() -> dict[str, str]:
    return {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = _URL.search(log.read_text())
        if found:
            return found[1]
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise RuntimeError(f"the object store did not start: {log.read_text()}")
