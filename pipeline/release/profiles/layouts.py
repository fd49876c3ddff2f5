"""Verifies annotation files: read as everybody reads them, and held against what was written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.layout import Layout, Row, read_every, read_problems
from pipeline.engine.errors import StickerworksError
from pipeline.engine.split_leaks import LeakCheck
from pipeline.engine.text import one_line
from pipeline.release.checksums import check_checksums
from pipeline.release.profiles.annotations import LISTED, STICKERS
from pipeline.release.profiles.profile import Profile
from pipeline.release.verify import Verification, cut
from schemas.release import SPLITS


def verify_layout(
    layout: Layout, *, has_splits: bool = True
) -> Callable[[Path, Profile], Verification]:
    """How a profile in that layout is verified: checksums, rows, images, names and leaks."""

    def verify(folder: Path, profile: Profile) -> Verification:
        problems = check_checksums(folder)
        try:
            listed = _read_listed(folder)
            problems += cut(list(_differences(layout, has_splits, folder, listed)))
            problems += cut([str(p) for p in read_problems(layout, folder) if p.left_out])
        except StickerworksError as error:
            return Verification(folder, {}, 0, (*problems, str(error)))
        problems += _leaks(listed)
        rows = Counter(listed["split"].to_pylist())
        return Verification(folder, dict(rows), len(listed), tuple(problems))

    return verify


def _differences(layout: Layout, has_splits: bool, folder: Path, listed: pa.Table) -> Iterator[str]:
    """Lines about rows that ``stickers.parquet`` doesn't explain, or that are missing."""
    missing = {name: place for place, name in enumerate(listed["file"].to_pylist())}
    ids, splits = listed["id"].to_pylist(), listed["split"].to_pylist()
    if len(missing) < len(listed):
        yield f"{STICKERS} names a file twice"
    for row in read_every(layout, folder):
        name, place = one_line(row.id), missing.pop(row.id, None)
        if place is None:
            yield f"{name} is not listed in {STICKERS}"
        elif row.problem is not None:
            yield f"{name} has no image: {row.problem}"
        elif hashlib.sha256(_bytes(row)).hexdigest() != ids[place]:
            yield f"the image of {name} is not that of its id in {STICKERS}"
        elif has_splits and row.split != splits[place]:
            told = row.split or "no split"
            yield f"{name} stands in {told}, and {STICKERS} says {one_line(splits[place])}"
    for other in missing:
        yield f"{one_line(other)} is listed in {STICKERS} and isn't there"


def _bytes(row: Row) -> bytes:
    if row.data is not None:
        return row.data
    return b"" if row.file is None else row.file.read_bytes()


def _leaks(listed: pa.Table) -> Iterator[str]:
    check = LeakCheck()
    for split in SPLITS:
        check.add(listed.filter(pc.equal(listed["split"], split)), split)
    for lines in check.problems():
        yield from cut(lines)


def _read_listed(folder: Path) -> pa.Table:
    path = folder / STICKERS
    try:
        return pq.read_table(path).select([column.name for column in LISTED])
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StickerworksError(
            f"{path} can't be read: {error}.", "Get the profile again, or make it anew."
        ) from error
