"""Writes Sticker820K's layout, as ``sticker820k.py`` reads it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from pipeline.datasets.sticker820k import LISTS
from pipeline.engine.extras import need_extra

LONGEST_NAME = 511
"""Bytes of a name that LMDB takes as a key."""

_ROOM = 64 << 20
# A value's last page, its share of leaves that are half full, and pages that a commit replaces.
_PAGES = 4 * 4096
_COMMIT_BYTES = 32 << 20


class Sticker820kWriter:
    """Writes images, infos and lists of names below ``root``, a row at a time.

    ``rows`` and ``image_bytes`` are what may come at most: LMDB wants to know how far it may grow.
    The same rows in the same order give the same bytes. Names must be plain (see ``bad_name``),
    each there once, and no longer than ``LONGEST_NAME``.
    """

    def __init__(self, root: Path, rows: int, image_bytes: int) -> None:
        self._root = root
        self._rows, self._image_bytes = rows, image_bytes
        self._open = ExitStack()
        self._lists: dict[str, IO[str]] = {}
        self._infos: _Environment | None = None
        self._images: _Environment | None = None

    def __enter__(self) -> Sticker820kWriter:
        room = _ROOM + self._rows * _PAGES
        with ExitStack() as opened:
            self._infos = opened.enter_context(_Environment(self._root / "infos", room))
            self._images = opened.enter_context(
                _Environment(self._root / "imgs", room + self._image_bytes)
            )
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
    """A new LMDB environment, committed as it fills so that memory stays flat."""

    def __init__(self, folder: Path, room: int) -> None:
        lmdb = need_extra("lmdb", "baselines", "Sticker820K")
        folder.mkdir(parents=True)
        # The file's lock would name this process; its size is rounded to whole pages.
        self._lmdb: Any = lmdb.open(
            str(folder), map_size=((room >> 20) + 1) << 20, lock=False, sync=False
        )
        self._transaction: Any = self._lmdb.begin(write=True)
        self._held = 0

    def __enter__(self) -> _Environment:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._transaction.commit()
            self._lmdb.sync(True)
        else:
            self._transaction.abort()
        self._lmdb.close()

    def put(self, name: str, value: bytes) -> None:
        self._transaction.put(name.encode(), value)
        self._held += len(value)
        if self._held >= _COMMIT_BYTES:
            self._transaction.commit()
            self._transaction, self._held = self._lmdb.begin(write=True), 0


def _pickled(info: Mapping[str, str]) -> bytes:
    """A pickle that holds no references: which strings are one object would change its bytes."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=4)
    pickler.fast = True
    pickler.dump(dict(info))
    return file.getvalue()
