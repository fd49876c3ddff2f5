"""Builds a release: immutable, complete or absent, and the same bytes from the same tables."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.asked import asked_questions
from pipeline.engine.atomic_files import sync_folder
from pipeline.engine.counting import count_values
from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.released_splits import number_of
from pipeline.engine.workspace import Workspace
from pipeline.release.answers import count_answers
from pipeline.release.checksums import check_checksums, write_checksums
from pipeline.release.features import release_schema
from pipeline.release.images import with_images
from pipeline.release.imported import data_sets
from pipeline.release.inputs import (
    COLUMNS,
    FONT,
    PLANNED,
    Block,
    check_inputs,
    fingerprint,
    read_block,
)
from pipeline.release.legal.datasheet import check_answers
from pipeline.release.records import (
    Record,
    changed_inputs,
    load_record,
    record_path,
    remove_dead_builds,
    save_record,
    temporary_folder,
)
from pipeline.release.rows import DECISIONS, carries_image, outcomes, release_rows
from pipeline.release.shards import BARE_GROUP_ROWS, GROUP_ROWS, SplitWriter
from pipeline.release.signing import check_signature, sign_checksums
from pipeline.release.splits import keep_splits
from pipeline.release.statistics import Statistics
from pipeline.release.tally import ReleaseCounts
from pipeline.release.texts import write_texts
from schemas.config import Config
from schemas.release import SPLITS, AskedQuestion

_TEXT_BYTES = 500
"""About what a row takes on disk beside its image, and its part of all other files."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class _Plan:
    """Rows by split, and what is known of their images before any is read."""

    rows: Counter[str]
    images: int
    image_bytes: int


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
    check_answers(config.release.datasheet)
    target = workspace.releases / f"{config.release.name}-{config.release.version}"
    workspace.place.fetch_release(target.name)
    print_, made_from = fingerprint(workspace, config)
    with disk_errors(target):
        for name in remove_dead_builds(workspace.releases):
            report(f"removed {name}, left by an interrupted build")
        if target.exists():
            return _existing(target, print_, made_from, config, report)
        _check_unknown(target, print_, made_from)
        temporary = temporary_folder(target)
        try:
            (temporary / "data").mkdir(parents=True)
            rows = _fill(temporary, workspace, config, report)
            # Before the rename: a release that can be seen is always one that is known, and whose
            # splits bind those that follow.
            keep_splits(workspace, config.release)
            number = number_of(workspace, target.name)
            save_record(target, Record(print_, made_from, rows, number=number))
            folders = (path for path in temporary.iterdir() if path.is_dir())
            for folder in (*folders, temporary):
                sync_folder(folder)
            os.rename(temporary, target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Release(target, rows, print_, up_to_date=False)


def _check_unknown(target: Path, print_: str, made_from: dict[str, str]) -> None:
    """StickerworksError where this version was released from other inputs, and its folder is gone:
    somebody may have it."""
    path = record_path(target)
    if not path.exists():
        return
    record = load_record(target)
    if record.fingerprint != print_:
        raise StickerworksError(
            f"{target.name} was released from other inputs (changed since: "
            f"{changed_inputs(record, made_from)}), and its folder is gone. A version never means "
            "two things.",
            f"Raise release.version, or delete {path} if nobody has that release.",
        )


def _existing(
    target: Path, print_: str, made_from: dict[str, str], config: Config, report: Report
) -> Release:
    record = load_record(target)
    if record.fingerprint != print_:
        changed = changed_inputs(record, made_from)
        if changed != FONT:
            raise StickerworksError(
                f"{target.name} was already released from other inputs "
                f"(changed since: {changed}). A release never changes.",
                "Raise release.version in the configuration, or add `--set release.version=X`.",
            )
        report(
            f"{target.name} stays as it is: its plots were drawn with another font than this "
            "machine's, which would give other bytes"
        )
    problems = check_checksums(target)
    if problems:
        raise StickerworksError(
            f"{target} was changed after it was built: {problems[0]}"
            + (f" (and {len(problems) - 1} more)." if len(problems) > 1 else "."),
            "Delete that folder and run the same command again; it will be made anew.",
        )
    key = config.release.sign_key
    if key is not None and check_signature(target).state == "unsigned":
        report(sign_checksums(target, key, config.release.name))
    return Release(target, record.rows, record.fingerprint, up_to_date=True)


def _fill(folder: Path, workspace: Workspace, config: Config, report: Report) -> dict[str, int]:
    plan = _plan(workspace, config)
    disk = DiskWatch(workspace.releases, config.engine.min_free_mb)
    disk.check("The release", plan.image_bytes + plan.rows.total() * _TEXT_BYTES)

    def say(done: int) -> None:
        disk.look()
        report(f"{done:,} of {plan.rows.total():,} stickers written")

    tally, num_bytes = _write_rows(folder, workspace, config, plan, say)
    report("writing the card, plots and checksums")
    known = write_texts(folder, workspace, config, tally, num_bytes, report)
    write_checksums(folder, known)
    if config.release.sign_key is not None:
        report(sign_checksums(folder, config.release.sign_key, config.release.name))
    return {split: plan.rows[split] for split in SPLITS if plan.rows[split]}


def _plan(workspace: Workspace, config: Config) -> _Plan:
    rows: Counter[str] = Counter()
    images = image_bytes = 0
    for parts in workspace.blocks:
        block = read_block(workspace, parts, PLANNED, check=False)
        splits = outcomes(block, config.release)["split"]
        rows.update(count_values(splits))
        carried = pc.and_(pc.is_valid(splits), carries_image(block))
        images += pc.sum(carried).as_py() or 0
        image_bytes += pc.sum(block["stickers"]["nbytes"].filter(carried)).as_py() or 0
    unknown = set(rows) - set(SPLITS)
    if unknown:
        raise StickerworksError(
            f"The table splits names unknown splits: {', '.join(sorted(unknown))}.",
            "Run `stickerworks split` again.",
        )
    if not rows:
        raise StickerworksError(
            f"No sticker of {workspace.name} belongs into the release: it would be empty.",
            "`stickerworks report` says which rules dropped them"
            + ("; release.labelled_only is on." if config.release.labelled_only else "."),
        )
    return _Plan(rows, images, image_bytes)


def _write_rows(
    folder: Path, workspace: Workspace, config: Config, plan: _Plan, say: Callable[[int], None]
) -> tuple[ReleaseCounts, dict[str, int]]:
    questions = asked_questions(workspace.read_checked("questions").to_pylist())
    schema = release_schema(questions)
    tally, done = (
        ReleaseCounts(statistics=Statistics(plan.rows.total()), answers=count_answers(questions)),
        0,
    )
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                SplitWriter(
                    folder / "data",
                    split,
                    plan.rows[split],
                    config.release.rows_per_file,
                    GROUP_ROWS if plan.images else BARE_GROUP_ROWS,
                    schema,
                )
            )
            for split in SPLITS
        }
        decisions = stack.enter_context(
            pq.ParquetWriter(folder / "decisions.parquet", DECISIONS, compression="zstd")
        )
        for block in _read_ahead(workspace):
            made = outcomes(block, config.release)
            tally.add_outcomes(made)
            decisions.write_table(made, row_group_size=1000)
            rows = _chosen(block, made["split"], questions)
            tally.add_rows(rows)
            tally.add_observations(_shown(block, made["split"]))
            for some in with_images(workspace, rows) if plan.images else (rows,):
                for split, writer in writers.items():
                    writer.add(some.filter(pc.equal(some["split"], split)))
                done += len(some)
                say(done)
    return tally, {split: writer.num_bytes for split, writer in writers.items()}


