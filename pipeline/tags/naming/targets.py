"""Where sheets and pages are written: into a folder that is there, over nobody's work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.text import plain


def target_file(file: Path | None, default: Path, suffixes: Sequence[str]) -> Path:
    """The file that is named, or the one that is written where none is.

    ``suffixes`` are the endings that it may have, the one that it gets without any first. Raises
    StickerworksError for another ending, a folder, or a file in a folder that isn't there.
    """
    if file is None:
        return default
    path = named_path(file, "FILE")
    told = plain(str(path))
    if path.is_dir():
        raise StickerworksError(f"{told} is a folder.", "Name a file in it.")
    if path.suffix.lower() not in ("", *suffixes):
        raise StickerworksError(
            f"{told} can't be written: it ends in {plain(path.suffix)}.",
            f"Name a file that ends in {suffixes[0]}.",
        )
    if not path.parent.is_dir():
        raise StickerworksError(
            f"There is no folder {plain(str(path.parent))}.",
            "Make it, or name a file in a folder that is there.",
        )
    return path if path.suffix else path.with_suffix(suffixes[0])


def written_over(files: Sequence[Path], why: str, remedy: str) -> StickerworksError:
    """The error that tells which files would be lost, and what to do instead."""
    names = " and ".join(plain(str(path)) for path in files)
    return StickerworksError(f"{names} would be written over, and {why}.", remedy)
