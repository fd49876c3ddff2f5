"""One demo run, shared by the tests that look at what came of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("stickerworks")


@dataclass(frozen=True)
class Demo:
    """A finished demo: its workspace, its release and what the command printed."""

    workspace: Path
    release: Path
    answer: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program with arguments and wait for its end."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [PROGRAM, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call


@pytest.fixture(scope="session")
def demo(
    tmp_path_factory: pytest.TempPathFactory,
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> Demo:
    workspace = tmp_path_factory.mktemp("demo") / "workspace"
    answer = run("demo", "--workspace", workspace, "--json")
    assert answer.returncode == 0, answer.stderr
    return Demo(workspace, workspace / "releases" / "demo-0.1.0", answer)
