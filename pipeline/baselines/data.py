"""Reads a release for training: one small picture a row, and the tags to learn."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.baselines.contract import Images, Labelled
from pipeline.engine.errors import StickerworksError

_COLUMNS = (
    "id",
    "image",
    "tags",
    "label_status",
    "suggested_tags",
    "duplicate_group",
    "template_id",
    "simulated",
)
_MAX_PIXELS = 40_000_000
_FORMATS = ("GIF", "PNG", "JPEG", "WEBP", "BMP")
# What Pillow's decoders raise on broken files.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Rows:
    """Rows of one split, decoded; every list is as long as ``images``.

    ``targets`` are the effective tags where a row has them (``voted``), else the suggested ones.
    ``unreadable`` names rows whose image can't be decoded, with the reason; ``without_image``
    and ``without_tags`` count rows that can't be learnt from; ``sampled_from`` is the number of
    rows in the split.
    """

    ids: tuple[str, ...]
    images: Images
    targets: tuple[frozenset[str], ...]
    voted: tuple[bool, ...]
    simulated: int
    unreadable: tuple[str, ...]
    without_image: int
    without_tags: int
    sampled_from: int


def read_rows(folder: Path, split: str, side: int, at_most: int) -> Rows:
    """Rows of a split of the release at ``folder`` with images of ``side`` x ``side`` pixels.

    Every row group is read to its end. Of more than ``at_most`` rows those with the lowest hash
    of their id are taken, so that the sample doesn't depend on their order. Raises
    StickerworksError when there is no release or a shard can't be read.
    """
    chosen, total = _sample(folder, split, at_most)
    ids, pictures, targets, voted, unreadable = [], [], [], [], []
    without_image = without_tags = simulated = 0
    for row in _rows(folder, split, _COLUMNS):
        if row["id"] not in chosen:
            continue
        target, by_votes = _target(row)
        data = (row["image"] or {}).get("bytes")
        if not target or data is None:
            without_tags += not target
            without_image += data is None
            continue
        try:
            pictures.append(decode_first_frame(data, side))
        except UNREADABLE as error:
            unreadable.append(f"{row['id']}: {tell_unreadable(error)}"[:200])
            continue
        ids.append(row["id"])
        targets.append(target)
        voted.append(by_votes)
        simulated += bool(by_votes and row["simulated"])
    images = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
    return Rows(
        ids=tuple(ids),
        images=images,
        targets=tuple(targets),
        voted=tuple(voted),
        simulated=simulated,
        unreadable=tuple(unreadable),
        without_image=without_image,
        without_tags=without_tags,
        sampled_from=total,
    )


def learnable_tags(train: Rows) -> tuple[str, ...]:
    """Tags that stand on two or more train rows, sorted."""
    counts = Counter(tag for target in train.targets for tag in target)
    return tuple(sorted(tag for tag, count in counts.items() if count >= 2))


def label_rows(rows: Rows, tags: tuple[str, ...]) -> Labelled:
    """Images, and the truth of each of ``tags``; other tags are left out."""
    truth = np.zeros((len(rows.ids), len(tags)), bool)
    column = {tag: n for n, tag in enumerate(tags)}
    for row, target in enumerate(rows.targets):
        truth[row, [column[tag] for tag in target if tag in column]] = True
    return Labelled(rows.images, truth)


def digest_of(*splits: Rows) -> str:
    """Digest of ids and targets: the same for the same data, wherever the release lies."""
    facts = [[[id_, sorted(t)] for id_, t in zip(s.ids, s.targets, strict=True)] for s in splits]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def find_leaks(folder: Path) -> list[str]:
    """Ids, near-duplicate groups and templates that stand in more than one split."""
    columns = ("id", "duplicate_group", "template_id")
    homes: dict[tuple[str, str], set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in _rows(folder, split, columns):
            for name in columns:
                if row[name] is not None:
                    homes.setdefault((name, row[name]), set()).add(split)
    return [
        f"{name} {value} stands in {' and '.join(sorted(splits))}: a leak"
        for (name, value), splits in sorted(homes.items())
        if len(splits) > 1
    ]


def decode_first_frame(data: bytes, side: int) -> Images:
    """First frame on white, fitted into ``side`` x ``side`` pixels with its proportions kept."""
    from PIL import Image

    with warnings.catch_warnings():
        # A picture between Pillow's two limits is refused too, without a line on stderr.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise ValueError(f"{image.width}x{image.height} pixels are too many")
                picture = image.convert("RGBA")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(str(error)) from error
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("RGB", (side, side), "white")
    small = white.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    canvas.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)


def tell_unreadable(error: Exception) -> str:
    """Why an image can't be decoded, in the same words on every run."""
    from PIL import UnidentifiedImageError

    # Pillow's own words hold an address in memory.
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")


def _target(row: dict[str, Any]) -> tuple[frozenset[str], bool]:
    voted = row["label_status"] == "effective"
    return frozenset(row["tags" if voted else "suggested_tags"] or ()), voted


def _sample(folder: Path, split: str, at_most: int) -> tuple[set[str], int]:
    ids = {row["id"] for row in _rows(folder, split, ("id",))}
    if len(ids) <= at_most:
        return ids, len(ids)
    # Ids are hashes of bytes that a stranger chose; hashing again keeps the sample out of reach.
    order = sorted(ids, key=lambda id_: hashlib.sha256(f"sample {id_}".encode()).digest())
    return set(order[:at_most]), len(ids)


def _rows(folder: Path, split: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if not any((folder / "data").glob("*.parquet")):
        raise StickerworksError(
            f"There is no release at {folder}.",
            "Run `stickerworks release` first, or name an existing folder with --release.",
        )
    for file in sorted((folder / "data").glob(f"{split}-*.parquet")):
        try:
            with pq.ParquetFile(file) as shard:
                for group in range(shard.num_row_groups):
                    yield from shard.read_row_group(group, columns=list(columns)).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise StickerworksError(
                f"{file} can't be read to its end: {error}.",
                "Get that file again, or delete the release and run `stickerworks release`.",
            ) from error
