from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from crawlers.observation import Observation
from crawlers.source import Answer
from crawlers.sources.addresses import BaseAddress, HttpAddress, address
from crawlers.sources.reading import (
    identifier,
    number,
    observations_of,
    parse_json,
    plain_html,
    text,
    texts,
    web_address,
)
from pipeline.engine.errors import StickerworksError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (7, 7),
        ("500", 500),
        (2.0, 2),
        (True, None),
        (-1, None),
        (1.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("-1", None),
        ("٣", None),
        ("²", None),
        ("", None),
        ("9" * 5000, None),
        (10**18, None),
        (10**400, None),
        (None, None),
        ([1], None),
    ],
)
def test_numbers_are_whole_and_of_a_size_that_tables_hold(value: Any, expected: Any) -> None:
    found = number({"n": value}, "n")
    assert (found, type(found)) == (expected, type(expected))


def test_texts_are_texts() -> None:
    assert text({"a": 3, "b": " ", "c": "x"}, "a", "b", "c") == "x"
    assert text({"a": ["x"]}, "a", "missing") is None
    assert texts({"tags": ["a", None, 3, "b"]}, "tags") == ("a", "b")
    assert texts({"tags": "ab"}, "tags") == ()


def test_ids_are_texts_or_numbers() -> None:
    assert identifier({"id": 7}, "id") == "7"
    assert identifier({"id": "07"}, "id") == "07"
    assert identifier({"id": 0}, "id") == "0"
    for none in (None, True, "", " ", [], {}, -1):
        assert identifier({"id": none}, "id") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://a.example/x", "https://a.example/x"),
        (" HTTP://a.example/x ", "HTTP://a.example/x"),
        ("//a.example/x", "https://a.example/x"),
        ("/x", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        (7, None),
    ],
)
def test_addresses_are_of_the_web(value: Any, expected: str | None) -> None:
    assert web_address({"url": value}, "url") == expected


def test_entries_without_sense_keep_their_place() -> None:
    def observe(entry: Any, rank: int) -> Observation | None:
        return Observation(str(entry["id"]), rank=rank) if entry["id"] else None

    found, senseless = observations_of([{"id": 1}, None, {"id": 0}, {"id": 2}], observe, 10)
    assert ([one.rank for one in found], senseless) == ([10, 13], 2)


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("a<br>b", "a b"),
        ("<p>a</p><p>b</p>", "a b"),
        ("<b>a</b>b", "ab"),
        ("<style>.x{}</style>me <script>x()</script>", "me"),
        ("&lt;b&gt; &amp; c", "<b> & c"),
        ("<i> </i>", None),
        (None, None),
    ],
)
def test_markup_becomes_one_line(markup: str | None, plain: str | None) -> None:
    assert plain_html(markup) == plain


@pytest.mark.parametrize("markup", ["<", "<style ", "<style></style", "&", "<!--", "</p "])
def test_megabytes_of_markup_take_no_time(markup: str) -> None:
    assert len(plain_html(markup * 1_000_000) or "") <= 20_000


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b"[" * 200_000, b"9" * 10_000])
def test_what_is_no_json_is_one_line_that_names_the_source(body: bytes) -> None:
    with pytest.raises(StickerworksError, match="isn't what GIPHY answers") as caught:
        parse_json(Answer(200, "", {}, body), "GIPHY")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        "ftp://a.example",
        "a.example",
        "http://",
        "http://u:p@a.example",
        "http://a.example:0",
        "http://a.example:99999",
        "http://[",
    ],
)
def test_an_option_takes_addresses_of_the_web_alone(wrong: str) -> None:
    for kind in (HttpAddress, BaseAddress):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(wrong)


def test_a_base_ends_before_its_query() -> None:
    base = TypeAdapter(BaseAddress)
    assert base.validate_python("https://a.example/v1/") == "https://a.example/v1"
    for wrong in ("https://a.example/?a=b", "https://a.example/#a"):
        with pytest.raises(ValidationError):
            base.validate_python(wrong)


def test_what_is_asked_for_is_quoted() -> None:
    asked = address("https://a.example/api.php", "", q="a&b #\ud800猫")
    assert asked == "https://a.example/api.php?q=a%26b+%23%3F%E7%8C%AB"
