"""MET-MEME's CSV files: round trips, tolerant cells, and dirty ones named by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from emotion_sets import write_met_meme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.datasets.met_meme import (
    DETAILS,
    EMOTIONS,
    MetMemeRow,
    parse_emotion,
    read_met_meme,
)
from pipeline.engine.errors import StickerworksError

SHARED = [HealthCheck.function_scoped_fixture]  # every example overwrites the files
HEADER = "file_name,sentiment category,sentiment degree,,\r\n"
# GB18030 holds every character but halves of pairs; U+FFFD marks what can't be decoded.
characters = st.characters(exclude_categories=("Cs",), exclude_characters="\ufffd")
cells = st.text(characters, max_size=12)
plain = st.characters(categories=("L", "N", "P", "So"), exclude_characters="/\\\ufffd")
names = st.text(plain, min_size=1, max_size=12).filter(lambda name: name not in {".", ".."})
rows = st.lists(
    st.builds(
        MetMemeRow, names, st.integers(1, 7), st.tuples(*[cells] * len(DETAILS))
    ),
    max_size=8,
    unique_by=lambda row: row.file_name,
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=SHARED)
@given(rows=rows, texts=st.dictionaries(names, cells, max_size=6))
def test_what_is_written_is_read(
    tmp_path: Path, rows: list[MetMemeRow], texts: dict[str, str]
) -> None:
    labels, words = tmp_path / "label_E.csv", tmp_path / "E_text.csv"
    write_met_meme(labels, rows, words, texts)
    data = read_met_meme(labels, words)
    assert list(data.rows) == rows
    assert data.texts == texts
    assert data.problems == ()


@pytest.mark.parametrize("number", EMOTIONS)
def test_an_emotion_survives_its_cell(number: int) -> None:
    assert parse_emotion(f"{number}({EMOTIONS[number]})") == number


@pytest.mark.parametrize(
    "cell", ["4(sorrow)", " 4 (sorrow) ", "4(Sorrow)", "4（sorrow）", "４", "4", "4(sorrow"]
)
def test_harmless_variants_of_a_cell_are_read(cell: str) -> None:
    assert parse_emotion(cell) == 4


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("sorrow", "is not like 4(sorrow)"),
        ("4(sorrow)5(fear)", "is not like 4(sorrow)"),
        ("4.0", "is not like 4(sorrow)"),
        ("0(none)", "has a number that is not from 1 to 7"),
        ("8", "has a number that is not from 1 to 7"),
        ("44444444444444444444(sorrow)", "has a number that is not from 1 to 7"),
        ("5(sorrow)", "has a name that is not 5's: fear"),
        ("4()", "has a name that is not 4's: sorrow"),
    ],
)
def test_a_dirty_cell_has_a_reason(cell: str, reason: str) -> None:
    assert parse_emotion(cell) == reason


def test_dirty_rows_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "label_E.csv"
    lines = [
        "image_ (0).jpg,4(sorrow),2(moderately),,",
        "image_ (1).jpg,5(sorrow),1(slightly),,",
        ",,,,",
        "../secret.jpg,1(happiness),,,",
        "image_ (0).jpg,2(love),,,",
        "image_ (4).jpg,1(happiness)",
        "图像.jpg,7(surprise),很,,",
    ]
    path.write_bytes((HEADER + "\r\n".join(lines)).encode("gb18030"))
    data = read_met_meme(path)
    assert [(row.file_name, row.emotion) for row in data.rows] == [
        ("image_ (0).jpg", 4), ("image_ (4).jpg", 1), ("图像.jpg", 7),
    ]  # fmt: skip
    assert [row.details[0] for row in data.rows] == ["2(moderately)", "", "很"]
    assert [(p.row, p.column, p.reason) for p in data.problems] == [
        (3, "sentiment category", "has a name that is not 5's: fear"),
        (5, "file_name", "is no plain name: it could lead out of the data set's folder"),
        (6, "file_name", "stood in an earlier row"),
    ]
    assert all(str(problem).isascii() for problem in data.problems)


def test_bytes_that_are_not_gb18030_are_named(tmp_path: Path) -> None:
    path = tmp_path / "label_E.csv"
    path.write_bytes(HEADER.encode() + b"a.jpg,1(happiness),\xff\xff,,\r\n")
    data = read_met_meme(path)
    assert len(data.rows) == 1
    assert [(p.row, p.column, p.reason) for p in data.problems] == [
        (2, "sentiment degree", "is not GB18030")
    ]


def test_texts_keep_their_line_breaks_and_their_own_problems(tmp_path: Path) -> None:
    labels, words = tmp_path / "label_E.csv", tmp_path / "E_text.csv"
    labels.write_text(HEADER)
    lines = (b"file_name,text,,", b'a.jpg,"one\r\ntwo ""x""",,', b"a.jpg,again,,", b"")
    words.write_bytes(b"\r\n".join(lines))
    data = read_met_meme(labels, words)
    assert data.texts == {"a.jpg": 'one\r\ntwo "x"'}
    assert [(p.file, p.row) for p in data.problems] == [("E_text.csv", 3)]


@pytest.mark.parametrize("content", [b"", b"file_name,emotion\r\n", b'"' + b"x" * 200_000])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "label_E.csv"
    path.write_bytes(content)
    with pytest.raises(StickerworksError, match=r"label_E\.csv"):
        read_met_meme(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="no MET-MEME file"):
        read_met_meme(tmp_path / "label_E.csv")


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["a.jpg,1(happiness)", "\ufeffb.jpg,2(love)"], ["a.jpg"]),
        ([" a.jpg ,1(happiness)"], ["a.jpg"]),
        (["a.jpg"], []),
        (["a.jpg,1(happiness),,,,,,,,,,,,surplus"], ["a.jpg"]),
        (["", " , ", "a.jpg,7"], ["a.jpg"]),
        (['"a.jpg","3(anger)"'], ["a.jpg"]),
    ],
)
def test_odd_lines_are_read_or_named(tmp_path: Path, lines: list[str], names: list[str]) -> None:
    path = tmp_path / "label_E.csv"
    path.write_bytes((HEADER + "\r\n".join(lines)).encode("gb18030"))
    data = read_met_meme(path)
    assert [row.file_name for row in data.rows] == names
    written = sum(bool(line.strip(" ,")) for line in lines)
    assert len(data.problems) == written - len(names)
