"""Which text of a sticker people settled on."""

from __future__ import annotations

import pytest

from annotation.handoff.transcription import (
    CONFLICT,
    MOST_CHARACTERS,
    TOO_LONG,
    UNCONFIRMED,
    Transcription,
    settle,
)

READ = ["HELL0"]


@pytest.mark.parametrize(
    ("texts", "settled"),
    [
        (["HELLO"], Transcription(("HELLO",), "single")),
        (["HELLO", "HELLO"], Transcription(("HELLO",), "agreed")),
        (["HELLO", "HELLO", "HALLO"], Transcription(("HELLO",), "agreed")),
        (["HELLO ", " HELLO\n"], Transcription(("HELLO",), "agreed")),
        (["HELLO", "HALLO"], CONFLICT),
        (["A", "B", "C"], CONFLICT),
        (["A", "A", "B", "B"], CONFLICT),
        # Who leaves the text may not have looked at it.
        (["HELL0", "HELL0", "HELLO"], Transcription(("HELLO",), "single")),
        (["HELL0", "HELL0"], Transcription(("HELL0",), "confirmed")),
        (["HELL0"], UNCONFIRMED),
        (["x" * (MOST_CHARACTERS + 1)], TOO_LONG),
        (["x" * (MOST_CHARACTERS + 1), "HELLO"], Transcription(("HELLO",), "single")),
    ],
)
def test_corrections_count_among_themselves(texts: list[str], settled: Transcription | str) -> None:
    assert settle(texts, READ) == settled


def test_spaces_between_chinese_characters_and_line_breaks_tell_no_texts_apart() -> None:
    assert settle(["你好 世界", "你好\n世界"], ["你好"]) == Transcription(
        ("你好", "世界"), "agreed"
    )


def test_a_space_between_words_is_a_correction() -> None:
    assert settle(["ICE CREAM"], ["ICECREAM"]) == Transcription(("ICE CREAM",), "single")


def test_a_sticker_that_says_more_than_a_sticker_can_is_not_aligned() -> None:
    assert settle(["HELLO"], ["x" * 5000]) == TOO_LONG
