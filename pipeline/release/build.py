"""Builds a release: immutable, complete or absent, and the same bytes from the same tables."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.atomic_files import sync_folder
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.workspace import Workspace
from pipeline.release.checksums import check_checksums, write_checksums
from pipeline.release.inputs import Joined, check_inputs, fingerprint, read_part
from pipeline.release.records import (
    Record,
    changed_inputs,
    load_record,
    remove_dead_builds,
    save_record,
    temporary_folder,
)
from pipeline.release.rows import may_redistribute, outcome, read_bytes, release_row
from pipeline.release.shards import SplitWriter
from pipeline.release.tally import ReleaseCounts
from pipeline.release.texts import write_texts
from schemas.config import Config
from schemas.release import SPLITS
from schemas.tables import REASONS

Report = Callable[[str], None]

_DECISIONS = pa.schema(
    [("id", pa.string()), ("outcome", pa.string()), ("reasons", REASONS), ("split", pa.string())]
)


@dataclass(frozen=True)
class Release:
    """A finished release: its folder, rows by split, and whether it was there already."""

    path: Path
    rows: dict[str, int]
    fingerprint: str
    up_to_date: bool


def build_release(
    workspace: Workspace, config: Config, report: Report = lambda line: None
) -> Release:
    """Build ``releases/NAME-VERSION`` from the workspace's tables, or return it if it is there.

    Raises StickerworksError when a table is missing, a sticker's bytes are missing or changed,
    the disk is full, or the version was already released from other tables. Until the release is
    complete nothing of it can be seen.
    """
    check_inputs(workspace)
    target = workspace.releases / f"{config.release.name}-{config.release.version}"
    print_, made_from = fingerprint(workspace, config)
    with disk_errors(target):
        for name in remove_dead_builds(workspace.releases):
            report(f"removed {name}, left by an interrupted build")
        if target.exists():
            return _existing(target, print_, made_from)
        temporary = temporary_folder(target)
        try:
            (temporary / "data").mkdir(parents=True)
            rows = _fill(temporary, workspace, config, report)
            # Before the rename: a release that can be seen is always one that is known.
            save_record(target, Record(print_, made_from, rows))
            for folder in (temporary / "data", temporary / "plots", temporary):
                sync_folder(folder)
            os.rename(temporary, target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Release(target, rows, print_, up_to_date=False)


def _existing(target: Path, print_: str, made_from: dict[str, str]) -> Release:
    record = load_record(target)
    if record.fingerprint != print_:
        raise StickerworksError(
            f"{target.name} was already released from other inputs "
            f"(changed since: {changed_inputs(record, made_from)}). A release never changes.",
            "Raise release.version in the configuration, or add `--set release.version=X`.",
        )
    problems = check_checksums(target)
    if problems:
        raise StickerworksError(
            f"{target} was changed after it was built: {problems[0]}"
            + (f" (and {len(problems) - 1} more)." if len(problems) > 1 else "."),
            "Delete that folder and run the same command again; it will be made anew.",
        )
    return Release(target, record.rows, print_, up_to_date=True)


def _fill(folder: Path, workspace: Workspace, config: Config, report: Report) -> dict[str, int]:
    planned = _count_rows(workspace, config)
    tally, num_bytes = _write_rows(folder, workspace, config, planned, report)
    report("writing the card, plots and checksums")
    write_texts(folder, workspace, config, tally, num_bytes, report)
    write_checksums(folder)
    return {split: planned[split] for split in SPLITS if planned[split]}


def _count_rows(workspace: Workspace, config: Config) -> Counter[str]:
    planned: Counter[str] = Counter()
    for _, _, verdict in _stickers(workspace, config):
        if verdict["split"] is not None:
            planned[verdict["split"]] += 1
    unknown = set(planned) - set(SPLITS)
    if unknown:
        raise StickerworksError(
            f"The table splits names unknown splits: {', '.join(sorted(unknown))}.",
            "Run `stickerworks split` again.",
        )
    if not planned:
        raise StickerworksError(
            f"No sticker of {workspace.root} belongs into the release: it would be empty.",
            "`stickerworks report` says which rules dropped them"
            + ("; release.labelled_only is on." if config.release.labelled_only else "."),
        )
    return planned


def _write_rows(
    folder: Path, workspace: Workspace, config: Config, planned: Counter[str], report: Report
) -> tuple[ReleaseCounts, dict[str, int]]:
    tally, done, media = ReleaseCounts(), 0, workspace.media_reader()
    per_file = config.release.rows_per_file
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                SplitWriter(folder / "data", split, planned[split], per_file)
            )
            for split in SPLITS
        }
        decisions = stack.enter_context(
            pq.ParquetWriter(folder / "decisions.parquet", _DECISIONS, compression="zstd")
        )
        outcomes: list[dict[str, Any]] = []
        for id_, sticker, verdict in _stickers(workspace, config):
            tally.add_outcome(verdict)
            outcomes.append(verdict)
            if len(outcomes) == 1000:
                decisions.write_table(pa.Table.from_pylist(outcomes, schema=_DECISIONS))
                outcomes = []
            if verdict["split"] is None:
                continue
            carried = may_redistribute(sticker)
            image = read_bytes(media, id_, sticker) if carried else None
            row = release_row(id_, sticker, image)
            writers[verdict["split"]].add(row)
            tally.add_row(row, verdict["split"])
            done += 1
            if done % 1000 == 0:
                report(f"{done:,} of {planned.total():,} stickers written")
        decisions.write_table(pa.Table.from_pylist(outcomes, schema=_DECISIONS))
    return tally, {split: writer.num_bytes for split, writer in writers.items()}


def _stickers(workspace: Workspace, config: Config) -> Iterator[tuple[str, Joined, dict[str, Any]]]:
    for part in workspace.parts:
        for id_, sticker in read_part(workspace, part):
            yield id_, sticker, outcome(id_, sticker, config.release)
