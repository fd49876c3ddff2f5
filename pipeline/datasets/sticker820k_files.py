"""Writes Sticker820K's layout, as ``sticker820k.py`` reads it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from pipeline.datasets.sticker820k import LISTS
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.engine.text import one_line

LONGEST_NAME = 511
"""Bytes of a name that LMDB takes as a key."""

_ROOM = 64 << 20
# A value takes whole pages, and its share of leaves that are half full or that a commit replaces.
_PAGE, _MORE_PAGES = 4096, 4
_COMMIT_BYTES = 32 << 20


class Sticker820kWriter:
    """Writes images, infos and lists of names below ``root``, a row at a time.

    The same rows in the same order give the same bytes. Names must be plain (see ``bad_name``),
    each there once, and no longer than ``LONGEST_NAME``. Raises StickerworksError where LMDB can't
    write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open = ExitStack()
        self._lists: dict[str, IO[str]] = {}
        self._infos: _Environment | None = None
        self._images: _Environment | None = None

    def __enter__(self) -> Sticker820kWriter:
        with ExitStack() as opened:
            self._infos = opened.enter_context(_Environment(self._root / "infos"))
            self._images = opened.enter_context(_Environment(self._root / "imgs"))
            for split, name in LISTS.items():
                path = self._root / name
                self._lists[split] = opened.enter_context(path.open("w", encoding="utf-8"))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, name: str, split: str, info: Mapping[str, str], image: bytes) -> None:
        """Write a row of the split ``train``, ``validation`` or ``test``."""
        assert self._infos is not None
        assert self._images is not None
        self._infos.put(name, _pickled(info))
        self._images.put(name, image)
        self._lists[split].write(f"{name}\n")


class _Environment:
    """A new LMDB environment: it grows as it fills, and is committed so that memory stays flat."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lmdb: Any = need_extra("lmdb", "baselines", "Sticker820K")
        self._room, self._used, self._held = _ROOM, 0, 0

    def __enter__(self) -> _Environment:
        self._folder.mkdir(parents=True)
        with self._telling():
            # A file for the lock would name this process.
            self._environment: Any = self._lmdb.open(
                str(self._folder), map_size=self._room, lock=False, sync=False
            )
            self._transaction: Any = self._environment.begin(write=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                with self._telling():
                    self._transaction.commit()
                    self._environment.sync(True)
            else:
                self._transaction.abort()
        finally:
            self._environment.close()

    def put(self, name: str, value: bytes) -> None:
        self._used += (len(value) // _PAGE + 1 + _MORE_PAGES) * _PAGE
        self._held += len(value)
        with self._telling():
            if self._used > self._room or self._held > _COMMIT_BYTES:
                self._begin_anew()
            self._transaction.put(name.encode(), value)

    def _begin_anew(self) -> None:
        self._transaction.commit()
        while self._used > self._room:
            self._room *= 2
        self._environment.set_mapsize(self._room)
        self._transaction, self._held = self._environment.begin(write=True), 0

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._lmdb.Error as error:
            raise StickerworksError(
                f"{self._folder / 'data.mdb'} can't be written: {one_line(error)}.",
                "Free some space on that disk, or choose another one, and try again.",
            ) from error


def _pickled(info: Mapping[str, str]) -> bytes:
    """A pickle that holds no references: which strings are one object would change its bytes."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=4)
    pickler.fast = True
    pickler.dump(dict(info))
    return file.getvalue()
