"""SER30K annotations: round trips, and bad cells named by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from emotion_sets import SPLITS, write_ser30k
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.datasets.ser30k import Ser30kRow, read_ser30k
from pipeline.engine.errors import StickerworksError

SHARED = [HealthCheck.function_scoped_fixture]  # every example overwrites the files
plain = st.characters(categories=("L", "N", "P", "So"), exclude_characters="/\\")
names = st.text(plain, min_size=1, max_size=12).filter(lambda name: name not in {".", ".."})
labels = st.integers(1, 7)
votes = st.tuples(*[st.none() | labels] * 3)
rows = st.lists(
    st.builds(Ser30kRow, names, names, st.text(max_size=20), votes, labels),
    max_size=9,
    unique_by=lambda row: row.image,
)


def good(**changes: Any) -> dict[str, Any]:
    """A row as SER30K has it."""
    row = {"topic": "01-panda-bear", "file_name": "sticker_1.jpg", "text": "hi"}
    return {**row, "anno1": 4, "anno2": 4, "anno3": 5, "anno": 4, **changes}


def write_rows(root: Path, *annotations: Any) -> None:
    (root / "Annotations").mkdir(parents=True)
    content = json.dumps({"annotations": annotations})
    (root / "Annotations/all_annos.json").write_text(content)


@settings(max_examples=30, deadline=None, suppress_health_check=SHARED)
@given(rows=rows)
def test_what_is_written_is_read(tmp_path: Path, rows: list[Ser30kRow]) -> None:
    splits = {split: rows[number::3] for number, split in enumerate(SPLITS)}
    write_ser30k(tmp_path, splits)
    for split in SPLITS:
        assert list(read_ser30k(tmp_path, split).rows) == splits[split]
    everything = read_ser30k(tmp_path)
    assert list(everything.rows) == [row for split in SPLITS for row in splits[split]]
    missing = sum(row.votes.count(None) for row in rows)
    assert len(everything.problems) == missing


def test_a_published_row_is_read(tmp_path: Path) -> None:
    write_rows(tmp_path, good(), good(file_name="2.jpg", anno="7", anno1="4"))
    data = read_ser30k(tmp_path)
    assert data.problems == ()
    assert data.rows[0] == Ser30kRow("01-panda-bear", "sticker_1.jpg", "hi", (4, 4, 5), 4)
    assert data.rows[0].image == "Images/01-panda-bear/sticker_1.jpg"
    assert (data.rows[1].label, data.rows[1].votes) == (7, (4, 4, 5))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("topic", "../../etc"), ("topic", ".."), ("topic", 3), ("topic", "a\u202eb"),
        ("file_name", "a/b.jpg"), ("file_name", "a\\b.jpg"), ("file_name", ""),
        ("file_name", "a\x00.jpg"), ("anno", 0), ("anno", 8), ("anno", True), ("anno", None),
        ("anno", 4.0), ("anno", "44"), ("anno", "\u0664"), ("anno", [4]),
    ],
)  # fmt: skip
def test_a_row_with_a_bad_cell_is_left_out_and_named(tmp_path: Path, cell: str, value: Any) -> None:
    write_rows(tmp_path, good(), good(**{"file_name": "2.jpg", cell: value}))
    data = read_ser30k(tmp_path)
    assert len(data.rows) == 1
    (problem,) = data.problems
    assert (problem.file, problem.row, problem.column) == ("all_annos.json", 2, cell)
    assert str(problem).isprintable()


def test_bad_votes_and_text_are_named_and_the_row_stays(tmp_path: Path) -> None:
    write_rows(tmp_path, good(anno2="maybe" * 99, text=5))
    data = read_ser30k(tmp_path)
    assert data.rows[0].votes == (4, None, 5)
    assert data.rows[0].text == ""
    assert [problem.column for problem in data.problems] == ["anno2", "text"]
    assert len(data.problems[0].value) == 60


def test_a_row_that_is_no_object_or_stands_twice_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path, good(), "row", good(anno=2))
    data = read_ser30k(tmp_path)
    assert [row.label for row in data.rows] == [4]
    assert [(p.row, p.reason) for p in data.problems] == [
        (2, "is no object"),
        (3, "stood in an earlier row"),
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"annotations": {}}', "[" * 99999, "\ud800"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    write_rows(tmp_path)
    data = content.encode("utf-8", "surrogatepass")
    (tmp_path / "Annotations/all_annos.json").write_bytes(data)
    with pytest.raises(StickerworksError, match=r"all_annos\.json"):
        read_ser30k(tmp_path)


def test_a_missing_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"no SER30K file .*val\.json"):
        read_ser30k(tmp_path, "val")


@pytest.mark.parametrize(
    ("folder", "split"),
    [("Annotations", "train"), ("Annotations", "test"), ("Annotations_mg", "val")],
)
def test_each_split_is_read_from_its_own_file(tmp_path: Path, folder: str, split: Any) -> None:
    path = tmp_path / folder / f"image-level/{split}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"annotations": [good()]}))
    assert len(read_ser30k(tmp_path, split, folder).rows) == 1
    with pytest.raises(StickerworksError, match=r"no SER30K file .*all_annos\.json"):
        read_ser30k(tmp_path, "all", folder)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    write_rows(tmp_path, good(text="\u732b"))
    path = tmp_path / "Annotations/all_annos.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_ser30k(tmp_path).rows[0].text == "\u732b"
