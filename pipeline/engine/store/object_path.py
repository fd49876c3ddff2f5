"""A table's file in a bucket, with what the engine asks of paths on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import SMALL_BYTES, ChangedError, Entry, Store


@dataclass(frozen=True)
class ObjectPath:
    """An object by its store and its name there."""

    store: Store
    key: str

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.store.where(self.key)

    @property
    def name(self) -> str:
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.key).stem

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.store, f"{self.key}/{name}")

    @property
    def parent(self) -> ObjectPath:
        return ObjectPath(self.store, str(PurePosixPath(self.key).parent))

    def entry(self) -> Entry | None:
        """What is known of the object; None where there is none."""
        return self.store.stat(self.key)

    def exists(self) -> bool:
        return self.entry() is not None

    def open(self) -> pa.NativeFile:
        """The object to seek in; FileNotFoundError where there is none."""
        return self.store.open(self.key)

    def open_shared(self) -> pa.NativeFile:
        """The same for an object in which shards lie that are read one after the other: its bytes
        are held until another one of its folder is opened."""
        entry, folder = self.entry(), str(self.parent)
        if entry is None or entry.nbytes > SMALL_BYTES:
            return self.open()
        held = _held.get(folder)
        if held is None or held[0] != entry:
            # Of what is written meanwhile, the entry is another: it is read anew then.
            held = _held[folder] = entry, self.read_bytes()
        return pa.BufferReader(held[1])

    def read_bytes(self) -> bytes:
        return self.store.read(self.key)

    def write(self, content: bytes) -> None:
        """Replace the object as it was seen last; StickerworksError where another did so first."""
        try:
            self.store.write(self.key, content, self.entry())
        except ChangedError:
            raise StickerworksError(
                f"{self} was changed by somebody else while this command ran.",
                "See that one command at a time runs in a workspace, and run it again.",
            ) from None

    def unlink(self, missing_ok: bool = True) -> None:
        self.store.delete([self.key])


_held: dict[str, tuple[Entry, bytes]] = {}

TablePath = Path | ObjectPath
"""Where a file of a table lies."""
