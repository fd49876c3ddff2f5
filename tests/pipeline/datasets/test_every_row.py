"""All rows of a data set, for import: splits, records, and every cell that can't be taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from emotion_sets import write_met_meme, write_ser30k
from hypothesis import given, settings
from hypothesis import strategies as st
from image_tables import picture

from pipeline.datasets.emotion_layouts import MET_MEME, SER30K
from pipeline.datasets.layout import Layout, Row, read_every, read_problems
from pipeline.datasets.met_meme import DETAILS, MetMemeRow
from pipeline.datasets.ser30k import Ser30kRow
from pipeline.datasets.sticker820k import LAYOUT as STICKER820K
from pipeline.engine.errors import StickerworksError


def ser_row(number: int, topic: str = "00-bear") -> Ser30kRow:
    return Ser30kRow(topic, f"{number}.png", f"text {number}", (1, 2, None), 1 + number % 7)


def left_out(layout: Layout, folder: Path) -> int:
    return len({(p.file, p.row) for p in read_problems(layout, folder) if p.left_out})


@pytest.fixture
def ser30k(tmp_path: Path) -> Path:
    """A train, a validation and a test sticker, and one that stands in no split's file."""
    root, rows = tmp_path / "ser", [ser_row(n) for n in range(4)]
    for row in rows:
        (root / row.image).parent.mkdir(parents=True, exist_ok=True)
        (root / row.image).write_bytes(picture(int(row.file_name[0])))
    write_ser30k(root, {"train": rows[:1], "val": rows[1:2], "test": rows[2:3]})
    path = root / "Annotations/all_annos.json"
    content = json.loads(path.read_text())
    content["annotations"].append(rows[3].cells)
    path.write_text(json.dumps(content))
    return root


def change(path: Path, *rows: Any) -> None:
    path.write_text(json.dumps({"annotations": list(rows)}), encoding="utf-8")


def test_ser30k_gives_its_splits_what_is_in_none_and_its_own_words(ser30k: Path) -> None:
    found = list(read_every(SER30K, ser30k))
    assert [row.split for row in found] == ["train", "validation", "test", None]
    first = found[0]
    assert (first.id, first.data) == ("Images/00-bear/0.png", None), "the file has the bytes"
    assert first.file == ser30k / "Images/00-bear/0.png"
    assert first.texts == {"ocr_text": "text 0", "pack": "00-bear", "emotion": "anger"}
    assert first.record == {"topic": "00-bear", "file_name": "0.png", "text": "text 0",
                            "anno1": 1, "anno2": 2, "anno3": None, "anno": 1}  # fmt: skip


def test_views_of_mghft_come_as_its_columns(ser30k: Path) -> None:
    text = "#The sticker's style is soft.\n#The sticker's gesture is a wave.\n"
    folder = ser30k / "Annotations_mg/image-level"
    folder.mkdir(parents=True)
    change(folder / "train.json", replace(ser_row(0), text=text).cells)
    first = next(read_every(SER30K, ser30k))
    assert first.texts["overall_style"] == "The sticker's style is soft."
    assert first.texts["character_details"] == "The sticker's gesture is a wave."
    assert "style" not in first.texts
    assert first.record["text"] == "text 0"


def test_ser30k_without_files_of_splits_is_read_whole(ser30k: Path) -> None:
    for name in ("train", "val", "test"):
        (ser30k / f"Annotations/image-level/{name}.json").unlink()
    assert [row.split for row in read_every(SER30K, ser30k)] == [None] * 4


def test_rows_whose_long_names_begin_alike_are_each_taken(tmp_path: Path) -> None:
    long = "a cat that laughs at a dog that laughs at a cat that laughs at "
    rows = [Ser30kRow("a", f"{long}{n}.png", "", (1, 1, 1), 1) for n in range(3)]
    for each in rows:
        (tmp_path / each.image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each.image).write_bytes(picture(1))
    write_ser30k(tmp_path, {"train": rows[:1]})
    change(tmp_path / "Annotations/all_annos.json", *(each.cells for each in rows))
    found = [(each.record["file_name"], each.split) for each in read_every(SER30K, tmp_path)]
    assert found == [
        (rows[0].file_name, "train"), (rows[1].file_name, None), (rows[2].file_name, None)
    ]  # fmt: skip


def test_rows_of_ser30k_that_cannot_be_taken_are_each_told_once(ser30k: Path) -> None:
    bad = [{"topic": "..", "file_name": 5, "anno": "x"}, "row", None, ser_row(0).cells]
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    bad.append({"topic": deep, "file_name": "a.png", "anno": 1})
    path = ser30k / "Annotations/image-level/train.json"
    change(path, ser_row(0).cells, *bad)
    content = json.loads((ser30k / "Annotations/all_annos.json").read_text())
    change(ser30k / "Annotations/all_annos.json", *content["annotations"], *bad)
    assert len(list(read_every(SER30K, ser30k))) == 4
    assert left_out(SER30K, ser30k) == len(bad)


