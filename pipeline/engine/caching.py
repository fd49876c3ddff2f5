"""Where what is costly to make again is kept between runs: frames, features, engines of GPUs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """Folder for one kind of cached files, made when missing.

    Below ``$STICKERWORKS_CACHE``, else ``$XDG_CACHE_HOME/stickerworks``, else
    ``~/.cache/stickerworks``. Everything in it may be deleted at any time.
    """
    given = os.environ.get("STICKERWORKS_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(given) if given else Path(home) / "stickerworks"
    folder = folder / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
