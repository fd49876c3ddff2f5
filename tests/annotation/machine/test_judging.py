"""What an answer says about a field, and what is said where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.chat import Answer
from annotation.machine.checks import USELESS
from annotation.machine.judging import JudgedText, judge
from annotation.machine.prompt_set import FieldSpec

TEXT = FieldSpec(kind="text")
READING = FieldSpec(kind="reading")
YES_NO = FieldSpec(kind="yes_no")
STYLE = FieldSpec(kind="class", classes=("cartoon", "photo"))


def judged(
    text: str | None,
    spec: FieldSpec = TEXT,
    key: str | None = None,
    language: str = "en",
    read: str = "",
    **more: Any,
) -> tuple[str | None, tuple[str, ...]]:
    found = judge(Answer(text, **more), key, language, spec, read)
    assert (found.text is None) == (found.error is not None)
    return found.text, found.flags


@pytest.mark.parametrize(
    ("text", "spec", "found"),
    [
        ("A cat waves.", TEXT, ("A cat waves.", ())),
        ('"A cat waves."', TEXT, ("A cat waves.", ("trimmed",))),
        ("In frame 2 a cat waves.", TEXT, ("In frame 2 a cat waves.", ("chatter",))),
        (
            "Sure! A cat " + "waves and " * 9,
            TEXT,
            ("A cat" + " waves and" * 9, ("trimmed", "repetition")),
        ),
        ("<think>A dog?</think>A cat waves.", TEXT, ("A cat waves.", ())),
        ("Here is the translation:\n\nA cat waves.", TEXT, ("A cat waves.", ("trimmed",))),
        ("Here is the caption:", READING, ("Here is the caption:", ("unread_quote",))),
        ("Caption:", TEXT, (None, ("empty",))),
        ("", TEXT, (None, ("empty",))),
        (None, TEXT, (None, ("empty",))),
        (" \n", TEXT, (None, ("empty",))),
        ('""', TEXT, (None, ("empty",))),
        ("<think>hm", TEXT, (None, ("empty",))),
        ("I'm sorry, but I can't assist with that.", TEXT, (None, ("refusal",))),
        ("一只猫", TEXT, (None, ("wrong_language",))),
        ("😀", TEXT, (None, ("wrong_language",))),
        ('A cat says "hi".', TEXT, ('A cat says "hi".', ("unread_quote",))),
        ("HELLO", READING, ("HELLO", ("unread_quote",))),
        ("I cannot describe this image.", READING, (None, ("refusal",))),
        ("Yes, it says hi.", YES_NO, ("yes", ())),
        ("Perhaps.", YES_NO, ("Perhaps.", ("unparsed",))),
        ("I'm unable to view images.", YES_NO, (None, ("refusal",))),
    ],
)
def test_plain_answers(text: str | None, spec: FieldSpec, found: tuple[Any, ...]) -> None:
    said, flags = judged(text, spec)
    assert flags == found[1]
    # What a refusal or another language said is kept with its flag.
    assert said == found[0] or (found[0] is None and said == text)


@pytest.mark.parametrize(
    ("text", "spec", "found"),
    [
        ('{"style": "Cartoon"}', STYLE, ("cartoon", ())),
        ('{"style": "oil"}', STYLE, ("oil", ("unknown_class",))),
        ('{"style": "cartoon or photo"}', STYLE, ("cartoon or photo", ("unknown_class",))),
        ('{"style": true}', YES_NO, ("yes", ())),
        ('{"style": "perhaps"}', YES_NO, ("perhaps", ("unparsed",))),
        ('{"style": "flat"}', TEXT, ("flat", ())),
        ('{"style": ""}', TEXT, (None, ("empty",))),
        ('{"style": ""}', READING, ("", ())),
        ('{"style": null}', READING, (None, ("empty",))),
        ('{"role": "a cat"}', TEXT, (None, ("empty",))),
        ("flat", TEXT, (None, ("unparsed",))),
        ('{"style": "fl', TEXT, (None, ("unparsed",))),
        ("很抱歉，我无法描述。", TEXT, ("很抱歉，我无法描述。", ("refusal",))),
        (
            '{"style": "I cannot describe this image."}',
            TEXT,
            ("I cannot describe this image.", ("refusal",)),
        ),
        (r'{"style": "flat \ud83d"}', TEXT, ("flat �", ())),
    ],
)
def test_members_of_objects(text: str, spec: FieldSpec, found: tuple[Any, ...]) -> None:
    assert judged(text, spec, "style") == found


def test_a_sticker_may_say_what_sounds_like_a_refusal() -> None:
    said = "I'm sorry, I can't help you."
    assert judged(said, READING, read=said) == (said, ())
    assert judged(f'A sad cat with the words "{said}"', read=said)[1] == ()


def test_quotes_in_speech_needn_t_stand_on_the_sticker() -> None:
    said = 'The sender says "good night" to friends.'
    assert judged(said, FieldSpec(kind="text", speech=True)) == (said, ())
    assert judged(said)[1] == ("unread_quote",)


def test_errors_and_refusals_of_the_server() -> None:
    assert judged(None, error="given up") == (None, ())
    assert judge(Answer(None, error="given up"), None, "en", TEXT, "").error == "given up"
    assert judged(None, refused=True) == (None, ("refusal",))
    assert judged("A cat", refused=True) == ("A cat", ("refusal",))


def test_what_is_cut_off_says_so_unless_it_is_whole() -> None:
    assert judged("A cat wa", finish="length") == ("A cat wa", ("cut_off",))
    assert judged("Yes, it", YES_NO, finish="length") == ("yes", ())
    assert judged('{"style": "flat"} and', TEXT, "style", finish="length") == ("flat", ())
    found = judge(Answer('{"style": "fl', finish="length"), "style", "en", TEXT, "")
    assert "cut off" in (found.error or "")
    assert "cut off" in (
        judge(Answer("<think>", finish="length"), None, "en", TEXT, "").error or ""
    )


@given(
    st.none() | st.text() | st.text("{}[]\"':,style \n"),
    st.sampled_from([TEXT, READING, YES_NO, STYLE]),
    st.sampled_from([None, "style"]),
    st.sampled_from(["stop", "length", None]),
    st.booleans(),
)
def test_any_answer_gives_a_text_or_a_reason(
    text: str | None, spec: FieldSpec, key: str | None, finish: str | None, refused: bool
) -> None:
    said, flags = judged(text, spec, key, finish=finish, refused=refused)
    (said or "").encode()
    assert said is not None or flags


def test_useful_is_what_a_model_may_build_on() -> None:
    assert JudgedText("", ()).useful
    assert JudgedText("A cat", ("cut_off", "unread_quote")).useful
    assert not JudgedText(None, (), "given up").useful
    assert not any(JudgedText("A cat", (flag,)).useful for flag in USELESS)


@pytest.mark.parametrize(
    ("text", "read", "found"),
    [
        (
            'The text in the image reads: "HAPPY MONDAY"',
            "happy monday",
            ("HAPPY MONDAY", ("trimmed",)),
        ),
        ("识别结果：加油打工人", "加油打工人", ("加油打工人", ("trimmed",))),
        ("Answer: 42", "ANSWER: 42", ("Answer: 42", ())),
        ("Answer: 42", "forty", ("Answer: 42", ("unread_quote",))),
        ("1. eat\n2. sleep", "1. eat 2. sleep", ("1. eat\n2. sleep", ())),
    ],
)
def test_of_a_reading_only_what_ocr_did_not_read_is_cut(
    text: str, read: str, found: tuple[str, tuple[str, ...]]
) -> None:
    assert judged(text, READING, read=read) == found
