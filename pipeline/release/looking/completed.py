"""A release without images as it would be with them: its files are read from the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.errors import StickerworksError
from pipeline.engine.media import COLUMNS, MediaReader
from pipeline.engine.workspace import Workspace
from pipeline.release.rows import NO_PICTURES
from pipeline.release.shards import GROUP_ROWS


def lacks_images(folder: Path) -> bool:
    """Whether any row of a release carries no image, though its format is one of pictures.

    Raises StickerworksError where a shard can't be read.
    """
    for file in sorted((folder / "data").glob("*.parquet")):
        with _opened(file) as shard:
            if not {"id", "format", "image"} <= set(shard.schema_arrow.names):
                continue  # nothing is found by id there
            for group in range(shard.num_row_groups):
                rows = shard.read_row_group(group, columns=["id", "format", "image.path"])
                if pc.any(_lacking(rows)).as_py():
                    return True
    return False


def complete_release(folder: Path, workspace: Workspace, target: Path) -> int:
    """Write the shards below ``target`` with images where the workspace has the files.

    Gives how many rows got one. A file that isn't the sticker's any more is left out, as one is
    that the workspace doesn't have. Raises StickerworksError where a shard can't be read.
    """
    (target / "data").mkdir(parents=True)
    media, found = workspace.media_reader(), 0
    for file in sorted((folder / "data").glob("*.parquet")):
        with _opened(file) as shard:
            schema = shard.schema_arrow
            with pq.ParquetWriter(target / "data" / file.name, schema) as writer:
                for rows in _groups(shard):
                    whole, added = _with_images(rows, workspace, media)
                    writer.write_table(whole)
                    found += added
    return found


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(file) as shard:
            yield shard
    except pa.ArrowException as error:
        raise StickerworksError(
            f"{file} can't be read to its end: {error}.",
            "Get that file again, or delete the release and run `stickerworks release`.",
        ) from error


def _groups(shard: pq.ParquetFile) -> Iterator[pa.Table]:
    # Rows without images stand in large groups; with them they would fill the memory.
    for batch in shard.iter_batches(GROUP_ROWS):
        yield pa.Table.from_batches([batch])


def _with_images(rows: pa.Table, workspace: Workspace, media: MediaReader) -> tuple[pa.Table, int]:
    images = rows["image"].to_pylist()
    wanted = rows.filter(_lacking(rows))
    places = _places(wanted["id"].combine_chunks(), workspace) if len(wanted) else {}
    added = 0
    for number, row in enumerate(rows.select(["id", "format"]).to_pylist()):
        if images[number] is None and row["id"] in places:
            data = _read(media, places[row["id"]])
            if data is not None:
                images[number] = {"bytes": data, "path": f"{row['id']}.{row['format']}"}
                added += 1
    place = rows.schema.get_field_index("image")
    field = rows.schema.field("image")
    return rows.set_column(place, field, pa.array(images, field.type)), added


def _lacking(rows: pa.Table) -> pa.ChunkedArray:
    pictures = pc.invert(pc.is_in(rows["format"], pa.array(NO_PICTURES)))
    return pc.and_(pc.is_null(rows["image"]), pictures)


def _places(ids: pa.Array, workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Rows of ``media`` by id."""
    found = []
    for part in workspace.parts:
        media = workspace.read("media", part, COLUMNS)
        found += media.filter(pc.is_in(media["id"], ids)).to_pylist()
    return {row["id"]: row for row in found}


def _read(media: MediaReader, row: dict[str, Any]) -> bytes | None:
    try:
        return media.read(row)
    except (OSError, ValueError):
        return None  # counted as a row without an image, which is told
