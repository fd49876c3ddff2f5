from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from commons_replica import CommonsReplica, bare, said
from damaged_json import JSON, damaged, reads_or_says_why
from hypothesis import given, settings
from loopback_site import serving
from search_site import HOSTILE_TITLES, JUNK, read_value, walk

from crawlers.observation import columns_of
from crawlers.source import BadQueryError, RefusedError
from crawlers.sources.commons import SOURCE, CommonsOptions, ask
from pipeline.engine.errors import StickerworksError

ENTRY = CommonsReplica().entry("1", "https://upload.wikimedia.org/1.gif")


@pytest.fixture
def commons() -> Iterator[CommonsReplica]:
    """A running, empty replica of Wikimedia Commons."""
    with serving(CommonsReplica()) as replica:
        yield replica


def _options(commons: CommonsReplica) -> CommonsOptions:
    return CommonsOptions(api=f"{commons.url}/w/api.php")


def _answer(*pages: Any, **more: Any) -> dict[str, Any]:
    return {"batchcomplete": True, "query": {"pages": list(pages)}} | more


def _with(**metadata: Any) -> dict[str, Any]:
    info = ENTRY["imageinfo"][0]
    said_of_it = info["extmetadata"] | {name: said(value) for name, value in metadata.items()}
    return ENTRY | {"imageinfo": [info | {"extmetadata": said_of_it}]}


@pytest.mark.parametrize("parts", [None, 1, 2])
def test_every_page_of_a_search_is_listed_in_its_order(
    commons: CommonsReplica, parts: int | None
) -> None:
    commons.parts = parts
    ids = [commons.add("猫 & dog") for _ in range(7)]
    pages = list(walk(SOURCE, _options(commons), "猫 & dog"))
    found = {one.source_id: one.rank for page in pages for one in page.observations}
    assert found == {item: rank for rank, item in enumerate(ids)}
    assert sum(len(page.observations) for page in pages) == 7
    assert {page.senseless for page in pages} == {0}
    assert len(pages) == {None: 3, 1: 7, 2: 5}[parts]


def test_a_listing_goes_on_at_a_cursor_with_the_same_ranks(commons: CommonsReplica) -> None:
    commons.parts = 2
    for _ in range(7):
        commons.add("cat")
    pages = list(walk(SOURCE, _options(commons), "cat"))
    for place, page in enumerate(pages[:-1]):
        assert list(walk(SOURCE, _options(commons), "cat", page.next)) == pages[place + 1 :]


def test_an_entry_becomes_an_observation_with_its_licence() -> None:
    (one,) = read_value(SOURCE, CommonsOptions(), _answer(ENTRY), {}).observations
    assert (one.source_id, one.title, one.author) == ("1", "Happy cat 1", "A. Cat & B")
    assert one.tags == ("Animated GIF files", "Cats")
    assert one.media_url == "https://upload.wikimedia.org/1.gif"
    assert one.page_url == "https://commons.wikimedia.org/wiki/File:Happy_cat_1.gif"
    assert (one.licence, one.licence_basis) == ("CC BY-SA 4.0", "item")
    assert one.licence_url == "https://creativecommons.org/licenses/by-sa/4.0"


def test_metadata_that_is_missing_or_strange_is_left_out() -> None:
    entry = _with(LicenseShortName=None, LicenseUrl="javascript:x", Artist="<b></b>", ObjectName=7)
    (one,) = read_value(SOURCE, CommonsOptions(), _answer(entry), {}).observations
    assert (one.licence, one.licence_url, one.licence_basis) == (None, None, "none")
    assert (one.author, one.title) == ("Uploader", "Happy cat 1")


def test_options_are_what_is_asked_for() -> None:
    def asked(options: CommonsOptions) -> dict[str, str]:
        url = ask(options, "a&b", {"gsroffset": 50, "continue": "gsroffset||"}).url
        assert url.startswith("https://commons.wikimedia.org/w/api.php?action=query&")
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    first = asked(CommonsOptions())
    assert first["gsrsearch"] == "filemime:image/gif a&b"
    assert (first["gsroffset"], first["continue"]) == ("50", "gsroffset||")
    assert asked(CommonsOptions(mime=None))["gsrsearch"] == "a&b"


def test_a_query_that_is_too_long_is_not_cut() -> None:
    ask(CommonsOptions(mime=None), "x" * 300, {})
    with pytest.raises(BadQueryError, match="at most 300 characters"):
        ask(CommonsOptions(), "x" * 300, {})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ratelimited", RefusedError),
        ("blocked", RefusedError),
        ("cirrussearch-query-too-long", BadQueryError),
        ("internal_api_error_DBQueryError", StickerworksError),
    ],
)
def test_errors_of_the_wiki_are_told(
    commons: CommonsReplica, code: str, kind: type[StickerworksError]
) -> None:
    commons.error = code
    with pytest.raises(StickerworksError, match=code) as caught:
        list(walk(SOURCE, _options(commons), "cat"))
    assert type(caught.value) is kind


def test_the_wiki_hands_on_no_parameter_of_ours() -> None:
    told = {"gsroffset": 50, "continue": "x", "action": "logout", "iicontinue": "y" * 2000}
    page = read_value(SOURCE, CommonsOptions(), _answer(ENTRY, **{"continue": told}), {})
    assert page.next == {"gsroffset": 50, "continue": "x"}


def test_the_listing_ends_where_the_search_does() -> None:
    for offset, ended in ((9950, False), (9951, True)):
        told = {"continue": {"gsroffset": offset, "continue": "gsroffset||"}}
        page = read_value(SOURCE, CommonsOptions(), _answer(ENTRY, **told), {})
        assert (page.next is None) is ended


def test_no_results_end_the_listing(commons: CommonsReplica) -> None:
    (page,) = walk(SOURCE, _options(commons), "nothing")
    assert (list(page.observations), page.next) == ([], None)


def test_junk_costs_its_own_entry() -> None:
    page = read_value(SOURCE, CommonsOptions(), _answer(*JUNK, bare(ENTRY), ENTRY), {})
    assert (len(page.observations), page.senseless) == (1, len(JUNK) + 1)


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_can_be_stored(title: str) -> None:
    page = read_value(SOURCE, CommonsOptions(), _answer(_with(ObjectName=title)), {})
    stored = columns_of(page.observations[0])["title"]
    assert len(stored) <= 2000
    assert not set(stored) & set("\x00\x1b\u202e\ud800")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"query": []}', b'{"query": {"pages": {}}}']
)
def test_another_format_is_one_clear_line(body: bytes) -> None:
    with pytest.raises(StickerworksError, match="isn't what Wikimedia Commons answers"):
        read_value(SOURCE, CommonsOptions(), body, {})


@settings(max_examples=100, deadline=None)
@given(JSON | damaged(_answer(ENTRY, ENTRY, **{"continue": {"gsroffset": 50, "continue": "x"}})))
def test_any_answer_is_read_or_explained(value: Any) -> None:
    reads_or_says_why(SOURCE, CommonsOptions(), value)
