"""Takes what was taken down out of the releases of a workspace, profiles among them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.release.records import load_record, record_path, save_record
from pipeline.release.takedown.cleaner.folder import (
    CHECKSUMS,
    JOURNAL,
    PROFILE,
    clean_folder,
    plan_cleaning,
)
from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown
from pipeline.release.takedown.request import Request


def release_folders(workspace: Workspace) -> list[Path]:
    """Folders of finished releases, in order of their names."""
    there = sorted(workspace.releases.glob("*")) if workspace.releases.is_dir() else []
    return [
        folder
        for folder in there
        if folder.is_dir()
        and not folder.name.startswith(".")
        and ((folder / CHECKSUMS).exists() or (folder / JOURNAL).exists())
    ]


def clean_releases(
    workspace: Workspace, gone: TakenDown, notes: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """Rows that each release lost, by its name, and releases that had to go as a whole.

    Profiles go: they are made again, to the byte, from the release that was cleaned.
    """
    rows: dict[str, int] = {}
    removed: list[str] = []
    for folder in release_folders(workspace):
        if (folder / PROFILE).exists():
            if _is_stale(folder, gone, notes):
                shutil.rmtree(folder)
                record_path(folder).unlink(missing_ok=True)
                removed.append(folder.name)
            continue
        try:
            plan = plan_cleaning(folder, gone, notes)
        except CleaningError as error:
            raise StickerworksError(
                str(error), "Move it out of the releases, and run `stickerworks release takedown`."
            ) from error
        if not plan.is_empty:
            clean_folder(folder, gone, plan)
            rows[folder.name] = sum(plan.rows.values())
    return rows, removed


def _is_stale(profile: Path, gone: TakenDown, notes: Mapping[str, str]) -> bool:
    """Whether a profile is one of a release that is another now, or holds what went."""
    told = (profile / PROFILE).read_text("utf-8")
    sums = (folder / CHECKSUMS for folder in profile.parent.glob("*") if folder != profile)
    known = (hashlib.sha256(path.read_bytes()).hexdigest() for path in sums if path.exists())
    if not any(digest in told for digest in known):
        return True
    try:
        return not plan_cleaning(profile, gone, notes).is_empty
    except CleaningError:  # what can't be looked into is as its release is
        return False


def renew_records(workspace: Workspace, request: Request, after: Mapping[str, str]) -> None:
    """Let releases be known by their tables as these are now, where they were before.

    ``after`` are digests of tables by ``table/number``.
    """
    for folder in release_folders(workspace):
        if not record_path(folder).exists():
            continue
        record = load_record(folder)
        if request.number in record.takedowns:
            continue
        renewed = {
            name: _renewed(name, digest, request.digests, after)
            for name, digest in record.made_from.items()
        }
        made_from = {name: digest for name, digest in renewed.items() if digest is not None}
        if made_from == record.made_from:
            continue
        text = json.dumps(made_from, sort_keys=True)
        save_record(
            folder,
            replace(
                record,
                fingerprint=hashlib.sha256(text.encode()).hexdigest(),
                made_from=made_from,
                rows=_rows(folder, record.rows),
                takedowns=[*record.takedowns, request.number],
            ),
        )


def _renewed(
    name: str, digest: str, before: Mapping[str, str], after: Mapping[str, str]
) -> str | None:
    """The digest of a table as it is now; None for a shard of which nothing is left."""
    table, _, part = name.removeprefix("table ").partition("/")
    key = f"{table}/{int(part)}" if part else table
    if not name.startswith("table ") or before.get(key) != digest:
        return digest
    return after.get(key)


def _rows(folder: Path, known: Mapping[str, int]) -> dict[str, int]:
    import pyarrow.parquet as pq

    found = dict.fromkeys(known, 0)
    for path in sorted((folder / "data").glob("*.parquet")):
        split = path.name.partition("-")[0]
        found[split] = found.get(split, 0) + pq.read_metadata(path).num_rows
    return {split: rows for split, rows in found.items() if rows}
