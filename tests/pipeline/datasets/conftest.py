"""Data sets as their makers publish them, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sticker820k_files


@pytest.fixture
def write_sticker820k(tmp_path: Path) -> Callable[..., Path]:
    """Write infos (pickled unless bytes), images and lists of names; return the folder."""
    return partial(sticker820k_files.write_sticker820k, tmp_path / "sticker820k")
