"""Local files into the ledger: read where they lie, hashed, sniffed, and never copied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crawlers.ledger.ledger import POSITION_BITS, Blob, CrawlLedger, FetchFailure
from crawlers.ledger.store import has_bytes, media_path, store
from crawlers.local.walk import open_regular, reason
from crawlers.names import claimed_extension, decodable
from crawlers.observation import (
    Key,
    LocalFile,
    Observation,
    columns_of,
    is_cut,
    is_cut_record,
    key_of,
    told_of_cuts,
    too_long,
)
from crawlers.preferences.c2pa import has_c2pa
from crawlers.sniff import sniff
from crawlers.source import no_observation
from crawlers.takedown.takedown import TAKEN_DOWN, Takedown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import describe_plugin
from pipeline.engine.workspace import Workspace

_REPORT_EVERY = 1000


_MISSING = FetchFailure("gone", "missing", "the file is no longer in its folder under this keyword")


@dataclass
class Visited:
    """What the local sources of one crawl came across: keys by their source's position.

    ``partial`` names the sources that were not walked to their end, so that an observation they
    didn't list may still be there.
    """

    keys: dict[Key, int] = field(default_factory=dict)
    stickers: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)


class NeedsFetchingError(Exception):
    """A source lists something that lies on the web: its crawl needs a process of its own."""


class LocalCrawl:
    """Takes files in one by one; ``visited`` is shared by all local sources of a crawl.

    ``cut`` counts the observations that say more than is kept. Where ``whole_records`` are needed,
    a file whose record is cut isn't taken.
    """

    whole_records = False

    def __init__(
        self,
        workspace: Workspace,
        ledger: CrawlLedger,
        visited: Visited,
        max_bytes: int,
        takedown: Takedown,
    ):
        self._workspace = workspace
        self._ledger = ledger
        self._visited = visited
        self._max_bytes = max_bytes
        self._takedown = takedown
        self.cut = 0

    def take(self, key: Key, listing: int, file: LocalFile, redistribute: bool) -> str | None:
        """Bring one file's observation to its end; the hash of its bytes, or None without any."""
        if not file.path.is_absolute():
            # Tables must say where a file lies to whoever reads them elsewhere.
            file = replace(file, path=file.path.absolute())
        position = listing >> POSITION_BITS
        if self._visited.keys.get(key) == position:
            raise StickerworksError(
                f"{describe_plugin('sources', key.source)} lists {key.source_id!r} twice under "
                f"{key.query!r}.",
                "Each observation of a source needs a source_id, query or variant of its own.",
            )
        if key in self._visited.keys:
            raise StickerworksError(
                f"crawl.sources lists {key.source} twice, and both hold {key.source_id!r}.",
                "Put both folders below one, and list that one.",
            )
        self._visited.keys[key] = position
        unreadable = file.problem is not None and file.problem[1] == "unreadable"
        if unreadable and os.path.isdir(file.path):
            self._visited.partial.add(key.source)  # nobody knows what that folder holds
        columns = columns_of(file.observation)
        result = self._objection(key, file) or self._cut_record(columns) or self._read(file)
        if isinstance(result, FetchFailure) and result.error_class == TAKEN_DOWN:
            self._ledger.forget(key)
            return None
        self.cut += is_cut(file.observation, columns)
        self._ledger.note(key, listing, columns, redistribute)
        if isinstance(result, FetchFailure):
            self._ledger.record_failure(key, result)
            return None
        self._ledger.record_blob(key, result, _FACTS)
        self._point(result)
        return result.sha256

    def _cut_record(self, columns: Mapping[str, Any]) -> FetchFailure | None:
        if self.whole_records and is_cut_record(columns):
            return FetchFailure("failed", "too_long", "its record says more than is kept")
        return None

    def told_of_alike(self, source: str) -> str | None:
        """How many files were refused for how they look, for people."""
        return self._takedown.told_of_alike(source)

    def stop_early(self, source: str) -> None:
        """Note that the source may hold more than was taken."""
        self._visited.partial.add(source)

    def _point(self, blob: Blob) -> None:
        """Let the bytes' path be the first file of this crawl that holds them.

        An older path may hold other bytes by now; only our own copies are named by their bytes.
        """
        if blob.sha256 in self._visited.stickers:
            return
        self._visited.stickers.add(blob.sha256)
        known = self._ledger.blob(blob.sha256)
        ours = known is not None and not Path(known.path).is_absolute()
        if not (ours and known and has_bytes(self._workspace, self._ledger, known)):
            self._ledger.repoint(blob.sha256, blob.path)

    def _objection(self, key: Key, file: LocalFile) -> FetchFailure | None:
        length = too_long(file.observation)
        problem = file.problem or (length and ("failed", "too_long", length))
        if problem:
            return FetchFailure(*problem)  # type: ignore[arg-type]
        return self._takedown.objection(file.observation, key.source)

    def _read(self, file: LocalFile) -> Blob | FetchFailure:
        try:
            data = _bytes_of(file, self._max_bytes)
        except (OSError, ValueError) as error:
            return FetchFailure("failed", "unreadable", reason(error))
        if data is None:
            return FetchFailure("failed", "too_large", "the file is larger than crawl.max_bytes")
        sha256 = hashlib.sha256(data).hexdigest()
        if file.sha256 is not None and file.sha256.lower() != sha256:
            return FetchFailure(
                "failed", "sha256_mismatch", f"the manifest says {file.sha256.lower()}"
            )
        name = sniff(data)
        if name is None:
            return FetchFailure("failed", "not_media", "the file's bytes are no media")
        held = self._ledger.blob(sha256) is not None
        refused = self._takedown.objection_to_bytes(sha256, data, name, held=held)
        if refused is not None:
            return refused
        extension = claimed_extension(file.path.name)
        path = str(file.path)
        # No table can hold the one's path, and the other has none: their bytes are copied.
        copied = file.data is not None or not decodable(path)
        path = media_path(sha256, name) if copied else path
        blob = Blob(sha256, name, len(data), path, extension, has_c2pa(data, name))
        # What lies in a pack has no file any more.
        if copied and not has_bytes(self._workspace, self._ledger, blob):
            store(self._workspace, path, data)
        return blob


