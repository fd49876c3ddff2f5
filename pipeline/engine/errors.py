"""Errors that are shown to people as they are, without a traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StickerworksError(Exception):
    """What happened and where, in one line, and what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class DamagedTableError(StickerworksError):
    """A table file holds other bytes than were written there."""

    def __init__(self, message: str, remedy: str, path: str) -> None:
        super().__init__(message, remedy)
        self.args = (message, remedy, path)  # what it is made of again behind a worker's pipe
        self.path = Path(path)


@contextmanager
def disk_errors(path: Path, remedy: str = "Choose another --workspace.") -> Iterator[None]:
    """Turn a full disk or a refused write below ``path`` into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full_disk(path) from error
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise StickerworksError(
                f"{path} can't be written: there is a file where a folder is needed, or a folder "
                "where a file is.",
                remedy,
            ) from error
        if error.errno == errno.EROFS:
            what = f"{path} can't be written: its disk is read-only."
            raise StickerworksError(what, remedy) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise StickerworksError(f"No permission to write {path}.", remedy) from error
        if error.errno == errno.ENAMETOOLONG:
            raise StickerworksError(f"The name {path} is too long.", remedy) from error
        raise


def full_disk(path: Path | str) -> StickerworksError:
    """The error of a disk without space left for ``path``."""
    return StickerworksError(
        f"The disk is full: could not write {path}.",
        "Nothing finished is lost; free some space and run the same command again.",
    )
