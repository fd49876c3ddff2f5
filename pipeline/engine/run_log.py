"""What was run in a workspace: ``logs/runs.jsonl``, one JSON object a line, written as it happens.

Only who holds the workspace's lock writes. A line is one append without a flush to the disk: after
a power cut the last ones may lack, after a kill the last one may be torn. Readers skip it, and
whatever else is no event of ours: the log may have come from elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from pipeline.engine.errors import disk_errors

_LARGEST = 2_000_000
"""Bytes from which a new command begins a new file; one old file is kept."""

_RATED_RUNS = 5
_OWN = 0o600
"""Permissions: no rule knows every secret that an error may quote."""


def _check_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text).astimezone()
    except OverflowError as error:
        raise ValueError("out of range") from error
    return text


_Count = Annotated[int, Field(ge=0, le=2**53)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Moment = Annotated[str, AfterValidator(_check_moment)]


@dataclass(frozen=True)
class StageRun:
    """What a command said of one stage, step or other part of its work, when it was done."""

    name: str
    seconds: float
    rows: int = 0
    shards: int = 0
    executor: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LoggedRun:
    """A command as the log tells it; ``exit_code`` is None while it runs, and after a kill.

    ``now`` is the last word of a stage under way: its name, rows and shards done and in all.
    """

    id: str
    command: str
    began: str
    pid: int
    arguments: tuple[str, ...] = ()
    stages: tuple[StageRun, ...] = ()
    now: Mapping[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    seconds: float | None = None
    error: str = ""


class _Begin(BaseModel):
    event: Literal["begin"]
    run: str
    at: _Moment
    command: str
    pid: int
    arguments: tuple[str, ...] = ()


class _Stage(BaseModel):
    event: Literal["stage"]
    run: str
    name: str
    seconds: _Seconds
    rows: _Count = 0
    shards: _Count = 0
    executor: str = ""
    counts: dict[str, _Count] = {}


class _Progress(BaseModel):
    event: Literal["progress"]
    run: str
    at: _Moment
    name: str
    rows: _Count
    shards: _Count
    rows_done: _Count
    shards_done: _Count
    seconds: _Seconds


class _End(BaseModel):
    event: Literal["end"]
    run: str
    exit_code: int
    seconds: _Seconds
    error: str = ""


_Event = _Begin | _Stage | _Progress | _End
_EVENTS: TypeAdapter[_Event] = TypeAdapter(Annotated[_Event, Field(discriminator="event")])


class RunLog:
    """The events of one command, from ``begin`` to ``end``."""

    def __init__(self, root: Path) -> None:
        self._path = log_path(root)
        self._run = uuid4().hex[:16]

    def begin(self, command: str, **facts: Any) -> None:
        """Begin a command; StickerworksError where the log can't be written."""
        with disk_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for path in (self._path, _older(self._path)):
                with suppress(FileNotFoundError):
                    path.chmod(_OWN)
            _rotate(self._path)
            _close_torn_line(self._path)
        self.add("begin", command=command, pid=os.getpid(), **facts)

    def add(self, event: str, **facts: Any) -> None:
        """Append one event; StickerworksError where the log can't be written."""
        told = {"run": self._run, "at": _now(), "event": event, **facts}
        # A name on a disk may be no text: readers of JSON refuse halves of characters.
        line = json.dumps(told, ensure_ascii=False, default=str).encode(errors="replace")
        with disk_errors(self._path):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWN)
            try:
                os.write(descriptor, line + b"\n")
            finally:
                os.close(descriptor)


def log_path(root: Path) -> Path:
    """The newest file of a workspace's log."""
    return root / "logs" / "runs.jsonl"


def read_runs(root: Path) -> list[LoggedRun]:
    """The commands in the log, oldest first; empty where nothing was logged."""
    runs: dict[str, LoggedRun] = {}
    for event in _events(root):
        if isinstance(event, _Begin):
            runs[event.run] = LoggedRun(
                event.run, event.command, event.at, event.pid, event.arguments
            )
        elif event.run in runs:
            runs[event.run] = _with(runs[event.run], event)
    return list(runs.values())


def measured_rates(runs: Iterable[LoggedRun]) -> dict[str, float]:
    """Seconds a row that each stage took in its last runs, by its name.

    Runs that mostly took rows over from earlier ones say nothing of what a row takes.
    """
    took: dict[str, list[StageRun]] = {}
    for run in runs:
        for stage in run.stages:
            if stage.rows and 2 * stage.counts.get("taken_over", 0) <= stage.rows:
                took.setdefault(stage.name, []).append(stage)
    return {
        name: sum(stage.seconds for stage in stages[-_RATED_RUNS:])
        / sum(stage.rows for stage in stages[-_RATED_RUNS:])
        for name, stages in took.items()
    }


def _with(run: LoggedRun, event: _Stage | _Progress | _End) -> LoggedRun:
    facts = event.model_dump(exclude={"run", "event"})
    if isinstance(event, _Stage):
        return replace(run, stages=(*run.stages, StageRun(**facts)), now={})
    if isinstance(event, _Progress):
        return replace(run, now=facts)
    return replace(run, **facts, now={})


def _events(root: Path) -> Iterator[_Event]:
    newest = log_path(root)
    for path in (_older(newest), newest):
        try:
            lines = path.read_bytes().splitlines()
        except (FileNotFoundError, PermissionError):  # another user's: the tables say enough
            continue
        for line in lines:
            # Of what work says of itself, and of events to come, no run is made.
            with suppress(ValidationError):
                yield _EVENTS.validate_json(line)


def _rotate(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LARGEST:
        os.replace(path, _older(path))


def _older(path: Path) -> Path:
    return path.with_name("runs.1.jsonl")


def _close_torn_line(path: Path) -> None:
    """End the line that a killed command left, so that ours doesn't run on from it."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
