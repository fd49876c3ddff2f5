"""How far a workspace is: every table, who works there now, the last runs, and what comes next."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import psutil

from pipeline.engine.inventory import TableState, take_stock
from pipeline.engine.run_log import LoggedRun, read_runs
from pipeline.engine.runner import Pending, check_crawled
from pipeline.engine.stage import is_idle
from pipeline.engine.text import plain
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES
from stickerworks.cli.display import say_shards, say_size, say_time, time_left
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import ROOMS, plan_of
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import is_started, kept_plan

_LAST_RUNS = 5
_WIDTHS = (20, 12, 7, 11, 10, 8, 11)
_HEADS = ("table", "shards", "stale", "rows", "bytes", "age", "failed")


@dataclass(frozen=True)
class NextCommand:
    """The command that would bring the workspace further, and the work that it finds now."""

    command: str
    work: tuple[Pending, ...]
    follows: tuple[str, ...] = ()


def status_command(options: CommandOptions) -> int:
    """Say how far the workspace is; it reads alone and takes no lock."""
    with open_session("status", options, reads_only=True) as session:
        check_crawled(session.workspace)
        due = {room: _due(session, room) for room in ROOMS}
        tables = [_with_stale(take_stock(session.workspace, name), due) for name in TABLES]
        runs = read_runs(session.workspace.root)
        holder = holding(session.workspace)
        then = _next(session, due)
        session.results["status"] = {
            "stickers": sum(table.rows for table in tables if table.name == "stickers"),
            "tables": [{**asdict(table), "missing": table.missing} for table in tables],
            "running": holder,
            "runs": [asdict(run) for run in runs[-_LAST_RUNS:]],
            "next": asdict(then) if then else None,
        }
        session.say(f"Workspace {plain(session.workspace.name)}")
        for lines in (
            _running_lines(holder, runs),
            _table_lines(tables),
            _naming_lines(session.workspace),
            _run_lines([run for run in runs if not _is_running(run, holder)]),
            _next_lines(then),
        ):
            for line in lines:
                session.say(line)
    return session.exit_code


def holding(workspace: Workspace) -> dict[str, Any] | None:
    """The command and process that hold the workspace; None where nobody does.

    Asked of the process table: who tried the lock itself would refuse a command that begins.
    """
    if workspace.store.remote:
        return _lease_holder(workspace)
    path = workspace.root / ".lock"
    try:
        found = json.loads(path.read_bytes())
        process = psutil.Process(found["pid"])
        # The number of a process that ended long ago may be another's now, or our own.
        began_before = process.create_time() <= path.stat().st_mtime + 1
        if began_before and process.pid != os.getpid():
            return {"command": str(found["command"]), "pid": process.pid, "host": None}
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return None


def _lease_holder(workspace: Workspace) -> dict[str, Any] | None:
    from pipeline.engine.store.lease import holder_of
    from pipeline.engine.store.objects import ObjectStore

    store = workspace.store
    holder = holder_of(store) if isinstance(store, ObjectStore) else None
    if holder is None:
        return None
    return {"command": holder.command, "pid": holder.pid, "host": holder.host}


def _due(session: Session, room: str) -> dict[str, Pending]:
    """What each stage and step of a room would do now, by its name."""
    works = [work for work in plan_of(room) if not is_idle(work, session.config)]
    return {work.name: session.pending(work) for work in works}


def _with_stale(table: TableState, due: Mapping[str, Mapping[str, Pending]]) -> TableState:
    for room in ROOMS:
        for work in plan_of(room):
            if table.name in work.writes:
                will = due[room].get(work.name)
                again = min(will.shards, table.shards) if will else 0
                return replace(table, stale=max(0, again - table.missing))
    return table


def _next(session: Session, due: Mapping[str, Mapping[str, Pending]]) -> NextCommand | None:
    started = [room for room in ROOMS if is_started(session.workspace, room)]
    kept = {room: [w.name for w in kept_plan(session.workspace, room)] for room in started}
    names = [name for room in started for name in due[room] if name in kept[room]]
    will = {name: pending for room in started for name, pending in due[room].items()}
    stale = [will[name] for name in names if will[name].shards]
    if stale:
        first = names.index(stale[0].name)
        follows = [name for name in names[first:] if not will[name].shards]
        return NextCommand("update", tuple(stale), tuple(follows))
    for room in ROOMS:
        if room not in started:
            return NextCommand(room, tuple(will for will in due[room].values() if will.shards))
    release = session.config.release
    if not session.workspace.place.has_release(f"{release.name}-{release.version}"):
        return NextCommand("release", ())
    return None


def _is_running(run: LoggedRun, holder: Mapping[str, Any] | None) -> bool:
    return holder is not None and run.exit_code is None and run.pid == holder["pid"]


def _running_lines(holder: Mapping[str, Any] | None, runs: Sequence[LoggedRun]) -> Iterator[str]:
    if holder is None:
        return
    where = f" on {plain(holder['host'])}" if holder["host"] else ""
    yield f"In use by `stickerworks {plain(holder['command'])}` (process {holder['pid']}{where})"
    for run in runs:
        if _is_running(run, holder) and run.now:
            now = run.now
            shards = say_shards(now["shards_done"], now["shards"])
            left = time_left(now["rows_done"], now["rows"], now["seconds"])
            told = [f"{now['rows_done']:,} of {now['rows']:,} rows", shards]
            told += [f"{say_time(left)} left"] if left else []
            yield f"  {now['name']}: {', '.join(part for part in told if part)}"


def _table_lines(tables: Sequence[TableState]) -> Iterator[str]:
    yield _row(_HEADS)
    for command in dict.fromkeys(table.command for table in tables):
        made = [table for table in tables if table.command == command]
        there = [table for table in made if table.started or table.stale]
        absent = [table.name for table in made if table not in there]
        yield f"{command}" + ("" if there else f": not run ({', '.join(absent)})")
        for table in there:
            yield _row(_cells(table))
        if there and absent:
            yield f"  not there: {', '.join(absent)}"


def _cells(table: TableState) -> tuple[str, ...]:
    failed = f"{table.failed:,}" if table.failed else ""
    if table.quarantined:
        failed += f" ({table.quarantined:,} q)"
    whole = table.done == table.shards
    return (
        f"  {table.name}",
        f"{table.done:,}" if whole else f"{table.done:,} of {table.shards:,}",
        "-" if table.stale is None else f"{table.stale:,}" if table.stale else "",
        f"{table.rows:,}",
        say_size(table.nbytes),
        _age(table.newest),
        failed,
    )


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    return (
        f"{first:<{_WIDTHS[0]}}"
        + "".join(f"{c:>{w}}" for c, w in zip(rest, _WIDTHS[1:], strict=True))
    ).rstrip()


def _age(moment: float | None) -> str:
    if moment is None:
        return ""
    age = time.time() - moment
    # A clock that was set back, or another machine's.
    return say_time(age) if age >= 0 else "ahead" if age < -60 else "now"


def _run_lines(runs: Sequence[LoggedRun]) -> Iterator[str]:
    if runs:
        yield "Last runs"
    for run in runs[-_LAST_RUNS:]:
        began = datetime.fromisoformat(run.began).astimezone()
        ended = (
            "did not end: killed, or the machine went down"
            if run.exit_code is None
            else f"exit code {run.exit_code}, {say_time(run.seconds or 0)}"
        )
        yield f"  {began:%Y-%m-%d %H:%M}  {plain(run.command):<14} {ended}"
        if run.error:
            yield f"    {plain(run.error)}"


def _naming_lines(workspace: Workspace) -> Iterator[str]:
    tags = workspace.rows("tagset") if workspace.has("tagset") else 0
    if tags and not workspace.has("named_tags"):
        yield f"NOBODY HAS NAMED THE {tags:,} TAGS: `stickerworks tags sheet` asks people to"


def _next_lines(then: NextCommand | None) -> Iterator[str]:
    if then is None:
        yield "Everything is up to date."
        return
    yield f"Next: `stickerworks {then.command}`"
    for will in then.work:
        cost = f", about {say_time(will.seconds)}" if will.seconds >= 1 else ""
        yield f"  {will.name:<20} {will.rows:,} rows{cost}"
    if then.follows:
        yield f"  and, where that changes their input: {', '.join(then.follows)}"
