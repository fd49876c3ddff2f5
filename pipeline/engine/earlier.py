"""Rows that need no measuring: those of an earlier run, and the pieces of one that was killed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.fingerprint import hash_json
from pipeline.engine.storage import Proof, read_proof, read_row_digests, read_table
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.task import ShardTask
from pipeline.engine.workspace import Workspace

QUARANTINED = "quarantined: "

Pieces = dict[str, list[pa.Table]]
"""Rows of each table written, in any order."""


def is_quarantined(errors: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether rows were given up, and are worth another try."""
    return pc.fill_null(pc.starts_with(errors, QUARANTINED), False)


@dataclass
class Earlier:
    """``taken_over`` are rows of an earlier run's shard, ``measured`` those of pieces put aside;
    ``rows`` holds both. ``incomplete`` are rows of an earlier run that only lack what the stage
    adds, and ``tables`` holds them."""

    rows: Pieces
    taken_over: set[int] = field(default_factory=set)
    measured: set[int] = field(default_factory=set)
    incomplete: set[int] = field(default_factory=set)
    tables: dict[str, pa.Table] = field(default_factory=dict)


def find_earlier(
    task: ShardTask, workspace: Workspace, ids: pa.Array, digests: list[str], wanted: Iterable[int]
) -> Earlier:
    """Wanted rows that were measured before, from the same inputs by their ``digests``.

    A task for a piece reads that piece alone, and of an earlier shard only which rows it has.
    """
    earlier = Earlier({name: [] for name in task.stage.writes})
    todo = set(wanted)
    shard = {name: workspace.path(name, task.part) for name in task.stage.writes}
    _find_incomplete(task, shard, ids, digests, todo, earlier)
    if not digests:
        return earlier
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
    task: ShardTask, paths: Mapping[str, TablePath], digests: list[str], todo: set[int]
) -> set[int]:
    proof = _one_proof(paths)
    if proof is None or proof.fingerprint != task.fingerprint:
        return set()
    known = set(read_row_digests(paths[task.stage.writes[0]]))
    return {row for row in todo if digests[row] in known}


def _find_incomplete(
    task: ShardTask,
    paths: Mapping[str, TablePath],
    ids: pa.Array,
    digests: list[str],
    todo: set[int],
    earlier: Earlier,
) -> None:
    proof = _one_proof(paths)
    if not task.base or proof is None or proof.base != task.base:
        return
    if proof.fingerprint == task.fingerprint and not proof.counts.get("quarantined"):
        return  # nothing is missing
    tables = {name: read_table(path) for name, path in paths.items()}
    if digests:
        known = set(read_row_digests(paths[task.stage.writes[0]]))
        earlier.incomplete = {row for row in todo if digests[row] in known}
    elif proof.inputs == task.inputs:
        sound = tables[task.stage.writes[0]]
        sound = sound.filter(pc.invert(is_quarantined(sound["error"])))
        there = pc.is_in(ids, value_set=sound["id"].combine_chunks()).to_pylist()
        earlier.incomplete = {row for row in todo if there[row]}
    earlier.tables = tables


def _one_proof(paths: Mapping[str, TablePath]) -> Proof | None:
    proofs = [read_proof(path) for path in paths.values()]
    # Tables of two different runs (one killed between them) don't belong together.
    runs = {(p.fingerprint, hash_json([p.inputs, p.counts])) if p else None for p in proofs}
    return proofs[0] if len(runs) == 1 else None


def _read(paths: Mapping[str, TablePath], ids: pa.Array, found: set[int], rows: Pieces) -> None:
    if not found:
        return
    values = ids.take(pa.array(sorted(found), pa.int64()))
    for name, path in paths.items():
        table = read_table(path)
        rows[name].append(table.filter(pc.is_in(table["id"], value_set=values)))
