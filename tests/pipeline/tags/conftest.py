"""A real workspace with a few stickers in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.engine.stage import Step
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

Row = dict[str, Any]


def store(workspace: Workspace, table: str, part: int | None, rows: pa.Table) -> None:
    assert rows.schema.equals(TABLES[table].schema)
    workspace.write(table, part, rows, Proof(stage="test", fingerprint=""))


@pytest.fixture
def stickers(tmp_path: Path) -> Callable[[list[list[Row]]], Workspace]:
    """Workspace of stickers given by shard: each row an observation, with "kept" beside it."""

    def build(shards: list[list[Row]]) -> Workspace:
        workspace = Workspace(tmp_path)
        for part, shown in enumerate(shards):
            kept = {row["id"]: row.get("kept", True) for row in shown}
            rows = [
                {"source": "test", "source_id": str(n)}
                | {k: v for k, v in row.items() if k != "kept"}
                for n, row in enumerate(shown)
            ]
            tables = {
                "stickers": [{"id": id_} for id_ in kept],
                "decisions": [
                    {"id": id_, "kept": is_kept, "outcome": "kept" if is_kept else "dropped"}
                    for id_, is_kept in kept.items()
                ],
                "observations": rows,
            }
            for name, rows in tables.items():
                table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
                store(workspace, name, part, table)
        return workspace

    return build


@pytest.fixture
def run() -> Callable[..., Workspace]:
    """Run steps one after another, writing what they yield."""

    def run_steps(workspace: Workspace, steps: tuple[Step, ...], config: Config) -> Workspace:
        for step in steps:
            written = list(step.run(workspace, step.settings(config)))
            if workspace.parts:
                assert {table for table, _, _ in written} == set(step.writes)
            for table, part, rows in written:
                store(workspace, table, part, rows)
        return workspace

    return run_steps
