"""What people see while work goes on: a bar on a terminal, lines in a log."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.engine.runner import RunReport
from pipeline.engine.text import plain

_LOG_EVERY_S = 15.0
_UNSURE = re.compile(r"[^\n -~]")


def tell(line: str = "") -> None:
    """A line of the answer, on the standard output; nothing in it is obeyed."""
    print(plain(line))


def tell_json(answer: Any) -> None:
    """The answer as JSON, whole: what a terminal would obey is escaped, and means the same."""
    encoding = sys.stdout.encoding or "utf-8"
    whole = json.dumps(answer, ensure_ascii=False, indent=2)
    print(_UNSURE.sub(lambda sign: _escaped(sign[0], encoding), whole))


def say_rate(rows: float, seconds: float) -> str:
    """Rows a second, a minute or an hour: the first of them that is at least one."""
    for unit, length in (("s", 1), ("min", 60)):
        if rows * length >= seconds:
            return f"{_short(rows * length / seconds)} rows/{unit}"
    return f"{_short(rows * 3600 / seconds)} rows/h"


def say_time(seconds: float) -> str:
    """Seconds, minutes, hours or days."""
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds / 86400)} days"


def say_shards(done: int, shards: int) -> str:
    """How many shards are done; empty where there is but one."""
    return f"{done:,} of {shards:,} shards" if shards > 1 else ""


def time_left(done: float, rows: float, seconds: float) -> float:
    """Seconds that the rest takes at the rate so far."""
    return max(0.0, rows - done) * seconds / done if done else 0.0


def say_size(count: int) -> str:
    """Bytes, kB, MB or GB."""
    if count < 1000:
        return f"{count} bytes"
    for unit, length in (("kB", 1e3), ("MB", 1e6)):
        if count < 1000 * length:
            return f"{_short(count / length)} {unit}"
    return f"{_short(count / 1e9)} GB"


def _short(amount: float) -> str:
    return f"{amount:,.{0 if amount >= 9.95 else 1}f}"


class TerminalDisplay:
    """A bar with rows, rate and time left, gone when the stage is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._shards = 0

    def start(self, name: str, rows: int, shards: int = 1) -> None:
        self._progress = Progress(
            TextColumn("  {task.description:<12}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
            TextColumn("{task.fields[shards]}"),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._progress.start()
        self._shards = shards
        self._progress.add_task(name, total=rows, shards=say_shards(0, shards))

    def progress(self, rows_done: int, shards_done: int = 0) -> None:
        if self._progress is not None:
            shards = say_shards(shards_done, self._shards)
            self._progress.update(self._progress.task_ids[0], completed=rows_done, shards=shards)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class LogDisplay:
    """A line now and then, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name, self._rows, self._shards = "", 0, 0
        self._started = self._said = 0.0

    def start(self, name: str, rows: int, shards: int = 1) -> None:
        self._name, self._rows, self._shards = name, rows, shards
        self._started = self._said = time.monotonic()

    def progress(self, rows_done: int, shards_done: int = 0) -> None:
        now = time.monotonic()
        if rows_done and now - self._said >= _LOG_EVERY_S:
            self._said = now
            took = now - self._started
            self._console.print(
                f"  {self._name}: {rows_done:,} of {self._rows:,} rows"
                + "".join(f", {part}" for part in (say_shards(shards_done, self._shards),) if part)
                + f", {say_rate(rows_done, took)}, "
                f"{say_time(time_left(rows_done, self._rows, took))} left"
            )

    def stop(self) -> None: ...


def make_display(console: Console) -> TerminalDisplay | LogDisplay:
    """A bar on a terminal, lines elsewhere."""
    return TerminalDisplay(console) if console.is_terminal else LogDisplay(console)


def make_console() -> Console:
    """The console for people: standard error, so that standard output stays for results."""
    return _PlainConsole(file=sys.stderr, highlight=False, soft_wrap=True)


def describe(report: RunReport) -> str:
    """A report in one line."""
    if not report.made:
        left = report.counts.get("quarantined")
        return f"  {report.name:<12} up to date" + (f", quarantined {left:,}" if left else "")
    parts = [f"{report.rows_made:,} rows", say_time(report.seconds)]
    if report.seconds >= 0.5:
        parts.append(say_rate(report.rows_made, report.seconds))
    for key in ("skipped", "taken_over", "failed", "quarantined"):
        if report.counts.get(key):
            parts.append(f"{key.replace('_', ' ')} {report.counts[key]:,}")
    return f"  {report.name:<12} {', '.join(parts)}"


def _escaped(sign: str, encoding: str) -> str:
    """The character, or what JSON writes for it where a terminal can't or mustn't get it."""
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(sign)[1:-1]
    return sign if sign.isprintable() else json.dumps(sign)[1:-1]


class _PlainConsole(Console):
    """Obeys Rich alone: text of strangers in a line brings no codes of its own."""

    def print(self, *objects: Any, **options: Any) -> None:
        shown = (plain(thing) if isinstance(thing, str) else thing for thing in objects)
        super().print(*shown, **options)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(say_rate(task.speed, 1) if task.speed else "")
