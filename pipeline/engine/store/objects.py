"""A bucket's folder as a store: S3 and what speaks like it, GCS, Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import ANYTHING, SMALL_BYTES, Anything, ChangedError, Entry
from pipeline.engine.store.credentials import s3_credentials, s3_endpoint, s3_region
from pipeline.engine.store.faults import store_errors
from pipeline.engine.store.location import Location
from schemas.storage import StorageConfig

_CONNECT_S = 5
_RETRIES = 4
# A store that says "written" and has nothing is asked again; one that goes on is no store.
_PUTS = 3
_CHUNK_BYTES = 8 << 20


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
            for page in obstore.list(self._client, prefix or None):
                for meta in page:
                    found[meta["path"]] = _entry(meta)
        if self.remembers and prefix:
            self._listed[prefix] = dict(found)
        return dict(sorted(found.items()))

    def read(self, name: str, start: int = 0, nbytes: int | None = None) -> bytes:
        import obstore

        with store_errors(self.where(name), self.endpoint):
            if nbytes is None and start == 0:
                return bytes(obstore.get(self._client, name).bytes())
            if nbytes is None:
                options: Any = {"range": {"offset": start}}
                return bytes(obstore.get(self._client, name, options=options).bytes())
            if nbytes == 0:
                return b""
            return bytes(obstore.get_range(self._client, name, start=start, length=nbytes))

    def open(self, name: str) -> pa.NativeFile:
        entry = self.stat(name)
        if entry is None or entry.nbytes <= SMALL_BYTES:
            return pa.BufferReader(self.read(name))
        return pa.PythonFile(_Ranges(self, entry), mode="r")

    def write(self, name: str, content: bytes, expected: Entry | Anything | None) -> Entry:
        def put(seen: Entry | Anything | None) -> str:
            return self._put(name, content, seen)

        return self._looked_after(name, len(content), put, expected)

    def upload(self, name: str, path: Path) -> Entry:
        """Put a file in parts, whatever its size, where nobody else writes that object."""
        import obstore

        def put(_: Entry | Anything | None) -> str:
            with store_errors(self.where(name), self.endpoint, writing=True):
                return obstore.put(self._client, name, path, use_multipart=True)["e_tag"] or ""

        return self._looked_after(name, path.stat().st_size, put, ANYTHING)

    def download(self, name: str, path: Path) -> None:
        """Copy an object into a file, however large it is."""
        import obstore

        with store_errors(self.where(name), self.endpoint), path.open("wb") as file:
            for chunk in obstore.get(self._client, name).stream(min_chunk_size=_CHUNK_BYTES):
                file.write(chunk)

    def _looked_after(
        self,
        name: str,
        nbytes: int,
        put: Callable[[Entry | Anything | None], str],
        expected: Entry | Anything | None,
    ) -> Entry:
        """What lies there once it was put; StickerworksError where nothing, or something else."""
        for _ in range(_PUTS):
            self.guard()
            tag = put(expected)
            entry = self._head(name)
            if entry is not None and entry.tag == tag and entry.nbytes == nbytes:
                self._remember(name, entry)
                return entry
            if entry is not None and expected != ANYTHING and entry.tag != _tag(expected):
                self.forget(name.rpartition("/")[0])
                raise ChangedError(self.where(name))  # by somebody who had seen ours
            expected = entry if expected != ANYTHING else ANYTHING
        raise StickerworksError(
            f"The store confirmed that it wrote {self.where(name)}, but it doesn't hold it.",
            "It loses writes: choose another store for the workspace.",
        )

    def delete(self, names: Iterable[str]) -> None:
        import obstore

        for name in names:
            self.guard()
            with store_errors(self.where(name), self.endpoint, writing=True):
                try:
                    obstore.delete(self._client, name)
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
                done = obstore.put(self._client, name, content, mode=mode, use_multipart=False)
            return done["e_tag"] or ""
        except ChangedError:
            there = self._head(name)
            if there is None or there.nbytes != len(content) or self.read(name) != content:
                self.forget(name.rpartition("/")[0])
                raise
            return there.tag
        except FileNotFoundError:
            raise ChangedError(self.where(name)) from None

    def _head(self, name: str) -> Entry | None:
        import obstore

        try:
            with store_errors(self.where(name), self.endpoint):
                return _entry(obstore.head(self._client, name))
        except FileNotFoundError:
            return None

    def _remember(self, name: str, entry: Entry | None) -> None:
        for prefix, entries in self._listed.items():
            if name.startswith(prefix):
                entries.pop(name, None)
                if entry is not None:
                    entries[name] = entry

    @cached_property
    def _client(self) -> Any:
        from obstore.store import from_url

        settings = self.settings
        options: dict[str, Any] = {}
        if self.location.scheme == "s3":
            options |= s3_credentials()
            options["region"] = settings.region or s3_region() or "us-east-1"
        endpoint = settings.endpoint or (s3_endpoint() if self.location.scheme == "s3" else None)
        if endpoint is not None:
            _check_endpoint(endpoint, settings)
            options["endpoint"] = endpoint
        with store_errors(str(self.location), self.endpoint):
            return from_url(
                str(self.location),
                client_options={
                    "allow_http": settings.allow_http,
                    "connect_timeout": timedelta(seconds=_CONNECT_S),
                    "timeout": timedelta(seconds=settings.timeout_s),
                },
                retry_config={
                    "max_retries": _RETRIES,
                    "retry_timeout": timedelta(seconds=settings.timeout_s),
                },
                **options,
            )


class _Ranges:
    """A file for Arrow whose reads are requests for just the bytes that it wants."""

    closed = False

    def __init__(self, store: ObjectStore, entry: Entry) -> None:
        self._store = store
        self._entry = entry
        self._at = 0

    def read(self, nbytes: int = -1) -> bytes:
        left = max(0, self._entry.nbytes - self._at)
        data = self._store.read(
            self._entry.name, self._at, left if nbytes < 0 else min(nbytes, left)
        )
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._entry.nbytes)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True


def _check_endpoint(endpoint: str, settings: StorageConfig) -> None:
    if endpoint.startswith("http://") and not settings.allow_http:
        raise StickerworksError(
            f"The store's endpoint {endpoint} is not encrypted.",
            "Name it with https://, or set storage.allow_http: true in a network of your own.",
        )


def _tag(seen: Entry | Anything | None) -> str | None:
    return seen.tag if isinstance(seen, Entry) else None


def _entry(meta: Mapping[str, Any]) -> Entry:
    modified = meta["last_modified"].timestamp()
    return Entry(meta["path"], meta["size"], meta["e_tag"] or "", modified)
