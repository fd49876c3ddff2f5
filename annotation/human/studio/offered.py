"""The tag set as a ballot offers it, and what each of its tags is made of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engine.workspace import Workspace

_NO_SUGGESTIONS = ("singleton", "oversized")
_MOST_KEYWORDS = 1000


@dataclass(frozen=True)
class TagOrigin:
    """What a tag is made of: the ``id`` that it keeps when it is renamed (None where nobody named
    it), the ``keys`` of its proposals, and other ``names`` of it."""

    id: str | None
    keys: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class OfferedTags:
    """Tags that annotators would choose from, sorted, by what each is made of.

    ``left_out`` counts by reason what nobody has named and isn't offered.
    """

    version: str
    named: bool
    origins: Mapping[str, TagOrigin]
    left_out: Mapping[str, int]

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.origins)


def offered_tags(workspace: Workspace) -> OfferedTags:
    """The table ``tagset``; while nobody has named it, without singletons and oversized ones."""
    rows = workspace.read("tagset").to_pylist()
    named = any(row["named"] for row in rows)
    offered = [row for row in rows if named or not _flags(row)]
    left_out = Counter(flag for row in rows for flag in _flags(row) if not named)
    origins = {row["tag"]: _origin(row) for row in offered}
    version = rows[0]["version"] if rows else None
    return OfferedTags(version or "", named, dict(sorted(origins.items())), dict(left_out))


def keyword_hashes(workspace: Workspace, offered: OfferedTags) -> dict[str, list[str]]:
    """Hashes of the keywords of each tag; of very many the least, which are a sample."""
    found = {tag: sorted(some) for tag, some in _all_hashes(workspace, offered).items()}
    return {tag: some[:_MOST_KEYWORDS] for tag, some in found.items()}


def tags_by_keyword(workspace: Workspace, offered: OfferedTags) -> dict[str, str]:
    """The tag of each keyword, by the keyword's hash."""
    return {digest: tag for tag, some in _all_hashes(workspace, offered).items() for digest in some}


def _all_hashes(workspace: Workspace, offered: OfferedTags) -> dict[str, list[str]]:
    by_key = {key: tag for tag, origin in offered.origins.items() for key in origin.keys}
    by_id = {origin.id: tag for tag, origin in offered.origins.items() if origin.id is not None}
    found: dict[str, list[str]] = {}
    clusters = workspace.read("clusters", columns=["keyword", "key", "tag"])
    for keyword, key, id_ in zip(*(column.to_pylist() for column in clusters.columns), strict=True):
        tag = by_id.get(id_) if offered.named else by_key.get(key)
        if tag is not None:
            # A word of a sticker that is taken down leaves the ledger nothing to read.
            digest = hashlib.blake2b(keyword.encode("utf-8", "surrogatepass"), digest_size=8)
            found.setdefault(tag, []).append(digest.hexdigest())
    return found


def _flags(row: Mapping[str, Any]) -> list[str]:
    return [flag for flag in row["flags"] or () if flag in _NO_SUGGESTIONS]


def _origin(row: Mapping[str, Any]) -> TagOrigin:
    names = tuple(name for name in (row["english"], *(row["aliases"] or ())) if name)
    if row["id"] is not None:
        return TagOrigin(row["id"], (row["id"],), names)
    return TagOrigin(None, tuple(f"c{number}" for number in row["clusters"] or ()), names)
