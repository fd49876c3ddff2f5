"""Fetches the pictures that a release lacks and writes the release that has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError
from pipeline.release.checksums import check_checksums
from pipeline.release.fetching.downloads import Guard
from pipeline.release.fetching.gathering import Files, gather, is_taken_down
from pipeline.release.fetching.rebuilding import FACTS, facts, rebuild, source_print, wanted_rows
from schemas.config import Config


@dataclass(frozen=True)
class Fetched:
    """The release with its pictures, how many were fetched in this run, and where those that are
    kept for the next run lie."""

    path: Path
    fetched: int
    kept: Path
    facts: dict[str, Any]


def fetch_release(
    source: Path,
    target: Path,
    config: Config,
    guard: Guard,
    say: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Rebuild the release at ``source`` at ``target`` with the pictures that its addresses give.

    Every byte is checked against its row's id. Rows whose picture can't be had are left out, and
    listed with host and cause. What was fetched is kept until nothing is missing, so that the
    same call goes on after a kill, or tries what failed again. Raises StickerworksError where
    ``source`` is no sound release, or ``target`` holds something else.
    """
    _check_source(source)
    _check_target(source, target)
    files = Files(target.with_name(f".{target.name}.fetched"))
    disk = DiskWatch(target.parent, config.engine.min_free_mb)

    def tell(line: str) -> None:
        disk.look()
        say(line)

    wanted = sum(1 for _ in wanted_rows(source))
    had = (row for row in wanted_rows(source) if files.has(row.id))
    before = sum(1 for row in had if not is_taken_down(row, guard))
    say(f"{wanted:,} rows lack their picture; {before:,} of them were fetched before")
    losses = gather(wanted_rows(source), files, config.crawl, guard, tell)
    made = rebuild(source, target, files, losses)
    if not made.losses:
        shutil.rmtree(files.folder, ignore_errors=True)
    fetched = wanted - before - len(losses)
    return Fetched(made.path, fetched, files.folder, facts(made, source))


def _check_source(source: Path) -> None:
    if not (source / "data").is_dir():
        raise StickerworksError(
            f"There is no release at {source}.",
            "Give the folder that holds `data/` and README.md.",
        )
    problems = check_checksums(source)
    if problems:
        raise StickerworksError(
            f"{source} is not as it was published: {problems[0]}"
            + (f" (and {len(problems) - 1:,} more)." if len(problems) > 1 else "."),
            "Get those files again.",
        )


def _check_target(source: Path, target: Path) -> None:
    """Only what an earlier call made of the same release is replaced."""
    if not target.exists() and not target.is_symlink():
        return
    try:
        said = json.loads((target / FACTS).read_text("utf-8"))
        same = said["source_sha256sums"] == source_print(source)
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise StickerworksError(
            f"{target} is there already, and is not what was fetched of {source}.",
            "Name another folder with --output.",
        )
