"""Starts a source's crawl as a child process and passes on what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from crawlers.source import Source
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig

_LOOK_EVERY_S = 0.1
_KILLS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class SourceError(StickerworksError):
    """A source could not be crawled to its end; others may."""


def crawl_in_child(
    source: Source,
    config: CrawlConfig,
    position: int,
    workspace: Workspace,
    report: Callable[[str], None],
) -> None:
    """Crawl the source at that position of the configuration; SourceError when it fails.

    A StickerworksError that is none ends the whole crawl: somebody killed the source's process.
    """
    job = {
        "config": config.model_dump(mode="json"),
        "position": position,
        "workspace": str(workspace.root.absolute()),
    }
    log = workspace.root / "crawl" / f"{source.name}.log"
    with disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        stderr = log.open("wb")
    with stderr:
        # A session of its own: Ctrl-C reaches us alone, and we end the child in order.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "crawlers.run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
    try:
        with _memory_limit(process.pid, config.memory_mb) as exceeded:
            last = _talk(process, json.dumps(job), report)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    if exceeded.is_set():
        raise SourceError(
            f"The crawl of {source.name} held more than {config.memory_mb} MB and was stopped.",
            "Nothing finished is lost. Raise crawl.memory_mb, or lower crawl.concurrency or "
            f"crawl.max_bytes, and run the same command again. {log} says what it did last.",
        )
    if "error" in last:
        raise SourceError(*last["error"])
    if "done" not in last:
        # Where somebody killed it, the tables must become what they would have been without.
        kind = StickerworksError if -process.returncode in _KILLS else SourceError
        raise kind(
            f"The crawl of {source.name} stopped unexpectedly ({_ending(process.returncode)}).",
            f"Nothing finished is lost: run the same command again to go on. {log} says more.",
        )


@contextmanager
def _memory_limit(pid: int, limit_mb: int) -> Iterator[threading.Event]:
    """Kill the process once it holds more memory than allowed; the event says that it did.

    From outside, since a process that is busy parsing a huge answer can't look after itself.
    """
    exceeded, ended = threading.Event(), threading.Event()

    def watch() -> None:
        try:
            process = psutil.Process(pid)
            while not ended.wait(_LOOK_EVERY_S):
                if process.memory_info().rss > limit_mb * 2**20:
                    process.kill()
                    exceeded.set()
                    return
        except psutil.Error:
            return  # it has ended

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield exceeded
    finally:
        ended.set()
        watcher.join()


def _talk(
    process: subprocess.Popen[str], job: str, report: Callable[[str], None]
) -> dict[str, list[str]]:
    """Hand over the job and pass on progress; the last event, empty when there was none."""
    assert process.stdin is not None
    assert process.stdout is not None
    last: dict[str, list[str]] = {}
    try:
        process.stdin.write(job + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        process.wait()
        return last
    for line in process.stdout:
        event = json.loads(line)
        if "progress" in event:
            report(event["progress"])
        else:
            last = event
    process.wait()
    return last


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
