"""One sticker through the prompt sets: what each request holds, and what becomes of any answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.machine.captioner import Caption, CaptionInput, Cost
from annotation.machine.chat import Answer, Picture
from annotation.machine.conversation import Asked, Request, converse
from annotation.machine.prompt_set import SHIPPED, PromptSet, load_prompt_set

NAMES = ("vsd2m", "stickertag", "mghft", "sticker820k")
FRAMES = tuple(Picture(f"frame {n}".encode(), 80 * n) for n in range(8))
GIF = CaptionInput("s", "cartoon", True, (), "HELLO", FRAMES)
BOTH = ("en", "zh")
Reply = Callable[[Request], str | Answer]
JSON = json.dumps(
    {
        **{"style": "photo", "role": "a cat", "action": "it waves", "sentence": "A cat waves."},
        **{"description_en": "A cat waves.", "description_zh": "一只猫在挥手。", "emotion": "fear"},
    }
)


def sensible(request: Request) -> str:
    if request.question.schema is not None:
        return JSON
    if request.turn == "has_text":
        return "Yes."
    if request.turn == "content":
        return "HELLO"
    return "一只猫在挥手。" if request.language == "zh" else "A cat waves."


def ask(
    prompts: PromptSet | str,
    languages: tuple[str, ...] = BOTH,
    reply: Reply = sensible,
    facts: CaptionInput = GIF,
) -> tuple[list[Request], list[Caption]]:
    """The requests and captions of a sticker in one prompt set."""
    requests: list[Request] = []

    async def answer(request: Request) -> Asked:
        requests.append(request)
        said = reply(request)
        given = Answer(said) if isinstance(said, str) else said
        return Asked(given, request.question.digest, Cost())

    chosen = load_prompt_set(prompts) if isinstance(prompts, str) else prompts
    return requests, asyncio.run(converse(facts, chosen, languages, answer))


def by_field(captions: list[Caption]) -> dict[tuple[str, str], Caption]:
    found = {(caption.field, caption.language): caption for caption in captions}
    assert len(found) == len(captions)
    return found


def custom(*turns: dict[str, Any], **more: Any) -> PromptSet:
    return PromptSet.model_validate(
        {"name": "mine", "version": 1, "source": "me", "turns": turns, **more}
    )


@pytest.mark.parametrize(
    ("name", "languages", "requests", "with_pictures"),
    [
        ("vsd2m", BOTH, 4, 1),
        ("vsd2m", ("zh", "en"), 4, 1),
        ("vsd2m", ("en",), 2, 1),
        ("vsd2m", ("zh",), 2, 1),
        ("stickertag", BOTH, 3, 3),
        ("stickertag", ("zh",), 3, 3),
        ("mghft", BOTH, 4, 4),
        ("mghft", ("en",), 4, 4),
        ("sticker820k", BOTH, 1, 1),
        ("sticker820k", ("zh",), 1, 1),
    ],
)
def test_requests_of_a_gif(
    name: str, languages: tuple[str, ...], requests: int, with_pictures: int
) -> None:
    asked, captions = ask(name, languages)
    shown = [
        [picture for message in one.question.messages for picture in message.pictures]
        for one in asked
    ]
    assert len(asked) == requests
    # Each frame once, in play order, or none at all.
    assert [tuple(pictures) for pictures in shown if pictures] == [FRAMES] * with_pictures
    assert all(caption.text is not None and not caption.flags for caption in captions)


def test_without_text_the_text_is_not_asked_for() -> None:
    asked, captions = ask("stickertag", reply=lambda r: "No." if r.turn == "has_text" else JSON)
    assert [request.turn for request in asked] == ["has_text", "attributes"]
    content = by_field(captions)["content", "en"]
    assert (content.text, content.error, content.asked) == ("", None, None)


def test_pictures_come_first_and_the_beginning_is_the_same_in_all_sets() -> None:
    beginnings = set()
    for name in NAMES:
        for request in ask(name)[0]:
            messages = request.question.messages
            if any(message.pictures for message in messages):
                assert [message.role for message in messages[:2]] == ["system", "user"]
                beginnings.add((messages[0], messages[1].pictures))
    assert len(beginnings) == 1


def test_translations_and_summaries_stand_alone() -> None:
    asked, _ = ask("vsd2m")
    for request in asked[1:]:
        [message] = request.question.messages
        assert message.role == "user"
        assert not message.pictures


def test_languages_land_in_fields_of_their_own() -> None:
    _, captions = ask("vsd2m")
    assert sorted(by_field(captions)) == [
        (field, language) for field in ("caption", "description") for language in BOTH
    ]
    for field, language in by_field(captions):
        text = by_field(captions)[field, language].text or ""
        assert text.isascii() == (language == "en")
    both = by_field(ask("sticker820k")[1])
    assert both["description", "zh"].text == "一只猫在挥手。"
    assert both["description", "en"].text == "A cat waves."
    assert both["emotion", "en"].text == "fear"


def test_later_turns_remember_what_was_said() -> None:
    asked, _ = ask("stickertag")
    last = asked[-1].question.messages
    assert [message.role for message in last] == ["system"] + ["user", "assistant"] * 2 + ["user"]
    assert [message.text for message in last if message.role == "assistant"] == ["Yes.", "HELLO"]
    assert [len(message.pictures) for message in last] == [0, 8, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "bad",
    [
        Answer(None, error="given up"),
        Answer("", finish="stop"),
        Answer("A view.", refused=True),
        Answer("I'm sorry, but I can't assist with that."),
        Answer("一只猫在挥手。"),
        Answer("<think>so many"),
    ],
)
def test_a_turn_that_failed_is_never_told_to_later_ones(bad: Answer) -> None:
    asked, captions = ask(
        "mghft", reply=lambda r: bad if r.turn == "overall_style" else sensible(r)
    )
    assert len(asked) == 4
    last = asked[-1].question.messages
    told = [message.text for message in last]
    assert asked[1].question.messages[-1].text not in told
    assert bad.text not in told
    assert sum(len(message.pictures) for message in last) == len(FRAMES)
    style = by_field(captions)["overall_style", "en"]
    assert style.flags or style.error


def test_a_first_turn_that_failed_leaves_the_pictures_to_the_next() -> None:
    bad = Answer(None, error="given up")
    asked, _ = ask("mghft", reply=lambda r: bad if r.turn == "intention" else sensible(r))
    assert [len(message.pictures) for message in asked[1].question.messages] == [0, 8]


@pytest.mark.parametrize("bad", [Answer(None, error="given up"), Answer("Perhaps."), Answer("")])
def test_what_needs_an_answer_isn_t_asked_without_it_and_says_why(bad: Answer) -> None:
    asked, captions = ask("vsd2m", reply=lambda r: bad)
    assert len(asked) == 1 or bad.text == "Perhaps."
    asked, captions = ask(
        "stickertag", reply=lambda r: bad if r.turn == "has_text" else sensible(r)
    )
    assert [request.turn for request in asked] == ["has_text", "attributes"]
    content = by_field(captions)["content", "en"]
    assert content.text is None
    assert content.error == "not asked: there is no usable has_text"
    assert content.asked is None


def test_without_a_translation_the_summary_is_made_of_the_first_description() -> None:
    bad = Answer(None, error="given up")
    asked, captions = ask("vsd2m", reply=lambda r: bad if r.turn == "translation" else sensible(r))
    assert "A cat waves." in asked[-1].question.messages[-1].text
    assert by_field(captions)["caption", "zh"].text == "一只猫在挥手。"


def test_a_sticker_without_pictures_is_not_asked_about() -> None:
    for name in NAMES:
        asked, captions = ask(name, facts=CaptionInput("s", None, None, (), "", ()))
        assert not asked
        assert set(by_field(captions)) == set(by_field(ask(name)[1]))
        assert all((caption.error or "").startswith("not asked: ") for caption in captions)


HOSTILE = "A cat holds {description} and {content}, {0} {} % \\1 \\g<0> {{description}}"


def test_texts_are_put_into_prompts_as_they_are() -> None:
    asked, _ = ask("vsd2m", ("en",), reply=lambda r: HOSTILE)
    prompt = asked[1].question.messages[-1].text
    assert prompt.endswith("\n" + HOSTILE)
    one = {"name": "one", "prompt": {"en": "1"}, "fields": {"a": {"kind": "text"}}}
    two = {"name": "two", "prompt": {"en": "2"}, "fields": {"b": {"kind": "text"}}}
    both = {
        "name": "both",
        "alone": True,
        "prompt": {"en": "{a}|{b}|{a}"},
        "fields": {"c": {"kind": "text"}},
    }
    replies = {"one": "a cat {b}", "two": "a dog {a}", "both": "fine"}
    asked, _ = ask(custom(one, two, both), ("en",), reply=lambda r: replies[r.turn])
    assert asked[-1].question.messages[-1].text == "a cat {b}|a dog {a}|a cat {b}"


def test_a_condition_that_doesn_t_hold_is_a_reason() -> None:
    first = {"name": "one", "prompt": {"en": "1"}, "fields": {"a": {"kind": "yes_no"}}}
    then = {
        "name": "two",
        "when": {"a": "yes"},
        "otherwise": {"b": "nothing"},
        "prompt": {"en": "2"},
        "fields": {"b": {"kind": "text"}, "c": {"kind": "text"}},
    }
    asked, captions = ask(custom(first, then), ("en",), reply=lambda r: "no")
    found = by_field(captions)
    assert len(asked) == 1
    assert found["b", "en"].text == "nothing"
    assert found["c", "en"].error == "not asked: a is not yes"


def test_a_language_without_a_prompt_is_a_reason() -> None:
    turn = {"name": "one", "prompt": {"en": "1"}, "fields": {"a": {"kind": "text"}}}
    asked, captions = ask(custom(turn | {"languages": "each"}), BOTH)
    assert [request.language for request in asked] == ["en"]
    assert by_field(captions)["a", "zh"].error == "not asked: one has no prompt in zh"


def test_schemas_name_every_key_and_class() -> None:
    schema = ask("sticker820k")[0][0].question.schema
    assert schema is not None
    keys = ["description_en", "description_zh", "emotion", "style"]
    assert list(schema["properties"]) == schema["required"] == keys
    assert "fear" in schema["properties"]["emotion"]["enum"]
    assert "Chinese" in schema["properties"]["description_zh"]["description"]
    assert schema["additionalProperties"] is False
    assert ask("mghft")[0][0].question.schema is None


def expected(prompts: PromptSet, languages: tuple[str, ...]) -> set[tuple[str, str]]:
    spoken = prompts.spoken(languages)
    parts = {"first": spoken[:1], "others": spoken[1:], "each": spoken}
    return {
        (name, language)
        for turn in prompts.turns
        for name, spec in turn.fields.items()
        for language in (spoken if spec.each_language else parts[turn.languages])
    }


_ANSWERS = st.one_of(
    st.builds(Answer, st.none() | st.text()),
    st.sampled_from(
        ["yes", "no", JSON, HOSTILE, "{", "I can't help with that.", "一只猫。", '"x"']
    ).map(Answer),
    st.builds(Answer, st.none(), error=st.just("given up")),
    st.builds(Answer, st.none() | st.text(), refused=st.just(True)),
    st.builds(Answer, st.sampled_from([JSON[:40], "A cat", "<think>"]), finish=st.just("length")),
)


@given(
    st.sampled_from(sorted(path.stem for path in SHIPPED.glob("*.yaml"))),
    st.sampled_from([("en",), ("zh",), BOTH, ("zh", "en")]),
    st.lists(_ANSWERS, min_size=4, max_size=4),
)
@settings(max_examples=300)
def test_every_field_ends_with_a_text_or_a_reason(
    name: str, languages: tuple[str, ...], answers: list[Answer]
) -> None:
    queue = iter(answers)
    asked, captions = ask(name, languages, reply=lambda r: next(queue))
    assert set(by_field(captions)) == expected(load_prompt_set(name), languages)
    for caption in captions:
        assert (caption.text is None) == (caption.error is not None)
        assert (caption.asked is None) == (caption.turn is None)
    for request in asked:
        pictures = [p for message in request.question.messages for p in message.pictures]
        assert len(pictures) == len(set(pictures))
