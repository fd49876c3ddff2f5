"""What was taken down: bytes, looks and addresses that are known by their hashes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crawlers.addresses import MAX_ADDRESS
from crawlers.observation import Observation
from crawlers.takedown.forms import normal_author, normal_pack, normal_url
from pipeline.engine.workspace import Workspace
from schemas.tables import TOMBSTONES

MOST_BITS = 4
"""Bits of 64 in which the perceptual hashes of one picture, saved anew, may differ."""
MOST_SIGNS = 12
"""Bits of 256 in which its signs may: of 60 stickers, each with two captions, none was as near."""


def load_tombstones(workspace: Workspace) -> Tombstones:
    """The tombstones of a workspace; none where nothing was ever taken down."""
    return Tombstones(workspace.read(TOMBSTONES.name))


def blocked_name(kind: str, value: str) -> str:
    """Hash of an address, pack or author in its form of ``forms``, as the table has it.

    >>> blocked_name("pack", "giphy/abc")[:8]
    'd639c9a4'
    """
    return hashlib.sha256(f"{kind} {value}".encode("utf-8", "surrogatepass")).hexdigest()


def stored_names(source: str, pack_id: str | None, author: str | None) -> Iterator[tuple[str, str]]:
    """Kinds and values by which a pack and an author may be named, as the ledger has them."""
    if pack_id:
        yield "pack", pack_id
        yield "pack", f"{source}/{pack_id}"
    if author:
        yield "author", author.casefold()
        yield "author", f"{source.casefold()}/{author.casefold()}"


class Tombstones:
    """Finds what was taken down among what a source shows; made of the table ``tombstones``."""

    def __init__(self, rows: pa.Table | None = None) -> None:
        rows = TOMBSTONES.schema.empty_table() if rows is None else rows
        self._ids = frozenset(rows["id"].drop_null().to_pylist())
        self._blocked = frozenset(rows["blocked"].drop_null().to_pylist())
        self._lengths = sorted(set(rows["length"].drop_null().to_pylist()))
        looks = b"".join(rows["phash"].drop_null().to_pylist())
        self.looks: npt.NDArray[np.uint64] = np.frombuffer(looks, ">u8").astype(np.uint64)
        signs = {row["phash"]: set[str]() for row in _shown(rows)}
        for row in _shown(rows):
            signs[row["phash"]].add(row["blocked"])
        self._signs = {int.from_bytes(phash, "big"): some for phash, some in signs.items()}
        self.empty = not rows.num_rows

    def name(self, observation: Observation, source: str) -> bool:
        """Whether an observation is of a pack, an author or an address that was taken down."""
        if not self._blocked:
            return False
        names = normal_pack(observation.pack_id), normal_author(observation.author)
        return any(
            blocked_name(*name) in self._blocked for name in stored_names(source, *names)
        ) or self.name_urls((observation.media_url, observation.page_url))

    def name_urls(self, urls: Iterable[str | None]) -> bool:
        """Whether any of these addresses was taken down, by itself or with all below it."""
        if not self._blocked:
            return False
        for url in urls:
            normal = normal_url(url) if url and len(url) <= MAX_ADDRESS else None
            if normal is None:
                continue
            prefixes = (f"{normal[:n]}*" for n in self._lengths if n <= len(normal))
            if any(blocked_name("url", form) in self._blocked for form in (normal, *prefixes)):
                return True
        return False

    def show(self, phash: int, signs: bytes) -> bool:
        """Whether a picture looks like what was taken down.

        The perceptual hash alone can't tell two captions on one picture: what is near by it must
        also be near by its signs, or be the same where a tombstone has none.
        """
        bits = np.bitwise_count(self.looks ^ np.uint64(phash))
        for near in np.unique(self.looks[bits <= MOST_BITS]).tolist():
            known = self._signs.get(near)
            if known is None:
                if near == phash:
                    return True
            elif any(_differing(signs, bytes.fromhex(one)) <= MOST_SIGNS for one in known):
                return True
        return False

    def name_bytes(self, sha256: str) -> bool:
        """Whether these bytes were taken down."""
        return sha256 in self._ids


def _shown(rows: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows["kind"], "looks")).to_pylist()
    return found


def _differing(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
