"""Workspaces that hold the bytes of small stickers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import MEDIA, STICKERS


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[Sequence[Sequence[bytes]]], Workspace]:
    """Build a workspace of files, given by shard."""

    def build(shards: Sequence[Sequence[bytes]]) -> Workspace:
        workspace = Workspace(tmp_path / "workspace")
        for part, files in enumerate(shards):
            names = [hashlib.sha256(data).hexdigest() for data in files]
            for name, data in zip(names, files, strict=True):
                path = workspace.root / "files" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            kinds = ["gif" if data.startswith(b"GIF") else "png" for data in files]
            stickers = [{"id": n, "format": k} for n, k in zip(names, kinds, strict=True)]
            media = [{"id": name, "path": f"files/{name}"} for name in names]
            for table, rows in ((STICKERS, stickers), (MEDIA, media)):
                made = pa.Table.from_pylist(rows, schema=table.schema)
                workspace.write(table.name, part, made, Proof("test", "test"))
        return workspace

    return build
