"""A workspace names its files and belongs to one command at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import DamagedTableError, StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import LATER, TABLES


def test_shards_are_listed_in_order(workspace_of):
    workspace = workspace_of([["a"], ["b", "c"], ["d"]])
    (workspace.tables / "stickers" / ".part-00009.parquet.1.tmp").write_text("half")
    (workspace.tables / "stickers" / "part-x.parquet").write_text("no shard")
    assert workspace.parts == (0, 1, 2)
    assert workspace.read("stickers")["extension"].to_pylist() == ["a", "b", "c", "d"]
    assert workspace.rows("stickers", 1) == 2


def test_a_table_that_is_not_there_reads_as_empty(workspace_of):
    workspace = workspace_of([["a"]])
    assert len(workspace.read("signals")) == 0
    assert workspace.read("signals", columns=["id", "width"]).column_names == ["id", "width"]
    assert len(workspace.read("tagset")) == 0
    assert not workspace.complete("signals")
    assert workspace.complete("media")


@pytest.mark.parametrize("change", ["renamed", "another type", "one less", "one more"])
def test_a_table_with_other_columns_is_named_with_its_command(workspace_of, change):
    workspace = workspace_of([["a", "b"]])
    path = workspace.path("media", 0)
    ids = workspace.read("stickers", 0, ["id"])["id"]
    columns = {
        "renamed": {"id": ids, "way": ids},
        "another type": {"id": ids, "path": pa.array([1, 2])},
        "one less": {"id": ids},
        "one more": {"id": ids, "path": ids, "more": ids},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns[change]), path)
    with pytest.raises(DamagedTableError, match="other columns") as caught:
        workspace.read("media")
    assert str(path) in caught.value.message
    assert "`stickerworks crawl`" in caught.value.remedy


@pytest.mark.parametrize("table", sorted(LATER))
def test_columns_that_came_later_are_null_in_files_of_before(workspace_of, table):
    workspace = workspace_of([["a", "b"]])
    schema = TABLES[table].schema
    part = None if TABLES[table].scope == "global" else 0
    before = [field for field in schema if field.name not in LATER[table]]
    values = {pa.string(): "x", pa.bool_(): False, pa.int64(): 0}
    row = {field.name: None if field.nullable else values[field.type] for field in before}
    older = pa.Table.from_pylist([row] * 2, schema=pa.schema(before))
    path = workspace.path(table, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(older, path)
    read = workspace.read(table, part)
    assert read.schema.names == schema.names
    assert all(read[name].null_count == 2 for name in LATER[table])
    few = [*sorted(LATER[table]), before[0].name]
    assert workspace.read(table, part, few).column_names == few
    # What isn't known to have come later is damage, and so is another name in its place.
    pq.write_table(older.drop_columns([before[0].name]), path)
    with pytest.raises(DamagedTableError):
        workspace.read(table, part)
    pq.write_table(older.append_column("answerz", older[before[0].name]), path)
    with pytest.raises(DamagedTableError):
        workspace.read(table, part)


def test_swapped_and_copied_shards_are_told_and_made_again(workspace_of):
    workspace = workspace_of([["a", "b"], ["c", "d"]])
    one, other = (workspace.path("media", part) for part in (0, 1))
    first, second = one.read_bytes(), other.read_bytes()
    for contents in ((second, first), (first, first)):
        for path, data in zip((one, other), contents, strict=True):
            path.write_bytes(data)
        assert workspace.proof("media", 1) is None
        with pytest.raises(StickerworksError, match=r"shard [01].*`stickerworks crawl`"):
            workspace.read("media")


def test_a_damaged_table_is_named_with_its_command(workspace_of):
    workspace = workspace_of([["a", "b"]])
    for table, part in (("signals", 0), ("tagset", None)):
        path = workspace.path(table, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1 nothing PAR1")
        with pytest.raises(StickerworksError, match=f"`stickerworks {TABLES[table].command}`"):
            workspace.read(table, part)


def test_a_second_command_is_told_who_holds_the_workspace(tmp_path):
    first, second = Workspace(tmp_path / "w"), Workspace(tmp_path / "w")
    with (
        first.lock("filter"),
        pytest.raises(StickerworksError, match=r"in use by `stickerworks filter` \(process \d+\)"),
    ):
        second.lock("tags").__enter__()
    with second.lock("tags"):
        pass


def test_a_shard_of_a_block_that_was_changed_is_found(workspace_of):
    workspace = workspace_of([["a", "b"], ["c"]])
    ids = workspace.read("stickers")["id"]
    splits = pa.table([ids, ["train"] * 3, ids, [[]] * 3], schema=TABLES["splits"].schema)
    workspace.write("splits", (0, 1), splits, Proof("split", "made"))
    assert workspace.read_checked("splits", (0, 1)).equals(splits)
    assert workspace.read_checked("splits", (1,)).equals(splits.slice(2))
    path = workspace.path("splits", 0)
    schema = pq.read_schema(path)
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(splits.slice(0, 2).cast(schema))
        writer.write_table(pa.table([ids[2:], ["test"], ids[2:], [[]]], schema=schema))
    assert workspace.read_checked("splits", (0,)).equals(splits.slice(0, 2))
    for shards in ((0, 1), (1,), 1):
        with pytest.raises(DamagedTableError, match="proof is about other rows"):
            workspace.read_checked("splits", shards)


def test_what_killed_writers_of_other_files_left_is_swept_and_what_lives_is_not(workspace_of):
    workspace = workspace_of([["a"]])
    ended = subprocess.Popen(["true"])
    ended.wait()
    names = ("cache/.signals.json.{}.tmp", ".saved.json.{}.tmp", "damaged/.x.{}.tmp",
             "crawl/.ledger.sqlite.ab12.{}.tmp/ledger.sqlite")  # fmt: skip
    left = {}
    for pid in (ended.pid, os.getppid()):
        left[pid] = [workspace.root / name.format(pid) for name in names]
        for path in left[pid]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half")
    with workspace.lock("filter"):
        assert not any(path.exists() for path in left[ended.pid])
        assert not left[ended.pid][-1].parent.exists()
        assert all(path.exists() for path in left[os.getppid()])


def test_a_temporary_file_is_swept_under_the_name_that_its_writer_gives_it(workspace_of):
    workspace = workspace_of([["a"]])
    for name in ("cache/signals.json", ".settings.json"):
        code = (
            "import os, sys; from pathlib import Path\n"
            "from pipeline.engine.atomic_files import atomic_file\n"
            "with atomic_file(Path(sys.argv[1])) as file:\n"
            "    file.write_text('half'); os._exit(9)"
        )
        command = [sys.executable, "-c", code, str(workspace.root / name)]
        assert subprocess.run(command, check=False).returncode == 9
    left = list(workspace.root.rglob("*.tmp"))
    assert len(left) == 2
    with workspace.lock("filter"):
        assert not any(path.exists() for path in left)


def test_leftovers_of_killed_writers_are_swept(workspace_of):
    workspace = workspace_of([["a"]])
    leftover = workspace.tables / "stickers" / ".part-00000.parquet.99.tmp"
    leftover.write_text("half")
    with workspace.lock("filter"):
        assert not leftover.exists()
        assert workspace.parts == (0,)


def test_a_file_is_no_workspace(tmp_path):
    (tmp_path / "file").write_text("mine")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StickerworksError, match="there is a file where a folder is needed"):
            Workspace(root).lock("filter").__enter__()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_lock_that_somebody_wrote_into_still_locks(tmp_path):
    workspace = Workspace(tmp_path / "w")
    with workspace.lock("filter"):
        (workspace.root / ".lock").write_text("garbage")
        with pytest.raises(StickerworksError, match="in use by another command"):
            workspace.lock("tags").__enter__()
