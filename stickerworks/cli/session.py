"""One command's run: its configuration, its workspace under lock, what it did and said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipeline.engine.disk import DiskWatch, likely_bytes
from pipeline.engine.errors import StickerworksError
from pipeline.engine.run_log import RunLog, measured_rates, read_runs
from pipeline.engine.runner import Pending, RunReport, pending, run
from pipeline.engine.secret_names import hide_secrets
from pipeline.engine.stage import Stage, Step, is_idle
from pipeline.engine.text import plain
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli.addresses import workspace_folder
from stickerworks.cli.captioning import (
    check_captions,
    is_captions,
    tell_captions,
    telling_captions,
)
from stickerworks.cli.configuration import Layer, merge_layers, plain_values, read_layers
from stickerworks.cli.display import describe, make_console, make_display, say_time, tell_json
from stickerworks.cli.interrupts import check as check_interrupts
from stickerworks.cli.keeping import differing, keep_settings, record
from stickerworks.cli.mending import Mender, Result
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.recording import WatchedDisplay, log_stage, logged
from stickerworks.cli.trust import check_trusted

_KEYS_SHOWN = 6
EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_QUARANTINED = 0, 1, 2, 3


@dataclass
class Session:
    """What a command works with; ``results`` becomes the ``--json`` answer."""

    config: Config
    workspace: Workspace
    options: CommandOptions
    console: Console
    reports: list[RunReport] = field(default_factory=list)
    plan: list[Pending] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    incomplete: bool = False
    reads_only: bool = False
    _retried: set[str] = field(default_factory=set)

    def say(self, line: str = "") -> None:
        """A line for people; markup in it is not interpreted."""
        self.console.print(escape(line))

    def do(self, work: Sequence[Stage | Step]) -> None:
        """Bring stages and steps up to date in order, or say what that would take."""
        for item in work:
            check_interrupts()
            if self.options.dry_run:
                self._plan(item)
                continue
            report = self._run(item)
            self.reports.append(report)
            if not is_idle(item, self.config):
                self.say(describe(report))
            if report.reason:
                self.say(f"  {'':<12} the last one: {report.reason}")

    def check_trusted(self, section: str) -> None:
        """Refuse programs and servers that a file which may be a stranger's names there."""
        check_trusted(section, self.config, self.options)

    def pending(self, item: Stage | Step) -> Pending:
        """What a stage or step would do, with the time that earlier runs of it took for a row."""
        again = self._retries(item)
        will = self.mending(
            lambda: pending(item, self.workspace, self.config, retry_quarantined=again)
        )
        rate = self._rates.get(item.name)
        return will if rate is None else replace(will, seconds=will.rows * rate)

    def _retries(self, item: Stage | Step) -> bool:
        """Whether quarantined rows are to be measured again: once in a command."""
        return self.options.retry_quarantined and item.name not in self._retried

    @cached_property
    def _rates(self) -> dict[str, float]:
        return measured_rates(read_runs(self.workspace.root))

    @cached_property
    def disk(self) -> DiskWatch:
        """The disk of the workspace."""
        return DiskWatch(self.workspace.root, self.config.engine.min_free_mb)

    @cached_property
    def log(self) -> RunLog:
        """The log of what this command does."""
        return RunLog(self.workspace.root)

    def mending(self, act: Callable[[], Result], doing: Stage | Step | None = None) -> Result:
        """Do what reads tables; one that is damaged is made again, where that is possible."""
        if self.options.dry_run or self.reads_only:
            return act()
        return self._mender.mending(act, doing)

    @cached_property
    def _mender(self) -> Mender:
        def check(work: Stage | Step) -> None:
            if is_captions(work):
                check_captions(self.config, self.options)

        def make(work: Stage | Step) -> None:
            if is_captions(work):
                tell_captions(self.config, self.pending, self.say)
            self.do((work,))

        return Mender(self.workspace, self.log, self.say, check, make, self.config.crawl)

    @contextmanager
    def part(self, name: str) -> Iterator[dict[str, int]]:
        """Log a part of the work that is no stage, with what it puts into the counts."""
        started = time.monotonic()
        counts: dict[str, int] = {}
        yield counts
        self.log.add(
            "stage",
            name=name,
            rows=counts.get("rows", 0),
            seconds=round(time.monotonic() - started, 3),
            counts=counts,
        )

    def tell(self, line: str) -> None:
        """A line that work under way says of itself: it is logged, and the disk looked at."""
        self.disk.look()
        self.log.add("said", line=hide_secrets(line))
        self.say(line)

    def _run(self, item: Stage | Step) -> RunReport:
        def expected() -> int:
            return likely_bytes(item.writes, self.workspace)

        display = WatchedDisplay(make_display(self.console), self.log, self.disk, expected)
        again = self._retries(item)
        self._retried.add(item.name)
        with telling_captions(item, self.tell):
            report = self.mending(
                lambda: run(item, self.workspace, self.config, display, retry_quarantined=again),
                item,
            )
        alone = isinstance(item, Step) or item.in_main_process(self.config)
        log_stage(self.log, report, "main process" if alone else self.config.engine.executor)
        return report

    def _plan(self, item: Stage | Step) -> None:
        if is_idle(item, self.config):
            return
        will = self.pending(item)
        self.plan.append(will)
        if will.shards:
            cost = f", about {say_time(will.seconds)}" if will.seconds >= 1 else ""
            self.say(f"  {will.name:<12} would run over {will.rows:,} rows{cost}")
        elif any(earlier.shards for earlier in self.plan):
            self.say(f"  {will.name:<12} would run if a table before it changes")
        else:
            self.say(f"  {will.name:<12} up to date")

    @property
    def exit_code(self) -> int:
        """1 when the work failed, 3 when part of it did: a source, or rows that are quarantined."""
        if self.failed:
            return EXIT_FAILED
        quarantined = any(report.counts.get("quarantined") for report in self.reports)
        return EXIT_QUARANTINED if quarantined or self.incomplete else EXIT_DONE


