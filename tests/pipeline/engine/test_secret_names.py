"""One rule says what a secret is, in tables and in releases alike."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.urls import record_json
from pipeline.engine.addresses import scrub, strip_secrets
from pipeline.engine.secret_names import hide_pairs, hide_secrets, is_secret_name
from pipeline.release.redact import public_text, public_url

SECRETS = [
    *("token", "access_token", "api_key", "apikey", "ApiKey", "X-API-KEY", "ApiKeyAuth"),
    *("AWSAccessKeyId", "access_key_id", "X-Amz-Signature", "X-Amz-Security-Token", "sig"),
    *("PHPSESSID", "JSESSIONID", "connect.sid", "sessionid", "clientSecret", "keys", "token2"),
    *("api%5Fkey", "api%255Fkey", "api_key[]", "token[0]", "auth[token][0]", "data%5Btoken%5D"),
]
OTHERS = [
    "q",
    "page",
    "keyword",
    "author",
    "monkey",
    "design",
    "id",
    "user_id",
    "token_count",
    "v2",
]

_names = st.sampled_from(SECRETS)
_values = st.text("abcdefghijABCDEFGHIJ0123456789=+-_.~", min_size=6, max_size=20).map(
    "S3CR".__add__
)


@pytest.mark.parametrize("name", SECRETS)
def test_names_of_secrets_are_known_however_they_are_written(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_other_names_are_left_alone(name: str) -> None:
    assert not is_secret_name(name)
    url = f"https://a.example/x.gif?{name}=cat"
    assert strip_secrets(url) == public_url(url) == url


def wrapped(url: str, times: int) -> str:
    """The address as a parameter of another one, which is a parameter of another one, ..."""
    for _ in range(times):
        url = f"https://proxy.example/get?w=2&url={quote(url, safe='')}"
    return url


@settings(max_examples=60)
@given(
    _names,
    _values,
    st.sampled_from(
        ["https://a.example/", "//a.example/my cat ", "a.example/", "https://a.example/a b/"]
    ),
    st.sampled_from(["?", "?q=1&", "?q=1;", ";", "#"]),
    st.integers(0, 3),
)
def test_no_value_of_a_secret_survives_in_an_address(
    name: str, value: str, start: str, before: str, times: int
) -> None:
    url = wrapped(f"{start}x.gif{before}{name}={value}&b=2", times)
    assert "S3CR" not in strip_secrets(url)
    assert "S3CR" not in (record_json({"deep": [{"address": url}]}) or "")
    assert "S3CR" not in scrub(f"could not read '{url}': gone")
    assert "S3CR" not in (public_url(url) or "")
    assert "S3CR" not in (public_text(f"could not read {url}, it is gone") or "")


@settings(max_examples=40)
@given(
    st.from_regex("S3CR[a-z0-9]{4,9}", fullmatch=True),
    st.sampled_from(["https://", "//", ""]),
    st.integers(0, 3),
)
def test_no_password_survives_in_an_address(value: str, scheme: str, times: int) -> None:
    url = wrapped(f"{scheme}me:{value}@a.example/x.gif", times)
    for said in (scrub(url), record_json({"u": url}), public_text(url), public_url(url)):
        assert "S3CR" not in (said or "")


def test_an_address_that_is_encoded_as_a_whole_is_no_hiding_place() -> None:
    text = f"from {quote('https://a.example/x?token=S3CR', safe='')} on"
    assert hide_pairs(text) == "from *** on"


@settings(max_examples=100)
@given(st.text(max_size=60) | st.text("token: bearer\"'=&\\*", max_size=40))
def test_hiding_twice_changes_nothing(text: str) -> None:
    assert hide_pairs(hide_pairs(text)) == hide_pairs(text)
    assert hide_secrets(hide_secrets(text)) == hide_secrets(text)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Authorization: Bearer S3CR.e_t, Accept: */*", "Authorization: ***, Accept: */*"),
        ("it took Bearer S3CRS3CR and said no", "it took Bearer *** and said no"),
        ('{"api_key": "S3CR et", "page": "2"}', '{"api_key": ***, "page": "2"}'),
        ('a body \\"token\\": \\"S3CR\\" of JSON', 'a body \\"token\\": \\*** of JSON'),
        ("Client(api_key='S3CR', n=2)", "Client(api_key=***, n=2)"),
        ("X-Api-Key:S3CR", "X-Api-Key:***"),
        ("https://a.example/x?token=S3CR&b=2: gone", "https://a.example/x?token=***&b=2: gone"),
        ("https://a.example/bot12345:S3CRS3CRS3CRS3CRS3CR/x", "https://a.example/bot***/x"),
        ("Could not read /w/part-00001.parquet: page: 7", None),
        ("folder: 8 stickers, 2 of 3 shards at 12:30:01", None),
    ],
)
def test_what_a_program_says_keeps_no_secret(said: str, told: str | None) -> None:
    assert hide_secrets(said) == (told or said)
