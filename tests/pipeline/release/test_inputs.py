"""A release is made from tables that are whole and hold what was written into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.release.build import build_release
from pipeline.release.inputs import (
    BESIDE,
    GLOBAL,
    OPTIONAL,
    REQUIRED,
    check_inputs,
    fingerprint,
)
from schemas.config import Config
from schemas.tables import TABLES


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, drawn_once: Any) -> Workspace:
    for name in ("agreement", "leakage"):
        column = TABLES[name].schema.names[0]
        drawn_once.rows[name] = [{column: value} for value in ("one", "other")]
    drawn_once.rows["questions"] = [
        {"version": "v1", "name": "mood", "kind": "single", "values": ["up", "down"]}
    ]
    drawn_once.rows["moved"] = [{"id": drawn_once.ids[0], "from": "test", "to": "train"}]
    made: Workspace = drawn_once.write(tmp_path_factory.mktemp("inputs") / "workspace")
    return made


@pytest.fixture
def workspace(shared: Workspace) -> Iterator[Workspace]:
    """A workspace whose tables are put back afterwards."""
    before = {path: path.read_bytes() for path in shared.tables.rglob("*.parquet")}
    yield shared
    for path, data in before.items():
        path.write_bytes(data)


def file_of(workspace: Workspace, table: str) -> Path:
    return workspace.path(table, None if TABLES[table].scope == "global" else 1)


def change_a_value(path: Path) -> None:
    """Other rows under the old metadata, as somebody's script writes them."""
    table = pq.read_table(path, partitioning=None)
    name = next(n for n in reversed(table.column_names) if pa.types.is_string(table[n].type))
    other = pc.binary_join_element_wise(pc.fill_null(table[name], ""), "x", "")
    pq.write_table(table.set_column(table.column_names.index(name), name, other), path)


@pytest.mark.parametrize("table", [*REQUIRED, *OPTIONAL, *GLOBAL])
def test_rows_that_were_changed_under_their_proof_stop_a_release(
    workspace: Workspace, table: str
) -> None:
    path = file_of(workspace, table)
    change_a_value(path)
    with pytest.raises(StickerworksError) as caught:
        build_release(workspace, Config())
    assert str(path) in caught.value.message
    assert f"Delete that file and run `stickerworks {TABLES[table].command}`" in caught.value.remedy
    assert not list(workspace.releases.glob("*"))


def test_a_table_without_proof_counts_with_its_rows(workspace: Workspace) -> None:
    before, _ = fingerprint(workspace, Config())
    path = file_of(workspace, "labels")
    change_a_value(path)
    pq.write_table(pq.read_table(path, partitioning=None).replace_schema_metadata(None), path)
    after, _ = fingerprint(workspace, Config())
    assert before != after


@pytest.mark.parametrize("table", BESIDE)
def test_a_deleted_table_is_told_with_the_command_that_makes_it(
    workspace: Workspace, table: str
) -> None:
    check_inputs(workspace)
    file_of(workspace, table).unlink()
    with pytest.raises(StickerworksError) as caught:
        check_inputs(workspace)
    assert f"The table {table} " in caught.value.message
    assert f"`stickerworks {TABLES[table].command}`" in caught.value.remedy
