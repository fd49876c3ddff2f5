"""What is read out of answers, however they are written, and in time whatever they hold."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.loose_json import read_objects
from annotation.machine.parsing import (
    bare,
    read_class,
    read_members,
    read_yes_no,
    take,
    unwrapped,
    without_thought,
)

STYLES = ("cartoon", "photo", "edited_photo", "3d_render", "text_only")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("<think>hm</think>\nyes", "yes"),
        ("<THINK>hm</THINK> yes", "yes"),
        ("<think>a</think><think>b</think>yes", "yes"),
        ("<think>a <think> b</think>yes", "yes"),
        ("hm, so</think>\n\nyes", "yes"),
        ("◁think▷hm◁/think▷yes", "yes"),
        ("<think>hm", ""),
        ("<think></think>", ""),
        ("yes", "yes"),
        ("a cat <3 you", "a cat <3 you"),
        ("<|begin_of_box|>a cat<|end_of_box|>", "a cat"),
        ("<answer>a cat</answer>", "a cat"),
    ],
)
def test_thoughts_are_no_answer(answer: str, said: str) -> None:
    assert without_thought(answer) == said


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ('"A cat."', "A cat."),
        ("“你好”", "你好"),
        ("```\nHELLO\n```", "HELLO"),
        ("```text\nHELLO\nYOU\n```", "HELLO\nYOU"),
        ('"Hi" and "bye"', '"Hi" and "bye"'),
        ("'it's'", "'it's'"),
        ('"', '"'),
        ('""', ""),
        (" A cat. ", "A cat."),
    ],
)
def test_quotes_around_a_whole_answer_are_taken_off(text: str, inner: str) -> None:
    assert unwrapped(text) == inner


@pytest.mark.parametrize(
    "answer",
    [
        '{"style": "cartoon", "role": "a cat"}',
        '```json\n{"style": "cartoon", "role": "a cat",}\n```',
        'Sure! Here it is: {"style": "cartoon", "role": "a cat"} Anything else?',
        "{'style': 'cartoon', 'role': 'a cat'}",
        '{style: cartoon, role: "a cat"}',
        '{"style": "cartoon" // drawn\n, /* who */ "role": "a cat"}',
        '{"style": "cartoon"\n "role": "a cat"}',
        "{“style”：“cartoon”，“role”：“a cat”}",
        '{"Style": "cartoon", " ROLE ": "a cat"}',
        '[{"style": "cartoon"}, {"role": "a cat"}]',
        '{"style": "cartoon"}\n{"role": "a cat"}',
        '{"annotation": {"style": "cartoon", "role": "a cat"}}',
        '{"style": "cartoon", "role": "a cat"} {"style": "photo", "role": "a dog"}',
        '{"style": <text>, "role": <text>}: {"style": "cartoon", "role": "a cat"}',
        '{"properties": {"style": {"type": "string"}}} {"style": "cartoon", "role": "a cat"}',
        '{"style": null} {"style": ["cartoon"], "role": ["a cat"]}',
    ],
)
def test_objects_are_read_however_they_are_wrapped(answer: str) -> None:
    found = read_members(answer)
    assert found is not None
    assert (take(found, "style"), take(found, "role")) == ("cartoon", "a cat")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ('{"a": "says "hi" loudly", "b": 1}', 'says "hi" loudly'),
        ('{"a": "says "hi", then "bye"", "b": 1}', 'says "hi", then "bye"'),
        ("{'a': 'it's a cat'}", "it's a cat"),
        (r"{'a': 'it\'s \"a\" \u732b\n'}", 'it\'s "a" 猫\n'),
        ('{"a": "{nested} braces }"}', "{nested} braces }"),
        ('{"a": "one\ntwo"}', "one\ntwo"),
        ('{"a": 2.50}', "2.50"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": ' + "7" * 5000 + "}", "7" * 5000),
        ('{"a": true}', "yes"),
        ("{'a': False}", "no"),
        ('{"a": ["x", 2, null, ["y"]]}', "x, 2, y"),
        ('{"a": null}', None),
        ('{"a": {"p": 1, "q": 2}}', None),
        ('{"a": ""}', ""),
        (r'{"a": "\ud83d\ude00 \ud83d \u0000"}', "😀 � "),
        ("{}", None),
    ],
)
def test_values_become_text(answer: str, text: str | None) -> None:
    found = read_members(answer)
    assert found is not None
    assert take(found, "a") == text


def test_a_text_in_each_language_may_lie_in_an_object_of_its_own() -> None:
    found = read_members('{"description": {"en": "a cat", "zh": "一只猫"}}')
    assert found is not None
    assert take(found, "description_zh") == "一只猫"


@pytest.mark.parametrize(
    "answer", ["", "no", "{description}", '{"a": "half', '{"a": "x", "b": "half', '{"a": ...}']
)
def test_what_breaks_off_or_was_never_an_object_is_none(answer: str) -> None:
    assert read_members(answer) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v, max_size=3)
)


@given(st.dictionaries(st.text(), _JSON), st.text(st.characters(exclude_characters="{")))
def test_true_json_is_read_as_it_is(content: dict[str, Any], prose: str) -> None:
    told = json.loads(json.dumps(content), parse_int=str)
    assert read_objects(f"{prose}{json.dumps(content)}{prose}") == [told]


@given(st.text("{}[]\"':,\\/*ab \n<>“”") | st.text())
def test_reading_never_raises_and_gives_what_tables_can_hold(text: str) -> None:
    found = read_members(text) or {}
    for key in found:
        (take(found, key) or "").encode()
    for said in (without_thought(text), unwrapped(text), bare(text)):
        assert len(said) <= 3 * len(text)
    assert read_yes_no(text) in ("yes", "no", None)
    assert read_class(text, STYLES) in (*STYLES, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((said, "yes") for said in ("Yes", "yes, it says hi", "**YES**", "True", "Y", "Yep!")),
        *(
            (said, "yes")
            for said in ("There is text on it.", "I see the text HELLO", "Answer: yes")
        ),
        *((said, "yes") for said in ("是的", "有", "有的，写着你好", "没错，有", "画面上有文字")),
        *((said, "no") for said in ("No.", "no", "None", "Nope", "N", "`no`", "Not really")),
        *((said, "no") for said in ("There is no text", "There aren't any words on it")),
        *((said, "no") for said in ("The sticker has no text.", "The answer is no.", "False")),
        *(
            (said, "no")
            for said in ("没有文字", "没有", "否", "图中无文字", "是没有文字的", "不是")
        ),
        *((said, None) for said in ("", "!!!", "yes or no", "Yes/No", "I'm not sure", "Maybe")),
        *(
            (said, None)
            for said in ("不确定", "是否有文字", "有没有文字", "不错", "Nothing", "Nonetheless")
        ),
        *((said, None) for said in ("Yes, there is no text", "The cat is cute", "Northern lights")),
    ],
)
def test_yes_and_no(text: str, answer: str | None) -> None:
    assert read_yes_no(text) == answer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cartoon", "cartoon"),
        ("Cartoon.", "cartoon"),
        ("It is a cartoon style", "cartoon"),
        ("an edited photo", "edited_photo"),
        ("3D render", "3d_render"),
        ("text-only", "text_only"),
        ("cartoon or photo", None),
        ("cartoonish", None),
        ("", None),
        ("卡通", None),
    ],
)
def test_classes(text: str, name: str | None) -> None:
    assert read_class(text, STYLES) == name


@pytest.mark.parametrize("unit", ["{", '{"', "{'", '{"a":', "{a:/*", '"', "'", "\\", "[", "```"])
@pytest.mark.parametrize("start", ["", '{"a": "x" ', "{'a': 'x"])
def test_hostile_objects_take_no_longer_than_long_ones(start: str, unit: str) -> None:
    text = start + unit * (100_000 // len(unit))
    began = time.process_time()
    read_members(text)
    assert time.process_time() - began < 3


def test_comments_without_an_end_are_not_looked_for_over_and_over() -> None:
    began = time.process_time()
    assert read_objects("{a:/*" * 200_000) == []
    assert time.process_time() - began < 3


@pytest.mark.parametrize("unit", ["<think>", "</think>", "<think></think>", "<|a", " ", "no ", "!"])
def test_hostile_answers_take_no_longer_than_long_ones(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    began = time.process_time()
    without_thought(text), unwrapped(text), read_yes_no(text), read_class(text, STYLES)
    assert time.process_time() - began < 3
