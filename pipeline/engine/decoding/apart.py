"""Frames from a process of its own, for formats whose decoders a hostile file may bring down.

rlottie ends its process on some damaged animations, and neither it nor FFmpeg has a limit of
memory or time. A file that ends the process, or reaches its limits, gets an error like any other
damaged file; nothing else is lost. See child.py for what is said between the two.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

import numpy as np
import psutil

from pipeline.engine.decoding.child import END, FRAME, READY, REPLY
from pipeline.engine.decoding.header import Header, Undecodable
from pipeline.engine.decoding.lottie import lottie_json
from pipeline.engine.decoding.pillow_frames import Decoded
from pipeline.engine.errors import StickerworksError

_CRASHED = "decode: its decoder crashed on it, or asked for more memory or time than it may have"
_MOST_FILES = 200
"""After so many a process is replaced, so that what a library leaks never adds up."""
_MOST_IDLE_SECONDS = 5
_MOST_SECONDS_TO_START = 40
"""Of waiting, on a busy machine; a row of the filter may take sixty."""
_PACKAGES = {"mp4": "av", "webm": "av", "tgs": "rlottie_python"}


class _ChildDied(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The process ended or went silent in the middle of a file."""


def decode_apart(data: bytes, kind: str, header: Header) -> Iterator[Decoded]:
    """Yield the frames of a video or Lottie file; Undecodable where one can't be decoded."""
    given = lottie_json(data) if kind == "tgs" else data
    child = _take(_PACKAGES[kind])
    try:
        child.begin(kind, header, given)
        for index in range(header.frames):
            try:
                decoded = child.next_frame(header)
            except _ChildDied:
                if child.files == 1 or child.out_of_time():
                    raise
                # What earlier files left in that process may be to blame.
                child.end()
                child = _repeat(child.package, kind, header, given, index)
                decoded = child.next_frame(header)
            if decoded is None:
                return
            yield decoded
    except _ChildDied:
        raise Undecodable(_CRASHED) from None
    finally:
        if child.at_rest and child.files < _MOST_FILES:
            _idle.append(child)
        else:
            child.end()


class _Child:
    """One such process."""

    def __init__(self, package: str) -> None:
        self.package, self.files = package, 0
        self.at_rest = True
        command = [sys.executable, "-P", "-m", "pipeline.engine.decoding.child", package]
        command.append(str(os.getpid()))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Each of malloc's arenas takes 64 MB of addresses, which are limited.
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        try:
            ready = select.select([self._answers], [], [], _MOST_SECONDS_TO_START)[0]
            started = bool(ready) and self._answers.read(len(READY)) == READY
        except BaseException:
            self.end()
            raise
        if not started:
            self.end()
            raise StickerworksError(
                f"The decoder {package} can't be started: a broken installation, no memory, or "
                f"it took longer than {_MOST_SECONDS_TO_START} s.",
                "Run `make formats`; `stickerworks doctor` says what is installed.",
            )

    def begin(self, kind: str, header: Header, data: bytes) -> None:
        self.at_rest = False
        job = {"format": kind, "width": header.width, "height": header.height, "nbytes": len(data)}
        self.files += 1
        # Where it is gone by now, whoever asks for a frame is told.
        with suppress(_ChildDied):
            self._say(b"j" + json.dumps(job).encode() + b"\n" + data)

    def next_frame(self, header: Header) -> Decoded | None:
        """The next frame, None at the end; Undecodable or _ChildDied where there is none."""
        self.at_rest = False
        self._say(b"n")
        self._wait()
        state, width, height, duration_ms = REPLY.unpack(self._read(REPLY.size))
        if state != FRAME:
            told = self._read(width).decode(errors="replace")
            self.at_rest = True
            if state == END:
                return None
            raise Undecodable(f"decode: {told}")
        if width * height > header.width * header.height:
            raise Undecodable(
                f"decode: it grows from {header.width} x {header.height} to {width} x {height} "
                "pixels"
            )
        words = np.frombuffer(self._read(4 * width * height), "<u4").reshape(height, width)
        self.at_rest = True
        return Decoded(words, duration_ms)

    def alive(self) -> bool:
        return self._process.poll() is None

    def _wait(self) -> None:
        """Until there is an answer, or nothing more to read. Of computing it has a limit of its
        own; one that waits for itself, as rlottie does on some files, would never end."""
        before, idle = -1.0, 0
        while not select.select([self._answers], [], [], 1)[0]:
            child = psutil.Process(self._process.pid)
            times = child.cpu_times()
            used = times.user + times.system
            asleep = used == before and child.status() == psutil.STATUS_SLEEPING
            before, idle = used, idle + 1 if asleep else 0
            if idle == _MOST_IDLE_SECONDS:
                self._process.send_signal(signal.SIGXCPU)
                return

    def out_of_time(self) -> bool:
        """Whether it was ended since it took longer than a file may."""
        return self._process.wait() == -signal.SIGXCPU

    def end(self) -> None:
        self._process.kill()
        with suppress(OSError):  # what it never read is written once more
            self._asks.close()
        self._answers.close()
        self._process.wait()

    def _say(self, data: bytes) -> None:
        try:
            self._asks.write(data)
            self._asks.flush()
        except OSError:
            raise _ChildDied from None

    def _read(self, size: int) -> bytes:
        data = self._answers.read(size)
        if len(data) != size:
            raise _ChildDied
        return data


_idle: list[_Child] = []
# A forked process would otherwise talk to its parent's.
os.register_at_fork(after_in_child=_idle.clear)


def _take(package: str) -> _Child:
    for child in [one for one in _idle if one.package == package]:
        _idle.remove(child)
        if child.alive():
            return child
        child.end()
    return _Child(package)


def _repeat(package: str, kind: str, header: Header, data: bytes, done: int) -> _Child:
    """A fresh process that has decoded the same file as far."""
    child = _Child(package)
    try:
        child.begin(kind, header, data)
        for _ in range(done):
            child.next_frame(header)
    except BaseException:
        child.end()
        raise
    return child