@contextmanager
def open_session(
    command: str,
    options: CommandOptions,
    config: Config | None = None,
    *,
    reads_only: bool = False,
    holds: bool = False,
) -> Iterator[Session]:
    """Load the configuration, lock the workspace and, at the end, print the JSON answer.

    A command that ``reads_only`` takes no lock and so makes no workspace either; where it
    ``holds``, it takes that of a workspace that is there, so that no takedown begins meanwhile.
    """
    if options.keep and reads_only:
        raise StickerworksError(
            f"`{command}` makes nothing, so there are no settings to keep.", "Leave out --keep."
        )
    loads = config is None
    layers = read_layers(options.config, options.overrides, options.workspace) if loads else []
    config = config or merge_layers(layers, options.overrides)
    # A workspace's own settings can't lead elsewhere.
    root = options.workspace or workspace_folder(
        config.workspace, plain_values(options.config, options.overrides)
    )
    root = root.absolute()
    workspace = Workspace(root)
    session = Session(config, workspace, options, make_console(), reads_only=reads_only)
    _say_kept(session, layers)
    if options.keep and options.dry_run:
        session.say("  what --set gives would be kept in the workspace")
    if options.dry_run or reads_only:
        with ExitStack() as kept:
            # Takedowns refuse buckets.
            if holds and not options.dry_run and root.is_dir() and workspace.place.bucket is None:
                kept.enter_context(workspace.lock(command))
            workspace.place.fetch()
            _check_no_takedown(command, workspace)
            _say_replaced(session)
            _say_differing(command, session)
            yield session
    else:
        with workspace.lock(command):
            _check_no_takedown(command, workspace)
            _say_replaced(session)
            # Who hands over a configuration also keeps it.
            if options.keep and loads:
                session.say(keep_settings(options.overrides, root))
            _say_differing(command, session)
            record(command, config, root)
            with logged(session.log, command, config, options, lambda: session.exit_code):
                session.disk.check()
                yield session
    if options.json:
        tell_json(_answer(command, session))


def _check_no_takedown(command: str, workspace: Workspace) -> None:
    """Refuse to work on, or hand out, that of which a takedown has done some and not all."""
    allowed = command == "release takedown" or command.rsplit(maxsplit=1)[-1] == "status"
    if not allowed and (workspace.root / "takedown.json").exists():
        raise StickerworksError(
            "A takedown was interrupted, or goes on.",
            "Run `stickerworks release takedown` to finish it.",
        )


def _say_kept(session: Session, layers: Sequence[Layer]) -> None:
    """Tell where a kept setting hides what the configuration says of the same key."""
    for kept in layers:
        others = [layer for layer in layers if layer is not kept]
        hidden = [key for key in kept.values if any(other.has(key) for other in others)]
        if kept.origin == "kept" and hidden:
            session.say(f"{', '.join(map(plain, hidden))}: as kept in {kept.path}")


def _say_replaced(session: Session) -> None:
    """Tell which files gave way to what others saved."""
    while session.workspace.place.replaced:
        path = session.workspace.place.replaced.pop(0)
        session.say(f"Another machine went on from what this one had not saved; it is in {path}")


def _say_differing(command: str, session: Session) -> None:
    keys = differing(command, session.config, session.workspace.root)
    if not keys:
        return
    session.results["other_settings"] = [plain(key) for key in keys]
    more = f" and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
    session.say(
        f"Set otherwise than the last time: {', '.join(map(plain, keys[:_KEYS_SHOWN]))}{more}. "
        "(What --set gives holds for one command, unless --keep keeps it.)"
    )


def _answer(command: str, session: Session) -> dict[str, Any]:
    return {
        "command": command,
        "workspace": session.workspace.name,
        "exit_code": session.exit_code,
        "work": [{**asdict(r), "counts": dict(r.counts)} for r in session.reports],
        "plan": [asdict(p) for p in session.plan],
        **session.results,
    }
