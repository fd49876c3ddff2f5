"""Synthetic workspaces: the same by seed, and taken by the real steps as their own."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image
from synthetic import workspace as generator
from synthetic.chain import Silent
from synthetic.pictures import encode
from synthetic.stickers import Stickers
from synthetic.workspace import Collection

from pipeline.engine.runner import pending, run
from pipeline.filter.stages import DECISIONS, DUPLICATES, PLAN, SCREENING
from schemas.config import Config


@pytest.fixture
def made(tmp_path: Path) -> Collection:
    """A collection of 2,400 stickers, made up to the point where it is decided what is kept."""
    collection, config = Collection(tmp_path, rows=2400, shard_rows=300), Config()
    generator.crawl(collection)
    generator.write_signals(collection, config)
    run(SCREENING, collection.workspace, config, Silent())
    generator.write_texts(collection, config)
    generator.write_groups(collection, config)
    return collection


def test_what_is_made_up_is_taken_as_current(made: Collection) -> None:
    stale = [work.name for work in PLAN if pending(work, made.workspace, Config()).rows]
    assert stale == [DECISIONS.name]


def test_made_up_groups_are_those_that_comparing_finds(made: Collection) -> None:
    made_up = made.workspace.read("duplicates")
    for path in (made.root / "tables" / "duplicates").iterdir():
        path.unlink()
    run(DUPLICATES, made.workspace, Config(), Silent())
    expected, found = _pairs(made_up), _pairs(made.workspace.read("duplicates"))
    assert len(expected) == 40
    assert found <= expected
    # What can't be decoded, or is dropped before, is compared with nothing.
    assert len(found) >= 36


def _pairs(duplicates: pa.Table) -> set[frozenset[str]]:
    same = duplicates.filter(pc.is_valid(duplicates["kind"]))
    pairs = zip(same["id"].to_pylist(), same["same_as"].to_pylist(), strict=True)
    return set(map(frozenset, pairs))


def test_a_sticker_is_the_same_in_shards_of_any_size(tmp_path: Path) -> None:
    rows = []
    for shard_rows in (100, 170):
        collection = Collection(tmp_path / str(shard_rows), 340, shard_rows, seed=3)
        generator.crawl(collection)
        generator.write_signals(collection, Config())
        read = (collection.workspace.read(name) for name in ("observations", "signals"))
        rows.append([table.to_pylist() for table in read])
    assert rows[0] == rows[1]


def test_files_open_and_no_two_are_equal() -> None:
    stickers = Stickers(0, np.arange(980, 1080))
    files = encode(stickers)
    assert len({hashlib.sha256(data).digest() for data in files}) == 100
    moving = [getattr(Image.open(io.BytesIO(data)), "n_frames", 1) > 1 for data in files]
    assert moving == stickers.animated.tolist()


def test_repeated_files_show_the_picture_that_they_repeat() -> None:
    for kind, equal in (("pixels", True), ("perceptual", False)):
        repeats = Stickers(0, np.arange(1000, 2000))
        number = 1000 + int(np.flatnonzero(repeats.kind == kind)[0])
        one, other = encode(Stickers(0, np.array([number - 1000, number])))
        pixels = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (one, other)]
        assert pixels[0].shape == pixels[1].shape
        assert np.array_equal(*pixels) is equal
