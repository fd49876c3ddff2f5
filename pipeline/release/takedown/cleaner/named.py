"""What was taken down, as it is found in files of a release or of a workspace."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

_RUN = re.compile(r"[0-9a-f]{64,}")


class CleaningError(Exception):
    """Why a folder can't be cleaned, in a line for people."""


@dataclass(frozen=True)
class TakenDown:
    """Ids of stickers, sha256 of pictures of theirs, and of addresses as releases show them;
    ``renamed`` gives what else bore the id of one a new name, by column and id; ``texts`` are said
    of them alone."""

    ids: frozenset[str]
    pictures: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str, str], ...] = ()
    texts: frozenset[str] = frozenset()

    def names_text(self, text: str) -> bool:
        """Whether a text holds the id of a sticker that was taken down."""
        return any(found in self.ids for found in ids_in(text))

    def names_address(self, text: str | None) -> bool:
        """Whether a text is an address that was taken down."""
        return bool(text and self.addresses) and hash_text(text or "") in self.addresses

    def shows_file(self, data: bytes) -> bool:
        """Whether bytes are those of a sticker that was taken down, or of a picture of it."""
        digest = hashlib.sha256(data).hexdigest()
        return digest in self.ids or digest in self.pictures

    def new_name(self, column: str, id_: str) -> str | None:
        """What a column says instead of the id of a sticker that was taken down."""
        return self._new_names.get((column, id_))

    @cached_property
    def id_array(self) -> pa.Array:
        """The ids, as Arrow looks for them."""
        return pa.array(sorted(self.ids), pa.string())

    @cached_property
    def digest(self) -> str:
        """What tells these from others that were taken down."""
        told = (self.ids, self.pictures, self.addresses, self.renamed, self.texts)
        return hash_text("\n\n".join("\n".join(map(str, sorted(some))) for some in told))

    @cached_property
    def _new_names(self) -> dict[tuple[str, str], str]:
        return {(name, old): new for name, old, new in reversed(self.renamed)}


def ids_in(text: str) -> Iterator[str]:
    """Whatever in a text may be an id, wherever it begins in a run of such signs."""
    for run in _RUN.finditer(text):
        signs = run[0]
        yield from (signs[start : start + 64] for start in range(len(signs) - 63))


def hash_text(text: str) -> str:
    """sha256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name that becomes ``path`` when the block succeeds: whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
