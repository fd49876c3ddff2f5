"""Drawn stickers with texts, stills and GIFs, in a release and in Sticker820K's layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sticker820k_files

Rows = list[dict[str, Any]]
Make = Callable[..., Any]


@pytest.fixture
def captioned(shapes: Make, gif: Make) -> Callable[..., Rows]:
    """Rows with a text each; of every third one the sticker moves, here through three drawings."""

    def make(count: int, first: int = 0) -> Rows:
        rows: Rows = shapes(count, first)
        for number, row in enumerate(rows, first):
            row["caption_en"] = f"drawing {number * 7919 % 1000} of a {row['tags'][0]}"
            row["ocr_text"] = f"no {number}" if number % 2 else None
            if number % 3 == 0:
                turns = [other["image"]["bytes"] for other in shapes(3, 10_000 + 4 * number)]
                row["image"] = {"bytes": gif(row["image"]["bytes"], *turns), "path": "a.gif"}
        return rows

    return make


@pytest.fixture
def write_sticker820k(tmp_path: Path) -> Callable[..., Path]:
    """Write infos (pickled unless bytes), images and lists of names; return the folder."""
    return partial(sticker820k_files.write_sticker820k, tmp_path / "sticker820k")
