"""The release that a profile is made from: its names, and its rows as they stream by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.asked import read_questions
from pipeline.datasets.release import read_groups, shard_files
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line, quoted
from pipeline.release.checksums import CHECKSUMS, checksums_digest
from pipeline.release.features import LATER
from schemas.release import SPLITS, VOTED, AskedQuestion, answer_columns

_ID = "^[0-9a-f]{64}$"
_NAMES = {
    "name": re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,99}"),
    "version": re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}"),
}
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class FullRelease:
    """A release's folder, names, rows by split, rows of a file, bytes of its files, questions."""

    folder: Path
    name: str
    version: str
    licence: str
    digest: str
    rows: dict[str, int]
    rows_per_file: int
    num_bytes: int
    questions: tuple[AskedQuestion, ...] = ()

    def groups(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of a split, a row group at a time, null where the release has none of them.

        Raises StickerworksError for a shard that can't be read and for ids that are no sha256.
        """
        asked = [column for each in self.questions for column in answer_columns(each)]
        answers = {name for name, *_ in asked}
        optional = {*LATER, *(name for name in columns if name.startswith(VOTED))}
        wanted = [name for name in columns if not name.startswith(VOTED) or name in answers]
        for rows in read_groups(self.folder, split, ("id", *wanted), [*optional], asked):
            named = pc.fill_null(pc.match_substring_regex(rows["id"], _ID), False)
            if not pc.all(named).as_py() and len(rows):
                raise StickerworksError(
                    f"{self.folder} has a {split} row whose id is no sha256.",
                    "Get the release again; `stickerworks release verify` says what is wrong.",
                )
            nothing = pa.nulls(len(rows))
            there = rows.schema.names
            yield pa.table({name: rows[name] if name in there else nothing for name in columns})


def open_release(folder: Path) -> FullRelease:
    """The release at ``folder``; StickerworksError where there is none, or it has no names."""
    files = {split: shard_files(folder, split) for split in SPLITS}
    if not any(files.values()):
        raise StickerworksError(
            f"There is no release at {folder}.",
            "Give the folder that holds `data/` and README.md with --release; `stickerworks "
            "release` makes one.",
        )
    said = _said(folder)
    names = {key: said.get(key) for key in _NAMES}
    for key, value in names.items():
        if not isinstance(value, str) or not _NAMES[key].fullmatch(value):
            raise _unknown(folder, f"says no {key} but {quoted(value)}")
    licence = said.get("license")
    licence = licence[0] if isinstance(licence, list) and licence else licence
    rows = {split: sum(map(_count_rows, paths)) for split, paths in files.items() if paths}
    longest = max(_count_rows(paths[0]) for paths in files.values() if paths)
    return FullRelease(
        folder=folder,
        name=str(names["name"]),
        version=str(names["version"]),
        licence=one_line(licence or "other", 200),
        digest=_digest(folder),
        rows=rows,
        rows_per_file=max(1, longest),
        num_bytes=sum(path.stat().st_size for paths in files.values() for path in paths),
        questions=read_questions(folder),
    )


def _said(folder: Path) -> dict[str, Any]:
    path = folder / "croissant.json"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _unknown(folder, "is longer than any that we write")
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unknown(folder, f"can't be read: {type(error).__name__}") from error
    if not isinstance(said, dict):
        raise _unknown(folder, "is no JSON object")
    return said


def _digest(folder: Path) -> str:
    digest = checksums_digest(folder)
    if digest is None:
        raise StickerworksError(
            f"{folder} has no {CHECKSUMS}, so nothing says whether it is whole.",
            "Get the release again.",
        )
    return digest


def _count_rows(path: Path) -> int:
    try:
        with pq.ParquetFile(path) as shard:
            return int(shard.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise StickerworksError(
            f"{path} can't be read to its end: {error}.", "Get that file again."
        ) from error


def _unknown(folder: Path, what: str) -> StickerworksError:
    return StickerworksError(
        f"{folder / 'croissant.json'} {what}, so the release has no name and version.",
        "Give the folder of a whole release, as `stickerworks release` writes it.",
    )
