from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from damaged_json import JSON, damaged, reads_or_says_why
from hypothesis import given, settings
from loopback_site import serving
from openverse_replica import OpenverseReplica, said
from search_site import HOSTILE_TITLES, JUNK, read_value, walk

from crawlers.observation import columns_of
from crawlers.source import BadQueryError
from crawlers.sources.openverse import SOURCE, OpenverseOptions, ask
from pipeline.engine.errors import StickerworksError

ENTRY = OpenverseReplica().entry("1", "https://upload.wikimedia.org/1.gif")


@pytest.fixture
def openverse() -> Iterator[OpenverseReplica]:
    """A running, empty replica of Openverse."""
    with serving(OpenverseReplica()) as replica:
        yield replica


def test_every_page_of_a_search_is_listed_in_order(openverse: OpenverseReplica) -> None:
    ids = [openverse.add("猫 & dog") for _ in range(7)]
    pages = list(walk(SOURCE, OpenverseOptions(api=openverse.url), "猫 & dog"))
    found = [one for page in pages for one in page.observations]
    assert [len(page.observations) for page in pages] == [3, 3, 1]
    assert [one.source_id[-4:] for one in found] == ids
    assert [one.rank for one in found] == list(range(7))
    assert {page.total for page in pages} == {7}


def test_no_page_is_asked_for_beyond_those_that_are_served(openverse: OpenverseReplica) -> None:
    openverse.most_pages = 2
    for _ in range(9):
        openverse.add("cat")
    pages = list(walk(SOURCE, OpenverseOptions(api=openverse.url), "cat"))
    assert (len(pages), pages[-1].total) == (2, 9)


def test_a_listing_goes_on_at_a_cursor_with_the_same_ranks(openverse: OpenverseReplica) -> None:
    for _ in range(7):
        openverse.add("cat")
    options = OpenverseOptions(api=openverse.url)
    first, *rest = walk(SOURCE, options, "cat")
    assert list(walk(SOURCE, options, "cat", first.next)) == rest


def test_an_entry_becomes_an_observation_with_its_licence() -> None:
    (one,) = read_value(SOURCE, OpenverseOptions(), said([ENTRY], 1, 1), {}).observations
    assert (one.title, one.author) == ("Happy cat 1", "A. Cat")
    assert one.media_url == "https://upload.wikimedia.org/1.gif"
    assert one.page_url == "https://commons.wikimedia.org/w/index.php?curid=1"
    assert (one.licence, one.licence_basis) == ("CC BY-SA 4.0", "item")
    assert one.licence_url == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert one.tags == ("cat",), "a model's guess isn't what people called it"


def test_tags_of_wrong_types_are_left_out() -> None:
    tags = [None, "x", {"name": 3}, {"name": "cat", "accuracy": None}, {"accuracy": None}, []]
    page = read_value(SOURCE, OpenverseOptions(), said([ENTRY | {"tags": tags}], 1, 1), {})
    assert page.observations[0].tags == ("cat",)


@pytest.mark.parametrize(
    ("code", "version", "licence"),
    [
        ("by", "2.0", "CC BY 2.0"),
        ("by-nc-nd", "3.0", "CC BY-NC-ND 3.0"),
        ("cc0", "1.0", "CC0 1.0"),
        ("pdm", "1.0", "Public Domain Mark 1.0"),
        ("pdm", None, "Public Domain Mark"),
        ("something", "", "something"),
    ],
)
def test_licences_read_as_people_write_them(code: str, version: Any, licence: str) -> None:
    entry = ENTRY | {"license": code, "license_version": version}
    (one,) = read_value(SOURCE, OpenverseOptions(), said([entry], 1, 1), {}).observations
    assert (one.licence, one.licence_basis) == (licence, "item")


@pytest.mark.parametrize("licence", [None, "", 3, ["by"]])
def test_an_item_without_a_licence_says_so(licence: Any) -> None:
    page = read_value(SOURCE, OpenverseOptions(), said([ENTRY | {"license": licence}], 1, 1), {})
    assert (page.observations[0].licence, page.observations[0].licence_basis) == (None, "none")


def test_options_are_what_is_asked_for() -> None:
    assert ask(OpenverseOptions(), "a&b", {}).url == (
        "https://api.openverse.org/v1/images/?q=a%26b&page=1&page_size=20&extension=gif"
    )
    options = OpenverseOptions(extension=None, licence_type="commercial", mature=True)
    assert ask(options, "a", {"page": 2, "rank": 20}).url.endswith(
        "?q=a&page=2&page_size=20&license_type=commercial&mature=true"
    )


def test_a_query_that_is_too_long_is_not_cut() -> None:
    with pytest.raises(BadQueryError, match="at most 200 characters"):
        ask(OpenverseOptions(), "x" * 201, {})


def test_no_results_end_the_listing(openverse: OpenverseReplica) -> None:
    (page,) = walk(SOURCE, OpenverseOptions(api=openverse.url), "nothing")
    assert (page.observations, page.next, page.total) == ([], None, 0)


def test_junk_costs_its_own_entry_and_keeps_its_place() -> None:
    page = read_value(SOURCE, OpenverseOptions(), said([*JUNK, ENTRY], 11, 1), {})
    assert (len(page.observations), page.senseless) == (1, len(JUNK))
    assert page.observations[0].rank == len(JUNK)


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_can_be_stored(title: str) -> None:
    page = read_value(SOURCE, OpenverseOptions(), said([ENTRY | {"title": title}], 1, 1), {})
    stored = columns_of(page.observations[0])["title"]
    assert len(stored) <= 2000
    assert not set(stored) & set("\x00\x1b\u202e\ud800")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"results": {}}', b"\xff"])
def test_another_format_is_one_clear_line(body: bytes) -> None:
    with pytest.raises(StickerworksError, match="isn't what Openverse answers"):
        read_value(SOURCE, OpenverseOptions(), body, {})


@settings(max_examples=100, deadline=None)
@given(JSON | damaged(said([ENTRY, ENTRY], 100, 5)))
def test_any_answer_is_read_or_explained(value: Any) -> None:
    reads_or_says_why(SOURCE, OpenverseOptions(), value)
