"""Indexes keep what they say, and what isn't one of ours is told of in a line."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.engine.decoding.picture import GREY_SIDE
from pipeline.engine.errors import StickerworksError
from pipeline.release.contamination import index as indexes
from pipeline.release.contamination.coding import VIEWS, codes_of, own_codes, view_boxes, view_codes
from pipeline.release.contamination.index import FRAME, Index, file_hashes, read_index, write_index
from pipeline.release.contamination.making import make_index, thinned
from pipeline.release.contamination.pictures import Picture, read_pictures
from schemas.config import DecodeConfig


def noise(count: int, seed: int = 0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    coarse = dice.integers(0, 256, (count, 8, 8)).astype(np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def made(count: int = 32) -> Index:
    rows = []
    for number, levels in enumerate(noise(count)):
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "PNG")
        split = ("train", "test")[number % 2]
        rows.append(Picture(f"{number:064x}", split, f"group {number // 2}", file.getvalue()))
    return make_index("drawn", rows, DecodeConfig())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "drawn.parquet"
    write_index(path, made())
    return path


def test_what_was_written_is_read(path: Path) -> None:
    index, again = made(), read_index(path)
    for name in ("file", "code", "check", "kind", "split", "group"):
        assert np.array_equal(getattr(index, name), getattr(again, name)), name
    assert (again.name, again.splits, again.stickers) == ("drawn", ("test", "train"), 32)
    assert len(np.unique(again.group)) == 16


def test_it_holds_numbers_alone(path: Path) -> None:
    """No id, name or address: only hashes that are keyed, and codes."""
    table = pq.read_table(path)
    assert table.column_names == ["file", "code", "check", "kind", "split", "group"]
    assert not any(pa.types.is_string(field.type) for field in table.schema)
    ids = {int(f"{number:064x}"[:16], 16) for number in range(32)}
    assert not ids & set(table["file"].to_pylist())
    assert sorted(table["file"].to_pylist()) == table["file"].to_pylist()


def test_it_is_the_same_whatever_the_order() -> None:
    rows = [Picture(f"{n:064x}", "train", None, None) for n in range(9)]
    one, other = (make_index("drawn", order, DecodeConfig()) for order in (rows, rows[::-1]))
    assert np.array_equal(one.file, other.file)
    assert one.salt == other.salt


def rewritten(path: Path, table: pa.Table | None = None, **said: object) -> None:
    old = pq.read_table(path)
    table = old if table is None else table
    known = json.loads(old.schema.metadata[indexes._KEY])
    told = {key: value for key, value in {**known, **said}.items() if value is not None}
    metadata = {indexes._KEY: json.dumps(told).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"version": 2}, "version 2; this stickerworks reads 1"),
        ({"rows": 7}, "is damaged"),
        ({"sha256": "0" * 64}, "is damaged"),
        ({"salt": "zz"}, "columns and facts"),
        ({"splits": ["test"]}, "names splits"),
        ({"splits": "test"}, "columns and facts"),
        ({"version": "1"}, "is no index"),
        ({"rows": None}, "columns and facts"),
        ({"sha256": None}, "columns and facts"),
    ],
)
def test_an_index_that_says_something_else_is_told_of(
    path: Path, said: dict[str, object], told: str
) -> None:
    rewritten(path, **said)
    with pytest.raises(StickerworksError, match=told):
        read_index(path)


def test_many_rows_in_a_small_file_are_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pq.read_table(path)
    rewritten(path, pa.concat_tables([table.slice(0, 1)] * 20_000).combine_chunks())
    assert path.stat().st_size < 20_000 * indexes._LEAST_ROW
    monkeypatch.setattr(indexes, "_ANY_ROWS", 1000)
    with pytest.raises(StickerworksError, match="has 20,000 rows, more than"):
        read_index(path)
    write_index(path, made())
    monkeypatch.setattr(indexes, "_ANY_ROWS", 0)
    assert read_index(path).stickers == 32, "an honest one takes more bytes than that"


def test_a_changed_code_is_found(path: Path) -> None:
    table = pq.read_table(path)
    codes = [code ^ (number == 3) for number, code in enumerate(table["code"].to_pylist())]
    place = table.schema.get_field_index("code")
    field = table.schema.field(place)
    rewritten(path, table.set_column(place, field, pa.array(codes, pa.uint64())))
    with pytest.raises(StickerworksError, match="is damaged"):
        read_index(path)


def test_what_is_no_index_is_told_of(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    other = tmp_path / "other.parquet"
    for content in (b"", b"not Parquet", data[: len(data) // 2], data[:100] + data[200:]):
        other.write_bytes(content)
        with pytest.raises(StickerworksError):
            read_index(other)
    pq.write_table(pa.table({"code": [1]}), other)
    with pytest.raises(StickerworksError, match="is no index"):
        read_index(other)


def test_a_huge_one_is_refused_before_it_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_MOST_ROWS", 10)
    with pytest.raises(StickerworksError, match="32 rows, more than 10"):
        read_index(path)


@given(st.integers(0, 2**32), st.integers(1, len(VIEWS) - 1))
def test_each_view_is_that_window_mirrored_or_not(seed: int, view: int) -> None:
    """The product of all views at once gives what a single window does."""
    pictures = noise(2, seed)
    boxes = view_boxes(pictures, np.full(2, view))
    single, _ = codes_of(pictures, boxes, np.full(2, VIEWS[view].mirrored))
    assert np.array_equal(view_codes(pictures)[:, view], single)


def test_a_mirrored_picture_has_the_codes_of_the_mirror() -> None:
    pictures = noise(20)
    half = len(VIEWS) // 2
    assert np.array_equal(view_codes(pictures[:, :, ::-1])[:, 0], view_codes(pictures)[:, half])


def test_the_rim_says_nothing() -> None:
    """A crop of 5% takes away what no code looks at."""
    pictures = noise(20)
    painted = pictures.copy()
    painted[:, :, :3] = 0
    assert all(map(np.array_equal, own_codes(pictures), own_codes(painted)))
    painted[:, :, : GREY_SIDE // 3] = 0
    assert not np.array_equal(own_codes(pictures)[1], own_codes(painted)[1])


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_frames_that_are_left_out_have_one_that_stands_for_them(codes: list[int]) -> None:
    kept = thinned(np.array(codes, np.uint64))
    assert len(kept) == len(set(kept)) <= 24
    if len(kept) < 24:
        for code in codes:
            assert any((code ^ codes[place]).bit_count() <= 4 for place in kept)


@given(
    st.lists(st.integers(0, 2**256 - 1), min_size=1, unique=True),
    st.binary(min_size=16, max_size=16),
)
def test_hashes_of_files_depend_on_the_key(ids: list[int], salt: bytes) -> None:
    named = [f"{id_:064x}" for id_ in ids]
    hashes = file_hashes(named, salt)
    assert len(set(hashes.tolist())) == len(ids)
    assert not set(hashes.tolist()) & set(
        file_hashes(named, bytes([salt[0] ^ 1]) + salt[1:]).tolist()
    )


def test_pictures_come_from_folders_and_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "deep").mkdir(parents=True)
    file = io.BytesIO()
    Image.fromarray(noise(1)[0]).save(file, "PNG")
    (folder / "deep" / "a.bin").write_bytes(file.getvalue())
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    (folder / "link.png").symlink_to(tmp_path / "elsewhere.png")
    assert [(p.split, p.data) for p in read_pictures(folder)] == [("all", file.getvalue())]
    table = pa.table({"label": [1], "img": [{"bytes": file.getvalue(), "path": "x.png"}]})
    pq.write_table(table, tmp_path / "validation-00000-of-00001.parquet")
    (one,) = read_pictures(tmp_path / "validation-00000-of-00001.parquet")
    assert (one.split, one.data) == ("validation", file.getvalue())
    pq.write_table(pa.table({"label": [1]}), tmp_path / "none.parquet")
    for nothing in (tmp_path / "none.parquet", tmp_path / "absent"):
        with pytest.raises(StickerworksError):
            list(read_pictures(nothing))


def test_frames_of_animations_are_rows_of_their_own(tmp_path: Path) -> None:
    file = io.BytesIO()
    first, *rest = map(Image.fromarray, noise(3))
    first.save(file, "GIF", save_all=True, append_images=rest, duration=90)
    index = make_index("one", [Picture("0" * 64, "all", None, file.getvalue())], DecodeConfig())
    assert (index.stickers, int((index.kind == FRAME).sum())) == (1, 3)
    assert replace(index).codes == 4
