"""A release without images, with the files that the workspace has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.engine.errors import StickerworksError
from pipeline.release.looking.completed import complete_release, lacks_images

Make = Callable[..., Any]


def rows_of(folder: Path) -> dict[str, bytes | None]:
    found = {}
    for shard in sorted((folder / "data").glob("*.parquet")):
        for row in pq.read_table(shard, columns=["id", "image"]).to_pylist():
            found[row["id"]] = (row["image"] or {}).get("bytes")
    return found


def test_files_are_read_from_the_workspace_by_id(
    drawn: Any, release: Make, row: Make, tmp_path: Path
) -> None:
    workspace = drawn.write(tmp_path / "workspace")
    known = [
        row(None, kind, id=id_) for id_, kind in zip(drawn.ids[:40], ["png"] * 40, strict=True)
    ]
    video = row(None, "webm", id=drawn.ids[45])
    bare = release(train=known[:30], test=[*known[30:], row(None, id="0" * 64), video])
    assert lacks_images(bare)
    target = tmp_path / "whole"
    (changed,) = workspace.root.rglob(f"{drawn.ids[3]}.*")
    changed.write_bytes(b"other bytes")
    assert complete_release(bare, workspace, target) == 39
    found = rows_of(target)
    assert set(found) == {*drawn.ids[:40], "0" * 64, video["id"]}
    without = {id_ for id_, data in found.items() if data is None}
    assert without == {drawn.ids[3], "0" * 64, video["id"]}
    assert all(
        found[id_] == data for id_, data in zip(drawn.ids[4:40], drawn.bytes[4:], strict=False)
    )


def test_media_are_read_once_and_whole_shards_are_linked(
    drawn: Any,
    release: Make,
    row: Make,
    encoded: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = drawn.write(tmp_path / "workspace")
    bare = [row(None, "png", id=id_) for id_ in drawn.ids[:40]]
    strange = [row(None, "png", id=id_) for id_ in (drawn.ids[0] + "0", "é", "", "f" * 64)]
    whole = row(encoded(Image.new("RGB", (40, 40), "red")))
    folder = release(train=[*bare, *strange], test=[whole])
    read, asked = type(workspace).read, []

    def counted(self: Any, table: str, *rest: Any) -> pa.Table:
        asked.append(table)
        return read(self, table, *rest)

    monkeypatch.setattr(type(workspace), "read", counted)
    monkeypatch.setattr("pipeline.release.looking.completed.GROUP_ROWS", 7)
    target = tmp_path / "whole"
    assert complete_release(folder, workspace, target) == 40
    assert asked == ["media"] * len(workspace.parts)
    (linked,) = (target / "data").glob("test-*.parquet")
    (own,) = (target / "data").glob("train-*.parquet")
    assert linked.is_symlink()
    assert not own.is_symlink()
    found = rows_of(target)
    assert all(found[id_] == data for id_, data in zip(drawn.ids[:40], drawn.bytes, strict=False))
    assert {id_ for id_, data in found.items() if data is None} == {row["id"] for row in strange}


def test_a_release_that_carries_all_lacks_none(release: Make, row: Make, encoded: Make) -> None:
    whole = row(encoded(Image.new("RGB", (40, 40), "red")))
    video = row(None, "webm", id="0" * 64)  # no reader of pictures opens it
    assert not lacks_images(release(train=[whole, video]))


def test_a_shard_that_is_no_table_is_one_clear_error(release: Make, row: Make) -> None:
    folder = release(train=[row(None)])
    (folder / "data" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(StickerworksError, match=r"test-00000.*can't be read to its end"):
        lacks_images(folder)
    pq.write_table(pa.table({"id": ["a"]}), folder / "data" / "test-00000-of-00001.parquet")
    (folder / "data" / "train-00000-of-00001.parquet").unlink()
    assert not lacks_images(folder)
