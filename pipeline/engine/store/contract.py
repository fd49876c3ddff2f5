"""The contract of a store: whole objects by name, each visible only when complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

Anything = Literal["anything"]
ANYTHING: Anything = "anything"
"""What is expected under a name by whoever doesn't care."""

SMALL_BYTES = 16 << 20
"""Objects up to this size are read whole: one request costs less than to seek in them."""


@dataclass(frozen=True)
class Entry:
    """An object as it was seen: ``tag`` is another once its content is; ``modified`` is a POSIX
    time by the store's clock."""

    name: str
    nbytes: int
    tag: str
    modified: float


class ChangedError(Exception):
    """An object isn't what the writer had seen: somebody else wrote it, or removed it."""


class Store(Protocol):
    """Names are relative, with slashes. Stores can be pickled for workers.

    What can't be done at all (no permission, no such bucket, unreachable) raises
    StickerworksError.
    """

    @property
    def remote(self) -> bool:
        """Whether every request costs a round trip over a network."""

    def where(self, name: str) -> str:
        """A name for people: a path or an address."""

    def stat(self, name: str) -> Entry | None:
        """What is there under a name; None where nothing is."""

    def list(self, folder: str) -> Mapping[str, Entry]:
        """What lies below a folder, by name, in order of names."""

    def read(self, name: str, start: int = 0, nbytes: int | None = None) -> bytes:
        """Bytes of an object, or a range of them; FileNotFoundError where there is none."""

    def open(self, name: str) -> pa.NativeFile:
        """An object to seek in; FileNotFoundError where there is none."""

    def write(self, name: str, content: bytes, expected: Entry | Anything | None) -> Entry:
        """Put an object, whole or not at all, where ``expected`` is what lies there now.

        Raises ChangedError where something else does.
        """

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are gone already are none of our business."""

    def forget(self, folder: str) -> None:
        """Look anew at what lies below a folder: other processes wrote there."""
