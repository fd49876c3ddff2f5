"""Copies across collections, on drawn stickers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageOps

from pipeline.copies.across import find_copies
from pipeline.copies.comparing import SAME, STILL_OF
from pipeline.copies.looks import Looks, key_frame_column, measured_table
from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig, DuplicatesConfig


def drawn(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (160, 160), tuple(random.integers(0, 255, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, size = random.integers(0, 130, 3).tolist()
        box = (x, y, x + 10 + size // 2, y + 10 + size // 2)
        draw.ellipse(box, fill=tuple(random.integers(0, 255, 3).tolist()))
    return picture


def encoded(picture: Image.Image, kind: str, **options: object) -> tuple[bytes, str]:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue(), kind


def looks_of(folder: Path, *sides: list[tuple[bytes, str]]) -> Looks:
    looks = Looks(folder)
    for side, files in enumerate(sides):
        found = [measure(data, kind, DecodeConfig()) for data, kind in files]
        looks.add(
            side,
            measured_table([one.signals for one in found]),
            key_frame_column([one.key_frames for one in found]),
            pa.nulls(len(found), pa.string()),
        )
    return looks


def pairs_of(looks: Looks) -> dict[tuple[int, int], int]:
    found = {}
    for copies in find_copies(looks, DuplicatesConfig()):
        for one, other, what in zip(copies.one, copies.other, copies.what, strict=True):
            found[int(other), int(one)] = int(what)
    return found


def test_copies_are_found_on_other_sides_and_only_there(tmp_path: Path) -> None:
    originals = [encoded(drawn(seed), "png") for seed in range(4)]
    first = [*originals, encoded(drawn(0), "jpeg", quality=60)]  # a copy within its own side
    second = [
        encoded(drawn(0), "jpeg", quality=60),
        encoded(ImageOps.mirror(drawn(1)), "webp"),
        encoded(drawn(2).resize((80, 80)), "png"),
        encoded(drawn(3).crop((8, 8, 152, 152)), "png"),
        encoded(drawn(9), "png"),
    ]
    found = pairs_of(looks_of(tmp_path, first, second))
    same = {pair for pair, what in found.items() if what == SAME}
    assert same == {(0, 5), (4, 5), (1, 6), (2, 7), (3, 8)}


def test_a_still_of_an_animation_is_found_whichever_side_it_lies_on(tmp_path: Path) -> None:
    frames = [drawn(seed) for seed in (20, 21, 22)]
    out = io.BytesIO()
    frames[0].save(out, "gif", save_all=True, append_images=frames[1:], duration=100)
    moving, still = [(out.getvalue(), "gif")], [encoded(frames[1], "png")]
    for number, sides in enumerate(((moving, still), (still, moving))):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert pairs_of(looks_of(folder, *sides)) == {(0, 1): STILL_OF}


def test_what_could_not_be_measured_is_a_copy_of_nothing(tmp_path: Path) -> None:
    broken = (b"GIF89a", "gif")
    looks = looks_of(tmp_path, [broken, encoded(drawn(1), "png")], [broken])
    assert pairs_of(looks) == {}
    assert looks.sides.tolist() == [0, 0, 1]


def test_sides_come_in_order(tmp_path: Path) -> None:
    looks = looks_of(tmp_path, [], [encoded(drawn(1), "png")])
    empty = measured_table([])
    with pytest.raises(ValueError, match="side 0 comes after 1"):
        looks.add(0, empty, key_frame_column([]), pa.nulls(0, pa.string()))


def test_of_nothing_nothing_is_found(tmp_path: Path) -> None:
    assert pairs_of(Looks(tmp_path)) == {}


def test_small_chunks_share_files_and_are_read_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [encoded(drawn(seed), "png") for seed in range(3)]
    found = []
    for most in (1_000, 2):
        monkeypatch.setattr("pipeline.copies.looks._PART_ROWS", most)
        folder = tmp_path / str(most)
        folder.mkdir()
        looks = Looks(folder)
        for side in (0, 1):
            for data, kind in files[side:]:
                one = measure(data, kind, DecodeConfig())
                frames = key_frame_column([one.key_frames])
                looks.add(side, measured_table([one.signals]), frames, pa.nulls(1, pa.string()))
        assert looks.sides.tolist() == [0, 0, 0, 1, 1]
        found.append(({path.name for path in folder.iterdir()}, looks.sizes, pairs_of(looks)))
    (few, sizes, pairs), (more, others, same) = found
    assert few == {"signals-000000.arrow", "frames-000000.arrow"}
    assert (sizes, others, len(more)) == ({0: 5}, {0: 2, 1: 2, 2: 1}, 6)
    assert pairs == same == {(1, 3): SAME, (2, 4): SAME}
