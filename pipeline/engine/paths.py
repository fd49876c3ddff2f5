"""Paths and files that a person or a configuration names, which may be anything at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pipeline.engine.errors import StickerworksError


def named_path(name: str | Path, key: str) -> Path:
    """The path that ``key`` names, with ``~`` replaced.

    Raises StickerworksError where no file can have that name, or there is no such person's home.
    """
    text = os.fspath(name)
    shown = ascii(text)[1:-1][:200]
    if not text.isascii() and not _is_unicode(text):
        raise StickerworksError(
            f"{key}: the name {shown} is not valid UTF-8.", "Rename that file or folder."
        )
    if "\0" in text:
        raise StickerworksError(f"{key}: the name {shown} holds a NUL.", "Correct it.")
    expanded = os.path.expanduser(text)
    if text.startswith("~") and expanded == text:
        user = text.split("/")[0]
        raise StickerworksError(
            f"{key}: there is no home folder for {user} in {text}.",
            f"Write the whole path, or ./{text} for a name that begins with ~.",
        )
    return Path(expanded)


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most ``most`` bytes.

    Raises OSError for anything else that may stand under a name: a pipe would wait for ever, a
    device may never end.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "no file can have that name") from None
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, "it is a folder", str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            # Python sets aside what is asked for, so no more is than there should be.
            data = file.read(min(most, max(found.st_size, 65536)) + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))
    return data


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
