"""UTF-8 whatever the locale: the same files give the same dataset on every machine."""

from __future__ import annotations

import io
import locale
import os
import sys


def speak_utf8() -> None:
    """Start the program again in Python's UTF-8 mode, where the locale has another encoding.

    Names of files, arguments and what libraries read would be other texts there. A terminal that
    can't show a character gets its number instead.
    """
    codings = {sys.getfilesystemencoding(), locale.getencoding()}
    asked = sys.flags.utf8_mode or "utf8" in sys._xoptions
    if not asked and {coding.lower().replace("-", "") for coding in codings} != {"utf8"}:
        os.environ["PYTHONUTF8"] = "1"  # for all processes that we start
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
