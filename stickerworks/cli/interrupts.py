"""Ctrl-C that a library swallowed: it is heard again before the next part of the work.

Python raises KeyboardInterrupt wherever the main thread happens to be, and what clears errors there
(a callback, C code that looks whether a module can be imported) clears it as well.
"""

from __future__ import annotations

import os
import signal

_heard: list[int] = []


def listen() -> None:
    """Note the signals that arrive from now on; handlers stay as they are. Main thread only."""
    if not _heard:
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        _heard.append(reading)


def check() -> None:
    """Raise KeyboardInterrupt where one was asked for and nothing has ended yet."""
    for reading in _heard:
        try:
            signals = os.read(reading, 4096)
        except BlockingIOError:
            continue
        if signal.SIGINT in signals:
            raise KeyboardInterrupt
