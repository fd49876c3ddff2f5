"""Workers that crash, in a run of its own: it ends, fails, and says in which test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALM = "def test_one(): pass\ndef test_two(): pass\ndef test_three(): pass\n"
CRASHING = (
    "import os\ndef test_before(): pass\ndef test_it(): os._exit(1)\ndef test_after(): pass\n"
)
DYING_AT_THE_END = """
import os

def pytest_sessionfinish():
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        os._exit(1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files whose tests pass."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --max-worker-restart=0\n")
    for number in range(6):
        (tmp_path / f"test_{number}.py").write_text(CALM)
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-p", "by_file"]
    command += ["--numprocesses=2", "--no-loadscope-reorder", folder]
    env = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    env |= {"PYTHONPATH": str(Path(__file__).parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


def test_a_worker_that_crashes_fails_the_run(folder: Path) -> None:
    (folder / "test_0.py").write_text(CRASHING)
    answer = run(folder)
    assert answer.returncode == 1
    assert "crashed while running 'test_0.py::test_it'" in answer.stdout
    assert "1 failed" in answer.stdout.splitlines()[-1]


def test_a_worker_that_crashes_in_the_last_file_fails_the_run(folder: Path) -> None:
    (folder / "test_9.py").write_text(CRASHING)
    answer = run(folder)
    assert answer.returncode == 1
    assert "1 failed, 19 passed" in answer.stdout


def test_a_worker_that_dies_after_its_tests_fails_the_run(folder: Path) -> None:
    (folder / "conftest.py").write_text(DYING_AT_THE_END)
    answer = run(folder)
    assert answer.returncode == 1
    assert "18 passed" in answer.stdout
    assert "worker gw0 crashed" in answer.stdout
