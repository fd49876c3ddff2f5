"""Whatever strangers write is one harmless line, for every purpose."""

from __future__ import annotations

import html
from collections.abc import Callable
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotation.handoff.cleaning import chat_text
from annotation.machine.captioners.template import clean
from pipeline.engine.text import (
    JOINER,
    html_text,
    markdown_text,
    one_line,
    plain,
    quoted,
    shorten_ids,
    storable,
    storable_lines,
    visible,
)

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
TRICKS = "\x00\x07\x1b\x7f\x85\x9b\t\r\n\u2028\u2029\u200b\u200d\u202e\u2066\ufeff\ud83d\udc00\xad"
texts = st.lists(st.sampled_from(list(TRICKS)) | st.characters(), max_size=60).map("".join)
PURPOSES: dict[str, Callable[[str], str]] = {
    "one_line": one_line,
    "plain": plain,
    "quoted": quoted,
    "markdown": markdown_text,
    "html": html_text,
    "chat": chat_text,
    "caption": lambda text: clean(text, 80),
    "visible": visible,
}


@pytest.mark.parametrize("purpose", PURPOSES)
@example("a".join(TRICKS))
@given(texts)
def test_for_no_purpose_is_anything_unseen_left(purpose: str, text: str) -> None:
    shown = PURPOSES[purpose](text)
    assert not [sign for sign in shown if sign != JOINER and category(sign) in UNSEEN]
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@pytest.mark.parametrize("purpose", ["one_line", "plain", "chat", "caption", "visible"])
@given(texts)
def test_what_is_clean_stays_as_it_is(purpose: str, text: str) -> None:
    once = PURPOSES[purpose](text)
    assert PURPOSES[purpose](once) == once


@given(texts, st.integers(2, 90))
def test_a_line_is_short_and_its_spaces_run_together(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert shown == shown.strip()
    assert "  " not in shown
    assert len(html.unescape(html_text(text, limit))) <= limit
    assert not set("<>\"'") & set(html_text(text, limit))


@given(texts)
def test_a_label_is_one_field_of_one_line(text: str) -> None:
    label = one_line(text, None)
    assert not set("\t\n\r\0\ufeff\u202e\u2028") & set(label)
    assert one_line(label, None) == label


def test_emoji_stay_whole_where_they_are_shown() -> None:
    family = "👨‍👩‍👧"
    assert (plain(family), html_text(family), storable(family)) == (family, family, family)
    assert visible(f"a\n{family}\u202e", keep=f"\n{JOINER}") == f"a\n{family} "


@settings(max_examples=150)
@example("a".join(TRICKS))
@given(texts)
def test_stored_text_can_always_be_stored(text: str) -> None:
    stored = storable(text)
    if stored is not None:
        stored.encode("utf-8")
        assert stored == stored.strip()
        assert len(stored.splitlines()) == 1
        assert not {category(sign) for sign in stored} & {"Cc", "Cs", "Zl", "Zp"}
        assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(stored)
        assert storable(stored) == stored


def test_overrides_of_direction_are_dropped_and_joiners_kept() -> None:
    assert storable("fig\u202egpj.exe") == "figgpj.exe"
    assert storable("می\u200cخواهم") == "می\u200cخواهم"
    assert storable(" \x00\n ") is None


def test_a_text_that_is_too_long_shows_that_it_is_cut() -> None:
    assert storable("a" * 2000) == "a" * 2000
    assert storable("a" * 2001) == "a" * 1999 + "…"
    assert storable(" " * 5000) is None


@given(st.text())
def test_only_lone_halves_and_nul_are_replaced(text: str) -> None:
    assert storable_lines(text) == text.replace("\0", "")
    assert storable_lines("\ud83d\ude00\udead\0") == "😀�"


def test_ids_alone_are_shortened() -> None:
    key = "0123456789" + "ab" * 27
    assert shorten_ids(f"on {key}, not {key}f") == f"on 0123456789, not {key}f"
