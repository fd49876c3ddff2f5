"""What a command writes into the workspace's log of runs, and what it watches meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version

from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.run_log import RunLog
from pipeline.engine.runner import Display, RunReport
from pipeline.engine.secret_names import HIDDEN, hide_secrets, is_secret_name
from schemas.config import Config
from stickerworks.cli.configuration import split_overrides
from stickerworks.cli.explaining import explain
from stickerworks.cli.options import CommandOptions

_LOG_EVERY_S = 15.0
_INTERRUPTED = 130


@contextmanager
def logged(
    log: RunLog, command: str, config: Config, options: CommandOptions, code: Callable[[], int]
) -> Iterator[None]:
    """Log that a command begins and how it ends; ``code`` is asked where it ends by itself."""
    started = time.monotonic()
    log.begin(
        command,
        version=version("stickerworks"),
        arguments=scrubbed_arguments(options),
        settings=hash_json(config.model_dump(mode="json"))[:16],
    )
    try:
        yield
    except BaseException as error:
        # What ended the command is told in any case; a full disk may keep the log from saying so.
        with suppress(StickerworksError, OSError):
            interrupted = isinstance(error, KeyboardInterrupt)
            _end(log, started, _INTERRUPTED if interrupted else 1, _line(error))
        raise
    _end(log, started, code())


def _end(log: RunLog, started: float, code: int, error: str = "") -> None:
    seconds = round(time.monotonic() - started, 3)
    log.add("end", exit_code=code, seconds=seconds, **({"error": error} if error else {}))


def _line(error: BaseException) -> str:
    told = explain(error).removeprefix("error: ") if isinstance(error, Exception) else "interrupted"
    return hide_secrets(told)


def log_stage(log: RunLog, report: RunReport, executor: str) -> None:
    """Log what a stage or step did; nothing where it was up to date."""
    if report.made:
        log.add(
            "stage",
            name=report.name,
            rows=report.rows_made,
            shards=report.made,
            seconds=round(report.seconds, 3),
            executor=executor,
            counts=dict(report.counts),
        )


class WatchedDisplay:
    """Shows a stage's progress, logs it now and then, and stops the stage before the disk is full.

    ``expected`` gives the bytes that the stage is likely to add.
    """

    def __init__(
        self, shown: Display, log: RunLog, disk: DiskWatch, expected: Callable[[], int]
    ) -> None:
        self._shown, self._log, self._disk, self._expected = shown, log, disk, expected
        self._facts: dict[str, object] = {}
        self._started = self._logged = 0.0

    def start(self, name: str, rows: int, shards: int) -> None:
        self._disk.check(name, self._expected())
        self._facts = {"name": name, "rows": rows, "shards": shards}
        self._started = self._logged = time.monotonic()
        self._log.add("progress", **self._facts, rows_done=0, shards_done=0, seconds=0)
        self._shown.start(name, rows, shards)

    def progress(self, rows_done: int, shards_done: int) -> None:
        self._disk.look()
        self._shown.progress(rows_done, shards_done)
        now = time.monotonic()
        if now - self._logged >= _LOG_EVERY_S:
            self._logged = now
            done = {"rows_done": rows_done, "shards_done": shards_done}
            self._log.add("progress", **self._facts, **done, seconds=round(now - self._started, 1))

    def stop(self) -> None:
        self._shown.stop()


def scrubbed_arguments(options: CommandOptions) -> list[str]:
    """The options that a command was given; options of plugins and secrets are hidden."""
    said = [
        f"--{name}={path}" for name in ("config", "workspace") if (path := getattr(options, name))
    ]
    given = split_overrides(options.overrides)
    for (key, value), override in zip(given, options.overrides, strict=True):
        # Who knows what a plugin's option is, or one among many.
        hidden = is_secret_name(key) or "options" in key or isinstance(value, dict | list)
        said.append(f"--set {key}={HIDDEN if hidden else hide_secrets(override.partition('=')[2])}")
    flags = ("dry_run", "json", "retry_quarantined", "debug", "keep")
    return said + [f"--{name.replace('_', '-')}" for name in flags if getattr(options, name)]
