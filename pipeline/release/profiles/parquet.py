"""Writes a profile as Parquet: the release's rows in the release's files, with other columns."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.images import reading_images
from pipeline.release.features import as_read, features_of
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.key_frames import decoding_pool, with_key_frames
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile, described
from pipeline.release.shards import BARE_GROUP_ROWS, GROUP_ROWS, SplitWriter
from pipeline.release.verify import Verification, verify_release
from schemas.release import SPLITS, VOTED

_COUNTED = ("id", "image", "format", "simulated")


def write_parquet(
    full: FullRelease, profile: Profile, folder: Path, run: ExportRun
) -> ExportCounts:
    """Write ``data/SPLIT-00000-of-0000N.parquet``, as many rows a file as the release has."""
    schema = profile_schema(profile)
    pictures = any(column.kind.strip("[]") == "image" for column in profile.columns)
    counts = ExportCounts()
    (folder / "data").mkdir()
    group = GROUP_ROWS if pictures else BARE_GROUP_ROWS
    for split, tables in rows_by_split(full, profile, run, counts):
        count, most = full.rows[split], full.rows_per_file
        with SplitWriter(folder / "data", split, count, most, group, schema) as writer:
            for rows in tables:
                writer.add(rows)
            counts.num_bytes[split] = writer.num_bytes
    return counts


def verify_parquet(folder: Path, profile: Profile) -> Verification:
    """Every file against its checksum and card, every row against the profile's checks."""
    return verify_release(folder, profile.check, as_read(profile_schema(profile)))


def profile_schema(profile: Profile) -> pa.Schema:
    """Arrow schema of a profile, with the `huggingface` key that `datasets` reads."""
    return features_of(described(profile.columns)).arrow_schema


def rows_by_split(
    full: FullRelease, profile: Profile, run: ExportRun, counts: ExportCounts
) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    """Each split's rows with the profile's columns, counted into ``counts`` as they are taken."""
    framed = any(column.name == "key_frames" for column in profile.columns)
    with decoding_pool(run.workers if framed else 0) as pool:
        for split in (split for split in SPLITS if full.rows.get(split)):
            wanted = dict.fromkeys(name for column in profile.columns for name in column.origins)
            groups = full.groups(split, list(dict.fromkeys([*wanted, *_COUNTED])))
            decoded = with_key_frames(groups, pool) if framed else ((rows, 0) for rows in groups)
            yield split, _shaped(decoded, profile, counts, split, full.rows[split], run)


def _shaped(
    groups: Iterator[tuple[pa.Table, int]],
    profile: Profile,
    counts: ExportCounts,
    split: str,
    total: int,
    run: ExportRun,
) -> Iterator[pa.Table]:
    schema, done = profile_schema(profile), 0
    for rows, undecodable in groups:
        _count(rows, split, counts)
        counts.undecodable += undecodable
        run.tell(split, done, done + len(rows), total)
        done += len(rows)
        columns = {
            column.name: rows["key_frames"]
            if column.name == "key_frames"
            else _first_of(rows, column.origins, schema.field(column.name).type)
            for column in profile.columns
        }
        yield pa.table(columns).cast(schema)


def _first_of(rows: pa.Table, names: Sequence[str], kind: pa.DataType) -> pa.ChunkedArray:
    """The first of some columns that has a value; answers of another kind of question have none."""
    types = {name: rows.schema.field(name).type for name in names}
    fitting = [rows[n] for n in names if not n.startswith(VOTED) or types[n].equals(kind)]
    return pc.coalesce(*fitting) if len(names) > 1 else rows[names[0]]


def _count(rows: pa.Table, split: str, counts: ExportCounts) -> None:
    counts.rows[split] = counts.rows.get(split, 0) + len(rows)
    counts.without_image += rows["image"].null_count
    counts.simulated += pc.sum(rows["simulated"]).as_py() or 0


def check_key_frames(rows: pa.Table) -> Iterator[str]:
    """A line for each row with a key frame that is no whole JPEG picture."""
    for id_, frames in zip(rows["id"].to_pylist(), rows["key_frames"].to_pylist(), strict=True):
        for number, frame in enumerate(frames or ()):
            reason = broken_frame(frame and frame.get("bytes"))
            if reason:
                yield f"key frame {number} of sticker {id_} {reason}"


def broken_frame(data: bytes | None) -> str | None:
    """Why bytes are no whole JPEG picture; None where they are one."""
    if data is None:
        return "has no bytes"
    try:
        with reading_images(), Image.open(io.BytesIO(data)) as image:
            if image.format != "JPEG":
                return f"is no JPEG but {image.format}"
            image.load()
    except Exception as error:  # noqa: BLE001 - whatever Pillow raises is about the file
        return f"can't be decoded: {type(error).__name__}"
    return None
