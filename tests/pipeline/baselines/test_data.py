"""The release reader: what it decodes, what it refuses and what it counts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.baselines.data import _COLUMNS, decode_first_frame, find_leaks, read_rows
from pipeline.engine.errors import StickerworksError
from pipeline.release.columns import COLUMNS

Make = Callable[..., Any]


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_transparency_is_composited_on_white_and_proportions_are_kept() -> None:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (20, 0, 40, 20))
    small = decode_first_frame(encode(image, "PNG"), 8)
    assert small.shape == (8, 8, 3)
    assert small.dtype == np.uint8
    assert (small[4, 0] == 255).all(), "the transparent half is white"
    assert tuple(small[4, 7]) == (255, 0, 0)
    assert (small[0] == 255).all(), "a wide image is padded above"
    assert (small[2:6, 7] == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(red, kind, save_all=True, append_images=[blue], duration=50, **options)
    assert (decode_first_frame(data, 4) == (255, 0, 0)).all()


def test_rows_without_a_picture_or_tags_are_counted_and_named(
    write_release: Make, row: Make, shapes: Make
) -> None:
    data = row("circle", 900)["image"]["bytes"]
    broken = row("circle", 901, image={"bytes": data[: len(data) // 2], "path": "x.png"})
    bomb_like = row("circle", 902, image={"bytes": b"GIF89a\xff\xff\xff\xff", "path": "x.gif"})
    folder = write_release(
        train=[
            *shapes(12),
            broken,
            bomb_like,
            row("circle", 903, image=None),
            row("circle", 904, tags=[], label_status="rejected"),
        ]
    )
    rows = read_rows(folder, "train", 16, at_most=100)
    assert rows.images.shape == (12, 16, 16, 3)
    assert (rows.sampled_from, rows.without_image, rows.without_tags) == (16, 1, 1)
    assert [line.partition(":")[0] for line in rows.unreadable] == [broken["id"], bomb_like["id"]]
    assert len(rows.ids) == len(rows.targets) == len(rows.voted) == 12


def test_effective_tags_are_the_target_and_suggested_ones_where_there_are_none(
    write_release: Make, row: Make
) -> None:
    folder = write_release(
        train=[
            row("circle", 1, suggested_tags=["square"], simulated=True),
            row("circle", 2, label_status="insufficient", suggested_tags=["square", "cross"]),
        ]
    )
    rows = read_rows(folder, "train", 8, at_most=10)
    assert rows.targets == (frozenset({"circle"}), frozenset({"square", "cross"}))
    assert (rows.voted, rows.simulated) == ((True, False), 1)


def test_a_sample_does_not_depend_on_the_order_of_rows(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    rows = shapes(30)
    first = read_rows(write_release(train=rows), "train", 8, at_most=10)
    (tmp_path / "drawn-0.1.0").rename(tmp_path / "earlier")
    second = read_rows(write_release(train=rows[::-1]), "train", 8, at_most=10)
    assert len(first.ids) == 10
    assert set(first.ids) == set(second.ids)
    assert first.sampled_from == 30


def test_leaks_between_splits_are_named(write_release: Make, row: Make, shapes: Make) -> None:
    without = {"template_id": None}
    folder = write_release(
        train=[*shapes(8), row("circle", 501, duplicate_group="g1"), row("cross", 7, **without)],
        validation=[*shapes(8, 100), row("circle", 500, duplicate_group="g1")],
        test=[row("square", 300, template_id="t1"), row("cross", 8, **without)],
    )
    assert find_leaks(folder) == ["duplicate_group g1 stands in train and validation: a leak"]
    validation = [row("square", 301, template_id="t1"), row("circle", 1)]
    folder.rename(folder.with_name("earlier"))
    again = write_release(validation=validation, test=[row("cross", 1, template_id="t1")])
    assert find_leaks(again) == ["template_id t1 stands in test and validation: a leak"]


def test_a_missing_release_and_a_cut_shard_are_named(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    with pytest.raises(StickerworksError, match="no release at .*nowhere"):
        read_rows(tmp_path / "nowhere", "train", 8, at_most=10)
    folder = write_release(train=shapes(30))
    shard = folder / "data" / "train-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-40])
    with pytest.raises(StickerworksError, match=r"train-00000-of-00001\.parquet can't be read"):
        read_rows(folder, "train", 8, at_most=10)


def test_every_column_that_is_read_is_one_that_releases_have() -> None:
    assert set(_COLUMNS) <= {name for name, _, _ in COLUMNS}
