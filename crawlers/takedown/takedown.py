"""The takedown list in use, and what was taken down: whose stickers are never fetched."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from crawlers.addresses import MAX_ADDRESS
from crawlers.ledger.ledger import FetchFailure
from crawlers.observation import Observation
from crawlers.takedown.entries import Entry, read_entries
from crawlers.takedown.forms import normal_pack, normal_url
from crawlers.takedown.tombstones import MOST_BITS, Tombstones, load_tombstones
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.paths import named_path
from pipeline.engine.text import storable
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, DecodeConfig

ERROR_CLASS = "takedown"
TAKEN_DOWN = "taken_down"
"""Class of what a tombstone names: no row of the ledger says so, since it would say what."""

_CAPS = DecodeConfig()
# Pillow's limits are those of the whole process, so that one file is decoded at a time.
_decoding = threading.Lock()


def load_takedown(config: CrawlConfig, workspace: Workspace | None = None) -> Takedown:
    """The configured list, or an empty one, and a workspace's tombstones; StickerworksError where
    the list is wrong."""
    tombstones = None if workspace is None else load_tombstones(workspace)
    if config.takedown is None:
        return Takedown(tombstones=tombstones)
    return Takedown(read_entries(named_path(config.takedown, "crawl.takedown")), tombstones)


class Takedown:
    """Finds what a list names; each answer says which of its lines does, and what to record."""

    def __init__(self, entries: Iterable[Entry] = (), tombstones: Tombstones | None = None) -> None:
        self.tombstones = tombstones or Tombstones()
        self._lines: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for entry in entries:
            self._lines[entry.kind].setdefault(entry.value, entry.line)
        self.empty = not self._lines and self.tombstones.empty
        self.digest = _digest(self._lines) if self._lines else ""
        prefixes = (value[:-1] for value in self._lines["url"] if value.endswith("*"))
        self._lengths = sorted({len(prefix) for prefix in prefixes})
        hashes = [int(value, 16) for value in self._lines["phash"]]
        self._alike = 0
        self._hashes: npt.NDArray[np.uint64] = np.array(hashes, dtype=np.uint64)

    def names(self, *kinds: str) -> bool:
        """Whether any of its entries is of one of these kinds."""
        return any(self._lines[kind] for kind in kinds)

    def objection(self, observation: Observation, source: str) -> FetchFailure | None:
        """Why an observation may not be fetched, by its pack, its author and its addresses."""
        if self.empty:
            return None
        if self.tombstones.name(observation, source):
            return _TOMBSTONE
        names = normal_pack(observation.pack_id), storable(observation.author)
        return self.objection_to_stored(source, *names) or self.objection_to_urls(
            (observation.media_url, observation.page_url)
        )

    def objection_to_stored(
        self, source: str, pack_id: str | None, author: str | None
    ) -> FetchFailure | None:
        """The same by pack and author alone, as the ledger has them."""
        packs, authors = self._lines["pack"], self._lines["author"]
        if packs and pack_id:
            for value in (pack_id, f"{source}/{pack_id}"):
                if value in packs:
                    return self._refuse("pack", value)
        if authors and author:
            name = author.casefold()
            for value in (name, f"{source.casefold()}/{name}"):
                if value in authors:
                    return self._refuse("author", value)
        return None

    def objection_to_urls(self, urls: Iterable[str | None]) -> FetchFailure | None:
        """Why nothing may come from these addresses, those after redirects included."""
        urls, listed = tuple(urls), self._lines["url"]
        if self.tombstones.name_urls(urls):
            return _TOMBSTONE
        if not listed:
            return None
        for url in urls:
            # Nothing longer is ever fetched, nor stored whole.
            normal = normal_url(url) if url and len(url) <= MAX_ADDRESS else None
            if normal is None:
                continue
            if normal in listed:
                return self._refuse("url", normal)
            for length in self._lengths:
                if length > len(normal):
                    break
                if (prefix := f"{normal[:length]}*") in listed:
                    return self._refuse("url", prefix)
        return None

    def objection_to_hash(self, sha256: str) -> FetchFailure | None:
        """Why bytes of this hash may not be kept."""
        if self.tombstones.name_bytes(sha256):
            return _TOMBSTONE
        return self._refuse("sha256", sha256) if sha256 in self._lines["sha256"] else None

    def objection_to_bytes(
        self, sha256: str, data: bytes, format: str | None, *, held: bool = False
    ) -> FetchFailure | None:
        """Why bytes may not be kept: they are on the list, or show what is on it.

        Pictures are decoded only where the list names any by how they look; they take as long as
        in the filter, so an event loop should have this done in a thread. What is ``held`` was
        there when others were taken down, and stayed: looking like them is no reason then.
        """
        listed = self.objection_to_hash(sha256)
        gone = self.tombstones.looks[: 0 if held else None]
        if listed is not None or not (self._hashes.size or gone.size):
            return listed
        try:
            with _decoding:
                looks = hash_file(data, format, _CAPS)
        except MemoryError:
            told = "its pixels take more memory than there is, so nobody knows how it looks"
            return FetchFailure("failed", "too_large", told)
        if looks is None:
            return None
        ours = np.uint64(int.from_bytes(looks[0], "big"))
        if gone.size and self.tombstones.show(int(ours), looks[1]):
            with _decoding:
                self._alike += 1
            return _TOMBSTONE
        bits = np.bitwise_count(self._hashes ^ ours)
        if not bits.size or bits.min() > MOST_BITS:
            return None
        return self._refuse("phash", f"{int(self._hashes[bits.argmin()]):016x}")

    def told_of_alike(self, source: str) -> str | None:
        """Since the last time, how many files looked like what was taken down, for people."""
        with _decoding:
            count, self._alike = self._alike, 0
        if not count:
            return None
        files = "file that looks" if count == 1 else "files that look"
        return f"{source}: left out {count:,} {files} like what was taken down"

    def still_names(self, policy: str | None) -> bool:
        """Whether the entry that a refusal was recorded for, by its policy, is still listed."""
        kind, _, value = (policy or "").removeprefix(f"{ERROR_CLASS}:").partition(" ")
        return value in self._lines.get(kind, {})

    def _refuse(self, kind: str, value: str) -> FetchFailure:
        line = self._lines[kind][value]
        what = {"phash": "how it looks", "sha256": "its bytes", "url": "its address"}
        error = f"line {line} of the takedown list names {what.get(kind, f'its {kind}')} ({kind})"
        return FetchFailure("refused", ERROR_CLASS, error, policy=f"{ERROR_CLASS}:{kind} {value}")


_TOMBSTONE = FetchFailure("refused", TAKEN_DOWN, "it was taken down (`release takedown`)")


def _digest(lines: Mapping[str, Mapping[str, int]]) -> str:
    """Two lists with the same entries have one, wherever their lines stand."""
    digest = hashlib.sha256()
    for kind in sorted(lines):
        digest.update("\n".join(sorted(f"{kind} {value}" for value in lines[kind])).encode())
    return digest.hexdigest()
