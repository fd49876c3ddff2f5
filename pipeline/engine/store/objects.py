"""A bucket's folder as a store: S3 and what speaks like it, GCS, Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.client import make_client
from pipeline.engine.store.contract import ANYTHING, SMALL_BYTES, Anything, ChangedError, Entry
from pipeline.engine.store.credentials import s3_endpoint
from pipeline.engine.store.faults import store_errors
from pipeline.engine.store.location import Location
from pipeline.engine.store.ranges import Ranges
from schemas.storage import StorageConfig

PART_BYTES = 16 << 20
"""What one request may carry in the time that the settings give it."""
LARGE_BYTES = 64 << 20
"""Files above this size are sent in parts."""

# Stores take no more parts than 10,000.
_MOST_PARTS = 9000
_AT_A_TIME = 4
# A store that says "written" and has nothing is asked again; one that goes on is no store.
_PUTS = 3


@dataclass
class ObjectStore:
    """Objects below a location.

    A store that ``remembers`` each folder that it listed asks once for a thousand tables; a
    worker, beside which others write, asks for single objects. ``guard`` is asked before every
    write whether this process may still write at all.
    """

    location: Location
    settings: StorageConfig
    remembers: bool = False
    guard: Callable[[], None] = lambda: None
    _listed: dict[str, dict[str, Entry]] = field(default_factory=dict, repr=False)
    _clients: dict[int, Any] = field(default_factory=dict, repr=False)
    remote = True

    def __getstate__(self) -> dict[str, Any]:
        # The client's threads and what was seen belong to this process.
        return {"location": self.location, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def where(self, name: str) -> str:
        return f"{self.location}/{name}"

    @property
    def endpoint(self) -> str:
        """The server's address, for people."""
        ours = self.settings.endpoint or (s3_endpoint() if self.location.scheme == "s3" else None)
        return ours or f"the default endpoint of {self.location.scheme}://"

    def stat(self, name: str) -> Entry | None:
        folder = name.rpartition("/")[0]
        known = next((f for f in self._listed if f"{folder}/".startswith(f)), None)
        if known is not None:
            return self._listed[known].get(name)
        if self.remembers and folder:
            return self.list(folder).get(name)
        return self._head(name)

    def list(self, folder: str) -> Mapping[str, Entry]:
        prefix = f"{folder}/" if folder else ""
        if prefix in self._listed:
            return dict(sorted(self._listed[prefix].items()))
        import obstore

        found = {}
        with store_errors(self.where(folder), self.endpoint):
            for page in obstore.list(self._client(), prefix or None):
                for meta in page:
                    found[meta["path"]] = _entry(meta)
        if self.remembers and prefix:
            self._listed[prefix] = dict(found)
        return dict(sorted(found.items()))

    def read(self, name: str, start: int = 0, nbytes: int | None = None) -> bytes:
        import obstore

        with store_errors(self.where(name), self.endpoint):
            if nbytes is None and start == 0:
                return bytes(obstore.get(self._client(), name).bytes())
            if nbytes is None:
                options: Any = {"range": {"offset": start}}
                return bytes(obstore.get(self._client(), name, options=options).bytes())
            if nbytes == 0:
                return b""
            return bytes(obstore.get_range(self._client(nbytes), name, start=start, length=nbytes))

    def open(self, name: str) -> pa.NativeFile:
        entry = self.stat(name)
        if entry is None or entry.nbytes <= SMALL_BYTES:
            return pa.BufferReader(self.read(name))
        return pa.PythonFile(Ranges(self, entry), mode="r")

    def write(self, name: str, content: bytes, expected: Entry | Anything | None) -> Entry:
        for _ in range(_PUTS):
            self.guard()
            tag = self._put(name, content, expected)
            entry = self._head(name)
            if entry is not None and entry.tag == tag and entry.nbytes == len(content):
                self._remember(name, entry)
                return entry
            if entry is not None and expected != ANYTHING and entry.tag != _tag(expected):
                self.forget(name.rpartition("/")[0])
                raise ChangedError(self.where(name))  # by somebody who had seen ours
            expected = entry if expected != ANYTHING else ANYTHING
        raise self._loses(name)

    def download(self, entry: Entry, target: Path) -> Entry:
        """Write an object into a file, part by part; returns which one it was in the end.

        FileNotFoundError where it is gone.
        """
        for _ in range(_PUTS):
            try:
                with target.open("wb") as file:
                    for start in range(0, entry.nbytes, PART_BYTES):
                        file.write(self._part(entry, start))
                return entry
            except ChangedError:  # its writer was at it
                entry = self._head(entry.name) or entry
        raise StickerworksError(
            f"{self.where(entry.name)} changes again and again while it is read.",
            "Run the same command again when no other one runs there.",
        )

    def upload(self, name: str, source: Path, expected: Entry | Anything | None) -> Entry:
        """Put a file like ``write``, a large one in parts.

        No store takes a condition with parts: that nobody else wrote is looked at before.
        """
        nbytes = source.stat().st_size
        if nbytes <= LARGE_BYTES:
            return self.write(name, source.read_bytes(), expected)
        before = self._head(name)
        if expected != ANYTHING and _tag(before) != _tag(expected):
            raise ChangedError(self.where(name))
        tag = self._put_parts(name, source, max(PART_BYTES, nbytes // _MOST_PARTS))
        entry = self._head(name)
        if entry is not None and entry.tag == tag and entry.nbytes == nbytes:
            self._remember(name, entry)
            return entry
        if entry is None or _tag(entry) == _tag(before):
            raise self._loses(name)
        raise ChangedError(self.where(name))

    def delete(self, names: Iterable[str]) -> None:
        import obstore

        for name in names:
            self.guard()
            with store_errors(self.where(name), self.endpoint, writing=True):
                try:
                    obstore.delete(self._client(), name)
                except FileNotFoundError as error:
                    if "NoSuchBucket" in str(error):
                        raise
            self._remember(name, None)

    def forget(self, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        for known in list(self._listed):
            if known.startswith(prefix) or prefix.startswith(known):
                del self._listed[known]

    def _put(self, name: str, content: bytes, expected: Entry | Anything | None) -> str:
        """The new object's tag; a first try that arrived, though its answer did not, is ours."""
        import obstore

        mode: Any = "overwrite"
        if isinstance(expected, Entry):
            mode = {"e_tag": expected.tag}
        elif expected != ANYTHING:
            mode = "create"
        try:
            with store_errors(self.where(name), self.endpoint, writing=True):
                done = obstore.put(
                    self._client(len(content)), name, content, mode=mode, use_multipart=False
                )
            return done["e_tag"] or ""
        except ChangedError:
            there = self._head(name)
            if there is None or there.nbytes != len(content) or self.read(name) != content:
                self.forget(name.rpartition("/")[0])
                raise
            return there.tag
        except FileNotFoundError:
            raise ChangedError(self.where(name)) from None

    def _put_parts(self, name: str, source: Path, part_bytes: int) -> str:
        import obstore

        def parts() -> Iterator[bytes]:
            with source.open("rb") as file:
                while part := file.read(part_bytes):
                    self.guard()  # a lease may be lost by the time that the last one is sent
                    yield part

        with store_errors(self.where(name), self.endpoint, writing=True):
            done = obstore.put(
                self._client(part_bytes * _AT_A_TIME),
                name,
                parts(),
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=_AT_A_TIME,
            )
        return done["e_tag"] or ""

    def _part(self, entry: Entry, start: int) -> bytes:
        import obstore

        end = min(start + PART_BYTES, entry.nbytes)
        options: Any = {"range": (start, end), "if_match": entry.tag}
        with store_errors(self.where(entry.name), self.endpoint):
            return bytes(obstore.get(self._client(), entry.name, options=options).bytes())

    def _loses(self, name: str) -> StickerworksError:
        return StickerworksError(
            f"The store confirmed that it wrote {self.where(name)}, but it doesn't hold it.",
            "It loses writes: choose another store for the workspace.",
        )

    def _head(self, name: str) -> Entry | None:
        import obstore

        try:
            with store_errors(self.where(name), self.endpoint):
                return _entry(obstore.head(self._client(), name))
        except FileNotFoundError:
            return None

    def _remember(self, name: str, entry: Entry | None) -> None:
        for prefix, entries in self._listed.items():
            if name.startswith(prefix):
                entries.pop(name, None)
                if entry is not None:
                    entries[name] = entry

    def _client(self, nbytes: int = 0) -> Any:
        """A client whose requests may take as long as so many bytes need."""
        patience = 1
        while nbytes > patience * PART_BYTES:
            patience *= 2
        if patience not in self._clients:
            with store_errors(str(self.location), self.endpoint):
                self._clients[patience] = make_client(self.location, self.settings, patience)
        return self._clients[patience]


def _entry(meta: Mapping[str, Any]) -> Entry:
    modified = meta["last_modified"].timestamp()
    return Entry(meta["path"], meta["size"], meta["e_tag"] or "", modified)


def _tag(entry: Entry | Anything | None) -> str | None:
    return entry.tag if isinstance(entry, Entry) else None
