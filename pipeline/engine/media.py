"""Bytes of stickers: from a file each, or from packs that hold a shard's one after the other."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.engine.store.contract import Store

COLUMNS = ["id", "path", "pack", "offset", "nbytes"]
"""What the table ``media`` says of where bytes lie."""

_AHEAD_BYTES = 8 << 20


class MediaReader:
    """Reads stickers' bytes by their rows of ``media``.

    Who reads a pack in order gets it in a few large requests instead of one a sticker.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self._root, self._folder = root, str(root)
        self._store = store
        self._pack = ""
        self._start = 0
        self._held = b""
        self._next = -1

    def read(self, row: Mapping[str, Any]) -> bytes | None:
        """A sticker's bytes; None where no source shows it any more.

        Raises OSError where they should be and aren't, ValueError where others lie there.
        """
        data = self.read_unchecked(row)
        if data is not None and hashlib.sha256(data).hexdigest() != row["id"]:
            told = "its file no longer holds the bytes that were crawled"
            if row["pack"] is not None:
                told += (
                    f": delete {self.where(row)}, and `stickerworks crawl` fetches again what its "
                    "sources still show"
                )
            raise ValueError(told)
        return data

    def read_unchecked(self, row: Mapping[str, Any]) -> bytes | None:
        """The same for who only shows it: whatever lies there."""
        if row["pack"] is not None:
            return self._read_packed(row["pack"], row["offset"], row["nbytes"])
        return None if row["path"] is None else _read_file(os.path.join(self._folder, row["path"]))

    def where(self, row: Mapping[str, Any]) -> str:
        """Where the bytes of a row lie, for people."""
        if row["pack"] is not None:
            return self._store.where(row["pack"])
        return str(self._root / (row["path"] or ""))

    def _read_packed(self, pack: str, offset: int, nbytes: int) -> bytes:
        if not self._holds(pack, offset, nbytes):
            in_order = (pack, offset) == (self._pack, self._next) or offset == 0
            length = max(nbytes, _AHEAD_BYTES) if in_order else nbytes
            self._held = self._store.read(pack, offset, length)
            self._pack, self._start = pack, offset
        self._next = offset + nbytes
        data = self._held[offset - self._start : self._next - self._start]
        if len(data) != nbytes:
            raise OSError(errno.EIO, "the pack is shorter than it should be", pack)
        return data

    def _holds(self, pack: str, offset: int, nbytes: int) -> bool:
        end = self._start + len(self._held)
        return pack == self._pack and self._start <= offset and offset + nbytes <= end


def _read_file(path: str) -> bytes:
    # Measured: a buffer and a Path for each small file are 5% of the time that a release takes.
    with open(path, "rb", buffering=0) as file:
        return file.readall()
