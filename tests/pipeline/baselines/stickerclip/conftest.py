"""Drawn stickers with texts, stills and GIFs, in a release and in Sticker820K's layout."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb
import pytest

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

    def write(
        infos: Mapping[str, Any], images: Mapping[str, bytes], **lists: Sequence[str]
    ) -> Path:
        folder = tmp_path / "sticker820k"
        pickled = {
            name: info if isinstance(info, bytes) else pickle.dumps(info)
            for name, info in infos.items()
        }
        for part, values in (("infos", pickled), ("imgs", images)):
            (folder / part).mkdir(parents=True)
            with (
                lmdb.open(str(folder / part), map_size=2**26) as environment,
                environment.begin(write=True) as transaction,
            ):
                for name, value in values.items():
                    transaction.put(name.encode(), value)
        for split, names in lists.items():
            (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        return folder

    return write
