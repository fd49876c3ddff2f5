"""What a program meets before it begins and where it prints: arguments, limits and streams."""

from __future__ import annotations

import os
import resource
import select
import sys
from collections.abc import Sequence

from pipeline.engine.errors import StickerworksError

EXIT_PIPE = 141
"""What a shell says of a program that SIGPIPE ended: its reader has gone."""

# Two workers, their pipes, tables and a database take some 60.
_FILES_NEEDED, _FILES_WANTED = 128, 4096


def open_closed() -> None:
    """Give /dev/null to each standard stream that was closed.

    Otherwise the next file to be opened, a table for instance, gets its number, and what a
    library prints goes into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    # Python has set them to None.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def check_arguments(arguments: Sequence[str]) -> None:
    """StickerworksError for an argument that is no text: tables and messages couldn't name it."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise StickerworksError(
                f"The argument {argument!a} is not valid UTF-8.",
                "Rename that file or folder.",
            ) from None


def allow_open_files() -> None:
    """Raise the limit of open files as far as we may; StickerworksError when that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES_WANTED:
        soft = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft != resource.RLIM_INFINITY and soft < _FILES_NEEDED:
        raise StickerworksError(
            f"This shell lets a program open {soft} files, and {_FILES_NEEDED} are needed.",
            "Run `ulimit -n 4096` in a new shell, then the same command again.",
        )


def reader_gone() -> bool:
    """Whether nobody reads our output any more, as after `| head -1`."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def hush() -> None:
    """Let what is still unprinted vanish, so that ending doesn't try to print it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
