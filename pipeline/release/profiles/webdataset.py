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

from pipeline.engine.text import one_line
from pipeline.release.checksums import check_checksums
from pipeline.release.profiles.annotations import file_extension
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.parquet import rows_by_split
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile
from pipeline.release.verify import Verification, cut

_MEMBER = re.compile(r"([0-9a-f]{64})\.([a-z0-9_.]{1,40})")
_PICTURES = {"gif", "png", "jpg", "webp", "bmp", "bin"}


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
    """Checksums, and every member of every shard."""
    problems = check_checksums(folder)
    rows: dict[str, int] = {}
    files = sorted((folder / "data").glob("*.tar"))
    seen: set[str] = set()
    for path in files:
        split = path.name.partition("-")[0]
        found: list[str] = []
        try:
            for id_, members in _samples(path):
                rows[split] = rows.get(split, 0) + 1
                found += [f"sticker {id_} stands in it twice"] if id_ in seen else []
                seen.add(id_)
                found += _wrong(id_, members)
        except (tarfile.TarError, OSError, ValueError) as error:
            found.append(f"can't be read to its end: {one_line(error)}")
        problems += [f"data/{path.name}: {line}" for line in cut(found)]
    return Verification(folder, rows, len(files), tuple(problems))


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


def _wrong(id_: str, members: Mapping[str, bytes]) -> Iterator[str]:
    try:
        if json.loads(members["json"])["id"] != id_:
            yield f"the JSON of sticker {id_} is another's"
    except (KeyError, TypeError, ValueError, RecursionError):
        yield f"sticker {id_} has no JSON of its own"
    for name in _PICTURES & members.keys():
        if hashlib.sha256(members[name]).hexdigest() != id_:
            yield f"the bytes of sticker {id_} are not those of its id"
