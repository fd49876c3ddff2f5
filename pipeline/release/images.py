"""The stickers' bytes beside the rows of a release that may carry them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.release.features import release_schema
from pipeline.release.shards import GROUP_BYTES

_ROWS = 1000


def with_images(workspace: Workspace, rows: pa.Table) -> Iterator[pa.Table]:
    """Rows with their column ``image``, a few at a time: no more bytes than one group may hold.

    The column ``path`` names the file of each row that carries its bytes. Raises StickerworksError
    where that file is missing or isn't the sticker.
    """
    kind = release_schema().field("image").type
    images: list[dict[str, object] | None] = []
    held = start = 0
    keys = [rows[name].to_pylist() for name in ("id", "format", "carried", "path")]
    for id_, suffix, carried, path in zip(*keys, strict=True):
        data = read_bytes(workspace.root, id_, path) if carried else None
        images.append(None if data is None else {"bytes": data, "path": f"{id_}.{suffix}"})
        held += len(data or b"")
        if held >= GROUP_BYTES or len(images) == _ROWS or start + len(images) == len(rows):
            made = rows.slice(start, len(images))
            yield made.append_column("image", pa.array(images, kind))
            start, held, images = start + len(images), 0, []


def read_bytes(root: Path, id_: str, name: str | None) -> bytes:
    """The sticker's bytes, checked against its id; StickerworksError names a file that differs."""
    path = root / (name or "")
    try:
        data = path.read_bytes() if name else None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        data = None
    if data is None:
        raise StickerworksError(
            f"The file of sticker {id_} is missing: {path if name else 'media has no path for it'}."
            " No release was made.",
            "Put the file back, or run `stickerworks crawl` to fetch it again.",
        )
    if hashlib.sha256(data).hexdigest() != id_:
        raise StickerworksError(
            f"{path} has changed: its sha256 is not the sticker's id {id_}. No release was made.",
            "Put the original file back, or delete it and run `stickerworks crawl` again.",
        )
    return data
