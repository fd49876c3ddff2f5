"""A workspace whose stickers behave as their extension says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import MEDIA, SCREENING, STICKERS


def sticker_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture
def workspace_of(tmp_path: Path) -> Callable[[Sequence[Sequence[str]]], Workspace]:
    """Build a workspace from the behaviour of each sticker of each shard."""

    def build(shards: Sequence[Sequence[str]]) -> Workspace:
        workspace = Workspace(tmp_path / "workspace")
        number = 0
        for part, kinds in enumerate(shards):
            rows = []
            for kind in kinds:
                number += 1
                rows.append({"id": sticker_id(number), "extension": kind, "nbytes": number})
            media = [{"id": row["id"], "path": f"{row['nbytes']}.gif"} for row in rows]
            write(workspace, "stickers", part, pa.Table.from_pylist(rows, STICKERS.schema))
            write(workspace, "media", part, pa.Table.from_pylist(media, MEDIA.schema))
        return workspace

    return build


def write(workspace: Workspace, table: str, part: int | None, rows: pa.Table) -> None:
    workspace.write(table, part, rows, Proof("test", "test"))


def screen(workspace: Workspace, part: int, kept: Sequence[bool]) -> None:
    """Write the screening table of a shard."""
    ids = workspace.read("stickers", part)["id"].to_pylist()
    rows = [{"id": i, "kept": k, "reasons": []} for i, k in zip(ids, kept, strict=True)]
    write(workspace, "screening", part, pa.Table.from_pylist(rows, SCREENING.schema))


@pytest.fixture
def screened() -> Callable[[Workspace, int, Sequence[bool]], None]:
    return screen
