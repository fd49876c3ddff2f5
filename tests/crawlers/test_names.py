from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.names import MAX_ID, claimed_extension, cut_name, decodable, encode_name
from crawlers.observation import Observation, key_of

ORDINARY = [
    "a.gif",
    "滑稽😏.gif",
    "👨‍👩‍👧.png",
    "100%.gif",
    "a#b?c.gif",
    "034White👶🏻BQB",
    "e\u0301.gif",
]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert encode_name(name) == name


def test_bytes_that_are_no_utf8_are_percent_encoded() -> None:
    assert encode_name(os.fsdecode(b"a\xff%.gif")) == "a%FF%25.gif"
    assert encode_name("a\nb") == "a%0Ab"
    assert not decodable(os.fsdecode(b"a\xff"))


_names = st.one_of(
    st.binary(max_size=12).map(os.fsdecode),
    st.text("a%0FD\n\udcff", max_size=8),
)


@settings(max_examples=300)
@given(_names, _names)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (encode_name(one) == encode_name(other)) == (one == other)
    encode_name(one).encode("utf-8")


def test_ids_are_short_and_stay_apart_however_long_a_source_makes_them() -> None:
    ids = {key_of("site", Observation(f"{'a' * 200_000}{end}")).source_id for end in ("1", "2")}
    assert len(ids) == 2
    assert {len(name) for name in ids} == {MAX_ID}
    assert key_of("site", Observation("滑稽/1.gif")).source_id == "滑稽/1.gif"


def test_the_claimed_extension_is_plain() -> None:
    assert claimed_extension("a/b.GIF") == "gif"
    assert claimed_extension("万恶vtb") is None
    assert claimed_extension("a.gif/../../x y") is None


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_names_that_are_cut_stay_apart(one: str, other: str) -> None:
    common = "a" * 20
    cut = [cut_name(common + name, 30) for name in (one, other)]
    assert (cut[0] == cut[1]) == (one == other)
    assert max(map(len, cut)) <= 30
