from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_site import Site, body, gif, serving

from crawlers.crawl import CrawlSummary
from crawlers.observation import Observation, columns_of, key_of
from crawlers.sources.url_list import UrlListOptions, list_addresses
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

Lists = Callable[..., list[Observation]]


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    """What a file of that name and text lists."""

    def read(name: str, text: str | bytes, **options: Any) -> list[Observation]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(list_addresses(UrlListOptions(path=str(path), **options)))

    return read


def test_usual_names_of_columns_are_known(lists: Lists) -> None:
    row = {
        "URL": " http://a/1.gif ",
        "TEXT": "Happy cat",
        "keyword": "cat",
        "tags": "happy, 猫；🐱,",
        "creator": "Ann",
        "page_url": "http://a/1",
        "license": "CC0",
        "license_url": "http://cc/0",
        "pack": 7,
        "width": 12,
        "api_key": "s3cr3t",
    }
    (one,) = lists("list.jsonl", json.dumps(row))
    assert (one.source_id, one.media_url) == ("http://a/1.gif", "http://a/1.gif")
    assert (one.title, one.query, one.tags) == ("Happy cat", "cat", ("happy", "猫", "🐱"))
    assert (one.author, one.page_url, one.pack_id) == ("Ann", "http://a/1", "7")
    assert (one.licence, one.licence_url, one.licence_basis) == ("CC0", "http://cc/0", "item")
    kept = {"width": 12, "list": "list.jsonl:1"}
    assert json.loads(columns_of(one)["raw_json"]) == kept


def test_columns_may_be_named(lists: Lists) -> None:
    text = "link,title,zh,nr\nhttp://a/1,Cat,猫,x1\nhttp://a/2,Dog,狗,x2\n"
    named = {"url_column": "link", "title_column": "zh", "id_column": "nr"}
    assert [(one.source_id, one.title) for one in lists("list.csv", text, **named)] == [
        ("x1", "猫"),
        ("x2", "狗"),
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "has no column 'url'; it has link, title."),
        ({"url_column": "link", "query_column": "word"}, "has no column 'word'"),
    ],
)
def test_a_column_that_is_missing_is_one_clear_error(
    lists: Lists, options: dict[str, str], line: str
) -> None:
    with pytest.raises(StickerworksError, match=line) as caught:
        lists("list.csv", "link,title\nhttp://a/1,x\n", **options)
    assert "_column" in caught.value.remedy


def test_rows_without_an_address_keep_their_place_and_say_their_line(lists: Lists) -> None:
    text = "url,title\nhttp://a/1,x\n,y\nhttp://a/2,z,too,many\n  ,\nhttp://a/3,x\n"
    found = lists("list.csv", text)
    assert [one.source_id for one in found] == [
        "http://a/1",
        "list.csv:3",
        "list.csv:4",
        "list.csv:5",
        "http://a/3",
    ]
    assert [one.rank for one in found] == list(range(5))
    assert [one.media_url for one in found[1:4]] == [None] * 3
    assert [(one.raw or {})["problem"] for one in found[1:3]] == [
        "the column 'url' holds no address",
        "it has 4 fields, and the first line 2",
    ]


@pytest.mark.parametrize("text", ["", "url,title\n", "\n\n"])
def test_a_list_of_nothing_is_one_clear_error(lists: Lists, text: str) -> None:
    with pytest.raises(StickerworksError, match=r"list\.csv lists nothing"):
        lists("list.csv", text)


def test_a_list_of_which_nothing_can_be_read_is_one_clear_error(lists: Lists) -> None:
    with pytest.raises(StickerworksError, match=r"list\.jsonl:2 can't be read: it is no JSON"):
        lists("list.jsonl", "\n[1]\nnull\n")


def test_secrets_in_addresses_stay_out_of_ids_and_tell_items_apart(lists: Lists) -> None:
    text = "http://a/x?token=s3cr3t\nhttp://a/x?token=0ther\nhttp://u:s3cr3t@a/y\nhttp://a/x\n"
    found = lists("list.txt", text)
    assert len({one.source_id for one in found}) == 4
    assert not any("s3cr3t" in one.source_id for one in found)
    assert found[0].source_id.startswith("http://a/x ")
    assert found[0].media_url == "http://a/x?token=s3cr3t"
    assert found[0].source_id == lists("again.txt", text)[0].source_id


def test_parquet_keeps_what_it_says(tmp_path: Path) -> None:
    table = pa.table(
        {"url": ["http://a/1", None], "tags": [["x", "y"], None], "similarity": [0.5, None]}
    )
    pq.write_table(table, tmp_path / "part-0.parquet")
    one, other = list_addresses(UrlListOptions(path=str(tmp_path / "part-0.parquet")))
    assert (one.tags, one.raw) == (("x", "y"), {"similarity": 0.5, "list": "part-0.parquet:1"})
    assert (other.source_id, other.media_url) == ("part-0.parquet:2", None)


