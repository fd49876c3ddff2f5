"""What a worker does: one stage over one shard, row by row, and never a row lost."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.engine.earlier import QUARANTINED, Earlier, Pieces, find_earlier
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import group_rows, hash_json, row_digests
from pipeline.engine.plugins import PluginRowError
from pipeline.engine.stage import Process, Stage, own_rows
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.task import Heartbeat, ShardReport, ShardTask
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_NO_ERRORS = pa.schema([("id", pa.string()), ("error", pa.string())]).empty_table()


@dataclass(frozen=True)
class _Shard:
    """The tables that a stage reads: the runs of each sticker in them, what decides each
    sticker's rows, and which are worth measuring."""

    tables: dict[str, pa.Table]
    ids: pa.Array
    runs: dict[str, list[tuple[int, int]]]
    digests: list[str]
    wanted: NDArray[np.bool_]


def run_shard(task: ShardTask, process: Process | None = None) -> ShardReport:
    """Run the stage over the shard, or a piece of it, and write its tables with their proof.

    ``process`` is the stage's function where that is open already.
    """
    _beat(task, (), 0)
    workspace = Workspace(task.context.root)
    shard = _read(task, workspace)
    wanted = np.flatnonzero(shard.wanted).tolist()
    if task.piece is not None:
        wanted = [i for i in wanted if task.piece[0] <= i < task.piece[1]]
    earlier = find_earlier(task, workspace, shard.ids, shard.digests, wanted)
    todo = [i for i in wanted if i not in earlier.taken_over and i not in earlier.measured]
    rows = earlier.rows
    raised = _measure(task, process, shard, todo, earlier)
    _add_empty(task.stage, rows, {**task.quarantined, **raised})
    measured = sorted([*earlier.measured, *todo])
    if task.piece is not None:
        return _put_aside(task, workspace, shard, measured, rows, fresh=bool(todo))
    skipped = np.flatnonzero(~shard.wanted).tolist()
    _add_empty(task.stage, rows, {shard.ids[i].as_py(): None for i in skipped})
    counts = {
        "read": len(shard.ids),
        "measured": len(measured),
        "skipped": len(skipped),
        "taken_over": len(earlier.taken_over),
    }
    return _write(task, workspace, shard, rows, counts)


# The pieces of a shard come one after the other, and reading it takes longer than some of them.
_last_read: dict[str, _Shard] = {}


def _read(task: ShardTask, workspace: Workspace) -> _Shard:
    key = hash_json([task.stage.name, str(task.context.root), task.part, task.inputs])
    if key in _last_read:
        return _last_read[key]
    idle = task.stage.idle(task.context.settings)
    reads = task.stage.reads[:1] if idle else task.stage.reads
    tables = {name: workspace.read(name, task.part) for name in reads}
    ids = tables[task.stage.reads[0]]["id"].combine_chunks()
    runs = {name: _runs(table, ids, name) for name, table in tables.items()}
    digests = [] if idle else _digests(task.stage, tables, ids)
    wanted = np.zeros(len(ids), bool) if idle else _wanted(task.stage, tables, len(ids))
    shard = _Shard(tables, ids, runs, digests, wanted)
    _last_read.clear()
    if task.piece is not None:
        _last_read[key] = shard
    return shard


_opened: dict[str, Process] = {}


def _open(task: ShardTask) -> Process:
    key = f"{task.stage.name}:{task.fingerprint}:{task.context.root}"
    if key not in _opened:
        _opened[key] = task.stage.open(task.context)
    return _opened[key]


def _beat(task: ShardTask, batch: Sequence[str], done: int) -> None:
    Heartbeat(os.getpid(), time.monotonic(), tuple(batch), done).write(task.marker)


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
    if not stage.expensive:
        return []
    return row_digests([tables[name] for name in stage.reads if name != stage.selects], ids)


