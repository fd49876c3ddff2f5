"""Rows that need no measuring: those of an earlier run, and the pieces of one that was killed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.fingerprint import hash_json
from pipeline.engine.storage import read_proof, read_row_digests, read_table
from pipeline.engine.task import ShardTask
from pipeline.engine.workspace import Workspace

Pieces = dict[str, list[pa.Table]]
"""Rows of each table written, in any order."""


@dataclass
class Earlier:
    """``taken_over`` are rows of an earlier run's shard, ``measured`` those of pieces put aside;
    ``rows`` holds both."""

    rows: Pieces
    taken_over: set[int] = field(default_factory=set)
    measured: set[int] = field(default_factory=set)


def find_earlier(
    task: ShardTask, workspace: Workspace, ids: pa.Array, digests: list[str], wanted: Iterable[int]
) -> Earlier:
    """Wanted rows that were measured before, from the same inputs by their ``digests``.

    A task for a piece reads that piece alone, and of an earlier shard only which rows it has.
    """
    earlier = Earlier({name: [] for name in task.stage.writes})
    if not digests:
        return earlier
    todo = set(wanted)
    shard = {name: workspace.path(name, task.part) for name in task.stage.writes}
    earlier.taken_over = _find(task, shard, digests, todo)
    if task.piece is None:
        _read(shard, ids, earlier.taken_over, earlier.rows)
    todo -= earlier.taken_over
    first = task.stage.writes[0]
    starts = workspace.pieces_of(first, task.part) if task.piece is None else (task.piece[0],)
    for start in starts:
        piece = {name: workspace.piece(name, task.part, start) for name in task.stage.writes}
        found = _find(task, piece, digests, todo)
        _read(piece, ids, found, earlier.rows)
        earlier.measured |= found
        todo -= found
    return earlier


def _find(
    task: ShardTask, paths: Mapping[str, Path], digests: list[str], todo: set[int]
) -> set[int]:
    proofs = [read_proof(path) for path in paths.values()]
    # Tables of two different runs (one killed between them) don't belong together.
    runs = {(p.fingerprint, hash_json([p.inputs, p.counts])) if p else None for p in proofs}
    if len(runs) > 1 or proofs[0] is None or proofs[0].fingerprint != task.fingerprint:
        return set()
    known = set(read_row_digests(paths[task.stage.writes[0]]))
    return {row for row in todo if digests[row] in known}


def _read(paths: Mapping[str, Path], ids: pa.Array, found: set[int], rows: Pieces) -> None:
    if not found:
        return
    values = ids.take(pa.array(sorted(found), pa.int64()))
    for name, path in paths.items():
        table = read_table(path)
        rows[name].append(table.filter(pc.is_in(table["id"], value_set=values)))
