from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing_walk import JSON, NO_ENTRIES, answer, found, listed, reads_or_explains
from loopback_site import gif, serving
from search_site import HOSTILE_TITLES
from signal_replica import SignalReplica, encrypt, manifest

from crawlers.crawl import CrawlSummary
from crawlers.signal_pack import PackSticker, decrypt, read_manifest
from crawlers.sources import signal
from crawlers.sources.reading import parse_json
from crawlers.sources.signal import SOURCE, SignalOptions, ask, decode, read
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

KEY = "ab" * 32
PACK = "cd" * 16
INNER = {"pack": PACK, "opens": KEY, "tags": "cat\nhappy", "place": 7}


@pytest.fixture
def site() -> Iterator[SignalReplica]:
    with serving(SignalReplica()) as replica:
        yield replica


def _options(site: SignalReplica, **options: Any) -> SignalOptions:
    return SignalOptions(**site.options, **options)


def _titles(site: SignalReplica, query: str, **options: Any) -> list[str | None]:
    packs = {one.pack_id: one.pack_title for one in found(SOURCE, _options(site, **options), query)}
    return list(packs.values())


def test_a_sticker_becomes_an_observation(site: SignalReplica) -> None:
    site.add("Dogs", "🐶")
    pack = site.add("Happy cats", "😀", "", author="Ann", tags=["cat", "猫"])
    first, second = found(SOURCE, _options(site), "cat")
    assert (first.source_id, second.source_id) == (f"{pack}/0", f"{pack}/1")
    assert first.media_url == f"{site.url}/stickers/{pack}/full/0"
    assert (first.pack_id, first.pack_title, first.author) == (pack, "Happy cats", "Ann")
    assert (first.rank, first.pack_index, second.pack_index) == (0, 0, 1)
    assert (first.tags, second.tags) == (("cat", "猫", "😀"), ("cat", "猫"))
    assert first.page_url == f"https://signalstickers.org/pack/{pack}"
    assert (first.licence, first.licence_basis) == (None, "none")


def test_a_query_is_looked_for_in_title_author_and_tags(site: SignalReplica) -> None:
    site.add("Happy CATS", "a")
    site.add("Dogs", "a", author="Cathy")
    site.add("Birds", "a", tags=["wildcat", "sad"])
    site.add("罗小黑", "a", tags=["ｃａｔ"])
    site.add("Fish", "a")
    assert _titles(site, "cat") == ["Happy CATS", "Dogs", "Birds", "罗小黑"]
    assert _titles(site, "sad Cat") == ["Birds"]
    assert _titles(site, "小黑") == ["罗小黑"]
    assert _titles(site, "horse") == []
    assert len(_titles(site, "")) == 5


def test_the_directory_is_parsed_once_for_all_queries(
    site: SignalReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("Happy CATS", "Ann")
    site.add("Dogs", "Bob", nsfw=True)
    whole = answer(site.entries)
    parsed: list[Any] = []

    def parse(*arguments: Any) -> Any:
        parsed.append(1)
        return parse_json(*arguments)

    monkeypatch.setattr(signal, "parse_json", parse)
    pages = [
        read(_options(site, nsfw=nsfw), query, {}, whole)
        for query in ("cat", "dogs", "")
        for nsfw in (False, True)
    ]
    assert [len(page.inner) for page in pages] == [1, 1, 0, 1, 1, 2]
    assert len(parsed) == 1


@pytest.mark.parametrize(("nsfw", "listed"), [(False, 1), (None, 1), (True, 0), ("yes", 0)])
def test_packs_that_are_not_safe_are_left_out_unless_asked_for(
    site: SignalReplica, nsfw: Any, listed: int
) -> None:
    site.add("cats", "a", nsfw=nsfw)
    assert len(_titles(site, "cat")) == listed
    assert len(_titles(site, "cat", nsfw=True)) == 1


def test_the_directory_is_one_answer_in_pages_of_fifty(site: SignalReplica) -> None:
    for number in range(120):
        site.add(f"cat {number}")
    options = _options(site)
    directory = answer(site.entries)
    cursor: Any = {}
    packs: list[Any] = []
    while cursor is not None:
        asked = ask(options, "cat", cursor)
        assert (asked.url, asked.shared) == (site.directory, True)
        page = read(options, "cat", cursor, directory)
        assert len(page.inner) <= 50
        packs, cursor = packs + list(page.inner), page.next
    assert [pack["place"] for pack in packs] == list(range(120))
    assert [pack["pack"] for pack in packs] == [entry["meta"]["id"] for entry in site.entries]


@pytest.mark.parametrize("value", [b"<html>", {}, None, 3, b"\xff", b"[" * 100_000])
def test_what_is_no_directory_is_one_clear_error(value: Any) -> None:
    with pytest.raises(StickerworksError, match="isn't what the directory of Signal's stickers"):
        read(SignalOptions(), "cat", {}, answer(value))


def test_entries_that_make_no_sense_are_counted_once(site: SignalReplica) -> None:
    for number in range(60):
        site.add(f"cat {number}")
    site.entries[3:3] = [*NO_ENTRIES, {"meta": {"id": "../../x" * 4, "key": KEY}}]
    pages = [
        read(_options(site), "", cursor, answer(site.entries)) for cursor in ({}, {"from": 50})
    ]
    assert [page.senseless for page in pages] == [len(NO_ENTRIES) + 1, 0]
    assert sum(len(page.inner) for page in pages) == 60


@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_hostile_titles_can_be_stored(title: str) -> None:
    data = encrypt(manifest(title, "a", (title[:9],)), KEY)
    (columns,) = listed(read(SignalOptions(), "", INNER, answer(data)))
    assert len(columns["pack_title"]) <= 2000
    assert columns["pack_title"].isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        encrypt(b"\xff" * 40, KEY),
        encrypt(manifest("cats", "a", ("x",) * 1001), KEY),
        encrypt(manifest("cats", "a", ("x",)), "00" * 32),
        encrypt(manifest("cats", "a", ("x",)), KEY)[:-1],
    ],
)
def test_a_damaged_pack_costs_itself(data: bytes) -> None:
    page = read(SignalOptions(), "", INNER, answer(data))
    assert (page.observations, page.senseless, page.next) == ((), 1, None)


