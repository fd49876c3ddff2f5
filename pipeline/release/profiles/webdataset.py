"""Profiles as WebDataset: tar shards whose members belong together by their names."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.engine.split_leaks import NEVER_SPLIT, LeakCheck
from pipeline.engine.text import one_line, quoted
from pipeline.release.checksums import check_checksums
from pipeline.release.profiles.annotations import file_extension
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.parquet import broken_frame, rows_by_split
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile
from pipeline.release.verify import Verification, cut
from schemas.release import SPLITS

_MEMBER = re.compile(r"([0-9a-f]{64})\.([a-z0-9_.]{1,40})")
_FRAME = re.compile(r"key_frame_(\d{1,4})\.jpg")
_OWN_MEMBERS = {"image", "key_frames"}
_GROUPS = pa.schema([(name, pa.string()) for name in NEVER_SPLIT])
_TYPES: dict[str, set[type]] = {
    "string": {str}, "int": {int}, "float": {float, int}, "bool": {bool},
}  # fmt: skip
_HELD_ROWS = 1000
"""Rows whose groups are held as Python's before they are held as Arrow's."""


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
    """Checksums, every member of every shard against the profile's columns, and leaks."""
    problems = check_checksums(folder)
    rows: dict[str, int] = {}
    files = sorted((folder / "data").glob("*.tar"))
    seen: set[str] = set()
    leaks, bare = LeakCheck(), 0
    for path in files:
        split = path.name.partition("-")[0]
        if split not in SPLITS:
            problems.append(f"data/{path.name} is of no known split")
            continue
        found: list[str] = []
        read = _read_members(path, profile, found)
        while some := list(islice(read, _HELD_ROWS)):
            rows[split] = rows.get(split, 0) + len(some)
            leaks.add(pa.Table.from_pylist(some, schema=_GROUPS), split)
            for row in some:
                found += [f"sticker {row['id']} stands in it twice"] * (row["id"] in seen)
                seen.add(row["id"])
                bare += not row["pictures"]
        problems += [f"data/{path.name}: {line}" for line in cut(found)]
    for leaking in leaks.problems():
        problems += cut(leaking)
    if bare > (told := _told_bare(folder)):
        problems.append(f"profile.json says {told:,} rows without pictures, there are {bare:,}")
    return Verification(folder, rows, len(files), tuple(problems))


def _read_members(path: Path, profile: Profile, found: list[str]) -> Iterator[dict[str, Any]]:
    """What must not be split, of each sticker of a shard; what is wrong with it goes to
    ``found``."""
    try:
        for id_, members in _samples(path):
            row = _row_of(members)
            found += _wrong_row(id_, row, profile)
            found += _wrong_members(id_, members, row, profile)
            # A leak is told whatever else is wrong.
            groups = {name: row.get(name) for name in NEVER_SPLIT}
            texts = {name: v if isinstance(v, str) else None for name, v in groups.items()}
            yield {**texts, "id": id_, "pictures": len(members.keys() - {"json"})}
    except (tarfile.TarError, OSError, ValueError) as error:
        found.append(f"can't be read to its end: {one_line(error)}")


def _told_bare(folder: Path) -> int:
    """Rows that ``profile.json`` says to have no picture."""
    about = json.loads((folder / "profile.json").read_text("utf-8"))
    counts = [about.get(name) for name in ("without_image", "undecodable")]
    return sum(count for count in counts if type(count) is int)


def _samples(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
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
            members[match[2]] = opened.read()
    if members:
        yield current, members


def _row_of(members: Mapping[str, bytes]) -> dict[str, Any]:
    """A sticker's JSON; without any key where it has none that can be read."""
    try:
        row = json.loads(members["json"])
        json.dumps(row, ensure_ascii=False).encode()  # surrogates are no text
    except (KeyError, ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _wrong_row(id_: str, row: Mapping[str, Any], profile: Profile) -> Iterator[str]:
    if "id" not in row:
        yield f"sticker {id_} has no JSON of its own"
        return
    if row["id"] != id_:
        yield f"the JSON of sticker {id_} is another's"
    columns = {column.name: column.kind for column in profile.columns}
    expected = columns.keys() - _OWN_MEMBERS
    if differing := row.keys() ^ expected:
        told = ", ".join(map(quoted, sorted(differing)[:5]))
        yield f"the JSON of sticker {id_} has other columns than the profile: {told} differ"
    for name in sorted(row.keys() & expected):
        if not _fits(row[name], columns[name]):
            yield f"the JSON of sticker {id_} has a {name} that is no {columns[name]}"


def _fits(value: Any, kind: str) -> bool:
    if value is None:
        return True
    if kind.startswith("["):
        return isinstance(value, list) and all(_fits(item, kind[1:-1]) for item in value)
    return type(value) in _TYPES[kind.rstrip("0123456789")]


def _wrong_members(
    id_: str, members: Mapping[str, bytes], row: Mapping[str, Any], profile: Profile
) -> Iterator[str]:
    columns = {column.name for column in profile.columns}
    frames = {name: int(match[1]) for name in members if (match := _FRAME.fullmatch(name))}
    if frames and "key_frames" not in columns:
        yield f"sticker {id_} has key frames, and the profile has none"
    if sorted(frames.values()) != list(range(len(frames))):
        yield f"the key frames of sticker {id_} don't follow each other"
    for name, number in frames.items():
        if reason := broken_frame(members[name]):
            yield f"key frame {number} of sticker {id_} {reason}"
    files = sorted(members.keys() - {"json"} - frames.keys())
    if files and "image" not in columns:
        yield f"sticker {id_} has the file {files[0]}, and the profile has none"
    kind = row.get("format")
    if files and isinstance(kind, str) and files != [file_extension(kind)]:
        yield f"sticker {id_} of the format {quoted(kind)} has the files {', '.join(files)}"
    for name in files:
        if hashlib.sha256(members[name]).hexdigest() != id_:
            yield f"the bytes of sticker {id_} are not those of its id"
