from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.observation import columns_of, key_of, too_long
from crawlers.source import Answer
from crawlers.sources import chinesebqb
from crawlers.sources.chinesebqb import read_index
from pipeline.engine.errors import StickerworksError

INDEX = "https://raw.githubusercontent.com/zhaoolee/ChineseBQB/master/chinesebqb_github.json"
FUNNY = "001Funny_滑稽大佬😏BQB"


def _index(*entries: Any) -> bytes:
    return json.dumps({"status": 1000, "data": list(entries)}).encode()


def test_an_entry_becomes_an_observation() -> None:
    entry = {"name": "滑稽大佬00012-鼓掌.gif", "category": FUNNY, "url": "https://x/ignored"}
    (observation,), senseless = read_index(_index(entry), INDEX)
    assert senseless == 0
    assert observation.source_id == f"{FUNNY}/滑稽大佬00012-鼓掌.gif"
    assert observation.query == "滑稽大佬"
    assert observation.tags == ("鼓掌",)
    assert observation.title == "鼓掌"
    assert (observation.pack_id, observation.pack_title) == (FUNNY, FUNNY)
    assert (observation.rank, observation.pack_index) == (0, 0)
    assert (observation.licence, observation.licence_basis) == (None, "none")
    assert observation.media_url == (
        "https://raw.githubusercontent.com/zhaoolee/ChineseBQB/master/"
        "001Funny_%E6%BB%91%E7%A8%BD%E5%A4%A7%E4%BD%AC%F0%9F%98%8FBQB/"
        "%E6%BB%91%E7%A8%BD%E5%A4%A7%E4%BD%AC00012-%E9%BC%93%E6%8E%8C.gif"
    )


def test_ranks_count_within_a_category_and_doubles_are_left_out() -> None:
    entries = [
        {"name": name, "category": category}
        for name, category in [("a.gif", "A"), ("b.gif", "B"), ("c.gif", "A"), ("a.gif", "A")]
    ]
    observations, senseless = read_index(_index(*entries), INDEX)
    assert [(s.source_id, s.rank) for s in observations] == [
        ("A/a.gif", 0),
        ("B/b.gif", 0),
        ("A/c.gif", 1),
    ]
    assert senseless == 1


@pytest.mark.parametrize("name", ["a%b.gif", "a#b.gif", "a?b.gif", "a`{b}.gif"])
def test_strange_names_are_quoted(name: str) -> None:
    (observation,), _ = read_index(_index({"name": name, "category": "A"}), INDEX)
    tail = (observation.media_url or "").rpartition("/A/")[2]
    assert not set(tail) & set("#?`{}")
    assert observation.source_id == f"A/{name}"


def test_a_name_of_ten_megabytes_is_listed_without_an_address() -> None:
    entries = [{"name": "1" * 10_000_000, "category": "A"}, {"name": "a.gif", "category": "A"}]
    (long, good), senseless = read_index(_index(*entries), INDEX)
    assert (long.media_url, good.source_id, senseless) == (None, "A/a.gif", 0)
    assert len(key_of("chinesebqb", long).source_id) == 4096
    assert too_long(long) is not None


@pytest.mark.parametrize(
    "entry",
    [
        None,
        3,
        "x",
        [],
        {},
        {"name": "a"},
        {"name": 1, "category": "A"},
        {"name": "..", "category": "A"},
        {"name": "a", "category": ".."},
        {"name": "", "category": "A"},
        {"name": "../../x", "category": "A"},
    ],
)
def test_entries_that_make_no_sense_are_counted(entry: Any) -> None:
    good = {"name": "a.gif", "category": "A"}
    observations, senseless = read_index(_index(entry, good), INDEX)
    assert (len(observations), senseless) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": {"a": 1}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_index_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(StickerworksError) as caught:
        read_index(body, INDEX + "?key=s3cr3t")
    assert "raw.githubusercontent.com" in caught.value.message
    assert "s3cr3t" not in str(caught.value)
    assert "index_url" in caught.value.remedy


def test_an_index_is_read_once_for_all_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("猫1.gif", "CAT2.gif", "dog3.gif", "cat4.gif")
    body = _index(*({"name": name, "category": "A"} for name in names), None)
    read_bodies: list[bytes] = []

    def reading(body: bytes, url: str) -> Any:
        read_bodies.append(body)
        return read_index(body, url)

    monkeypatch.setattr(chinesebqb, "read_index", reading)
    options = chinesebqb.ChineseBQBOptions()
    answer = Answer(200, INDEX, {}, body)
    pages = [chinesebqb.read(options, query, {}, answer) for query in ("Cat", "猫", "zebra", "")]
    found = [[(one.source_id, one.rank) for one in page.observations] for page in pages]
    assert found[:3] == [[("A/CAT2.gif", 0), ("A/cat4.gif", 1)], [("A/猫1.gif", 0)], []]
    assert len(found[3]) == 4
    assert [(page.total, page.senseless) for page in pages] == [(2, 1), (1, 1), (0, 1), (4, 1)]
    assert len(read_bodies) == 1
    other = Answer(200, INDEX, {}, _index({"name": "cat5.gif", "category": "A"}))
    assert chinesebqb.read(options, "cat", {}, other).total == 1


_json = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(st.characters(), max_size=10)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_text = st.text(st.characters(), max_size=20)


@settings(max_examples=150, deadline=None)
@given(st.lists(_json | st.fixed_dictionaries({"name": _text, "category": _text}), max_size=5))
def test_any_index_can_be_stored(entries: list[Any]) -> None:
    observations, _ = read_index(_index(*entries, {"name": "a", "category": "A"}), INDEX)
    for observation in observations:
        stored = json.dumps(columns_of(observation), ensure_ascii=False)
        assert stored.encode().decode() == stored
        source_id = key_of("chinesebqb", observation).source_id
        assert source_id.encode().decode() == source_id


def test_naming_a_source_does_not_import_scrapy() -> None:
    code = (
        "import sys, crawlers.sources.chinesebqb, crawlers.sources.folder, crawlers.crawl; "
        "sys.exit('scrapy' in sys.modules or 'twisted' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