def test_a_folder_of_lists_is_read_in_the_order_of_their_names(
    tmp_path: Path, lists: Lists
) -> None:
    lists("b.csv", "url\nhttp://a/2\n")
    lists("a.jsonl", '{"url": "http://a/1"}')
    (tmp_path / "README.md").write_text("no list")
    found = list(list_addresses(UrlListOptions(path=str(tmp_path))))
    assert [(one.media_url, one.rank) for one in found] == [("http://a/1", 0), ("http://a/2", 1)]
    (tmp_path / "none").mkdir()
    with pytest.raises(StickerworksError, match="holds no list"):
        list(list_addresses(UrlListOptions(path=str(tmp_path / "none"))))


def test_the_kind_is_told_where_the_name_does_not_say_it(lists: Lists) -> None:
    with pytest.raises(StickerworksError, match="doesn't say what kind of list"):
        lists("list.dat", "url\nhttp://a/1\n")
    (one,) = lists("list.dat", "url\nhttp://a/1\n", format="csv")
    assert one.media_url == "http://a/1"


def test_gb18030_is_read_and_told(lists: Lists, caplog: pytest.LogCaptureFixture) -> None:
    text = "url,title\nhttp://a/1,表情包大全\n".encode("gb18030")
    with caplog.at_level(logging.WARNING):
        (one,) = lists("list.csv", text)
    assert (one.title, (one.raw or {})["encoding"]) == ("表情包大全", "gb18030")
    assert caplog.messages == ["list.csv is no UTF-8: read as gb18030"]
    with pytest.raises(StickerworksError, match=r"list\.csv:2 can't be read: it is no utf-8"):
        lists("list.csv", text, encoding="utf-8")


@pytest.mark.parametrize(
    "value",
    [None, 3, True, [], {}, "", "\ud800", "x" * 10_000, "file:///etc/passwd", "http://["],
)
def test_what_is_no_address_can_be_stored(lists: Lists, value: Any) -> None:
    rows = [{"url": "http://a/1"}, {"url": value, "title": value, "tags": [value], "author": value}]
    _, one = lists("list.jsonl", "\n".join(map(json.dumps, rows)))
    json.dumps([columns_of(one), key_of("url_list", one).source_id]).encode()


_VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.text())
_NAMES = st.sampled_from(["url", "title", "tags", "keyword", "licence", "pack", "x"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(_NAMES, _VALUES), max_size=4))
def test_any_rows_can_be_stored(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    rows = [{"url": "http://a/1"}, *rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(list_addresses(UrlListOptions(path=str(path))))
    assert len(found) == len(rows)
    for one in found:
        json.dumps([columns_of(one), key_of("url_list", one).source_id]).encode()


def test_a_long_list_takes_microseconds_a_row(lists: Lists) -> None:
    text = "url,title\n" + "".join(f"http://a.example/{n}.gif,cat {n}\n" for n in range(5_000))
    started = time.process_time()
    assert len(lists("list.csv", text)) == 5_000
    assert time.process_time() - started < 3


def test_a_list_is_crawled_with_a_row_for_each_address(
    tmp_path: Path, workspace: Workspace, crawl_source: Callable[..., CrawlSummary]
) -> None:
    with serving(Site()) as site:
        site.routes |= {f"/{number}.gif": body(gif(number), "image/gif") for number in range(3)}
        rows = [f"{site.url}/{number}.gif?key=s3cr3t,cat {number},cat" for number in range(3)]
        rows += [f"{site.url}/0.gif?key=s3cr3t,,dog", f"{site.url}/none.gif,,", ",empty,cat"]
        path = tmp_path / "list.csv"
        path.write_text("\n".join(["url,title,query", *rows]))
        summary = crawl_source("url_list", site, options={"path": str(path)})
    assert (summary.observations, summary.stickers) == (4, 3)
    assert summary.unfetched == {"no_address": 1, "http_404": 1}
    seen = workspace.read("observations").to_pylist()
    assert [(row["query"], row["title"]) for row in seen if row["rank"] in (0, 3)] == [
        ("cat", "cat 0"),
        ("dog", None),
    ]
    missed = {row["source_id"] for row in workspace.read("unfetched").to_pylist()}
    assert missed == {f"{site.url}/none.gif", "list.csv:7"}
    tables = (file for file in workspace.root.rglob("*") if file.is_file())
    assert not any(b"s3cr3t" in file.read_bytes() for file in tables)
