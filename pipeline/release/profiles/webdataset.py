"""Profiles as WebDataset: tar shards whose members belong together by their names."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.engine.split_leaks import NEVER_SPLIT, LeakCheck
from pipeline.engine.text import one_line
from pipeline.release.checksums import check_checksums
from pipeline.release.profiles.annotations import file_extension
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.parquet import profile_schema, rows_by_split
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile
from pipeline.release.shards import GROUP_ROWS
from pipeline.release.verify import Verification, cut
from schemas.release import SPLITS

_MEMBER = re.compile(r"([0-9a-f]{64})\.([a-z0-9_.]{1,40})")
_FILES = {"image", "key_frames"}
"""Columns that are members of their own, beside the JSON."""
_UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)

Sample = tuple[str, dict[str, bytes]]
"""A sticker's id, and its members by what comes behind it in their names."""


def as_webdataset(profile: Profile) -> Profile:
    """The same rows as tar shards: of each sticker its image, its key frames and its JSON."""
    loading = (
        '`webdataset.WebDataset("data/train-{00000..00003}-of-00004.tar")` gives samples by the '
        "extension of each member: `gif`, `png`, ... for the file as found, `key_frame_0.jpg` and "
        "on for key frames, `json` for all other columns. Decoders of pictures give the first "
        "frame of a GIF alone: take its bytes and open them with PIL for all."
    )
    return replace(
        profile,
        loading=loading,
        write=_write,
        verify=_verify,
        parquet=False,
        suffix="-webdataset",
    )


def _write(full: FullRelease, profile: Profile, folder: Path, run: ExportRun) -> ExportCounts:
    counts = ExportCounts()
    (folder / "data").mkdir()
    for split, tables in rows_by_split(full, profile, run, counts):
        stickers = (row for table in tables for row in table.to_pylist())
        shards = -(-full.rows[split] // full.rows_per_file)
        for number in range(shards):
            path = folder / "data" / f"{split}-{number:05d}-of-{shards:05d}.tar"
            # Headers of old, whose bytes say nothing of who wrote them and when.
            with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as tar:
                for sticker in islice(stickers, full.rows_per_file):
                    _add(tar, sticker)
    return counts


def _add(tar: tarfile.TarFile, sticker: dict[str, Any]) -> None:
    for name, data in sorted(_members(sticker).items()):
        member = tarfile.TarInfo(f"{sticker['id']}.{name}")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def _members(sticker: dict[str, Any]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    image = sticker.pop("image", None)
    if image is not None:
        found[file_extension(sticker["format"])] = image["bytes"]
    for number, frame in enumerate(sticker.pop("key_frames", None) or ()):
        found[f"key_frame_{number}.jpg"] = frame["bytes"]
    text = json.dumps(sticker, ensure_ascii=False, sort_keys=True)
    return {**found, "json": text.encode()}


def _verify(folder: Path, profile: Profile) -> Verification:
    """Checksums, every member of every shard, and the same of the rows as of Parquet's."""
    reading = _Reading(profile, check_checksums(folder))
    files = sorted((folder / "data").glob("*.tar"))
    for path in files:
        split = path.name.partition("-")[0]
        if split not in SPLITS:
            reading.problems.append(f"data/{path.name} is of no known split")
            continue
        found: list[str] = []
        try:
            stickers = _samples(path)
            while some := list(islice(stickers, GROUP_ROWS)):
                found += reading.take(split, some)
        except (tarfile.TarError, OSError, ValueError) as error:
            found.append(f"can't be read to its end: {one_line(error)}")
        reading.problems += [f"data/{path.name}: {line}" for line in cut(found)]
    for leaks in reading.leaks.problems():
        reading.problems += cut(leaks)
    return Verification(
        folder, dict(reading.rows), len(files), tuple(reading.problems), bare=reading.bare
    )


@dataclass
class _Reading:
    """What has been seen so far, over all shards."""

    profile: Profile
    problems: list[str]
    rows: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    bare: int = 0
    leaks: LeakCheck = field(default_factory=LeakCheck)

    def take(self, split: str, stickers: Sequence[Sample]) -> Iterator[str]:
        """Lines about what is wrong with some stickers of a split."""
        rows = []
        for id_, members in stickers:
            self.rows[split] += 1
            if id_ in self.seen:
                yield f"sticker {id_} stands in it twice"
            self.seen.add(id_)
            try:
                row = _row(id_, members, self.profile)
            except ValueError as error:
                yield one_line(error, 300)
                yield from _of_others(id_, members)
                continue
            self.bare += not (row.get("image") or row.get("key_frames"))
            rows.append(row)
        try:
            tables = [_table(rows, self.profile)]
        except _UNFIT:
            tables, unfit = _one_by_one(rows, self.profile)
            yield from unfit
        for table in tables:
            yield from self.profile.check(table)
            self.leaks.add(table.select(NEVER_SPLIT), split)


def _samples(path: Path) -> Iterator[Sample]:
    """Members by sticker; ValueError for a member that isn't one of ours. Nothing is extracted."""
    current, members = "", dict[str, bytes]()
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            match = _MEMBER.fullmatch(member.name)
            plain = member.isreg() and not member.issparse()
            opened = tar.extractfile(member) if match and plain else None
            if match is None or opened is None:
                raise ValueError(f"it has the member {member.name}")
            if match[1] != current and members:
                yield current, members
                members = {}
            current = match[1]
            if match[2] in members:
                raise ValueError(f"it has the member {member.name} twice")
            members[match[2]] = opened.read()
    if members:
        yield current, members


def _row(id_: str, members: Mapping[str, bytes], profile: Profile) -> dict[str, Any]:
    """A sticker as a row of the profile; ValueError where its members make none."""
    row: dict[str, Any]
    try:
        row = json.loads(members["json"])
        own = row["id"] == id_
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"sticker {id_} has no JSON of its own") from error
    if not own:
        raise ValueError(f"the JSON of sticker {id_} is another's")
    columns = {column.name for column in profile.columns}
    if row.keys() != columns - _FILES:
        differ = ", ".join(sorted(row.keys() ^ (columns - _FILES)))
        raise ValueError(f"the JSON of sticker {id_} has other columns than the profile: {differ}")
    left = {name: data for name, data in members.items() if name != "json"}
    if "image" in columns:
        kind = row["format"] if isinstance(row["format"], str) else None
        data = left.pop(file_extension(kind), None)
        row["image"] = None if data is None else {"bytes": data, "path": None}
    if "key_frames" in columns:
        names = takewhile(left.__contains__, (f"key_frame_{number}.jpg" for number in count()))
        row["key_frames"] = [{"bytes": left.pop(name), "path": None} for name in names]
    if left:
        raise ValueError(f"sticker {id_} has members without a place: {', '.join(sorted(left))}")
    return row


def _of_others(id_: str, members: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in members.items():
        named = name == "json" or name.startswith("key_frame_")
        if not named and hashlib.sha256(data).hexdigest() != id_:
            yield f"the bytes of sticker {id_} are not those of its id"


def _table(rows: list[dict[str, Any]], profile: Profile) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=profile_schema(profile))


def _one_by_one(
    rows: Sequence[dict[str, Any]], profile: Profile
) -> tuple[list[pa.Table], list[str]]:
    """Rows whose values are of the columns' types, and a line about each of the others."""
    tables, unfit = [], []
    for row in rows:
        try:
            tables.append(_table([row], profile))
        except _UNFIT as error:
            unfit.append(
                f"the JSON of sticker {row['id']} has other types than the profile: "
                f"{one_line(error, 200)}"
            )
    return tables, unfit
