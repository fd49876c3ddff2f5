"""Questions as requests, and whatever comes back as answers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.chat import Answer, Message, Picture, Question
from annotation.machine.served.body import Dialect, read_response, request_body
from annotation.machine.served.options import ServedOptions

STRICT = Dialect("json_schema", unthinking=True)
SCHEMA = {
    "type": "object",
    "properties": {
        "style": {"type": "string"},
        "zh": {"type": "string", "description": "in Chinese"},
        "emotion": {"type": "string", "enum": ["joy", "fear"]},
    },
}


def body(
    *messages: Message,
    schema: dict[str, Any] | None = None,
    dialect: Dialect = STRICT,
    attempt: int = 0,
    **options: Any,
) -> dict[str, Any]:
    asked = messages or (Message("user", "What?"),)
    question = Question(asked, schema, 50, attempt)
    found = request_body(question, ServedOptions(model="m", **options), dialect)
    json.dumps(found, allow_nan=False)
    return found


def test_a_plain_question() -> None:
    assert body(Message("system", "Be brief."), Message("user", "What?")) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What?"},
        ],
        "max_tokens": 50,
        "temperature": 0,
        "seed": 0,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_frames_come_in_order_behind_their_times_and_before_the_words() -> None:
    frames = (Picture(b"one", 0), Picture(b"two", 1250))
    [message] = body(Message("user", "What?", frames))["messages"]
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text"]
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    assert texts == ["At 0.00 s:", "At 1.25 s:", "What?"]
    urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
    assert [base64.b64decode(url.removeprefix("data:image/jpeg;base64,")) for url in urls] == [
        b"one",
        b"two",
    ]


def test_a_still_has_no_time() -> None:
    [message] = body(Message("user", "What?", (Picture(b"one"),)))["messages"]
    assert [part["type"] for part in message["content"]] == ["image_url", "text"]


def test_asked_again_a_model_may_answer_otherwise() -> None:
    first, again = body(), body(attempt=2)
    assert (first["temperature"], first["seed"]) == (0, 0)
    assert (again["temperature"], again["seed"]) == (0.7, 2)
    assert body(attempt=1, temperature=1)["temperature"] == 1


@pytest.mark.parametrize("form", ["json_schema", "json_object", "off"])
def test_the_keys_and_classes_are_told_however_json_is_asked_for(form: str) -> None:
    picture = Message("user", "What?", (Picture(b"one"),))
    for message in (picture, Message("user", "What?")):
        found = body(message, schema=SCHEMA, dialect=Dialect(form, unthinking=False))
        content = found["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[-1]["text"]
        assert text.endswith(json.dumps(SCHEMA))
        assert "JSON" in text.removesuffix(json.dumps(SCHEMA))
        assert found.get("response_format", {}).get("type", "off") == form
    assert "response_format" not in body(dialect=Dialect(form, unthinking=False))


def test_a_schema_is_sent_where_the_server_takes_it() -> None:
    form = body(schema=SCHEMA)["response_format"]
    assert form["json_schema"]["schema"] == SCHEMA
    assert form["json_schema"]["strict"] is True


def test_the_question_itself_stays_as_it_is() -> None:
    messages = (Message("user", "What?", (Picture(b"one"),)),)
    question = Question(messages, SCHEMA, 50)
    before = question.digest
    request_body(question, ServedOptions(model="m"), STRICT)
    assert question.digest == before


def test_extra_adds_replaces_and_takes_away() -> None:
    found = body(extra={"top_p": 0.9, "seed": None, "temperature": 0.2})
    assert (found["top_p"], found["temperature"]) == (0.9, 0.2)
    assert not {"seed", "chat_template_kwargs"} & set(found)
    assert "max_tokens" not in body(extra={"max_completion_tokens": 90})
    assert "chat_template_kwargs" not in body(dialect=Dialect("off", unthinking=False))


def response(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (response({"content": "hi"}), Answer("hi", "stop")),
        (response({"content": "hi"}, "length"), Answer("hi", "length")),
        (response({"content": [{"text": "h"}, {"text": "i"}, 3]}), Answer("hi", "stop")),
        (response({"content": None}), Answer(None, "stop")),
        (response({"content": ""}), Answer(None, "stop")),
        (response({}), Answer(None, "stop")),
        (response({"content": 5}, 7), Answer(None, None)),
        (response({"content": None, "refusal": "No."}), Answer("No.", "stop", refused=True)),
        (response({"content": "hi", "refusal": ""}), Answer("hi", "stop")),
        (
            response({"content": ""}, "content_filter"),
            Answer(None, "content_filter", refused=True),
        ),
        (
            response({"content": "hi"}, usage={"prompt_tokens": 5, "completion_tokens": 2}),
            Answer("hi", "stop", 5, 2),
        ),
        (
            response({"content": "hi"}, usage={"prompt_tokens": -5, "completion_tokens": True}),
            Answer("hi", "stop"),
        ),
        (response({"content": "hi"}, usage=[1]), Answer("hi", "stop")),
    ],
)
def test_responses_as_answers(given: Any, answer: Answer) -> None:
    assert read_response(given, 0.0) == answer


@pytest.mark.parametrize(
    "given",
    [
        *(None, 3, "choices", [], {}, {"choices": None}, {"choices": []}, {"choices": {}}),
        *({"choices": [None]}, {"choices": ["x"]}, {"choices": [{}]}, response(None)),
        *(response("hi"), response([1]), {"error": "x"}),
    ],
)
def test_what_is_no_response(given: Any) -> None:
    assert read_response(given, 0.0) is None


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "refusal",
                    "usage",
                    "finish_reason",
                    "prompt_tokens",
                ]
            ),
            inner,
        )
    ),
)


@given(_ANY, _ANY, _ANY)
def test_any_json_is_an_answer_or_none(top: Any, message: Any, usage: Any) -> None:
    for given_body in (top, response(message, usage=usage), {"choices": top, "usage": usage}):
        answer = read_response(given_body, 1.23456)
        assert answer is None or (answer.text is None or answer.text)
        assert answer is None or answer.seconds == 1.235
