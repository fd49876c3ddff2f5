"""Pictures of a foreign data set that are files of their own: regular ones, inside its folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def why_unusable(root: Path, path: Path) -> str | None:
    """Why a file below the folder of a data set may not be read; None when it may.

    A link is followed inside of the folder only, and what is no file is never opened: a pipe
    would be waited for.
    """
    try:
        real = os.path.realpath(path, strict=True)
        inside = Path(real).is_relative_to(os.path.realpath(root))
        regular = stat.S_ISREG(os.stat(real).st_mode)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        return said or type(error).__name__
    if not inside:
        return "it is a link that leads out of the data set's folder"
    return None if regular else "it is no file"