def note_missing(ledger: CrawlLedger, source: str, visited: Visited) -> None:
    """Mark as gone what a local source held once and lists no more.

    Where it wasn't walked to its end, only what is certainly no longer there.
    """
    partial = source in visited.partial
    # What a list of web addresses gave has no file of its own, and may be millions of rows.
    missing = [
        key
        for key, path in ledger.unlisted(source, visited.keys, in_files=partial)
        if not partial or (path is not None and _is_gone(path))
    ]
    for key in missing:
        ledger.record_failure(key, _MISSING)


def crawl_files(
    crawl: LocalCrawl,
    items: Iterator[object],
    source: str,
    position: int,
    redistribute: bool,
    limit: int | None,
    report: Callable[[str], None],
) -> None:
    """Take a source's files in until it has given ``limit`` stickers.

    Raises NeedsFetchingError at the first item that isn't a file.
    """
    found: set[str] = set()
    for place, file in enumerate(items):
        if isinstance(file, Observation):
            raise NeedsFetchingError
        if not isinstance(file, LocalFile):
            raise no_observation(source, file)
        if limit is not None and len(found) >= limit:
            crawl.stop_early(source)
            break
        ours = file.observation.redistribute
        sha256 = crawl.take(
            key_of(source, file.observation),
            (position << POSITION_BITS) + place,
            file,
            redistribute if ours is None else ours,
        )
        if sha256 is not None:
            found.add(sha256)
        if (place + 1) % _REPORT_EVERY == 0:
            report(f"{source}: {len(found)} stickers in {place + 1} files")
    if crawl.cut:
        report(told_of_cuts(source, crawl.cut))
    if (alike := crawl.told_of_alike(source)) is not None:
        report(alike)


# Nothing of the machine or the moment: the same files give the same rows anywhere.
_FACTS = {"robots_decision": "not_applicable", "attempts": 1}


def _is_gone(path: str) -> bool:
    # Bytes that were copied into the workspace (a relative path) say nothing of their file.
    if not os.path.isabs(path):
        return False
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _bytes_of(file: LocalFile, max_bytes: int) -> bytes | None:
    """Bytes that are given or those of a regular file; None when there are more than allowed."""
    if file.data is not None:
        return file.data if len(file.data) <= max_bytes else None
    with open_regular(file.path) as opened:
        if os.fstat(opened.fileno()).st_size > max_bytes:
            return None
        data = opened.read(max_bytes + 1)
    return data if len(data) <= max_bytes else None