def test_a_number_that_stands_twice_counts_once() -> None:
    twice = manifest("cats", "a", ("x", "y")) + manifest("", "", ("z",))
    page = read(SignalOptions(), "", INNER, answer(encrypt(twice, KEY)))
    assert [one.source_id for one in page.observations] == [f"{PACK}/0", f"{PACK}/1"]
    assert page.senseless == 1


@settings(max_examples=40, deadline=None)
@given(JSON | st.lists(st.fixed_dictionaries({"meta": JSON, "manifest": JSON}), max_size=3))
def test_any_directory_is_read_or_explained(value: Any) -> None:
    reads_or_explains(SOURCE, SignalOptions(), {}, value)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_manifest_is_read_or_refused(data: bytes) -> None:
    page = reads_or_explains(SOURCE, SignalOptions(), INNER, encrypt(data, KEY))
    assert page is not None
    assert page.observations or page.senseless <= 1


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_what_was_encrypted_is_decrypted_and_nothing_else(data: bytes, key: bytes) -> None:
    sealed = encrypt(data, key.hex())
    assert decrypt(sealed, key.hex()) == data
    for place in (0, 20, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(ValueError, match="don't fit the key"):
            decrypt(bytes(changed), key.hex())


def test_a_manifest_is_what_the_protocol_buffer_says() -> None:
    # A field that nobody knows yet: a number, eight bytes, and four bytes.
    unknown = b"\x38\x96\x01" + b"\x41" + bytes(8) + b"\x4d" + bytes(4)
    known = read_manifest(unknown + manifest("猫", "Ann", ("😀", "")))
    assert (known.title, known.author) == ("猫", "Ann")
    assert known.stickers == (PackSticker(0, "😀"), PackSticker(1, None))


def test_a_sticker_is_decoded_with_what_its_record_keeps(site: SignalReplica) -> None:
    site.add("cats", "a")
    (one,) = found(SOURCE, _options(site), "cat")
    sealed = site.files[f"/stickers/{one.pack_id}/full/0"]
    assert decode(one, sealed) == gif(1)
    with pytest.raises(ValueError, match="no encrypted file"):
        decode(one, b"<html>")
    with pytest.raises(ValueError, match="no encrypted file"):
        decode(replace(one, raw=None), sealed)


def test_two_queries_are_crawled_over_several_pages(
    site: SignalReplica, workspace: Workspace, crawl_source: Callable[..., CrawlSummary]
) -> None:
    for number in range(52):
        site.add(f"cat {number}", "🐱")
    dogs = site.add("dog", "🐶", "🐕", "🦴")
    damaged = site.add("cat damaged", "🐱")
    site.files[f"/stickers/{damaged}/manifest.proto"] = b"<html>"
    gone = site.add("cat gone", "🐱")
    del site.files[f"/stickers/{gone}/manifest.proto"]
    for number in range(2):
        site.add(f"cat behind {number}", "🐱")
    site.entries[3:3] = [None, {"meta": {"id": "../../x"}}]
    site.files[f"/stickers/{dogs}/full/2"] = b"<html>"
    told: list[str] = []
    queries = ["cat", "dog", *(f"zebra {number}" for number in range(4))]
    summary = crawl_source("signal", site, queries, site.options, report=told.append)
    assert (summary.observations, summary.unfetched) == (56, {"undecodable": 1})
    rows = workspace.read("observations").to_pylist()
    assert sorted(row["rank"] for row in rows if row["query"] == "cat") == [*range(52), 54, 55]
    assert [row["pack_index"] for row in rows if row["query"] == "dog"] == [0, 1]
    numbers = (*range(1, 55), 58, 59)
    ids = {hashlib.sha256(gif(number)).hexdigest() for number in numbers}
    assert set(workspace.read("stickers")["id"].to_pylist()) == ids
    assert site.requests.count("/v1/packs/") == 1
    assert any(line.startswith("signal: left out within the query 'cat'") for line in told)
    assert "signal: 2 entries of its listings make no sense" in told
    states = {row["query"]: row["state"] for row in workspace.read("queries").to_pylist()}
    assert set(states.values()) == {"done"}
