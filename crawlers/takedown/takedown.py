"""The takedown list in use: whose stickers are never fetched, or no longer kept."""

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
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.paths import named_path
from pipeline.engine.text import storable
from schemas.config import CrawlConfig, DecodeConfig

ERROR_CLASS = "takedown"
MOST_BITS = 4
"""Bits of 64 in which the perceptual hashes of one picture, saved anew, may differ."""

_CAPS = DecodeConfig()
# Pillow's limits are those of the whole process, so that one file is decoded at a time.
_decoding = threading.Lock()


def load_takedown(config: CrawlConfig) -> Takedown:
    """The configured list, or an empty one; StickerworksError where it is wrong."""
    if config.takedown is None:
        return Takedown()
    return Takedown(read_entries(named_path(config.takedown, "crawl.takedown")))


class Takedown:
    """Finds what a list names; each answer says which of its lines does, and what to record."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._lines: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for entry in entries:
            self._lines[entry.kind].setdefault(entry.value, entry.line)
        self.empty = not self._lines
        self.digest = "" if self.empty else _digest(self._lines)
        prefixes = (value[:-1] for value in self._lines["url"] if value.endswith("*"))
        self._lengths = sorted({len(prefix) for prefix in prefixes})
        hashes = [int(value, 16) for value in self._lines["phash"]]
        self._hashes: npt.NDArray[np.uint64] = np.array(hashes, dtype=np.uint64)

    def names(self, *kinds: str) -> bool:
        """Whether any of its entries is of one of these kinds."""
        return any(self._lines[kind] for kind in kinds)

    def objection(self, observation: Observation, source: str) -> FetchFailure | None:
        """Why an observation may not be fetched, by its pack, its author and its addresses."""
        if self.empty:
            return None
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
        listed = self._lines["url"]
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
        return self._refuse("sha256", sha256) if sha256 in self._lines["sha256"] else None

    def objection_to_bytes(
        self, sha256: str, data: bytes, format: str | None
    ) -> FetchFailure | None:
        """Why bytes may not be kept: they are on the list, or show what is on it.

        Pictures are decoded only where the list names any by how they look; they take as long as
        in the filter, so an event loop should have this done in a thread.
        """
        listed = self.objection_to_hash(sha256)
        if listed is not None or not self._hashes.size:
            return listed
        try:
            with _decoding:
                looks = hash_file(data, format, _CAPS)
        except MemoryError:
            told = "its pixels take more memory than there is, so nobody knows how it looks"
            return FetchFailure("failed", "too_large", told)
        if looks is None:
            return None
        bits = np.bitwise_count(self._hashes ^ np.uint64(int.from_bytes(looks, "big")))
        nearest = int(bits.argmin())
        if bits[nearest] > MOST_BITS:
            return None
        return self._refuse("phash", f"{int(self._hashes[nearest]):016x}")

    def still_names(self, policy: str | None) -> bool:
        """Whether the entry that a refusal was recorded for, by its policy, is still listed."""
        kind, _, value = (policy or "").removeprefix(f"{ERROR_CLASS}:").partition(" ")
        return value in self._lines.get(kind, {})

    def _refuse(self, kind: str, value: str) -> FetchFailure:
        line = self._lines[kind][value]
        what = {"phash": "how it looks", "sha256": "its bytes", "url": "its address"}
        error = f"line {line} of the takedown list names {what.get(kind, f'its {kind}')} ({kind})"
        return FetchFailure("refused", ERROR_CLASS, error, policy=f"{ERROR_CLASS}:{kind} {value}")


def _digest(lines: Mapping[str, Mapping[str, int]]) -> str:
    """Two lists with the same entries have one, wherever their lines stand."""
    digest = hashlib.sha256()
    for kind in sorted(lines):
        digest.update("\n".join(sorted(f"{kind} {value}" for value in lines[kind])).encode())
    return digest.hexdigest()
