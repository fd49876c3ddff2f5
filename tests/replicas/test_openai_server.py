"""The replica of an OpenAI-compatible server: what it refuses, answers, remembers and notes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openai_example import (
    CHINESE,
    CLIENT,
    ENGLISH,
    FORMAT,
    IMAGE,
    SCHEMA,
    URL,
    ask,
    body,
    choice,
    content,
    user,
)
from openai_replies import language_of_text
from openai_server import OpenaiServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenaiServer]:
    plan = {"check_images": True, "max_images": 3, "max_model_len": 4000}
    with OpenaiServer(plan, tmp_path_factory.mktemp("openai")) as running:
        yield running


def image(url: Any, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def one(*parts: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(parts)}]


def shaped(**changes: Any) -> dict[str, Any]:
    return {**FORMAT, "json_schema": {**FORMAT["json_schema"], **changes}}


def schema_of(**inner: Any) -> dict[str, Any]:
    return shaped(schema={**SCHEMA, **inner})


TEXT = {"type": "text", "text": ENGLISH}
SYSTEM = {"role": "system", "content": "You describe stickers."}
ASSISTANT = {"role": "assistant", "content": "A cat."}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"top_k": 5}, "top_k"),
    "no model": ({"model": None}, "model parameter"),
    "model no string": ({"model": 3}, "model parameter"),
    "no messages": ({"messages": None}, "at least one message"),
    "empty messages": ({"messages": []}, "at least one message"),
    "message no object": ({"messages": ["hi"]}, r"messages.\[0\]"),
    "role": ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
    "message key": ({"messages": [{**user(), "cache": 1}]}, "cache"),
    "content none": ({"messages": [{"role": "user", "content": None}]}, "content"),
    "content empty": ({"messages": one()}, "at least one part"),
    "part type": ({"messages": one({"type": "audio"})}, "part|must be"),
    "part key": ({"messages": one({**TEXT, "x": 1})}, "must be"),
    "text no string": ({"messages": one({"type": "text", "text": 5})}, "must be a string"),
    "surrogate": ({"messages": [{"role": "user", "content": "\ud800"}]}, "surrogate"),
    "late system": ({"messages": [user(), ASSISTANT, SYSTEM, user()]}, "beginning"),
    "system alone": ({"messages": [SYSTEM]}, "last message"),
    "user twice": ({"messages": [user(), user()]}, "alternate"),
    "assistant first": ({"messages": [ASSISTANT, user()]}, "alternate"),
    "ends in assistant": ({"messages": [user(), ASSISTANT]}, "last message"),
    "system image": ({"messages": [*one(IMAGE, role="system"), user()]}, "user messages alone"),
    "four images": ({"messages": [user(images=4)]}, "At most 3"),
    "web image": ({"messages": one(image("https://example.org/a.jpg"), TEXT)}, "data URL"),
    "png": ({"messages": one(image("data:image/png;base64,AAAA"), TEXT)}, "data URL"),
    "detail": ({"messages": one(image(URL, detail="most"), TEXT)}, "detail"),
    "image key": ({"messages": one(image(URL, size=4), TEXT)}, "url"),
    "no base64": ({"messages": one(image(URL + "!!"), TEXT)}, "base64"),
    "no JPEG": ({"messages": one(image("data:image/jpeg;base64,AAAA"), TEXT)}, "JPEG"),
    "max_tokens 0": ({"max_tokens": 0}, "max_tokens"),
    "max_tokens true": ({"max_tokens": True}, "max_tokens"),
    "both limits": ({"max_completion_tokens": 5}, "not both"),
    "max_completion_tokens": (
        {"max_tokens": None, "max_completion_tokens": 1.5},
        "max_completion_tokens",
    ),
    "temperature 3": ({"temperature": 3}, "temperature"),
    "temperature text": ({"temperature": "0"}, "temperature"),
    "top_p": ({"top_p": 1.5}, "top_p"),
    "seed": ({"seed": 1.0}, "seed"),
    "stream": ({"stream": True}, "stream"),
    "n": ({"n": 2}, "'n'"),
    "format type": ({"response_format": {"type": "xml"}}, "response_format"),
    "format no object": ({"response_format": "json"}, "response_format"),
    "json unsaid": ({"response_format": {"type": "json_object"}}, "word 'json'"),
    "json_object more": ({"response_format": {"type": "json_object", "x": 1}}, "has no"),
    "no json_schema": ({"response_format": {"type": "json_schema"}}, "json_schema"),
    "schema name": ({"response_format": shaped(name="a b")}, "name"),
    "long name": ({"response_format": shaped(name="a" * 65)}, "name"),
    "schema none": ({"response_format": shaped(schema=None)}, "schema"),
    "strict text": ({"response_format": shaped(strict="yes")}, "strict"),
    "schema key": ({"response_format": shaped(version=1)}, "version"),
    "array": ({"response_format": schema_of(type="array")}, "type 'object'"),
    "open object": ({"response_format": schema_of(additionalProperties=True)}, "additional"),
    "not required": ({"response_format": schema_of(required=["mood"])}, "every key"),
    "no property": ({"response_format": schema_of(required=["x"])}, "yet no property"),
    "property type": (
        {"response_format": schema_of(properties={"mood": {"type": "text"}}, required=["mood"])},
        "mood.*'type' is 'text'",
    ),
    "too long": ({"text": "word " * 4000}, "context length"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_with_what_is_wrong(server: OpenaiServer, case: str) -> None:
    changes, message = BAD[case]
    raw = json.dumps(body(**changes))  # requests would refuse a lone surrogate itself
    headers = {"Content-Type": "application/json"}
    answer = CLIENT.post(f"{server.url}/chat/completions", data=raw, headers=headers)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert re.search(message, error["message"])
    entry = server.log()[-1]
    assert (entry["kind"], entry["why"]) == ("bad_request", error["message"])


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b'{"seed": NaN}', b"[" * 100_000, b'"text"']
)
def test_a_body_that_is_no_json_object_is_refused(server: OpenaiServer, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = CLIENT.post(f"{server.url}/chat/completions", data=raw, headers=headers)
    assert answer.status_code == 400
    assert "JSON body" in answer.json()["error"]["message"]


def test_the_content_type_must_be_json(server: OpenaiServer) -> None:
    answer = CLIENT.post(f"{server.url}/chat/completions", data=json.dumps(body()))
    assert "Content-Type" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"messages": [SYSTEM, user(images=2), ASSISTANT, user(images=1)]},
        {"messages": [{"role": "user", "content": ENGLISH}]},
        {"max_tokens": None, "max_completion_tokens": 50},
        {"temperature": 0.7, "top_p": 1, "seed": 3, "stream": False, "n": 1},
        {"response_format": FORMAT},
        {"text": "Answer in JSON.", "response_format": {"type": "json_object"}},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
)
def test_a_good_request_is_answered(server: OpenaiServer, changes: dict[str, Any]) -> None:
    answer = ask(server, **changes)
    assert choice(answer)["finish_reason"] == "stop"
    assert content(answer)
    entry = server.log()[-1]
    assert (entry["kind"], entry["status"], entry["complete"]) == ("ok", 200, True)


def test_models_are_listed_and_an_unknown_one_is_not_found(server: OpenaiServer) -> None:
    listed = CLIENT.get(f"{server.url}/models").json()
    assert [one["id"] for one in listed["data"]] == ["replica-vl"]
    answer = ask(server, model="gpt-0")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert CLIENT.get(f"{server.url}/files").status_code == 404
    assert CLIENT.get(f"{server.url}/chat/completions").status_code == 405


def test_the_key_must_be_right(tmp_path: Path) -> None:
    with OpenaiServer({"key": "sk-right"}, tmp_path) as server:
        for given in (None, "sk-wrong"):
            headers = {"Authorization": f"Bearer {given}"} if given else {}
            answer = CLIENT.get(f"{server.url}/models", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
        answer = CLIENT.get(f"{server.url}/models", headers={"Authorization": "Bearer sk-right"})
        assert answer.status_code == 200
        assert ask(server).status_code == 401
        assert server.counts() == {"unauthorized": 1}


def test_a_schema_is_fulfilled_in_the_languages_of_its_keys(server: OpenaiServer) -> None:
    said = json.loads(content(ask(server, response_format=FORMAT)))
    assert list(said) == list(SCHEMA["properties"])
    assert language_of_text(said["caption_en"]) == "en"
    assert language_of_text(said["caption_zh"]) == "zh"
    assert len(said["caption_zh"]) <= 12
    assert said["mood"] in ("happy", "sad", "angry")
    assert type(said["animated"]) is bool
    assert 2 <= len(said["tags_zh"]) <= 3
    assert all(language_of_text(tag) == "zh" for tag in said["tags_zh"])
    assert 1 <= said["score"] <= 5


@pytest.mark.parametrize("kind", ["json_object", None])
def test_a_schema_in_the_instructions_is_followed(server: OpenaiServer, kind: str | None) -> None:
    text = f"Answer {{so}} with JSON that fulfils this schema: {json.dumps(SCHEMA)}\nNothing else."
    wanted = {"type": kind} if kind else None
    said = json.loads(content(ask(server, text=text, response_format=wanted)))
    assert list(said) == list(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("structured", "refused", "taken"),
    [
        ("json_object", [FORMAT], [{"type": "json_object"}]),
        ("none", [FORMAT, {"type": "json_object"}], [None]),
        ("json_schema", [], [FORMAT, {"type": "json_object"}]),
    ],
)
def test_structured_output_goes_as_far_as_planned(
    tmp_path: Path, structured: str, refused: list[Any], taken: list[Any]
) -> None:
    with OpenaiServer({"structured": structured}, tmp_path) as server:
        for wanted in refused:
            answer = ask(server, text="JSON please", response_format=wanted)
            assert answer.status_code == 400
            assert "response_format" in answer.json()["error"]["message"]
            assert answer.json()["error"]["param"] == "response_format"
        for wanted in taken:
            assert ask(server, text="JSON please", response_format=wanted).status_code == 200


def test_plain_replies_follow_the_language_and_vary_with_the_seed(server: OpenaiServer) -> None:
    english = {content(ask(server, seed=seed)) for seed in range(8)}
    assert len(english) == 8
    assert all(language_of_text(said) == "en" for said in english)
    assert language_of_text(content(ask(server, text=CHINESE))) == "zh"
    assert content(ask(server, seed=3)) == content(ask(server, seed=3))


def test_an_answer_ends_at_max_tokens(server: OpenaiServer) -> None:
    answer = ask(server, max_tokens=2)
    assert choice(answer)["finish_reason"] == "length"
    assert len(content(answer)) == 8
    assert answer.json()["usage"]["completion_tokens"] == 2


def test_usage_counts_images_and_text(server: OpenaiServer) -> None:
    answer = ask(server, messages=[user(images=2)]).json()
    assert answer["usage"]["prompt_tokens"] == 2 * 85 + len(ENGLISH) // 4
    assert answer["model"] == "replica-vl"
    assert answer["system_fingerprint"]


def test_rules_come_first(tmp_path: Path) -> None:
    rules = [["[Cc]olou?r", ["red", "blue"]], ["verdict", {"keep": True}]]
    with OpenaiServer({"rules": rules}, tmp_path) as server:
        said = {content(ask(server, text="Which colour?", seed=seed)) for seed in range(12)}
        assert said == {"red", "blue"}
        assert json.loads(content(ask(server, text="Your verdict"))) == {"keep": True}


def test_the_log_says_what_was_asked(tmp_path: Path) -> None:
    with OpenaiServer({}, tmp_path) as server:
        ask(server, messages=[SYSTEM, user(images=2), ASSISTANT, user(CHINESE, 1)], seed=1)
        ask(server, messages=[SYSTEM, user(images=2), ASSISTANT, user(CHINESE, 1)], seed=2)
        ask(server, response_format=FORMAT)
        first, second, third = server.chats()
    assert first["images"] == 3
    assert first["images_per_message"] == [0, 2, 0, 1]
    assert first["n_messages"] == 4
    assert first["last_user_text"] == CHINESE
    assert (first["seed"], second["seed"], third["seed"]) == (1, 2, None)
    assert first["messages"] == second["messages"] != third["messages"]
    assert first["body"] != second["body"]
    assert third["response_format"] == "json_schema"
    assert not first["authorized"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -4\r\n\r\n", b"400"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000, b"431"),
        (b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n", b"200"),
    ],
)
def test_http_that_it_cannot_take_ends_the_connection(
    server: OpenaiServer, raw: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(raw)
        answer = connection.makefile("rb").read()
    assert answer.split(b" ")[1] == status


def test_the_replica_has_nothing_to_complain_about(tmp_path: Path) -> None:
    with OpenaiServer({"latency_s": 30}, tmp_path) as server, pytest.raises(requests.ReadTimeout):
        CLIENT.post(f"{server.url}/chat/completions", json=body(), timeout=0.1)
    assert server.counts() == {"gone": 1}
    assert (tmp_path / "openai_errors.txt").read_text() == ""