def _wanted(stage: Stage, tables: dict[str, pa.Table], rows: int) -> NDArray[np.bool_]:
    if stage.selects is None:
        return np.ones(rows, dtype=bool)
    kept = tables[stage.selects]["kept"].fill_null(False)
    return np.asarray(kept.to_numpy(zero_copy_only=False), dtype=bool)


def _measure(
    task: ShardTask, process: Process | None, shard: _Shard, todo: list[int], earlier: Earlier
) -> dict[str, str]:
    """Append the rows of every batch to the earlier ones; return the rows that raised, and why."""
    raised: dict[str, str] = {}
    ids = shard.ids
    first, end = task.piece or (0, len(ids))
    rows = [i for i in todo if ids[i].as_py() not in task.quarantined]
    size = 1 if task.one_by_one else task.stage.batch_rows
    before = end - first - len(rows)

    runs_before = {name: group_rows(table, ids) for name, table in earlier.tables.items()}

    def measure(process: Process, batch: list[int], done: int) -> None:
        names = [ids[i].as_py() for i in batch]
        _beat(task, names, done)
        try:
            given = {n: _slice(t, shard.runs[n], batch) for n, t in shard.tables.items()}
            if batch[0] in earlier.incomplete:
                known = earlier.tables.items()
                given |= {n: _slice(t, runs_before[n], batch) for n, t in known}
            written = process(given)
        except StickerworksError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - costs one row, not the shard
            if len(batch) > 1:
                for offset, i in enumerate(batch):
                    measure(process, [i], done + offset)
                return
            raised[names[0]] = _why(error)
            task.check(len(raised) + len(task.quarantined), done + 1, raised[names[0]])
            return
        for name in task.stage.writes:
            schema, made = TABLES[name].schema, written[name]
            # A cast of each row takes longer than some rows.
            same = made.schema.equals(schema)
            earlier.rows[name].append(made if same else made.select(schema.names).cast(schema))

    if rows:
        process = process or _open(task)
        incomplete = [i for i in rows if i in earlier.incomplete]
        fresh = [i for i in rows if i not in earlier.incomplete]
        for some in (incomplete, fresh):
            for start in range(0, len(some), size):
                measure(process, some[start : start + size], before)
                before += len(some[start : start + size])
    _beat(task, (), end - first)
    return raised


def _slice(table: pa.Table, runs: list[tuple[int, int]], batch: list[int]) -> pa.Table:
    if len(batch) == batch[-1] - batch[0] + 1:
        start = runs[batch[0]][0]
        end = sum(runs[batch[-1]])
        return table.slice(start, end - start)
    return pa.concat_tables([table.slice(*runs[i]) for i in batch])


def _why(error: BaseException) -> str:
    told = str(error) if isinstance(error, PluginRowError) else ""
    return (told or f"raised {type(error).__name__}: {error}")[:500]


def _add_empty(stage: Stage, pieces: Pieces, errors: dict[str, str] | dict[str, None]) -> None:
    """Add rows of nulls for rows that were skipped (no error) or quarantined (with it)."""
    if not errors:
        return
    failed = any(error is not None for error in errors.values())
    for name in stage.writes:
        schema = TABLES[name].schema
        # Of a sticker that failed, the first table says so.
        if TABLES[name].scope == "detail" and (not failed or name != stage.writes[0]):
            continue
        if failed and "error" not in schema.names:
            raise StickerworksError(
                f"{stage.name} failed on a row, and its table {name} can't say so: "
                f"{next(iter(errors.values()))}"
            )
        row = [
            {"id": i, "error": e and f"{QUARANTINED}{e}", "measured": e is not None}
            for i, e in errors.items()
        ]
        known = [{k: v for k, v in r.items() if k in schema.names} for r in row]
        pieces[name].append(pa.Table.from_pylist(known, schema=schema))