def _read_ahead(workspace: Workspace) -> Iterator[Block]:
    """All blocks in order, each read while what came before it is written."""
    with ThreadPoolExecutor(1) as reader:
        coming: Future[Block] | None = None
        for parts in workspace.blocks:
            after = reader.submit(read_block, workspace, parts, COLUMNS, check=True)
            if coming is not None:
                yield coming.result()
            coming = after
        if coming is not None:
            yield coming.result()


def _chosen(
    block: Block, splits: pa.ChunkedArray, questions: tuple[AskedQuestion, ...]
) -> pa.Table:
    """Rows of a block that belong into the release, with what writing them takes beside."""
    rows = release_rows(block, questions).append_column("split", splits)
    beside = {
        "carried": carries_image(block),
        "place": block["media"].to_struct_array(),
        "nbytes": block["stickers"]["nbytes"],
        "c2pa": block["stickers"]["c2pa"],
        "ocr_model": block["ocr"]["model"],
        "domain_model": block["domain"]["model"],
        "counts": block["labels"]["counts"],
        "data_sets": data_sets(block["imported"], len(rows)),
    }
    for name, values in beside.items():
        rows = rows.append_column(name, values)
    return rows.filter(pc.is_valid(splits))


def _shown(block: Block, splits: pa.ChunkedArray) -> pa.Table:
    """Observations of the stickers of a block that belong into the release."""
    observations = block["observations"]
    rows = observations.filter(pc.is_valid(splits).take(observations["row"]))
    for name in ("id", "nbytes", "c2pa"):
        rows = rows.append_column(name, block["stickers"][name].take(rows["row"]))
    return rows.append_column("carried", carries_image(block).take(rows["row"].combine_chunks()))
