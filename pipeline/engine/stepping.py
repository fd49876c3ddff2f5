"""Running a step: its reader, and what it yields checked and written block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pyarrow as pa

from pipeline.engine.current import StepRun, fingerprint_of
from pipeline.engine.stage import Step
from pipeline.engine.storage import BLOCK_SHARDS, Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

_RUNS_AT_A_TIME = 2

_Key = tuple[str, int | None]


def write_step(
    step: Step,
    workspace: Workspace,
    config: Config,
    runs: Sequence[StepRun],
    progress: Callable[[int, int], None],
) -> None:
    """Make the runs of a step and write its tables; ``progress`` gets the rows
    and shards done of the first.

    Raises ValueError where it leaves out a shard, or writes other rows than one a sticker.
    """
    print_, settings = fingerprint_of(step, config), step.settings(config)
    lock, rows_done, shards_done = Lock(), 0, 0

    def make(run: StepRun) -> None:
        nonlocal rows_done, shards_done
        reader = _StepReader(step, workspace, run.parts)
        proof = Proof(step.name, print_, run.inputs)
        writer = _Writer(step, workspace, reader, proof)
        for table, given, rows in step.run(reader, settings):
            written = writer.add(table, given, rows)
            if table == step.writes[0] and given is not None:
                with lock:
                    rows_done, shards_done = rows_done + len(rows), shards_done + written
                    progress(rows_done, shards_done)
        writer.end()

    if len(runs) == 1:  # in this thread, so that Ctrl-C ends it
        make(runs[0])
        return
    # Arrow works outside of Python's lock: while a block is computed, the next one is read.
    with ThreadPoolExecutor(_RUNS_AT_A_TIME) as pool:
        try:
            for _ in pool.map(make, runs):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Writer:
    """Takes what a step yields, and writes a file as soon as all that belongs into it is there."""

    def __init__(self, step: Step, workspace: Workspace, reader: _StepReader, proof: Proof) -> None:
        self._step, self._workspace, self._reader, self._proof = step, workspace, reader, proof
        self._left: set[_Key] = set(_outputs(step, reader.parts))
        self._waiting: dict[str, dict[int, pa.Table]] = {table: {} for table in step.writes}

    def add(self, table: str, given: int | tuple[int, ...] | None, rows: pa.Table) -> int:
        """Take the rows of a global table, of a shard, or of several shards in order.

        Returns how many shards are written with them.
        """
        schema = TABLES[table].schema
        rows = rows.select(schema.names).cast(schema)
        parts = given if isinstance(given, tuple) else (given,)
        for part in parts:
            if (table, part) not in self._left:
                raise ValueError(f"{self._step.name} wrote {table}/{part}, unasked or twice")
            self._left.remove((table, part))
        shards = tuple(part for part in parts if part is not None)
        if shards:
            return self._add_shards(table, shards, rows)
        self._workspace.write(table, None, rows, self._proof)
        return 0

    def end(self) -> None:
        """Raise where shards are missing."""
        if self._left:
            raise ValueError(f"{self._step.name} left out {sorted(map(str, self._left))}")

    def _add_shards(self, table: str, parts: tuple[int, ...], rows: pa.Table) -> int:
        if TABLES[table].scope == "sticker" and not rows["id"].equals(self._reader.ids(parts)):
            raise ValueError(f"{self._step.name} did not write one row of {table} for each sticker")
        if not TABLES[table].in_blocks:
            for part, shard in self._cut(parts, rows):
                self._workspace.write(table, part, shard, self._proof)
            return len(parts)
        written, waiting = 0, self._waiting[table]
        waiting.update(self._cut(parts, rows))
        for block in {part // BLOCK_SHARDS for part in parts}:
            whole = [part for part in self._reader.parts if part // BLOCK_SHARDS == block]
            if all(part in waiting for part in whole):
                shards = {part: waiting.pop(part) for part in whole}
                self._workspace.write_block(table, shards, self._proof)
                written += len(shards)
        return written

    def _cut(self, parts: tuple[int, ...], rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        if len(parts) == 1:
            yield parts[0], rows
            return
        start = 0
        for part in parts:
            size = self._workspace.rows("stickers", part)
            yield part, rows.slice(start, size)
            start += size


class _StepReader:
    """Reads just the tables and shards that a step declares, so that its fingerprint covers all
    it sees."""

    def __init__(self, step: Step, workspace: Workspace, parts: tuple[int, ...]) -> None:
        self._step, self._workspace, self._parts = step, workspace, parts
        self._ids: dict[tuple[int, ...], pa.ChunkedArray] = {}

    @property
    def parts(self) -> tuple[int, ...]:
        return self._parts

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        known = set(self._parts)
        return tuple(block for block in self._workspace.blocks if known.issuperset(block))

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        if table not in self._step.reads:
            raise ValueError(f"{self._step.name} doesn't declare that it reads {table}")
        if parts is None and TABLES[table].scope != "global":
            parts = self._parts
        asked = {parts} if isinstance(parts, int) else set(parts or ())
        if asked - set(self._parts):
            raise ValueError(f"{self._step.name} reads shards of {table} that are not its own")
        rows = self._workspace.read(table, parts, columns)
        if table == "stickers" and isinstance(parts, Sequence) and "id" in rows.column_names:
            # The step's own rows are checked against them.
            self._ids = {tuple(parts): rows["id"]}
        return rows

    def ids(self, parts: tuple[int, ...]) -> pa.ChunkedArray:
        """Ids of the stickers of some shards."""
        if parts not in self._ids:
            self._ids = {parts: self._workspace.read("stickers", parts, ["id"])["id"]}
        return self._ids[parts]


def _outputs(step: Step, parts: Sequence[int]) -> Iterator[_Key]:
    for table in step.writes:
        if TABLES[table].scope == "global":
            yield table, None
        else:
            yield from ((table, part) for part in parts)
