from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.preferences.fields import token_members


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("  a=n  ", {"a": "n"}),
        ("a=n , \tb=y", {"a": "n", "b": "y"}),
        ("a=y, b, a=n", {"a": "n", "b": None}),
        ("a;x;y=2;  z=\"q\\\"r\"", {"a": None}),
        ("train-ai;allow=n, train-ai=y", {"train-ai": "y"}),
        ('a="n", b=1, c=-1.5, d=:aGk=:, e=?1, f=@1659, g=%"n%c3%bc"', dict.fromkeys("abcdefg")),
        ("a=(n y;q=1 \"z\");p, b=()", {"a": None, "b": None}),
        ("*.a_b-c=N/o:*", {"*.a_b-c": "N/o:*"}),
        ('a="x, b=n", c=y', {"a": None, "c": "y"}),
    ],
)  # fmt: skip
def test_dictionaries(text: str, members: dict[str, str | None]) -> None:
    assert token_members(text) == members


@pytest.mark.parametrize(
    "text",
    ["A=n", "a=n,", ",a=n", "a=n b=y", "a=n;", "a=", "a = n", "a=n; B", 'a="n', "a=(n",
     "a=1234567890123456", "a=1.2345", "a=%\"N%C3\"", "a=:*:", "a=?2", "a=n\x00",
     "ü=n", "a=ü", "\ta=n", "a=n\n"],
)  # fmt: skip
def test_what_is_no_dictionary(text: str) -> None:
    with pytest.raises(ValueError, match="structured field"):
        token_members(text)


@given(st.text(alphabet='a*n=y,;:?"()%@1.-\\ \t', max_size=60))
def test_any_text_is_a_dictionary_or_none(text: str) -> None:
    try:
        members = token_members(text)
    except ValueError:
        return
    assert all(key == key.lower() for key in members)


@pytest.mark.parametrize(
    "piece", ["a", "a;", "a=(", '"', "a=n;b;", "a=(1 ", "1", 'a="\\', "a, ", ": "]
)
def test_long_fields_take_no_long(piece: str) -> None:
    start = time.process_time()
    for text in (
        piece * 20_000,
        f"a={piece * 20_000}",
        f"a=({piece * 20_000}",
        f"a;b={piece * 20_000}",
    ):
        try:
            token_members(text)
        except ValueError:
            continue
    assert time.process_time() - start < 1
