"""Which caption a sticker is taught with."""

from __future__ import annotations

import pytest

from annotation.handoff.captions import (
    MOST_CHARACTERS,
    OTHER,
    TOO_LONG,
    UNCHANGED,
    AgreedCaption,
    choose_captions,
    language_of,
)


def test_what_most_wrote_is_taken() -> None:
    chosen = choose_captions(["A cat waves.", "a cat  waves", "A very long description"], [])
    assert chosen.captions == {"en": AgreedCaption("A cat waves.", 2, 3)}


def test_of_equals_the_longest_is_taken() -> None:
    chosen = choose_captions(["A cat", "A cat waves both paws"], [])
    assert chosen.captions == {"en": AgreedCaption("A cat waves both paws", 1, 2)}


def test_each_language_has_its_own() -> None:
    chosen = choose_captions(["A cat waves", "一只猫在挥手", "猫说 OK"], [])
    assert chosen.captions == {
        "en": AgreedCaption("A cat waves", 1, 1),
        "zh": AgreedCaption("一只猫在挥手", 1, 2),
    }


def test_what_a_model_wrote_is_no_person_s_caption() -> None:
    chosen = choose_captions(["A cat waves. ", "A cat waves, then bows"], ["a cat\nwaves"])
    assert chosen.captions == {"en": AgreedCaption("A cat waves, then bows", 1, 1)}
    assert chosen.left_out == {UNCHANGED: 1}


def test_what_cannot_be_taught_is_counted() -> None:
    chosen = choose_captions(["x " * MOST_CHARACTERS, "ねこがいる", "!!!"], [])
    assert chosen.captions == {}
    assert chosen.left_out == {TOO_LONG: 1, OTHER: 2}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a cat", "en"),
        ("un chat à la fenêtre", "en"),
        ("小猫", "zh"),
        ("猫の日常", "zh"),
        ("日本語です", None),
        ("고양이", None),
        ("кот", None),
        ("😀 123", None),
        ("", None),
    ],
)
def test_a_language_is_told_by_its_script(text: str, language: str | None) -> None:
    assert language_of(text) == language
