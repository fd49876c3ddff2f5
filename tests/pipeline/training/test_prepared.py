"""Prepared frames: made once, the same from one process or several, and from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.training import prepared
from pipeline.training.examples import Dataset, choose
from pipeline.training.frames import ENDS, KEY_FRAME, clip

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STICKERWORKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "frames"


def test_a_second_reading_decodes_nothing(
    write_release: Make, shapes: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_release(train=shapes(12))
    first = Dataset(folder).read("train", 16, KEY_FRAME)
    assert len(list(cache.iterdir())) == 1

    def fail(*given: Any) -> Any:
        raise AssertionError("decoded again")

    monkeypatch.setattr(prepared, "decode_frames", fail)
    again = Dataset(folder).read("train", 16, KEY_FRAME)
    assert again.digest == first.digest
    assert all((again.frames[n] == first.frames[n]).all() for n in range(12))
    for side, pick in ((17, KEY_FRAME), (16, ENDS), (16, clip(2))):
        with pytest.raises(AssertionError, match="decoded again"):
            Dataset(folder).read("train", side, pick)
    assert len(list(cache.iterdir())) == 1, "what was not finished is not there"


def test_several_processes_make_the_same_file(
    write_release: Make, shapes: Make, row: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = row("circle", 777, image={"bytes": b"GIF89a", "path": "x.gif"})
    folder = write_release(train=[*shapes(90), broken, *shapes(20, 200)])
    one = Dataset(folder).read("train", 16, KEY_FRAME)
    (made,) = cache.iterdir()
    alone = made.read_bytes()
    made.unlink()
    monkeypatch.setattr(prepared, "_POOL_ROWS", 32)
    monkeypatch.setattr(prepared.os, "cpu_count", lambda: 2)
    several = Dataset(folder).read("train", 16, KEY_FRAME)
    assert made.read_bytes() == alone
    assert several.ids == one.ids
    assert len(several.use.unreadable) == 1


def test_chosen_rows_keep_their_own_frames(write_release: Make, shapes: Make) -> None:
    rows = Dataset(write_release(train=shapes(10))).read("train", 16, KEY_FRAME)
    odd = choose(rows, lambda n: n % 2 == 1, "are even")
    assert odd.ids == rows.ids[1::2]
    assert all((odd.frames[n] == rows.frames[2 * n + 1]).all() for n in range(5))
    assert odd.frames.counts.tolist() == [1] * 5
    assert odd.notes[-1] == "5 train rows are even"
    assert choose(rows, lambda n: True, "are none") is rows


def test_large_sets_are_decoded_at_each_access(
    write_release: Make, shapes: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_release(train=shapes(4))
    small = Dataset(folder).read("train", 16, KEY_FRAME).frames
    monkeypatch.setattr(prepared, "_KEEP_BYTES", 0)
    large = Dataset(folder).read("train", 16, KEY_FRAME).frames
    assert small[1] is small[1]
    assert large[1] is not large[1]
    assert np.array_equal(large[1], small[1])


def test_a_damaged_cache_is_made_anew(write_release: Make, shapes: Make, cache: Path) -> None:
    folder = write_release(train=shapes(4))
    before = Dataset(folder).read("train", 16, KEY_FRAME).frames[3].copy()
    (made,) = cache.iterdir()
    made.write_bytes(made.read_bytes()[:40])
    again = Dataset(folder).read("train", 16, KEY_FRAME)
    assert np.array_equal(again.frames[3], before)
