"""The process that reads LMDB environments for another one; see lmdb_apart.py.

It is started with their folders, says READY on its standard output, and answers there what is asked
on its standard input: ASK (what, number of the environment, count, most), then

    v   count names (SIZE, bytes)       for each the SIZE of its value, ABSENT where there is none,
                                        and its bytes unless they are more than ``most``
    n   a name (SIZE, bytes)            some names behind it in order (SIZE, bytes), then ABSENT;
                                        none where it is the last

Where it can't, it says FAILED, a SIZE and a text, and ends.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any

ASK = struct.Struct("<cIIQ")
SIZE = struct.Struct("<q")
READY = b"ready"
ABSENT, FAILED = -1, -2
_NAMES = 256


def main(folders: list[str]) -> None:
    """Serve until the standard input ends."""
    import lmdb

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    opened: list[_Environment | str] = []
    for folder in folders:
        try:
            opened.append(_Environment(lmdb, folder))
        except lmdb.Error as error:
            opened.append(str(error))
    _limit()
    answers.write(READY)
    answers.flush()
    while asked := given.read(ASK.size):
        what, number, count, most = ASK.unpack(asked)
        names = [given.read(*SIZE.unpack(given.read(SIZE.size))) for _ in range(count)]
        environment = opened[number]
        try:
            if isinstance(environment, str):
                raise _DamagedError(environment)
            answer = environment.values(names) if what == b"v" else environment.behind(names[0])
            for value in answer:
                answers.write(SIZE.pack(ABSENT if value is None else len(value)))
                if value is not None and len(value) <= most:
                    answers.write(value)
        except (lmdb.Error, _DamagedError) as error:
            told = " ".join(str(error).split())[:200].encode()
            answers.write(SIZE.pack(FAILED) + SIZE.pack(len(told)) + told)
            answers.flush()
            return
        answers.flush()


class _DamagedError(Exception):
    """The file is none that LMDB writes."""


class _Environment:
    """Values by name, as views of the file that LMDB maps."""

    def __init__(self, lmdb: Any, folder: str) -> None:
        environment = lmdb.open(
            folder, readonly=True, create=False, lock=False, readahead=False, meminit=False
        )
        needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
        # LMDB maps the file: to read beyond its end kills the process.
        there = os.stat(os.path.join(folder, "data.mdb")).st_size
        if there < needed:
            raise lmdb.Error(f"it has {there:,} bytes of {needed:,}")
        self._longest = environment.max_key_size()
        self._transaction = environment.begin(buffers=True)

    def values(self, names: list[bytes]) -> Iterator[Any]:
        for name in names:
            yield self._transaction.get(name) if 0 < len(name) <= self._longest else None

    def behind(self, name: bytes) -> Iterator[Any]:
        cursor = self._transaction.cursor()
        there = cursor.set_range(name) if name else cursor.first()
        if there and bytes(cursor.key()) == name:
            there = cursor.next()
        for _ in range(_NAMES):
            if not there:
                break
            found = bytes(cursor.key())
            if found <= name:  # pages that name each other would never end
                raise _DamagedError("its names are in no order")
            yield found
            name, there = found, cursor.next()
        yield None


def _limit() -> None:
    """No file or connection can be opened from here on, and nothing written but answers."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
