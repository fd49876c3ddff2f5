"""Where a workspace's files lie: in its folder, or in a bucket with a working folder here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.engine.holding import fetch, held, held_bucket
from pipeline.engine.store.contract import Store
from pipeline.engine.store.folder import FolderStore
from pipeline.engine.store.location import address_of
from pipeline.engine.store.object_path import ObjectPath, TablePath
from pipeline.engine.store.objects import ObjectStore
from pipeline.engine.store.saved import SavedFiles


@cache
def place_of(root: Path) -> Place:
    """The place of the workspace with that folder, the same one throughout a process."""
    found = address_of(root)
    return Place(root, None if found is None else ObjectStore(*found))


@dataclass(frozen=True, eq=False)
class Place:
    """The folder ``root``; where there is a ``bucket``, tables and packs lie there, and what is
    saved of the rest. ``replaced`` are files of ours that gave way to others' and lie aside."""

    root: Path
    bucket: ObjectStore | None
    replaced: list[Path] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Where tables and packs of media lie."""
        return self.bucket or FolderStore(self.root)

    @property
    def name(self) -> str:
        """The workspace for people: its address, or its folder."""
        return str(self.root) if self.bucket is None else str(self.bucket.location)

    def at(self, name: str) -> TablePath:
        """The file of that name, relative to the workspace."""
        if self.bucket is not None:
            return ObjectPath(self.bucket, name)
        # Asked a hundred times a shard: joining paths would be most of what a command does.
        return Path(f"{self.root}/{name}")

    def listed(self, folder: str, pattern: str = "part-*.parquet") -> list[TablePath]:
        """Files of a folder, of which a bucket's holds nothing but what ``pattern`` means."""
        if self.bucket is None:
            return list((self.root / folder).glob(pattern))
        return [ObjectPath(self.bucket, name) for name in self.bucket.list(folder)]

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold it for one command; a second one is refused with one line."""
        with held(self.root, self.name, command):
            if self.bucket is None:
                yield
            else:
                with held_bucket(self.root, self.bucket, command) as aside:
                    self.replaced.extend(aside)
                    yield

    def check_held(self) -> None:
        """StickerworksError where another driver has taken the bucket over."""
        if self.bucket is not None:
            self.bucket.guard()

    def refresh(self, *tables: str) -> None:
        """Look anew at what lies in tables: workers wrote there."""
        for folder in ("pieces", *(f"tables/{table}" for table in tables)):
            self.store.forget(folder)

    def remember(self) -> None:
        """Keep what listings say: what this process asks for, it alone writes."""
        if self.bucket is not None:
            self.bucket.remembers = True

    def fetch(self) -> None:
        """Take over what others saved, and look anew at what lies in the bucket."""
        if self.bucket is not None:
            self.replaced.extend(fetch(self.root, self.bucket))

    def save(self, *names: str) -> None:
        """Let others see files of the working folder that what is written next relies on."""
        if self.bucket is not None:
            SavedFiles(self.root, self.bucket).save(names)

    def renew(self, path: Path) -> None:
        """Let a database that was put in the place of another be saved as its next version."""
        if self.bucket is not None:
            SavedFiles(self.root, self.bucket).renew(path)

    def has_release(self, name: str) -> bool:
        """Whether a release is here, or in the bucket as a whole."""
        if (self.root / "releases" / name).exists():
            return True
        return self.bucket is not None and SavedFiles(self.root, self.bucket).has_release(name)

    def fetch_release(self, name: str) -> None:
        """Bring a release here that lies in the bucket alone."""
        if self.bucket is not None:
            SavedFiles(self.root, self.bucket).fetch_release(name)
