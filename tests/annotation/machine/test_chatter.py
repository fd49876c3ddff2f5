"""What models say around an answer, in two languages, and texts that only look like it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.chatter import find_chatter, repeats, without_chatter
from annotation.machine.parsing import without_thought

CORPUS = Path(__file__).with_name("chatter_corpus.tsv")


def corpus(expected: str, *, unseen: bool = False) -> Iterator[tuple[str, str]]:
    """Raw answers that were expected so, with what is left of those to be trimmed.

    Those of the part ``unseen`` were written after the checks, which weren't changed for them.
    """
    for line in CORPUS.read_text(encoding="utf-8").splitlines()[1:]:
        part, _, wanted, raw, left = line.split("\t")
        if wanted == expected and (part == "unseen") == unseen:
            yield without_thought(json.loads(raw)), json.loads(left) if left else ""


def test_what_can_be_cut_off_is_and_the_rest_is_fine() -> None:
    wrong = []
    for raw, left in corpus("trim"):
        assert find_chatter(left) == [], left
        if without_chatter(raw) != left:
            wrong.append((raw.partition(":")[0], find_chatter(without_chatter(raw))))
    # Two labels make a form, which is flagged as it is.
    assert wrong == [("English", ["chatter"])]


@pytest.mark.parametrize("flag", ["chatter", "repetition"])
def test_what_cannot_is_flagged(flag: str) -> None:
    found = [raw for raw, _ in corpus(flag)]
    assert len(found) >= 8
    assert [raw for raw in found if flag not in find_chatter(without_chatter(raw))] == []


def test_texts_that_only_look_like_it_pass() -> None:
    texts = [raw for raw, _ in corpus("clean")]
    assert len(texts) >= 150
    wrong = [raw for raw in texts if without_chatter(raw) != raw or find_chatter(raw)]
    # What models say far more often than stickers do.
    assert wrong == ["总结：今天又是摸鱼的一天"]


@pytest.mark.parametrize(
    "preface",
    [
        "Here is the translation:\n\n",
        "Sure! Here's a short English summary: ",
        "Caption: ",
        "Description of the sticker in plain English: ",
        "以下是译文：",
        "好的，以下是对这段描述的概括：",
        "译文:",
    ],
)
def test_what_only_announces_a_text_is_no_part_of_it(preface: str) -> None:
    assert without_chatter(preface + "A cat says: no.") == "A cat says: no."


@pytest.mark.parametrize(
    "text",
    [
        "A cat says: no.",
        "Here is a cat.",
        "The caption reads: no",
        "小猫说：译文",
        "一只猫：可爱的描述：好",
    ],
)
def test_other_colons_announce_nothing(text: str) -> None:
    assert without_chatter(text) == text


def test_what_the_checks_were_not_written_for_is_found_in_part_and_nothing_else() -> None:
    trimmed = [without_chatter(raw) == left for raw, left in corpus("trim", unseen=True)]
    flagged = [
        flag in find_chatter(without_chatter(raw))
        for flag in ("chatter", "repetition")
        for raw, _ in corpus(flag, unseen=True)
    ]
    passed = [not find_chatter(raw) for raw, _ in corpus("clean", unseen=True)]
    assert sum(trimmed) + sum(flagged) >= 19
    assert all(passed)


@pytest.mark.parametrize("text", ["Caption:", "Here is the caption:", "好的，以下是译文："])
def test_an_announcement_alone_leaves_nothing(text: str) -> None:
    assert without_chatter(text) == ""


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("哈哈哈哈哈哈哈哈哈哈哈哈", False),
        ("哈" * 40, True),
        ("no no no", False),
        ("no " * 20, True),
        ("加油加油加油", False),
        ("a b c d a b c d a b c d a b c d", True),
    ],
)
def test_loops(text: str, loops: bool) -> None:
    assert repeats(text) == loops


@given(st.text('ab 的好,，.:：*#\n(1)"“”'), st.sampled_from(["", "Sure! ", "Caption: ", "描述："]))
def test_cutting_twice_cuts_no_more(text: str, before: str) -> None:
    once = without_chatter(before + text)
    assert without_chatter(once) == once
    assert len(once) <= len(before + text)


@pytest.mark.parametrize(
    "unit",
    ["**", "- a\n", "Sure! ", "Caption: ", "in frame ", "a ", "的", "\n(note:", "1. ", "```", "“a"],
)
def test_hostile_texts_take_no_longer_than_long_ones(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    without_chatter(text), find_chatter(text)
    without_chatter(text[:20_000])
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"caption": "A cat waves."}', "A cat waves."),
        ('{"caption": "A cat waves.", "mood": "glad"}', None),
        ("{A cat waves}", None),
    ],
)
def test_an_object_with_one_text_is_that_text_and_others_are_flagged(
    text: str, left: str | None
) -> None:
    assert without_chatter(text) == (left or text)
    assert find_chatter(without_chatter(text)) == ([] if left else ["chatter"])