def _put_aside(
    task: ShardTask,
    workspace: Workspace,
    shard: _Shard,
    measured: list[int],
    pieces: Pieces,
    *,
    fresh: bool,
) -> ShardReport:
    """Write the rows of a piece, where any is new, for the task that joins them."""
    ids = shard.ids.take(pa.array(measured, pa.int64()))
    rows = {name: _in_order(task, name, ids, found) for name, found in pieces.items()}
    first, end = task.piece or (0, 0)
    if fresh:
        counts = {"first": first, "end": end, "measured": len(measured)}
        proof = Proof(task.stage.name, task.fingerprint, task.inputs, counts, base=task.base)
        digests = [shard.digests[i] for i in measured]
        # The first table goes last: its proof says that all of them are there.
        for name in reversed(task.stage.writes):
            piece = workspace.piece(name, task.part, first)
            write_table(piece, rows[name], proof, digests, lasting=False)
    return _report(task, rows, {"measured": len(measured)})


def _write(
    task: ShardTask, workspace: Workspace, shard: _Shard, pieces: Pieces, counts: dict[str, int]
) -> ShardReport:
    rows = {name: _in_order(task, name, shard.ids, found) for name, found in pieces.items()}
    report = _report(task, rows, counts)
    counts = report.counts
    proof = Proof(task.stage.name, task.fingerprint, task.inputs, counts, base=task.base)
    # Skipped and quarantined rows are worth another try whenever the shard runs again.
    again = set(_errors(rows[task.stage.writes[0]], QUARANTINED)["id"].to_pylist())
    known = zip(shard.digests, shard.wanted, shard.ids.to_pylist(), strict=False)
    digests = [digest for digest, wanted, sticker in known if wanted and sticker not in again]
    for name in reversed(task.stage.writes):
        write_table(workspace.path(name, task.part), rows[name], proof, digests)
    for name in task.stage.writes:
        for start in workspace.pieces_of(name, task.part):
            workspace.piece(name, task.part, start).unlink(missing_ok=True)
    return report


def _report(task: ShardTask, rows: Mapping[str, pa.Table], counts: dict[str, int]) -> ShardReport:
    stage = task.stage
    first = rows[stage.writes[0]]
    added = [rows[stage.writes[-1]]] if stage.adds else []
    told = [
        _errors(table, QUARANTINED).select(["id", "error"]).cast(_NO_ERRORS.schema)
        for table in (first, *added)
        if "error" in table.schema.names
    ]
    quarantined = pa.concat_tables([_NO_ERRORS, *told])
    failed = own_rows(_errors(first), stage.own(task.context.settings))
    counts = {
        **counts,
        "failed": len(set(failed["id"].to_pylist() + quarantined["id"].to_pylist())),
        "quarantined": len(pc.unique(quarantined["id"])),
    }
    if added:
        counts["given_up"] = len(told[0])
    last = quarantined["error"][-1].as_py() if len(quarantined) else ""
    return ShardReport(task.part, counts, last.removeprefix(QUARANTINED))


def _errors(rows: pa.Table, prefix: str = "") -> pa.Table:
    if "error" not in rows.schema.names:
        return rows.slice(0, 0)
    return rows.filter(pc.fill_null(pc.starts_with(rows["error"], prefix), False))


def _in_order(task: ShardTask, name: str, ids: pa.Array, pieces: list[pa.Table]) -> pa.Table:
    schema = TABLES[name].schema
    rows = pa.concat_tables([schema.empty_table(), *pieces])
    places = pc.index_in(rows["id"], value_set=ids).combine_chunks()
    if places.null_count:
        raise ValueError(f"{task.stage.name} returned rows of {name} for stickers not given to it")
    order = np.argsort(places.to_numpy(), kind="stable")
    # In one chunk: how a shard was cut must not show in the bytes of its file.
    rows = rows.take(pa.array(order)).combine_chunks()
    if TABLES[name].scope == "sticker" and not rows["id"].combine_chunks().equals(ids):
        raise ValueError(f"{task.stage.name} did not return one row of {name} for each sticker")
    if "measured" in schema.names:
        at = schema.names.index("measured")
        rows = rows.set_column(at, schema.field(at), rows["measured"].fill_null(True))
    return rows
