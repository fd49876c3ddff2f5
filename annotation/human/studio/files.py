"""Files that the server shows: hard links to stickers' bytes, and their key frames."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

# By the format found in the bytes, never by a name of the web: the server derives from it what a
# browser is told.
_EXTENSIONS = {
    "gif": "gif",
    "png": "png",
    "apng": "png",
    "jpeg": "jpeg",
    "webp": "webp",
    "avif": "avif",
    "bmp": "bmp",
    "webm": "webm",
    "mp4": "mp4",
}
_STICKERS, _FRAMES = "stickers", "frames"


def place_sticker(
    files: Path, sticker: str, format_: str, media: Path | bytes, key_frames: Sequence[bytes]
) -> tuple[str, tuple[str, ...]]:
    """Put a sticker (a file or its bytes) and its key frames (JPEG) below ``files``; their paths
    relative to it.

    What browsers can't show gets the path of its first key frame, "" without one. Doing it again
    changes nothing. Raises StickerworksError when ``media`` is gone.
    """
    folder = _folder(sticker)
    if isinstance(media, Path) and not media.is_file():
        raise StickerworksError(f"The file {media} is gone.", "Run `stickerworks crawl` again.")
    frames = tuple(f"{_FRAMES}/{folder}/{sticker}-{n}.jpeg" for n in range(len(key_frames)))
    for name, frame in zip(frames, key_frames, strict=True):
        if not (files / name).exists():
            with atomic_file(files / name) as temporary:
                temporary.write_bytes(frame)
    extension = _EXTENSIONS.get(format_)
    if extension is None:
        return next(iter(frames), ""), frames
    path = f"{_STICKERS}/{folder}/{sticker}.{extension}"
    if not (files / path).exists():
        _link(media, files / path)
    return path, frames


def allow_files(client: LabelStudio, project: int, files: Path) -> None:
    """Let a project's pages load what lies below ``files``; idempotent.

    The server wants an import storage for that; it is never synced, so it imports nothing.
    """
    root = Path(os.path.normpath(files.absolute()))
    there = {storage.path for storage in client.import_storage.local.list(project=project)}
    for name in (_STICKERS, _FRAMES):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        if str(folder) not in there:
            client.import_storage.local.create(
                project=project,
                path=str(folder),
                title=f"{name}: shown, never synced",
                use_blob_urls=True,
            )


def _folder(sticker: str) -> str:
    # A name that could climb out of the folder would make the server show other files.
    if not (sticker.isascii() and sticker.isalnum()):
        raise StickerworksError(
            f"{sticker!r} is no id of a sticker.", "Run `stickerworks crawl` again."
        )
    return sticker[:2]


def _link(media: Path | bytes, target: Path) -> None:
    with atomic_file(target) as temporary:
        if isinstance(media, bytes):
            temporary.write_bytes(media)
            return
        try:
            os.link(media.resolve(), temporary)
        except OSError:  # another file system, or links are refused
            shutil.copyfile(media, temporary)