def write_memes(root: Path, language: str, count: int) -> list[MetMemeRow]:
    (root / f"{language}images").mkdir(parents=True)
    details = tuple(f"{name} {language}" for name in DETAILS)
    rows = [MetMemeRow(f"image_ ({n}).png", 1 + n % 7, details) for n in range(count)]
    for n, row in enumerate(rows):
        (root / f"{language}images" / row.file_name).write_bytes(picture(n))
    texts = {row.file_name: f"笑 {language}" for row in rows[:1]}
    write_met_meme(root / f"label_{language}.csv", rows, root / f"{language}_text.csv", texts)
    return rows


def test_met_meme_gives_both_languages_and_no_split(tmp_path: Path) -> None:
    write_memes(tmp_path, "E", 2)
    rows = write_memes(tmp_path, "C", 1)
    found = list(read_every(MET_MEME, tmp_path))
    assert [row.id for row in found] == [
        "Eimages/image_ (0).png", "Eimages/image_ (1).png", "Cimages/image_ (0).png"
    ]  # fmt: skip
    assert {row.split for row in found} == {None}
    assert found[2].record == {"language": "C", **rows[0].cells, "text": "笑 C"}
    assert "text" not in found[1].record
    assert found[0].texts == {"ocr_text": "笑 E", "emotion": "happiness"}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["4(sorrow)", "9", "", "4(fear)", "\udc81".encode("latin-1", "replace").decode()]
        ),
        max_size=6,
    )
)
def test_each_row_of_met_meme_is_taken_or_told(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    root = tmp_path_factory.mktemp("memes")
    names = [f"{n % 4}.png" for n in range(len(cells))]
    lines = [f"{name},{cell}" for name, cell in zip(names, cells, strict=True)]
    text = "\r\n".join(["file_name,sentiment category", *lines])
    (root / "label_E.csv").write_bytes(text.encode("gb18030"))
    taken = len(list(read_every(MET_MEME, root)))
    assert taken + left_out(MET_MEME, root) == len(cells)


def test_sticker820k_gives_its_lists_and_its_own_keys(
    write_sticker820k: Callable[..., Path],
) -> None:
    info = {"caption": "一只猫", "ocr_text": "", "emotion_class": "joy", "style_class": "卡通",
            "emotion_label": "开心", "extra": [1]}  # fmt: skip
    folder = write_sticker820k(
        {"a.png": info, "b.png": info}, {"a.png": b"A", "b.png": b"B"},
        train=["a.png", "a.png", "gone"], valid=["b.png"],
    )  # fmt: skip
    found = list(read_every(STICKER820K, folder))
    assert [(row.id, row.split) for row in found] == [
        ("a.png", "train"), ("gone", "train"), ("b.png", "validation")
    ]  # fmt: skip
    assert found[0].texts == {"caption_zh": "一只猫", "emotion": "joy", "style_class": "卡通"}
    own = {key: value for key, value in info.items() if key != "extra"}
    assert found[0].record == {"lmdb_key": "a.png", **own}
    assert left_out(STICKER820K, folder) == 1


def test_names_in_no_list_of_sticker820k_come_without_a_split(
    write_sticker820k: Callable[..., Path],
) -> None:
    infos = {name: {"emotion_label": "开心"} for name in ("a", "b", "c", "d")}
    images = dict.fromkeys(("a", "b", "c"), b"x")
    folder = write_sticker820k(infos, images, train=["b"], valid=["c"])
    found = [(row.id, row.split, row.data) for row in read_every(STICKER820K, folder)]
    assert found == [("b", "train", b"x"), ("c", "validation", b"x"), ("a", None, b"x"),
                     ("d", None, None)]  # fmt: skip
    (problem,) = read_problems(STICKER820K, folder)
    assert str(problem) == "infos/data.mdb row 4, imgs: 'd' isn't there"


def test_an_annotation_file_of_too_many_bytes_is_told(
    ser30k: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.datasets.ser30k._MOST_BYTES", 100)
    with pytest.raises(StickerworksError, match="it is larger than 100 bytes"):
        list(read_every(SER30K, ser30k))


def test_a_layout_of_others_gives_the_rows_of_its_splits(tmp_path: Path) -> None:
    def rows(path: Path, split: str) -> Any:
        yield Row(f"{split} row", b"x", frozenset(), {})

    layout = Layout("other", lambda path: True, rows)
    found = list(read_every(layout, tmp_path))
    assert [(row.id, row.split) for row in found] == [
        (f"{split} row", split) for split in ("train", "validation", "test")
    ]
    assert list(read_problems(layout, tmp_path)) == []
