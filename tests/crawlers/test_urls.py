from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.urls import quote_path, record_json
from pipeline.engine.addresses import scrub, strip_secrets

SECRET = "s3cr3tV4lue"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@example.com/a.gif",
        f"https://{SECRET}@example.com/a.gif",
        f"https://example.com/a.gif?api_key={SECRET}&q=cat",
        f"https://example.com/a.gif?q=cat&API-KEY={SECRET}",
        f"https://example.com/a.gif?apiKey={SECRET}",
        f"https://example.com/a.gif?key={SECRET}",
        f"https://example.com/a.gif?access_token={SECRET}",
        f"https://example.com/a.gif?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
        f"https://example.com/a.gif?a=1;token={SECRET}",
        f"https://example.com/a.gif#access_token={SECRET}",
        f"https://api.telegram.org/file/bot123456:{SECRET}/stickers/1.tgs",
    ],
)
def test_secrets_leave_an_address(url: str) -> None:
    assert SECRET not in strip_secrets(url)
    assert SECRET not in scrub(f'Error downloading <GET {url}>: "{url}".')
    assert SECRET not in (record_json({"deep": [{"url": url}]}) or "")


def test_the_rest_of_an_address_stays() -> None:
    url = "https://example.com:81/a%23b.gif?q=cat&monkey=1&page=2"
    assert strip_secrets(url) == url


def test_secret_fields_leave_a_record() -> None:
    record = {"api_key": SECRET, "id": 1, "nested": {"Token": SECRET, "title": "x\ud800"}}
    stored = record_json(record)
    assert stored is not None
    assert SECRET not in stored
    assert json.loads(stored) == {"id": 1, "nested": {"title": "x?"}}


def test_of_a_record_that_is_too_large_or_too_deep_only_that_is_kept() -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert json.loads(record_json(deep) or "") == {"cut": "the record is nested too deeply"}
    stored = json.loads(record_json({"title": "a" * 10_000_000}) or "")
    assert stored == {"cut": "the record has 10000005 characters, more than 32768"}


def test_special_characters_in_a_name_are_quoted() -> None:
    assert quote_path("a#b/c?d%e") == "a%23b/c%3Fd%25e"


@pytest.mark.parametrize("path", ["", "/", "a//b", "../a", "a/..", "./a", "/etc/passwd"])
def test_paths_that_climb_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path below"):
        quote_path(path)


_segments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)


@settings(max_examples=150)
@given(st.lists(_segments.filter(lambda text: text not in (".", "..")), min_size=1, max_size=3))
def test_a_quoted_path_means_the_same_path(segments: list[str]) -> None:
    path = "/".join(segments)
    quoted = quote_path(path)
    assert quoted.isascii()
    parts = urlsplit(f"http://h/{quoted}")
    assert (unquote(parts.path), parts.query, parts.fragment) == (f"/{path}", "", "")


@settings(max_examples=150)
@given(st.text(max_size=80))
def test_no_text_breaks_scrubbing(text: str) -> None:
    for said in (scrub(text), scrub(f"http://{text}"), strip_secrets(text)):
        assert isinstance(said, str)
