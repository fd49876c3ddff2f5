"""Kills a command in the middle of its work."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from threading import Timer


def kill_after(
    line: str, seconds: float, command: Sequence[object], env: Mapping[str, str] | None = None
) -> None:
    """Run the command until so long after it has said the line, and kill it."""
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=env,
    )
    assert process.stderr is not None
    said = []
    for told in process.stderr:
        said.append(told)
        if told.startswith(line):
            timer = Timer(seconds, os.kill, (process.pid, signal.SIGKILL))
            timer.start()
    assert process.wait() == -signal.SIGKILL, "".join(said)
