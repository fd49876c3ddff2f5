"""A release without images as it would be with them: its files are read from the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.release import unreadable_shard
from pipeline.engine.media import COLUMNS, MediaReader
from pipeline.engine.workspace import Workspace
from pipeline.release.rows import NO_PICTURES
from pipeline.release.shards import GROUP_ROWS

_ID = "S64"
"""A SHA-256 in hexadecimal digits."""


def lacks_images(folder: Path) -> bool:
    """Whether any row of a release carries no image, though its format is one of pictures.

    Raises StickerworksError where a shard can't be read.
    """
    for file in sorted((folder / "data").glob("*.parquet")):
        with _opened(file) as shard:
            if _lacks_some(shard):
                return True
    return False


def complete_release(folder: Path, workspace: Workspace, target: Path) -> int:
    """Write the shards below ``target`` with images where the workspace has the files.

    A shard that lacks none is linked. Gives how many rows got one. A file that isn't the sticker's
    any more is left out, as one is that the workspace doesn't have. Raises StickerworksError where
    a shard can't be read.
    """
    (target / "data").mkdir(parents=True)
    media, known, found = workspace.media_reader(), _Known(workspace), 0
    for file in sorted((folder / "data").glob("*.parquet")):
        with _opened(file) as shard:
            if not _lacks_some(shard):
                (target / "data" / file.name).symlink_to(file.resolve())
                continue
            schema = shard.schema_arrow
            with pq.ParquetWriter(target / "data" / file.name, schema) as writer:
                for rows in _groups(shard):
                    whole, added = _with_images(rows, known, media)
                    writer.write_table(whole)
                    found += added
    return found


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(file) as shard:
            yield shard
    except pa.ArrowException as error:
        raise unreadable_shard(file, error) from error


def _lacks_some(shard: pq.ParquetFile) -> bool:
    if not {"id", "format", "image"} <= set(shard.schema_arrow.names):
        return False  # nothing is found by id there
    for group in range(shard.num_row_groups):
        rows = shard.read_row_group(group, columns=["id", "format", "image.path"])
        if pc.any(_lacking(rows)).as_py():
            return True
    return False


def _groups(shard: pq.ParquetFile) -> Iterator[pa.Table]:
    # Rows without images stand in large groups; with them they would fill the memory.
    for batch in shard.iter_batches(GROUP_ROWS):
        yield pa.Table.from_batches([batch])


def _with_images(rows: pa.Table, known: _Known, media: MediaReader) -> tuple[pa.Table, int]:
    images = rows["image"].to_pylist()
    wanted = rows.filter(_lacking(rows))
    places = known.places(wanted["id"].to_pylist())
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


class _Known:
    """What ``media`` says of every sticker, read once: about 250 bytes each."""

    def __init__(self, workspace: Workspace) -> None:
        self._tables = [
            workspace.read("media", part, COLUMNS).combine_chunks() for part in workspace.parts
        ]
        empty = np.empty(0, _ID)
        ids = np.concatenate([empty, *(_ids(table["id"].to_pylist()) for table in self._tables)])
        sizes = [len(table) for table in self._tables]
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def places(self, ids: list[str | None]) -> dict[str, dict[str, Any]]:
        """Rows of ``media`` by id, of those that are there."""
        wanted = np.unique(_ids([id_ for id_ in ids if id_ is not None]))
        at = np.searchsorted(self._ids, wanted)
        there = at < len(self._ids)
        there[there] = self._ids[at[there]] == wanted[there]
        rows = np.sort(self._order[at[there]])
        parts = np.searchsorted(self._starts, rows, "right") - 1
        found: list[dict[str, Any]] = []
        for part in np.unique(parts):
            chosen = rows[parts == part] - self._starts[part]
            found += self._tables[part].take(pa.array(chosen)).to_pylist()
        return {row["id"]: row for row in found}


def _ids(found: list[str]) -> npt.NDArray[np.bytes_]:
    """Ids as arrays hold them; what is longer than one is cut, and so is none that is asked for."""
    return np.array([id_.encode("utf-8", "replace") for id_ in found], _ID)


def _read(media: MediaReader, row: dict[str, Any]) -> bytes | None:
    try:
        return media.read(row)
    except (OSError, ValueError):
        return None  # counted as a row without an image, which is told
