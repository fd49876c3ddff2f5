"""Takes what was taken down out of the releases of a workspace, profiles among them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.release.records import load_record, record_path, save_record
from pipeline.release.takedown.cleaner.folder import (
    CHECKSUMS,
    PROFILE,
    clean_folder,
    plan_cleaning,
)
from pipeline.release.takedown.cleaner.journal import JOURNAL
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


@dataclass
class CleanedReleases:
    """Rows that each release lost, by its name; profiles that went as a whole; and those of which
    nobody can say whether they hold what went."""

    rows: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def clean_releases(
    workspace: Workspace, gone: TakenDown, notes: Mapping[str, str]
) -> CleanedReleases:
    """Clean all releases. A profile that holds what went is removed: it is made again, to the
    byte, from the release that was cleaned."""
    done = CleanedReleases()
    folders = release_folders(workspace)
    # While their releases are as they were when these were made.
    for folder in folders:
        if (folder / PROFILE).exists():
            held = _holds(folder, gone, notes)
            if held is None:
                done.left.append(folder.relative_to(workspace.root).as_posix())
            elif held:
                shutil.rmtree(folder)
                record_path(folder).unlink(missing_ok=True)
                done.removed.append(folder.name)
    for folder in folders:
        if not folder.exists() or (folder / PROFILE).exists():
            continue
        try:
            plan = plan_cleaning(folder, gone, notes)
        except CleaningError as error:
            raise StickerworksError(
                str(error), "Move it out of the releases, and run `stickerworks release takedown`."
            ) from error
        if not plan.is_empty:
            clean_folder(folder, gone, plan)
            done.rows[folder.name] = sum(plan.rows.values())
    return done


def _holds(profile: Path, gone: TakenDown, notes: Mapping[str, str]) -> bool | None:
    """Whether a profile holds what went; None where it can't be looked into, and what it was made
    from isn't here."""
    try:
        return not plan_cleaning(profile, gone, notes).is_empty
    except CleaningError:
        told = (profile / PROFILE).read_text("utf-8", "replace")
    for sums in sorted(profile.parent.glob(f"*/{CHECKSUMS}")):
        made_from = sums.parent != profile and (
            hashlib.sha256(sums.read_bytes()).hexdigest() in told
        )
        if made_from and not (sums.parent / PROFILE).exists():
            try:
                return not plan_cleaning(sums.parent, gone, notes).is_empty
            except CleaningError:
                return None
    return None


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
