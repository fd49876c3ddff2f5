"""What was taken down, as it is found in files of a release or of a workspace."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ID = re.compile(r"[0-9a-f]{64}")


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
        return any(found in self.ids for found in ID.findall(text))

    def names_address(self, text: str | None) -> bool:
        """Whether a text is an address that was taken down."""
        return bool(text and self.addresses) and hash_text(text or "") in self.addresses

    def shows_file(self, data: bytes) -> bool:
        """Whether bytes are those of a sticker that was taken down, or of a picture of it."""
        digest = hashlib.sha256(data).hexdigest()
        return digest in self.ids or digest in self.pictures

    def new_name(self, column: str, id_: str) -> str | None:
        """What a column says instead of the id of a sticker that was taken down."""
        found = (new for name, old, new in self.renamed if (name, old) == (column, id_))
        return next(found, None)


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
