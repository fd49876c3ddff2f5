"""The server's process: which one is ours, where it listens, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.engine.atomic_files import atomic_file

MARK = "STICKERWORKS_SERVER_OF"
"""Environment variable of our servers alone; it names the data directory."""
GATEWAY_MARK = "STICKERWORKS_GATEWAY_OF"
"""That of the processes that stand before them."""

_STOP_S = 20


@dataclass(frozen=True)
class RunningServer:
    """A live server of ours and the port that it was told to take."""

    process: psutil.Process
    port: int


def note(state: Path, pid: int, port: int) -> None:
    """Remember a server; with its birth a process is unmistakable, its number is used again."""
    born = _born(psutil.Process(pid))
    with atomic_file(state) as temporary:
        temporary.write_text(json.dumps({"pid": pid, "born": born, "port": port}), "utf-8")


def noted(state: Path, data: Path, mark: str = MARK) -> RunningServer | None:
    """The remembered server, if it still lives and serves ``data`` and no copy of it."""
    try:
        held = json.loads(state.read_text(encoding="utf-8"))
        process = psutil.Process(held["pid"])
        same = _born(process) == held["born"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None
    return RunningServer(process, held["port"]) if same and _serves(process, data, mark) else None


def serving(data: Path, mark: str = MARK) -> list[psutil.Process]:
    """Every server of ours on ``data``, noted or not: a kill may come before the note."""
    return [process for process in psutil.process_iter() if _serves(process, data, mark)]


def holder(port: int) -> Path | None:
    """The data that a server of ours, of any workspace of this user, serves at a port."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            marks = process.environ()
            data = marks.get(GATEWAY_MARK) or marks.get(MARK)
            if data and port in ports(process):
                return Path(data)
    return None


def ports(process: psutil.Process) -> set[int]:
    """TCP ports on which a process listens."""
    try:
        links = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return set()
    return {link.laddr.port for link in links if link.status == psutil.CONN_LISTEN}


def end(processes: Sequence[psutil.Process]) -> bool:
    """Ask processes to end, then make them; False when one is still there."""
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                ask(process)
        deadline = time.monotonic() + _STOP_S
        while any(map(_alive, processes)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return True
    return False


def _born(process: psutil.Process) -> float:
    """When a process began. On Linux since the machine's start: a clock that is set, by whom ever,
    moves the time of day of all births."""
    try:
        told = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:  # another system, or the process has gone
        return process.create_time()
    return float(told.rpartition(")")[2].split()[19])


def _serves(process: psutil.Process, data: Path, mark: str) -> bool:
    try:
        return process.environ().get(mark) == str(data) and _alive(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False  # gone, or another user's: none of ours


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
