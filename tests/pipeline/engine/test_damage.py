"""Damaged files are told apart by what they are files of."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline.engine.damage import DamagedFile, damaged_file, set_aside
from pipeline.engine.errors import DamagedTableError
from pipeline.engine.workspace import Workspace


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/w/tables/tagset.parquet", DamagedFile("tagset")),
        ("/w/tables/ocr/part-00012.parquet", DamagedFile("ocr", 12)),
        ("/w/tables/decisions/part-00064.parquet", DamagedFile("decisions", 64)),
        ("/w/pieces/ocr/part-00012-00020.parquet", DamagedFile("ocr", 12, 20)),
        ("s3://bucket/w/tables/ocr/part-00012.parquet", DamagedFile("ocr", 12)),
        ("s3://bucket/w/pieces/ocr/00012/part-00012-00020.parquet", DamagedFile("ocr", 12, 20)),
        ("/r/releases/x-1.0.0/data/train-00000.parquet", None),
    ],
)
def test_a_file_is_known_by_its_path(path: str, file: DamagedFile | None) -> None:
    assert damaged_file(DamagedTableError("what", "remedy", path)) == file


@pytest.mark.parametrize(
    "file", [DamagedFile("tagset"), DamagedFile("ocr", 1), DamagedFile("ocr", 1, 20)]
)
def test_it_is_moved_and_kept(tmp_path: Path, file: DamagedFile) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.path(file.table, file.part)
    if file.part is not None and file.row is not None:
        path = workspace.piece(file.table, file.part, file.row)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"damaged")
    inode = path.stat().st_ino
    aside = set_aside(workspace, file)
    assert aside is not None
    assert aside.read_bytes() == b"damaged"
    assert aside.stat().st_ino == inode  # renamed: a copy takes time, disk and a disk that reads
    assert aside.name.startswith(file.table)
    assert not path.exists()


def test_what_a_disk_no_longer_reads_is_set_aside_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.tables / "tagset.parquet"
    path.parent.mkdir()
    path.symlink_to("/proc/self/mem")  # fails to read like a bad sector
    aside = set_aside(workspace, DamagedFile("tagset"))
    assert aside is not None
    assert aside.is_symlink()
    assert not path.is_symlink()


def test_tables_on_another_disk_are_copied_if_they_can_be_read(tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as other:
        if Path(other).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("one file system for all")
        workspace = Workspace(tmp_path)
        workspace.tables.symlink_to(other)
        path = workspace.tables / "tagset.parquet"
        path.write_bytes(b"damaged")
        aside = set_aside(workspace, DamagedFile("tagset"))
        assert aside is not None
        assert aside.read_bytes() == b"damaged"
        assert not path.exists()
        path.symlink_to("/proc/self/mem")
        assert set_aside(workspace, DamagedFile("tagset")) is None
        assert not path.is_symlink()
