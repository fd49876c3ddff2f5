"""The runner: which shards and steps are stale, running them, and what became of each row."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.engine.current import (
    base_of,
    fingerprint_of,
    inputs_of,
    shard_is_current,
    stale_runs,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.executor import execute, expected_workers
from pipeline.engine.quarantine import Allowance, allow
from pipeline.engine.stage import Context, Stage, Step
from pipeline.engine.stepping import write_step
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
    """Shows work going on, over rows and over shards where there are several to make."""

    def start(self, name: str, rows: int, shards: int) -> None: ...

    def progress(self, rows_done: int, shards_done: int) -> None: ...

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
        runs = stale_runs(work, workspace, config)
        rows = sum(_rows(workspace, run.parts) for run in runs)
        return Pending(work.name, sum(len(run.parts) for run in runs), rows, 0.0)
    expected = fingerprint_of(work, config)
    stale = [
        part
        for part in parts
        if not shard_is_current(work, workspace, expected, part)
        or (retry_quarantined and _quarantined(work, workspace, part))
    ]
    sizes = [_rows(workspace, (part,)) for part in stale]
    rows = sum(sizes)
    tasks = sum(max(1, len(spans(work, size))) for size in sizes)
    workers = min(expected_workers(work, config), max(1, tasks))
    return Pending(work.name, len(stale), rows, rows * work.needs.seconds_per_row / workers)


def check_inputs(work: Stage | Step, workspace: Workspace) -> None:
    """Refuse to run before the tables that are read exist, naming the command that makes them."""
    check_crawled(workspace)
    optional = work.optional if isinstance(work, Step) else ()
    for table in work.reads:
        if table not in optional and not workspace.complete(table):
            raise StickerworksError(
                f"{work.name} reads the table {table}, which isn't complete in {workspace.name}.",
                f"Run `stickerworks {TABLES[table].command}` first.",
            )


def check_crawled(workspace: Workspace) -> None:
    """Refuse to go on in a workspace without stickers, or with a shard of them lost."""
    _check_whole(workspace)
    if not workspace.parts and (workspace.root / "crawl" / "ledger.sqlite").exists():
        raise StickerworksError(
            f"The tables of {workspace.name} hold no stickers yet, but it was crawled.",
            "Run `stickerworks crawl` again: it goes on where it was interrupted. "
            "`stickerworks crawl status` says how far it is.",
        )
    if not workspace.parts:
        raise StickerworksError(
            f"There are no stickers in {workspace.name}.",
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
    expected = fingerprint_of(stage, config)
    for part in workspace.parts:
        current = shard_is_current(stage, workspace, expected, part)
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
    done = 0

    def progress(rows_done: int) -> None:
        display.progress(rows_done, done)

    if tasks:
        workspace.scratch.mkdir(parents=True, exist_ok=True)
        display.start(stage.name, rows, len(tasks))
        try:
            for report in execute(tasks, config, progress):
                workspace.place.check_held()
                done += 1
                counts.update(report.counts)
                reason = report.reason or reason
        finally:
            display.stop()
            workspace.place.refresh(*stage.writes)
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
    context, base = Context(stage.settings(config), workspace.root), base_of(stage, config)
    return [
        ShardTask(
            stage=stage,
            part=part,
            rows=_rows(workspace, (part,)),
            context=context,
            fingerprint=expected,
            inputs=inputs_of(stage, workspace, (part,)),
            marker=workspace.scratch / f"{stage.name}-{part:05d}.json",
            allowance=allowance,
            base=base,
        )
        for part in parts
    ]


def _quarantined(stage: Stage, workspace: Workspace, part: int) -> int:
    proof = workspace.proof(stage.writes[0], part)
    return proof.counts.get("quarantined", 0) if proof else 0


def _run_step(step: Step, workspace: Workspace, config: Config, display: Display) -> RunReport:
    started = time.monotonic()
    runs = stale_runs(step, workspace, config)
    every = len(workspace.blocks) if step.each_block else 1
    rows = sum(_rows(workspace, run.parts) for run in runs)
    if runs:
        whole = TABLES[step.writes[0]].scope == "global"
        display.start(step.name, rows, 1 if whole else sum(len(run.parts) for run in runs))
        try:
            write_step(step, workspace, config, runs, display.progress)
        finally:
            display.stop()
    read = _rows(workspace, workspace.parts)
    seconds = time.monotonic() - started
    return RunReport(step.name, len(runs), every - len(runs), rows, {"read": read}, seconds)


def _rows(workspace: Workspace, parts: Sequence[int]) -> int:
    return sum(workspace.rows("stickers", part) for part in parts)
