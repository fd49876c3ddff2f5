"""The process that decodes videos or Lottie for another one, within limits; see apart.py.

Once it is ready, it says so on its standard output, and answers there what is asked on its standard
input:

    j LINE BYTES   begin a file: a line of JSON (format, width, height, nbytes), then its bytes
    n              its next frame: state, width, height and milliseconds, then RGBA bytes; at the
                   end, or where it can't be decoded, a state and a text of ``width`` bytes
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any

REPLY = struct.Struct("<4I")
READY = b"ready"
FRAME, END, FAILED = 0, 1, 2
_MOST_SECONDS = 20
"""Of computing that one file may take."""
_PR_SET_PDEATHSIG = 1
_MOST_MEMORY, _STACK = 2 << 30, 8 << 20
"""Of addresses, which are more than what is in use; rlottie starts a thread for each core."""

_Frames = Iterator[tuple[bytes, int, int, int]]


def main(package: str, parent: int) -> None:
    """Serve until the standard input ends, or the process ``parent`` does."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import(package)
    _limit()
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(READY)
    answers.flush()
    frames: _Frames = iter(())
    while asked := given.read(1):
        if asked == b"j":
            job = json.loads(given.readline())
            _limit_time()
            frames = _begin(given.read(job["nbytes"]), job)
        else:
            answers.write(_next(frames))
            answers.flush()


def _end_with(parent: int) -> None:
    """Be killed when the process that asks ends: in the middle of a file, the end of the standard
    input is seen only once there is a frame, and never by a library that waits for itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        sys.exit(1)


def _import(package: str) -> None:
    """All that is ever needed of a package: later on, no module's file can be opened."""
    module = importlib.import_module(package)
    if package == "av":
        for _, name, _ in pkgutil.walk_packages(module.__path__, "av."):
            if not name.endswith("__main__"):
                importlib.import_module(name)
        importlib.import_module("pipeline.engine.decoding.video")
    else:
        importlib.import_module("PIL.ImageFile")
        importlib.import_module("pipeline.engine.decoding.lottie")


def _begin(data: bytes, job: dict[str, Any]) -> _Frames:
    if job["format"] == "tgs":
        from pipeline.engine.decoding.lottie import render_lottie

        return render_lottie(data, job["width"], job["height"])
    from pipeline.engine.decoding.video import decode_video

    return decode_video(data, job["format"], job["width"], job["height"])


def _next(frames: _Frames) -> bytes:
    try:
        frame = next(frames, None)
    except MemoryError:
        raise  # ends this process: nobody knows what state the library is in
    except Exception as error:  # noqa: BLE001 - of nearly any type, on hostile bytes
        return _tell(FAILED, str(getattr(error, "strerror", None) or error))
    if frame is None:
        return _tell(END, "")
    pixels, width, height, duration_ms = frame
    return REPLY.pack(FRAME, width, height, min(duration_ms, 2**31)) + pixels


def _tell(state: int, text: str) -> bytes:
    told = " ".join(text.split())[:200].encode()
    return REPLY.pack(state, len(told), 0, 0) + told


def _limit() -> None:
    """No file or connection can be opened from here on, and nothing written but answers."""
    if sys.platform == "linux":
        most = _MOST_MEMORY + (os.cpu_count() or 1) * _STACK
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + _MOST_SECONDS
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
