from __future__ import annotations

import json
import math
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.local.rows import KINDS, Row, encoding_of, read_rows
from pipeline.engine.errors import StickerworksError


def _read(path: Path, data: bytes, kind: str = "csv", encoding: str = "utf-8") -> list[Row]:
    path.write_bytes(data)
    return list(read_rows(path, kind, encoding))


def _problems(rows: list[Row]) -> dict[int, str]:
    return {row.place: row.problem for row in rows if row.problem is not None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list"


def test_a_row_is_known_by_the_line_where_it_begins(path: Path) -> None:
    data = b'\xef\xbb\xbfurl,title\r\n\r\na,"x\r\ny, ""z"""\r\nb,\xe7\x8c\xab\r\n'
    assert _read(path, data) == [
        Row(3, {"url": "a", "title": 'x\r\ny, "z"'}),
        Row(5, {"url": "b", "title": "猫"}),
    ]


def test_short_rows_lack_values_and_long_ones_are_problems(path: Path) -> None:
    rows = _read(path, b"url,title\na\nb,x,,\nc,x,y\nd,z\n")
    assert [dict(row.values) for row in rows] == [
        {"url": "a"},
        {"url": "b", "title": "x"},
        {},
        {"url": "d", "title": "z"},
    ]
    assert _problems(rows) == {4: "it has 3 fields, and the first line 2"}


def test_of_two_columns_of_one_name_the_first_counts(path: Path) -> None:
    assert _read(path, b"url,title,url\na,x,b\n") == [Row(2, {"url": "a", "title": "x"})]


def test_a_table_may_be_separated_by_tabs(path: Path) -> None:
    assert _read(path, b"url\ttitle\na\tx, y\n", "tsv") == [Row(2, {"url": "a", "title": "x, y"})]


def test_a_quotation_mark_that_is_never_closed_hides_no_row(path: Path) -> None:
    rows = _read(path, b'url,title\na,x\nb,"y\nc,z\nd,z\n')
    assert [row.values.get("url") for row in rows] == ["a", None]
    assert _problems(rows) == {3: "it can't be read to line 5: unexpected end of data"}
    long = b'url,title\na,"' + b"x\nb,y,\n" * 30_000 + b'c,z\n"\n'
    assert "to line" in _problems(_read(path, long))[2]


def test_lines_that_cannot_be_read_cost_themselves(path: Path) -> None:
    data = b"url,title\na,\xff\nb," + b"x" * 3_000_000 + b"\nc," + b"y" * 200_000 + b"\nd,\x00z\n"
    rows = _read(path, data)
    problems = _problems(rows)
    assert [problems[2], problems[3]] == ["it is no utf-8", "it has more than 1048576 bytes"]
    assert "field larger than field limit" in problems[4]
    assert rows[-1] == Row(5, {"url": "d", "title": "\x00z"})


def test_lines_of_json_that_are_no_objects_cost_themselves(path: Path) -> None:
    lines = [b'{"url": "a", "n": NaN}', b"", b"[1]", b'{"url": ', b"null", b"[" * 100_000]
    rows = _read(path, b"\n".join([*lines, b'{"url": "\\ud800"}']), "jsonl")
    assert rows[0] == Row(1, {"url": "a", "n": None})
    assert rows[-1] == Row(7, {"url": "\ud800"})
    assert list(_problems(rows)) == [3, 4, 5, 6]


def test_a_list_may_be_an_address_a_line(path: Path) -> None:
    rows = _read(path, b"http://a/x, y.gif \n\nhttp://b/\xff\n", "txt")
    assert rows == [Row(1, {"url": "http://a/x, y.gif"}), Row(3, {}, "it is no utf-8")]


def test_parquet_is_read_without_the_pictures_in_it(path: Path) -> None:
    table = pa.table(
        {
            "url": ["a", None],
            "tags": [["x", "y"], None],
            "width": [3.0, math.nan],
            "jpg": [b"\xff" * 10, b""],
            "big": pa.array([b"1", b"2"], pa.large_binary()),
        }
    )
    pq.write_table(table, path)
    assert list(read_rows(path, "parquet", "utf-8")) == [
        Row(1, {"url": "a", "tags": ["x", "y"], "width": 3.0}),
        Row(2, {"url": None, "tags": None, "width": None}),
    ]


def test_damaged_parquet_says_from_where_on(path: Path) -> None:
    names = [f"{number:05}{'x' * 50}" for number in range(20_000)]
    pq.write_table(pa.table({"url": names}), path, row_group_size=5000, compression="none")
    data = bytearray(path.read_bytes())
    data[data.index(b"15000") : data.index(b"15000") + 40_000] = b"\xff" * 40_000
    path.write_bytes(bytes(data))
    with pytest.raises(StickerworksError, match=r"as Parquet from its row \d+ on") as caught:
        list(read_rows(path, "parquet", "utf-8"))
    assert "\n" not in str(caught.value)
    for broken in (b"", b"PAR1", b"url,title\na,b\n", bytes(data[:-100])):
        with pytest.raises(StickerworksError, match="from its beginning on"):
            _read(path, broken, "parquet")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("url\na\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04", "compressed"),
        (b"PAR1\x15\x04", "Parquet"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "txt"])
def test_what_is_no_text_is_one_clear_error(path: Path, data: bytes, what: str, kind: str) -> None:
    with pytest.raises(StickerworksError, match=f"list is {what}, not a text"):
        _read(path, data, kind)


def test_a_header_without_end_is_one_clear_error(path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"list:1 names 2001 columns"):
        _read(path, b"," * 2000 + b"\na\n")


def test_what_is_no_file_is_one_clear_error(tmp_path: Path) -> None:
    for name in (".", "none"):
        with pytest.raises(StickerworksError, match="Could not read"):
            list(read_rows(tmp_path / name, "csv", "utf-8"))


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        (b"url,title\na,b\n", "utf-8"),
        ("url,title\na,表情\n".encode(), "utf-8"),
        ("url,title\na,表情\nb,猫\n".encode("gb18030"), "gb18030"),
        (("a,表情包\n" * 9).encode() + ("a,表情包\n" * 3).encode("gb18030"), "utf-8"),
        (bytes(range(128, 256)), "utf-8"),
    ],
)
def test_the_encoding_is_that_of_most_lines(path: Path, data: bytes, encoding: str) -> None:
    path.write_bytes(data)
    assert encoding_of(path) == encoding


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(sorted(set(KINDS.values()))))
def test_any_bytes_are_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    rows: list[Row] = []
    with suppress(StickerworksError):
        rows = _read(path, data, kind, encoding_of(path))
    assert all(row.place > 0 and (row.values == {} or row.problem is None) for row in rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), max_size=5))
def test_what_was_written_as_json_lines_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    assert [row.values for row in _read(path, data, "jsonl")] == values


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_large_list_is_read_in_little_memory(path: Path, kind: str) -> None:
    count = 10_000
    if kind == "parquet":
        pq.write_table(pa.table({"url": [f"http://a/{n}" for n in range(count)]}), path)
    else:
        head, line = ("url\n", "http://a/{}\n") if kind == "csv" else ("", '{{"url": "{}"}}\n')
        path.write_text(head + "".join(line.format(number) for number in range(count)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(path, kind, "utf-8")) == count
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
