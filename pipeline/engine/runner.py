"""The runner: which shards and steps are stale, running them, and what became of each row."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.executor import execute, expected_workers
from pipeline.engine.fingerprint import fingerprint, hash_json
from pipeline.engine.quarantine import Allowance, allow
from pipeline.engine.stage import Context, Stage, Step
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.task import ShardTask, spans
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES


@dataclass(frozen=True)
class RunReport:
    """What a stage or step did: shards (or runs) made and found current, rows and seconds;
    ``reason`` is that of the last row quarantined now."""

    name: str
    made: int
    current: int
    rows_made: int
    counts: Mapping[str, int]
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Pending:
    """What a stage or step would do: shards, rows and the seconds that they are likely to take."""

    name: str
    shards: int
    rows: int
    seconds: float


class Display(Protocol):
    """Shows work going on."""

    def start(self, name: str, rows: int) -> None: ...

    def progress(self, rows_done: int) -> None: ...

    def stop(self) -> None: ...


def run(
    work: Stage | Step,
    workspace: Workspace,
    config: Config,
    display: Display,
    *,
    retry_quarantined: bool = False,
) -> RunReport:
    """Bring the tables of a stage or step up to date."""
    check_inputs(work, workspace)
    if isinstance(work, Stage):
        return _run_stage(work, workspace, config, display, retry_quarantined)
    return _run_step(work, workspace, config, display)


def pending(
    work: Stage | Step, workspace: Workspace, config: Config, *, retry_quarantined: bool = False
) -> Pending:
    """What ``run`` would do now; nothing is written."""
    parts = workspace.parts
    if isinstance(work, Step):
        rows = 0 if _step_is_current(work, workspace, config) else _rows(workspace, parts)
        return Pending(work.name, int(rows > 0), rows, 0.0)
    expected = _fingerprint(work, config)
    stale = [
        part
        for part in parts
        if not _shard_is_current(work, workspace, expected, part)
        or (retry_quarantined and _quarantined(work, workspace, part))
    ]
    sizes = [_rows(workspace, (part,)) for part in stale]
    rows = sum(sizes)
    tasks = sum(max(1, len(spans(work, size))) for size in sizes)
    workers = min(expected_workers(work, config, rows), max(1, tasks))
    return Pending(work.name, len(stale), rows, rows * work.needs.seconds_per_row / workers)


def check_inputs(work: Stage | Step, workspace: Workspace) -> None:
    """Refuse to run before the tables that are read exist, naming the command that makes them."""
    check_crawled(workspace)
    optional = work.optional if isinstance(work, Step) else ()
    for table in work.reads:
        if table not in optional and not workspace.complete(table):
            raise StickerworksError(
                f"{work.name} reads the table {table}, which isn't complete in {workspace.root}.",
                f"Run `stickerworks {TABLES[table].command}` first.",
            )


def check_crawled(workspace: Workspace) -> None:
    """Refuse to go on in a workspace without stickers, or with a shard of them lost."""
    _check_whole(workspace)
    if not workspace.parts:
        raise StickerworksError(
            f"There are no stickers in {workspace.root}.",
            "Run `stickerworks crawl` on a source that has some, or `make demo` to see it all.",
        )


def _check_whole(workspace: Workspace) -> None:
    lost = set(workspace.parts_of("media")) - set(workspace.parts)
    if lost:
        raise StickerworksError(
            f"The table stickers lacks shard {min(lost)}, which media has.",
            "Run `stickerworks crawl` again, which writes both.",
        )


def _run_stage(
    stage: Stage, workspace: Workspace, config: Config, display: Display, retry: bool
) -> RunReport:
    started = time.monotonic()
    stale, counts = [], Counter[str]()
    expected = _fingerprint(stage, config)
    for part in workspace.parts:
        current = _shard_is_current(stage, workspace, expected, part)
        proof = workspace.proof(stage.writes[0], part)
        if current and proof and not (retry and _quarantined(stage, workspace, part)):
            counts.update(proof.counts)
        else:
            stale.append(part)
    every = _rows(workspace, workspace.parts)
    given_up = counts["given_up" if stage.adds else "quarantined"]
    allowance = allow(config.engine, every, given_up)
    tasks = _tasks(stage, workspace, config, expected, stale, allowance)
    rows = sum(task.rows for task in tasks)
    reason = ""
    if tasks:
        workspace.scratch.mkdir(parents=True, exist_ok=True)
        display.start(stage.name, rows)
        try:
            for report in execute(tasks, config, display.progress):
                counts.update(report.counts)
                reason = report.reason or reason
        finally:
            display.stop()
    current_shards = len(workspace.parts) - len(tasks)
    seconds = time.monotonic() - started
    return RunReport(stage.name, len(tasks), current_shards, rows, counts, seconds, reason)


def _tasks(
    stage: Stage,
    workspace: Workspace,
    config: Config,
    expected: str,
    parts: Sequence[int],
    allowance: Allowance,
) -> list[ShardTask]:
    # Settings and models once, and not for each of a thousand shards.
    context, base = Context(stage.settings(config), workspace.root), _base(stage, config)
    return [
        ShardTask(
            stage=stage,
            part=part,
            rows=_rows(workspace, (part,)),
            context=context,
            fingerprint=expected,
            inputs=_inputs(stage, workspace, (part,)),
            marker=workspace.scratch / f"{stage.name}-{part:05d}.json",
            allowance=allowance,
            base=base,
        )
        for part in parts
    ]


def _shard_is_current(stage: Stage, workspace: Workspace, expected: str, part: int) -> bool:
    inputs = _inputs(stage, workspace, (part,))
    return all(
        _is_current(workspace.proof(table, part), expected, inputs) for table in stage.writes
    )


def _quarantined(stage: Stage, workspace: Workspace, part: int) -> int:
    proof = workspace.proof(stage.writes[0], part)
    return proof.counts.get("quarantined", 0) if proof else 0


def _run_step(step: Step, workspace: Workspace, config: Config, display: Display) -> RunReport:
    started = time.monotonic()
    rows = _rows(workspace, workspace.parts)
    if _step_is_current(step, workspace, config):
        return RunReport(step.name, 0, 1, 0, {"read": rows}, time.monotonic() - started)
    display.start(step.name, rows)
    try:
        _write_step(step, workspace, config)
    finally:
        display.stop()
    return RunReport(step.name, 1, 0, rows, {"read": rows}, time.monotonic() - started)


def _write_step(step: Step, workspace: Workspace, config: Config) -> None:
    proof = Proof(step.name, _fingerprint(step, config), _step_inputs(step, workspace))
    expected = set(_outputs(step, workspace))
    for table, part, rows in step.run(_StepReader(step, workspace), step.settings(config)):
        if (table, part) not in expected:
            raise ValueError(f"{step.name} wrote {table}/{part}, unasked or twice")
        expected.remove((table, part))
        if TABLES[table].scope == "sticker":
            spine = workspace.read("stickers", part, ["id"])["id"].combine_chunks()
            if not rows["id"].combine_chunks().equals(spine):
                raise ValueError(f"{step.name} did not write one row of {table} for each sticker")
        schema = TABLES[table].schema
        write_table(workspace.path(table, part), rows.select(schema.names).cast(schema), proof)
    if expected:
        raise ValueError(f"{step.name} left out {sorted(map(str, expected))}")


def _step_is_current(step: Step, workspace: Workspace, config: Config) -> bool:
    expected, inputs = _fingerprint(step, config), _step_inputs(step, workspace)
    return all(
        _is_current(workspace.proof(table, part), expected, inputs)
        for table, part in _outputs(step, workspace)
    )


def _step_inputs(step: Step, workspace: Workspace) -> dict[str, str]:
    """One digest for all inputs: a thousand shards each listing a thousand would be quadratic."""
    return {"all": hash_json(_inputs(step, workspace, workspace.parts))}


def _outputs(step: Step, workspace: Workspace) -> list[tuple[str, int | None]]:
    outputs: list[tuple[str, int | None]] = []
    for table in step.writes:
        parts = (None,) if TABLES[table].scope == "global" else workspace.parts
        outputs.extend((table, part) for part in parts)
    return outputs


class _StepReader:
    """Reads just the tables that a step declares, so that its fingerprint covers all it sees."""

    def __init__(self, step: Step, workspace: Workspace) -> None:
        self._step = step
        self._workspace = workspace

    @property
    def parts(self) -> tuple[int, ...]:
        return self._workspace.parts

    def read(
        self, table: str, part: int | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        if table not in self._step.reads:
            raise ValueError(f"{self._step.name} doesn't declare that it reads {table}")
        return self._workspace.read(table, part, columns)


def _is_current(proof: Proof | None, expected: str, inputs: Mapping[str, str]) -> bool:
    return proof is not None and proof.fingerprint == expected and proof.inputs == dict(inputs)


def _fingerprint(work: Stage | Step, config: Config) -> str:
    models = work.models(config) if isinstance(work, Stage) else {}
    return fingerprint(work.name, work.version, work.writes, work.settings(config), models)


def _base(stage: Stage, config: Config) -> str:
    if stage.adds is None:
        return ""
    rest = {key: value for key, value in stage.settings(config).items() if key != stage.adds}
    return fingerprint(stage.name, stage.version, stage.writes, rest, stage.models(config))


def _inputs(work: Stage | Step, workspace: Workspace, parts: tuple[int, ...]) -> dict[str, str]:
    inputs = {}
    for table in work.reads:
        if TABLES[table].scope == "global":
            proof = workspace.proof(table)
            inputs[table] = proof.digest if proof else "none"
            continue
        for part in parts:
            proof = workspace.proof(table, part)
            inputs[f"{table}/{part}"] = proof.digest if proof else "none"
    return inputs


def _rows(workspace: Workspace, parts: tuple[int, ...]) -> int:
    return sum(workspace.rows("stickers", part) for part in parts)
