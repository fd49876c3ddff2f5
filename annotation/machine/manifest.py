"""Labels made elsewhere: JSON lines of stickers with their domain and pack.

A line names a file below the manifest's folder (``path``) or a sticker of a workspace (``id``),
its ``domain`` (real or cartoon; others are left out) and its ``pack``. A second file of JSON
lines may correct it sticker by sticker: ``sha256``, ``from``, ``to`` and ``why``.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from pipeline.engine.errors import StickerworksError
from pipeline.engine.images import reading_images
from pipeline.engine.paths import read_regular

DOMAINS = ("cartoon", "real")
KEY_FRAME_SIDE, JPEG_QUALITY, KEY_FRAMES = 512, 90, 3
_MAX_BYTES = 100_000_000
_FORM = 'Each line is an object with "path" or "id", "domain" and, where it has one, "pack".'


@dataclass(frozen=True)
class LabelledSticker:
    """A labelled sticker: its id (sha256), its name for people, its file if it isn't by id.

    ``found`` is the domain as the manifest has it, ``domain`` the corrected one.
    """

    id: str
    name: str
    path: Path | None
    pack: str | None
    domain: str
    found: str


def read_manifest(manifest: Path, corrections: Path | None = None) -> list[LabelledSticker]:
    """The labelled stickers of a manifest, in its order, corrected where a file says so."""
    entries = [
        _entry(manifest, number, row)
        for number, row in _rows(manifest)
        if row.get("domain") in DOMAINS
    ]
    if corrections is None:
        return entries
    changes = dict(_change(corrections, number, row) for number, row in _rows(corrections))
    found = {entry.id: entry.found for entry in entries}
    for sticker, (was, _) in changes.items():
        if found.get(sticker) != was:
            raise StickerworksError(
                f"{corrections} corrects the sticker {sticker[:12]} from {was}, but {manifest} "
                f"has it as {found.get(sticker, 'no labelled sticker')}.",
                "Give the manifest that the corrections were made for.",
            )
    return [
        replace(entry, domain=changes[entry.id][1]) if entry.id in changes else entry
        for entry in entries
    ]


def key_frames(path: Path) -> list[bytes]:
    """At most three frames spread over the sticker, as the JPEG that the filter stores.

    The filter picks its key frames by farthest-point sampling; for whole-picture statistics
    evenly spread ones stand for them. OSError when not even the first can be decoded.
    """
    pictures = []
    try:
        with reading_images(), Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                pictures.append(frame.convert("RGBA"))
    except Exception as error:
        # Pillow raises errors of nearly any type on damaged files.
        if not pictures:
            raise OSError(" ".join(str(error).split())) from error
    chosen = sorted({index * len(pictures) // KEY_FRAMES for index in range(KEY_FRAMES)})
    return [_jpeg(pictures[index]) for index in chosen]


def _jpeg(picture: Image.Image) -> bytes:
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    flat.thumbnail((KEY_FRAME_SIDE, KEY_FRAME_SIDE))
    target = io.BytesIO()
    flat.convert("RGB").save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    try:
        for number, line in enumerate(read_regular(path, _MAX_BYTES).decode().split("\n"), 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no object")
                rows.append((number, row))
    except (OSError, ValueError, RecursionError) as error:
        raise StickerworksError(f"The manifest {path} can't be read: {error}.", _FORM) from error
    return rows


def _entry(manifest: Path, number: int, row: dict[str, Any]) -> LabelledSticker:
    pack, domain = row.get("pack"), str(row["domain"])
    sticker, name = row.get("id"), row.get("path")
    if not (pack is None or isinstance(pack, str)) or isinstance(sticker, str) == isinstance(
        name, str
    ):
        raise StickerworksError(f"Line {number} of {manifest} makes no sense.", _FORM)
    if isinstance(sticker, str):
        return LabelledSticker(sticker, sticker, None, pack, domain, domain)
    path = manifest.parent / str(name)
    try:
        if not path.resolve().is_relative_to(manifest.parent.resolve()):
            raise OSError("it is outside of the manifest's folder")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise StickerworksError(
            f"Line {number} of {manifest}: the sticker {name} can't be read: {error}."
        ) from error
    return LabelledSticker(digest, str(name), path, pack, domain, domain)


def _change(path: Path, number: int, row: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    sticker, was, now = row.get("sha256"), row.get("from"), row.get("to")
    if not isinstance(sticker, str) or {was, now} != set(DOMAINS):
        raise StickerworksError(
            f"Line {number} of {path} is no correction.",
            'Each line needs "sha256", "from" and "to" (real or cartoon) and "why".',
        )
    return sticker, (str(was), str(now))
