"""The stickers' bytes beside the rows of a release that may carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.media import MediaReader
from pipeline.engine.workspace import Workspace
from pipeline.release.features import release_schema
from pipeline.release.shards import GROUP_BYTES

_ROWS = 1000


def with_images(workspace: Workspace, rows: pa.Table) -> Iterator[pa.Table]:
    """Rows with their column ``image``, a few at a time: no more bytes than one group may hold.

    The column ``place`` is the sticker's row of ``media``, read where ``carried``. Raises
    StickerworksError where bytes are missing or not the sticker's.
    """
    kind = release_schema().field("image").type
    media = workspace.media_reader()
    images: list[dict[str, object] | None] = []
    held = start = 0
    for row in rows.select(["id", "format", "carried", "place"]).to_pylist():
        data = read_bytes(media, row["place"]) if row["carried"] else None
        images.append(
            None if data is None else {"bytes": data, "path": f"{row['id']}.{row['format']}"}
        )
        held += len(data or b"")
        if held >= GROUP_BYTES or len(images) == _ROWS or start + len(images) == len(rows):
            made = rows.slice(start, len(images))
            yield made.append_column("image", pa.array(images, kind))
            start, held, images = start + len(images), 0, []


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
