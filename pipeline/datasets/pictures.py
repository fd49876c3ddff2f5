"""Pictures of a foreign data set that are files of their own: regular ones, inside its folder."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from pipeline.datasets.layout import Row


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


def with_bytes(row: Row) -> Row:
    """The row with the bytes of its file, or the reason why there are none."""
    if row.problem or row.file is None:
        return row
    try:
        return replace(row, data=row.file.read_bytes())
    except OSError as error:
        return replace(row, problem=error.strerror or type(error).__name__)
