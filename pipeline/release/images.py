"""The stickers' bytes beside the rows of a release that may carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.media import MediaReader
from pipeline.engine.workspace import Workspace
from pipeline.release.features import release_schema

_ROWS, _BYTES = 1000, 5_000_000
"""Rows, and bytes of pictures, that are handed on at once: a few megabytes stay in memory that the
next ones use again, where tens of them would be asked of the system anew each time."""


def with_images(workspace: Workspace, rows: pa.Table) -> Iterator[pa.Table]:
    """Rows with their column ``image``, a few megabytes at a time.

    The column ``place`` is the sticker's row of ``media``, read where ``carried``. Raises
    StickerworksError where bytes are missing or not the sticker's.
    """
    media = workspace.media_reader()
    images: list[bytes | None] = []
    held = start = 0
    carried = rows["carried"].to_pylist()
    for number, row in enumerate(rows["place"].to_pylist()):
        images.append(read_bytes(media, row) if carried[number] else None)
        held += len(images[-1] or b"")
        if held >= _BYTES or len(images) == _ROWS or number == len(rows) - 1:
            made = rows.slice(start, len(images))
            yield made.append_column("image", _column(made, images))
            start, held, images = start + len(images), 0, []


def _column(rows: pa.Table, images: list[bytes | None]) -> pa.Array:
    """Pictures as `datasets` has them, each under its sticker's id; null where there is none."""
    data = pa.array(images, pa.binary())
    paths = pc.binary_join_element_wise(rows["id"], rows["format"], ".").combine_chunks()
    missing = data.is_null()
    fields = list(release_schema().field("image").type)
    paths = pc.if_else(missing, pa.scalar(None, pa.string()), paths)
    return pa.StructArray.from_arrays([data, paths], fields=fields, mask=missing)


def read_bytes(media: MediaReader, row: Mapping[str, Any]) -> bytes:
    """The sticker's bytes, checked against its id; StickerworksError names a file that differs."""
    missing = "media has no path for it"
    try:
        data = media.read(row)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        data, missing = None, media.where(row)
    except ValueError:
        raise StickerworksError(
            f"{media.where(row)} has changed: its sha256 is not the sticker's id {row['id']}. "
            "No release was made.",
            "Put the original file back, or delete it and run `stickerworks crawl` again.",
        ) from None
    if data is None:
        raise StickerworksError(
            f"The file of sticker {row['id']} is missing: {missing}. No release was made.",
            "Put the file back, or run `stickerworks crawl` to fetch it again.",
        )
    return data
