"""LMDB environments of strangers, read in a process of its own.

LMDB trusts its file: pages that point beyond its end kill whoever reads them. Here that is an error
which names the file. See lmdb_child.py for what is said between the two.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pipeline.datasets.lmdb_child import ABSENT, ASK, FAILED, READY, SIZE
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra

_ALL = 2**62


class LmdbReader:
    """Values and names of environments, by the number of their folder.

    What it yields is to be read to its end before more is asked.
    """

    def __init__(
        self, folders: Sequence[Path], purpose: str, asks: IO[bytes], answers: IO[bytes]
    ) -> None:
        self._folders, self._purpose = folders, purpose
        self._asks, self._answers = asks, answers

    def values(
        self, number: int, names: Sequence[bytes], most: int = _ALL
    ) -> Iterator[tuple[int, bytes] | None]:
        """For each name the length of its value and its bytes, none of one longer than ``most``;
        None where it isn't there."""
        self._ask(b"v", number, names, most)
        for _ in names:
            length = self._length(number)
            bytes_ = self._read(number, length) if 0 <= length <= most else b""
            yield None if length == ABSENT else (length, bytes_)

    def names(self, number: int) -> Iterator[bytes]:
        """All names in the order of their bytes; other things may be asked in between."""
        found = [b""]
        while found:
            self._ask(b"n", number, found[-1:], _ALL)
            found = []
            while (length := self._length(number)) != ABSENT:
                found.append(self._read(number, length))
            yield from found

    def _ask(self, what: bytes, number: int, names: Sequence[bytes], most: int) -> None:
        parts = [ASK.pack(what, number, len(names), most)]
        for name in names:
            parts += [SIZE.pack(len(name)), name]
        # Where it is gone by now, whoever reads an answer is told.
        with suppress(OSError):
            self._asks.write(b"".join(parts))
            self._asks.flush()

    def _length(self, number: int) -> int:
        (length,) = SIZE.unpack(self._read(number, SIZE.size))
        if length == FAILED:
            (length,) = SIZE.unpack(self._read(number, SIZE.size))
            told = self._read(number, length).decode("utf-8", "replace")
            raise self._unreadable(number, told)
        return int(length)

    def _read(self, number: int, length: int) -> bytes:
        data = self._answers.read(length)
        if len(data) != length:
            raise self._unreadable(number, "LMDB crashed on it, as it does on damaged files")
        return data

    def _unreadable(self, number: int, reason: str) -> StickerworksError:
        return StickerworksError(
            f"{self._folders[number] / 'data.mdb'} can't be read as {self._purpose}'s: {reason}.",
            "Get that file again.",
        )


@contextmanager
def read_lmdb(folders: Sequence[Path], purpose: str) -> Iterator[LmdbReader]:
    """Open the environments in ``folders`` for reading.

    Raises StickerworksError, which names the file, when one can't be read or is cut off.
    """
    need_extra("lmdb", "baselines", purpose)
    command = [sys.executable, "-P", "-m", "pipeline.datasets.lmdb_child", *map(str, folders)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.read(len(READY)) != READY:
            files = " or ".join(str(folder / "data.mdb") for folder in folders)
            raise StickerworksError(f"LMDB can't open {files}: it crashed.", "Get them again.")
        yield LmdbReader(folders, purpose, process.stdin, process.stdout)
    finally:
        process.kill()
        with suppress(OSError):  # what it never read is written once more
            process.stdin.close()
        process.stdout.close()
        process.wait()
