"""Secrets and machine paths don't survive."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.release.redact import public_text, public_texts, public_url, public_urls


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x.gif?size=2", "https://a.example/x.gif?size=2"),
        ("https://me:pw@a.example:8443/x.gif#part", "https://a.example:8443/x.gif"),
        ("https://a.example/x?api_key=K&q=猫", "https://a.example/x?api_key=***&q=%E7%8C%AB"),
        ("https://a.example/x?X-Amz-Signature=S", "https://a.example/x?X-Amz-Signature=***"),
        (
            "https://a.example/x?access_token=S&page=2",
            "https://a.example/x?access_token=***&page=2",
        ),
        (
            "https://api.telegram.org/file/bot123456:AAH_abcdefghijklmnopqrstuv/s.webp",
            "https://api.telegram.org/file/bot***/s.webp",
        ),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("file:///home/me/x.gif", None),
        ("/home/me/x.gif", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://[broken/x", None),
        (None, None),
    ],
)
def test_public_url(url: str | None, expected: str | None) -> None:
    assert public_url(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("could not read '/home/me/pics/cat.gif'", "could not read '…/cat.gif'"),
        (
            "[Errno 2] No such file: '/home/jane doe/my stickers/x y.png' (jane's)",
            "[Errno 2] No such file: '…/x y.png' (jane's)",
        ),
        ("'/home/jane doe/a b' -> \"/mnt/jane's disk/c d\"", "'…/a b' -> \"…/c d\""),
        (r"no '/home/jane\'s \"own\" disk/a b.png' there", r"no '…/a b.png' there"),
        (r"in 'C:\\Users\\jane doe\\my cat.gif'", "in '…/my cat.gif'"),
        ("in 'file:///home/jane doe/cat.gif'", "in '…/cat.gif'"),
        ("cut short: '/home/jane doe/my sti", "cut short: '…/my sti"),
        ("both '/tmp' and 'a/b c/d' are no secrets", "both '/tmp' and 'a/b c/d' are no secrets"),
        (r"could not read C:\Users\me\cat.gif", r"could not read …/cat.gif"),
        (
            "GET https://a.example/b/c.gif?key=K said 404",
            "GET https://a.example/b/c.gif?key=*** said 404",
        ),
        ("see file:///home/me/x", "see …"),
        ("and/or 1/2/3 of it", "and/or 1/2/3 of it"),
        ("bot123456:AAH_abcdefghijklmnopqrstuv refused", "bot*** refused"),
    ],
)
def test_public_text(text: str, expected: str) -> None:
    assert public_text(text) == expected


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_taken_and_redacting_twice_changes_nothing(text: str) -> None:
    once = public_text(text)
    assert once is not None
    assert public_text(once) == once
    url = public_url(f"https://a.example/{text}")
    assert url is None or public_url(url) == url


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["token", "api_key", "apikey", "sig", "X-Goog-Signature", "password", "KEY"]),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=30),
)
def test_no_value_of_a_secret_name_survives(name: str, value: str) -> None:
    value = f"S-{value}"
    url = f"https://a.example/x?a=1&{name}={value}&b=2"
    assert value not in (public_url(url) or "")
    assert value not in (public_text(f"failed: {url}") or "")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(st.characters(blacklist_characters="/\\"), min_size=1), min_size=1, max_size=3
    ),
    st.text("abc .", max_size=5),
)
def test_no_folder_of_a_path_quoted_by_python_survives(folders: list[str], rest: str) -> None:
    path = "/".join(["", "home", *(f"S3CRET{name}" for name in folders), "cat.gif"])
    assert "S3CRET" not in (public_text(f"could not read {path!r}{rest}") or "")


ADDRESSES = (
    ("https://", "http://", "HTTPS://", "file://", "", " https://"),
    ("a.example", "A.example", "[::1]", "me:pw@a.example", "a.example:443", "…"),
    ("", "/", "/b-c/monkey_key.gif", "//b;c=1/..", "/sid=2;x", "/token%3D1", "/猫"),
    ("", "?", "?cid=1&rid=a.gif", "?Api_Key=1", "?a=1&b=%26sig%3D2", "?%74oken=1", "?x=***"),
    ("", "#f", " b", "\n", "&\u212aey=1", "/bot123456:AAH_abcdefghijklmnopqrstuv"),
)
PROSE = (
    *("none", "", "same as 00ff (pixels), cut", "a=b token=c", "50% token%3Dc", "me:pw@b.c"),
    *(r"in 'C:\me\x y'", "at /home/me/x", "bot123456:AAH_abcdefghijklmnopqrstuv", "~/a/b c"),
)


def test_a_column_is_redacted_as_each_of_its_texts_is() -> None:
    texts = [None, *map("".join, itertools.product(*ADDRESSES)), *PROSE]
    column = pa.chunked_array([texts[:2], texts[2:]], pa.string())
    assert public_urls(column).to_pylist() == [public_url(text) for text in texts]
    assert public_texts(column).to_pylist() == [public_text(text) for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(), max_size=6))
def test_a_column_of_any_text_is_redacted_as_each_is(texts: list[str | None]) -> None:
    urls = pa.array([text and f"https://a.example/{text}" for text in texts], pa.string())
    assert public_urls(urls).to_pylist() == [public_url(url) for url in urls.to_pylist()]
    assert public_texts(pa.array(texts, pa.string())).to_pylist() == [*map(public_text, texts)]


@pytest.mark.parametrize(
    ("pattern", "left", "changed"),
    [
        (public_urls, "https://a.example/x-y_z.gif?cid=1&rid=giphy.gif", "https://a.example/#f"),
        (public_texts, "same as 00ff (pixels), cut", "a=b token=c"),
    ],
)
def test_only_what_may_hold_a_secret_is_looked_at_one_by_one(
    pattern: Any, left: str, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    name = pattern.__name__[:-1]
    monkeypatch.setattr(f"pipeline.release.redact.{name}", lambda text: seen.append(text) or "new")
    found = pattern(pa.array([left, changed, None, changed, left]))
    assert found.to_pylist() == [left, "new", None, "new", left]
    assert seen == [changed]
