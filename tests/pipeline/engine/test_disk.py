"""Free disk is known before a write fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engine.disk import DiskWatch, likely_bytes
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.tables import FRAMES


def free_mb(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // 2**20


def test_too_little_free_disk_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "made"
    DiskWatch(folder, 1).check()
    with pytest.raises(StickerworksError, match="nearly full") as caught:
        DiskWatch(folder, 2 * free_mb(tmp_path)).check()
    assert "\n" not in str(caught.value)


def test_what_a_stage_is_likely_to_write_is_told_before_it_begins(tmp_path: Path) -> None:
    watch = DiskWatch(tmp_path, 1)
    watch.check("signals", 2**20)
    with pytest.raises(StickerworksError, match="signals is likely to write"):
        watch.check("signals", 2 * free_mb(tmp_path) * 2**20)


def test_it_looks_now_and_then(tmp_path: Path) -> None:
    now = iter([0.0, 1.0, 3.0])
    watch = DiskWatch(tmp_path, 1, clock=lambda: next(now))
    watch.look()
    watch.min_free_mb = 2 * free_mb(tmp_path)
    watch.look()
    with pytest.raises(StickerworksError, match="nearly full"):
        watch.look()


def test_missing_shards_take_what_the_others_took(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace],
) -> None:
    workspace = workspace_of([["png"], ["png"], ["png"]])
    assert likely_bytes(("frames",), workspace) == 0
    rows = pa.Table.from_pylist([{"id": "a"}], FRAMES.schema)
    write_table(workspace.path("frames", 0), rows, Proof("test", "test"))
    size = workspace.path("frames", 0).stat().st_size
    assert likely_bytes(("frames", "leakage"), workspace) == 2 * size
