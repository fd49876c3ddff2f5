"""Stickers' bytes from files and from packs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.media import MediaReader
from pipeline.engine.store.folder import FolderStore

DATA = [bytes([number]) * (100 + number) for number in range(20)]


class Counted(FolderStore):
    """Counts what is asked of it."""

    asked: int = 0

    def read(self, name: str, start: int = 0, nbytes: int | None = None) -> bytes:
        type(self).asked += 1
        return super().read(name, start, nbytes)


@pytest.fixture
def packed(tmp_path: Path) -> list[dict[str, Any]]:
    rows, offset = [], 0
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.pack").write_bytes(b"".join(DATA))
    for data in DATA:
        name = hashlib.sha256(data).hexdigest()
        rows.append(row(name, pack="media/a.pack", offset=offset, nbytes=len(data)))
        offset += len(data)
    return rows


def row(name: str, **where: Any) -> dict[str, Any]:
    return {"id": name, "path": None, "pack": None, "offset": None, "nbytes": None} | where


def test_a_pack_is_read_in_order_by_one_request(tmp_path: Path, packed: list[Any]) -> None:
    Counted.asked = 0
    media = MediaReader(tmp_path, Counted(tmp_path))
    assert [media.read(one) for one in packed] == DATA
    assert Counted.asked == 1


def test_any_sticker_of_a_pack_can_be_read(tmp_path: Path, packed: list[Any]) -> None:
    media = MediaReader(tmp_path, FolderStore(tmp_path))
    for place in (7, 3, 4, 5, 19, 0, 1, 18):
        assert media.read(packed[place]) == DATA[place]


def test_a_file_of_its_own_is_read_too_and_none_where_none_shows_it(tmp_path: Path) -> None:
    (tmp_path / "one.gif").write_bytes(DATA[3])
    media = MediaReader(tmp_path, FolderStore(tmp_path))
    name = hashlib.sha256(DATA[3]).hexdigest()
    assert media.read(row(name, path="one.gif")) == DATA[3]
    assert media.read(row(name)) is None
    with pytest.raises(FileNotFoundError):
        media.read(row(name, path="other.gif"))


def test_other_bytes_than_were_crawled_are_refused(tmp_path: Path, packed: list[Any]) -> None:
    media = MediaReader(tmp_path, FolderStore(tmp_path))
    with pytest.raises(ValueError, match=r"no longer holds .* delete .*a\.pack, and"):
        media.read(packed[4] | {"offset": packed[4]["offset"] + 1})
    (tmp_path / "media" / "a.pack").write_bytes(b"".join(DATA)[:150])
    with pytest.raises(OSError, match="shorter"):
        media.read(packed[1])
