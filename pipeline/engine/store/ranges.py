"""Objects to seek in."""

from __future__ import annotations

from pipeline.engine.store.contract import Entry, Store


class Ranges:
    """A file for Arrow whose reads are requests for just the bytes that it wants."""

    closed = False

    def __init__(self, store: Store, entry: Entry) -> None:
        self._store = store
        self._entry = entry
        self._at = 0

    def read(self, nbytes: int = -1) -> bytes:
        left = max(0, self._entry.nbytes - self._at)
        data = self._store.read(
            self._entry.name, self._at, left if nbytes < 0 else min(nbytes, left)
        )
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._entry.nbytes)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True
