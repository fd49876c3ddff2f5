"""Releases as data sets: what is read, what is refused and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.datasets.release import NEEDED, TEXTS, find_leaks
from pipeline.engine.errors import StickerworksError
from pipeline.training.examples import Dataset
from pipeline.training.frames import KEY_FRAME
from schemas.release import COLUMNS

Make = Callable[..., Any]


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
    rows = Dataset(folder).read("train", 16, KEY_FRAME)
    assert [rows.frames[n].shape for n in range(len(rows))] == [(1, 16, 16, 3)] * 12
    assert (rows.use.in_split, rows.use.without_image, rows.use.without_targets) == (16, 1, 1)
    names = [line.partition(":")[0] for line in rows.use.unreadable]
    assert names == [broken["id"], bomb_like["id"]]
    assert len(rows.ids) == len(rows.targets) == len(rows.texts) == len(rows.lengths) == 12
    assert any("4 of 16 train rows were not used: 1 without tags" in note for note in rows.notes)
    assert any(broken["id"] in note for note in rows.notes)


def test_effective_tags_are_the_target_and_suggested_ones_where_there_are_none(
    write_release: Make, row: Make
) -> None:
    folder = write_release(
        train=[
            row("circle", 1, suggested_tags=["square"], simulated=True),
            row("circle", 2, label_status="insufficient", suggested_tags=["square", "cross"]),
        ]
    )
    rows = Dataset(folder).read("train", 8, KEY_FRAME)
    assert rows.targets == (frozenset({"circle"}), frozenset({"square", "cross"}))
    assert (rows.use.voted, rows.use.simulated) == (1, 1)


def test_a_sample_does_not_depend_on_the_order_of_rows(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    rows, limit = shapes(30), {"train": 10}
    first = Dataset(write_release(train=rows), at_most=limit).read("train", 8, KEY_FRAME)
    (tmp_path / "drawn-0.1.0").rename(tmp_path / "earlier")
    second = Dataset(write_release(train=rows[::-1]), at_most=limit).read("train", 8, KEY_FRAME)
    assert len(first) == 10
    assert set(first.ids) == set(second.ids)
    assert (first.use.in_split, first.use.sampled) == (30, 10)


def test_shuffling_keeps_what_occurs_and_parts_targets_texts_and_images(
    write_release: Make, shapes: Make
) -> None:
    rows = [{**row, "ocr_text": f"text {n}"} for n, row in enumerate(shapes(40))]
    folder = write_release(train=rows, validation=rows[:8])
    plain = Dataset(folder).read("train", 8, KEY_FRAME)
    shuffled = Dataset(folder, shuffled=True, seed=1).read("train", 8, KEY_FRAME)
    again = Dataset(folder, shuffled=True, seed=1).read("train", 8, KEY_FRAME)
    assert (shuffled.ids, shuffled.digest) == (plain.ids, again.digest)
    assert all((shuffled.frames[n] == plain.frames[n]).all() for n in range(40))
    assert sorted(map(sorted, shuffled.targets)) == sorted(map(sorted, plain.targets))
    assert shuffled.targets != plain.targets
    moved = [int(row["ocr_text"].split()[1]) for row in shuffled.texts]
    assert sorted(moved) == list(range(40))
    together = sum(
        plain.targets[old] == new for old, new in zip(moved, shuffled.targets, strict=True)
    )
    assert together < 20, "texts and targets are permuted apart"
    assert shuffled.digest != plain.digest
    judged = Dataset(folder, shuffled=True, seed=1).read("validation", 8, KEY_FRAME)
    assert judged.digest == Dataset(folder).read("validation", 8, KEY_FRAME).digest


def test_the_same_ids_with_other_bytes_are_other_data(write_release: Make, shapes: Make) -> None:
    rows = shapes(8)
    folder = write_release(train=rows)
    before = Dataset(folder).read("train", 8, KEY_FRAME)
    for row, other in zip(rows, [row["image"] for row in rows[1:] + rows[:1]], strict=True):
        row["image"] = other
    folder.rename(folder.with_name("earlier"))
    after = Dataset(write_release(train=rows)).read("train", 8, KEY_FRAME)
    assert after.ids == before.ids
    assert after.digest != before.digest
    assert (after.frames[0] == before.frames[1]).all(), "no frame of a cache is taken for another"


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
        Dataset(tmp_path / "nowhere").read("train", 8, KEY_FRAME)
    folder = write_release(train=shapes(30))
    shard = folder / "data" / "train-00000-of-00001.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-40])
    with pytest.raises(StickerworksError, match=r"train-00000-of-00001\.parquet can't be read"):
        Dataset(folder).read("train", 8, KEY_FRAME)
    shard.write_bytes(whole)
    pq.write_table(pq.read_table(shard).drop_columns(["tags"]), shard)
    with pytest.raises(StickerworksError, match="it has no column tags"):
        Dataset(folder).read("train", 8, KEY_FRAME)


def test_every_column_that_is_read_is_one_that_releases_have() -> None:
    there = {name for name, _, _ in COLUMNS}
    assert set(NEEDED) <= there
    assert {"caption_en", "caption_zh", "captioner", "ocr_text", "domain"} <= there & set(TEXTS)


@pytest.mark.parametrize(
    ("column", "kind", "value", "words"),
    [
        ("tags", pa.string(), "circle", "its column tags is of the type string"),
        ("tags", pa.list_(pa.int64()), [1], "its column tags is of the type list"),
        ("image", pa.binary(), b"x", "its column image is of the type binary"),
        ("id", pa.string(), None, "a train row without an id"),
    ],
)
def test_columns_of_another_type_are_named(
    write_release: Make, shapes: Make, column: str, kind: pa.DataType, value: Any, words: str
) -> None:
    folder = write_release(train=shapes(4))
    shard = folder / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(shard)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, pa.array([value] * 4, kind)), shard)
    with pytest.raises(StickerworksError, match=words):
        Dataset(folder).read("train", 8, KEY_FRAME)


def test_a_missing_shard_is_missed_and_other_splits_have_no_rows(
    write_release: Make, shapes: Make
) -> None:
    folder = write_release(train=shapes(4))
    assert len(Dataset(folder).read("test", 8, KEY_FRAME)) == 0
    shard = folder / "data" / "train-00000-of-00001.parquet"
    shard.rename(shard.with_name("train-00000-of-00002.parquet"))
    with pytest.raises(StickerworksError, match="has 1 of the 2 files that train-00000-of-00002"):
        Dataset(folder).read("train", 8, KEY_FRAME)


def test_a_domain_leaves_the_rows_of_others_out(write_release: Make, shapes: Make) -> None:
    rows = [*shapes(6, domain="cartoon"), *shapes(5, 50, domain="real"), *shapes(3, 90)]
    folder = write_release(train=rows, validation=rows[:6])
    cartoons = Dataset(folder, domain="cartoon").read("train", 8, KEY_FRAME)
    assert cartoons.ids == tuple(row["id"] for row in rows[:6])
    assert (cartoons.use.in_split, cartoons.use.used) == (6, 6)
    assert "6 of 14 train rows are of the domain cartoon" in cartoons.notes
    real = Dataset(folder, at_most={"train": 4}, domain="real").read("train", 8, KEY_FRAME)
    assert len(real) == 4
    assert {row["domain"] for row in rows if row["id"] in real.ids} == {"real"}
    assert len(Dataset(folder).read("train", 8, KEY_FRAME)) == 14
    with pytest.raises(StickerworksError, match=r"no validation row.*'real'.*cartoon \(6\)"):
        Dataset(folder, domain="real").read("validation", 8, KEY_FRAME)


def test_a_release_that_knows_no_domain_says_so(write_release: Make, shapes: Make) -> None:
    folder = write_release(train=shapes(4))
    shard = folder / "data" / "train-00000-of-00001.parquet"
    for columns in (["domain"], []):
        table = pq.read_table(shard).drop_columns(columns)
        pq.write_table(table, shard)
        with pytest.raises(StickerworksError, match="of none of its 4 train rows what domain"):
            Dataset(folder, domain="real").read("train", 8, KEY_FRAME)


def put_into_sets(folder: Path, split: str, sets: list[list[str] | None]) -> None:
    shard = folder / "data" / f"{split}-00000-of-00001.parquet"
    table = pq.read_table(shard)
    if "test_sets" in table.schema.names:
        table = table.drop_columns(["test_sets"])
    pq.write_table(table.append_column("test_sets", pa.array(sets, pa.list_(pa.string()))), shard)


def test_a_named_test_set_is_read_by_its_name(write_release: Make, shapes: Make) -> None:
    rows = shapes(6, domain="real")
    folder = write_release(train=shapes(4, 50), test=rows)
    sets = [["vsd_r"], [], ["hard", "vsd_r"], None, ["vsd_c"], ["vsd_r"]]
    put_into_sets(folder, "test", sets)
    put_into_sets(folder, "train", [[], None, [], []])
    found = Dataset(folder, domain="real").read("vsd_r", 8, KEY_FRAME)
    assert found.ids == tuple(rows[n]["id"] for n in (0, 2, 5))
    assert found.name == "vsd_r"
    assert found.use.in_split == 3
    assert len(Dataset(folder).read("hard", 8, KEY_FRAME)) == 1
    with pytest.raises(StickerworksError, match="no named test set '\\*'") as caught:
        Dataset(folder).read("*", 8, KEY_FRAME)
    assert "of these it has: hard, vsd_c, vsd_r" in caught.value.remedy
    with pytest.raises(StickerworksError, match="no vsd_r row of the domain 'cartoon'"):
        Dataset(folder, domain="cartoon").read("vsd_r", 8, KEY_FRAME)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_nothing_is_learnt_from_a_row_of_a_named_test_set(
    write_release: Make, shapes: Make, split: str
) -> None:
    folder = write_release(train=shapes(4), validation=shapes(4, 50))
    with pytest.raises(StickerworksError, match="no split and no named test set"):
        Dataset(folder).read("vsd_r", 8, KEY_FRAME)
    put_into_sets(folder, split, [[], ["vsd_r"], [], []])
    with pytest.raises(StickerworksError, match=f"in {split}, and in a named test set as well"):
        Dataset(folder).read(split, 8, KEY_FRAME)
