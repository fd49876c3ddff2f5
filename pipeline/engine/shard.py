"""What a worker does: one stage over one shard, row by row, and never a row lost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import group_rows, hash_json, row_digests
from pipeline.engine.stage import Context, Process, Stage
from pipeline.engine.storage import Proof, read_row_digests, write_table
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

Pieces = dict[str, list[pa.Table]]


@dataclass(frozen=True)
class ShardTask:
    """One stage over one shard; ``quarantined`` maps rows to leave out to the reason."""

    stage: Stage
    part: int
    rows: int
    context: Context
    fingerprint: str
    inputs: dict[str, str]
    marker: Path
    max_quarantined: int
    quarantined: dict[str, str] = field(default_factory=dict)
    one_by_one: bool = False


@dataclass(frozen=True)
class ShardReport:
    """What became of a shard's rows: read = measured + skipped + taken_over, of which failed
    carry an error, quarantined among them."""

    part: int
    counts: dict[str, int]


@dataclass(frozen=True)
class Mark:
    """Where a worker is: the batch that it works on, and how many rows lie behind it."""

    pid: int
    started: float
    batch: tuple[str, ...]
    done: int

    def write(self, path: Path) -> None:
        text = json.dumps([self.pid, self.started, self.batch, self.done])
        temporary = path.with_suffix(f".{self.pid}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)

    @staticmethod
    def read(path: Path) -> Mark | None:
        """The mark last written; None before the first."""
        try:
            pid, started, batch, done = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Mark(pid, started, tuple(batch), done)


def run_shard(task: ShardTask, process: Process | None = None) -> ShardReport:
    """Run the stage over the shard and write its tables with their proof.

    ``process`` is the stage's function where that is open already.
    """
    _mark(task, (), 0)
    process = process or _open(task)
    workspace = Workspace(task.context.root)
    tables = {name: workspace.read(name, task.part) for name in task.stage.reads}
    ids = tables[task.stage.reads[0]]["id"].combine_chunks()
    runs = {name: _runs(table, ids, name) for name, table in tables.items()}
    digests = _digests(task.stage, tables, ids)
    wanted = _wanted(task.stage, tables, len(ids))
    pieces, taken = _take_over(task, workspace, ids, digests, wanted)
    todo = [i for i in np.flatnonzero(wanted).tolist() if i not in taken]
    raised = _measure(task, process, tables, runs, ids, todo, pieces)
    skipped = np.flatnonzero(~wanted).tolist()
    _add_empty(task.stage, pieces, {ids[i].as_py(): None for i in skipped})
    quarantined = {**task.quarantined, **raised}
    _add_empty(task.stage, pieces, quarantined)
    counts = {
        "read": len(ids),
        "measured": len(todo),
        "skipped": len(skipped),
        "taken_over": len(taken),
    }
    # Skipped and quarantined rows are worth another try whenever the shard runs again.
    reusable = [
        d
        for d, w, i in zip(digests, wanted, ids, strict=False)
        if w and i.as_py() not in quarantined
    ]
    return _write(task, workspace, ids, pieces, counts, reusable)


_opened: dict[str, Process] = {}


def _open(task: ShardTask) -> Process:
    key = f"{task.stage.name}:{task.fingerprint}:{task.context.root}"
    if key not in _opened:
        _opened[key] = task.stage.open(task.context)
    return _opened[key]


def _mark(task: ShardTask, batch: Sequence[str], done: int) -> None:
    Mark(os.getpid(), time.monotonic(), tuple(batch), done).write(task.marker)


def _runs(table: pa.Table, ids: pa.Array, name: str) -> list[tuple[int, int]]:
    try:
        runs = group_rows(table, ids)
    except ValueError as error:
        raise _misfit(name, str(error)) from error
    if TABLES[name].scope == "sticker" and any(length != 1 for _, length in runs):
        raise _misfit(name, "it does not hold one row for each sticker")
    return runs


def _misfit(name: str, why: str) -> StickerworksError:
    return StickerworksError(
        f"The table {name} does not fit the stickers of its shard: {why}.",
        f"Run `stickerworks {TABLES[name].command}` again, which writes it.",
    )


def _digests(stage: Stage, tables: dict[str, pa.Table], ids: pa.Array) -> list[str]:
    if not stage.dear:
        return []
    return row_digests([tables[name] for name in stage.reads if name != stage.selects], ids)


def _wanted(stage: Stage, tables: dict[str, pa.Table], rows: int) -> NDArray[np.bool_]:
    if stage.selects is None:
        return np.ones(rows, dtype=bool)
    kept = tables[stage.selects]["kept"].fill_null(False)
    return np.asarray(kept.to_numpy(zero_copy_only=False), dtype=bool)


def _take_over(
    task: ShardTask,
    workspace: Workspace,
    ids: pa.Array,
    digests: list[str],
    wanted: NDArray[np.bool_],
) -> tuple[Pieces, set[int]]:
    pieces: Pieces = {name: [] for name in task.stage.writes}
    proofs = [workspace.proof(name, task.part) for name in task.stage.writes]
    # Tables of two different runs (one killed between them) don't belong together.
    known_runs = {(p.fingerprint, hash_json(p.inputs)) if p else None for p in proofs}
    if not digests or len(known_runs) > 1:
        return pieces, set()
    if proofs[0] is None or proofs[0].fingerprint != task.fingerprint:
        return pieces, set()
    known = set(read_row_digests(workspace.path(task.stage.writes[0], task.part)))
    taken = {i for i in np.flatnonzero(wanted).tolist() if digests[i] in known}
    values = ids.take(pa.array(sorted(taken), pa.int64()))
    for name in task.stage.writes:
        rows = workspace.read(name, task.part)
        pieces[name].append(rows.filter(pc.is_in(rows["id"], value_set=values)))
    return pieces, taken


def _measure(
    task: ShardTask,
    process: Process,
    tables: dict[str, pa.Table],
    runs: dict[str, list[tuple[int, int]]],
    ids: pa.Array,
    todo: list[int],
    pieces: Pieces,
) -> dict[str, str]:
    """Append the rows of every batch to ``pieces``; return the rows that raised, with why."""
    raised: dict[str, str] = {}
    rows = [i for i in todo if ids[i].as_py() not in task.quarantined]
    size = 1 if task.one_by_one else task.stage.batch_rows

    def measure(batch: list[int], done: int) -> None:
        names = [ids[i].as_py() for i in batch]
        _mark(task, names, done)
        try:
            written = process({n: _slice(t, runs[n], batch) for n, t in tables.items()})
        except StickerworksError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - costs one row, not the shard
            if len(batch) > 1:
                for offset, i in enumerate(batch):
                    measure([i], done + offset)
                return
            raised[names[0]] = f"raised {type(error).__name__}: {error}"[:500]
            _check_raised(task, raised)
            return
        for name in task.stage.writes:
            schema = TABLES[name].schema
            pieces[name].append(written[name].select(schema.names).cast(schema))

    before = len(ids) - len(rows)
    for start in range(0, len(rows), size):
        measure(rows[start : start + size], before + start)
    _mark(task, (), len(ids))
    return raised


def _check_raised(task: ShardTask, raised: dict[str, str]) -> None:
    if len(raised) + len(task.quarantined) > task.max_quarantined:
        raise too_many_quarantined(task, list(raised.values())[-1])


def too_many_quarantined(task: ShardTask, reason: str) -> StickerworksError:
    """The error of a shard in which so many rows fail that the stage itself must be broken."""
    return StickerworksError(
        f"{task.stage.name} stopped at shard {task.part}: more than {task.max_quarantined} rows "
        f"were quarantined, the last because it {reason}.",
        "This looks like a fault of the stage, not of the rows; "
        "raise engine.max_quarantined to go on all the same.",
    )


def _slice(table: pa.Table, runs: list[tuple[int, int]], batch: list[int]) -> pa.Table:
    if len(batch) == batch[-1] - batch[0] + 1:
        start = runs[batch[0]][0]
        end = sum(runs[batch[-1]])
        return table.slice(start, end - start)
    return pa.concat_tables([table.slice(*runs[i]) for i in batch])


def _add_empty(stage: Stage, pieces: Pieces, errors: dict[str, str] | dict[str, None]) -> None:
    """Add rows of nulls for rows that were skipped (no error) or quarantined (with it)."""
    if not errors:
        return
    failed = any(error is not None for error in errors.values())
    for name in stage.writes:
        schema = TABLES[name].schema
        if TABLES[name].scope == "detail" and not failed:
            continue
        if failed and "error" not in schema.names:
            raise StickerworksError(
                f"{stage.name} failed on a row, and its table {name} can't say so: "
                f"{next(iter(errors.values()))}"
            )
        row = [
            {"id": i, "error": e and f"quarantined: {e}", "measured": e is not None}
            for i, e in errors.items()
        ]
        known = [{k: v for k, v in r.items() if k in schema.names} for r in row]
        pieces[name].append(pa.Table.from_pylist(known, schema=schema))


def _write(
    task: ShardTask,
    workspace: Workspace,
    ids: pa.Array,
    pieces: Pieces,
    counts: dict[str, int],
    digests: list[str],
) -> ShardReport:
    ordered = {name: _in_order(task, name, ids, found) for name, found in pieces.items()}
    counts = {**counts, **_failures(ordered[task.stage.writes[0]])}
    proof = Proof(task.stage.name, task.fingerprint, task.inputs, counts)
    # The first table goes last: its proof says that all of them are there.
    for name in reversed(task.stage.writes):
        write_table(workspace.path(name, task.part), ordered[name], proof, digests)
    return ShardReport(task.part, counts)


def _failures(table: pa.Table) -> dict[str, int]:
    if "error" not in table.schema.names:
        return {"failed": 0, "quarantined": 0}
    failed = table.filter(pc.is_valid(table["error"]))
    quarantined = failed.filter(pc.starts_with(failed["error"], "quarantined: "))
    return {
        "failed": len(pc.unique(failed["id"])),
        "quarantined": len(pc.unique(quarantined["id"])),
    }


def _in_order(task: ShardTask, name: str, ids: pa.Array, pieces: list[pa.Table]) -> pa.Table:
    schema = TABLES[name].schema
    rows = pa.concat_tables([schema.empty_table(), *pieces])
    places = pc.index_in(rows["id"], value_set=ids).combine_chunks()
    if places.null_count:
        raise ValueError(f"{task.stage.name} returned rows of {name} for stickers not given to it")
    order = np.argsort(places.to_numpy(), kind="stable")
    rows = rows.take(pa.array(order))
    if TABLES[name].scope == "sticker" and not rows["id"].combine_chunks().equals(ids):
        raise ValueError(f"{task.stage.name} did not return one row of {name} for each sticker")
    if "measured" in schema.names:
        at = schema.names.index("measured")
        rows = rows.set_column(at, schema.field(at), rows["measured"].fill_null(True))
    return rows
