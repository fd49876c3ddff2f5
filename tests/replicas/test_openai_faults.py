"""How the replica of an OpenAI-compatible server misbehaves, as a plain client sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from openai_example import CHINESE, CLIENT, ENGLISH, FORMAT, Client, ask, body, choice, content
from openai_plan import plan_from
from openai_replies import language_of_text
from openai_server import OpenaiServer

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def always(kind: str, **plan: Any) -> dict[str, Any]:
    return {"misbehave": {kind: 1.0}, **plan}


def said_by(tmp_path: Path, kind: str, number: int = 24, **changes: Any) -> list[dict[str, Any]]:
    """The choices of so many different requests that all meet this fault."""
    with OpenaiServer(always(kind), tmp_path) as server:
        found = [choice(ask(server, seed=seed, **changes)) for seed in range(number)]
        assert server.counts() == {kind: number}
    return found


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 502, 503])
def test_statuses(tmp_path: Path, status: int) -> None:
    with OpenaiServer(always(str(status), retry_after="7"), tmp_path) as server:
        answers = [ask(server, seed=seed) for seed in range(8)]
        assert {answer.status_code for answer in answers} == {status}
        waits = {answer.headers.get("Retry-After") for answer in answers}
        assert ("7" in waits) == (status in (429, 502, 503))
        shapes = {answer.headers["Content-Type"] for answer in answers}
        assert ("text/html" in shapes) == (status in (502, 503))
        assert ask(server, seed=0).status_code == 200


def test_slow_answers_come_later(tmp_path: Path) -> None:
    with OpenaiServer(always("slow", slow_s=0.3), tmp_path) as server:
        assert content(ask(server))
        assert server.chats()[0]["seconds"] >= 0.3
        with pytest.raises(requests.ReadTimeout):
            CLIENT.post(f"{server.url}/chat/completions", json=body(seed=2), timeout=0.1)
        wait_for(lambda: server.counts()["gone"] == 1)
        assert server.chats()[1]["complete"] is False


@pytest.mark.parametrize("kind", ["cut", "drop"])
def test_connections_break(tmp_path: Path, kind: str) -> None:
    with OpenaiServer(always(kind), tmp_path) as server:
        with pytest.raises(BROKEN):
            ask(server)
        assert [entry["complete"] for entry in server.chats()] == [False]
        assert content(ask(server))


def test_a_cut_comes_after_the_head(tmp_path: Path) -> None:
    with (
        OpenaiServer(always("cut"), tmp_path) as server,
        CLIENT.post(f"{server.url}/chat/completions", json=body(), stream=True) as answer,
    ):
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            _ = answer.content


def test_a_huge_answer_comes_with_and_without_its_length(tmp_path: Path) -> None:
    with OpenaiServer(always("huge", huge_bytes=3_000_000), tmp_path) as server:
        answers = [ask(server, seed=seed) for seed in range(8)]
        assert all(3_000_000 <= len(answer.content) < 3_001_000 for answer in answers)
        assert {"content-length" in answer.headers for answer in answers} == {True, False}
        assert all(len(content(answer)) > 2_900_000 for answer in answers)
        assert all(entry["complete"] for entry in server.chats())


def test_a_client_that_leaves_a_huge_answer_is_noted(tmp_path: Path) -> None:
    with OpenaiServer(always("huge"), tmp_path) as server:
        url = f"{server.url}/chat/completions"
        with CLIENT.post(url, json=body(), stream=True) as answer:
            answer.raw.read(1000)
        wait_for(lambda: server.counts()["huge"] == 1)
        assert server.chats()[0]["complete"] is False


def test_redirects_are_seen_to_be_followed(tmp_path: Path) -> None:
    with OpenaiServer(always("redirect"), tmp_path) as server:
        answer = ask(server)
        assert answer.status_code == 302
        headers = {"Authorization": "Bearer sk-secret"}
        CLIENT.post(
            f"{server.url}/chat/completions",
            json=body(seed=1),
            headers=headers,
            allow_redirects=True,
        )
        last = server.log()[-1]
        assert (last["path"], last["kind"], last["authorized"]) == ("/elsewhere", "not_found", True)


def test_broken_envelopes_are_no_chat_completions(tmp_path: Path) -> None:
    def usable(answer: requests.Response) -> bool:
        try:
            return bool(answer.json()["choices"][0]["message"])
        except (ValueError, KeyError, IndexError, RecursionError, TypeError):
            return False

    with OpenaiServer(always("broken_envelope"), tmp_path) as server:
        answers = [ask(server, seed=seed) for seed in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(map(usable, answers))
    assert len({answer.content[:20] for answer in answers}) >= 6


def test_broken_json_is_not_what_was_wanted(tmp_path: Path) -> None:
    def fits(text: str) -> bool:
        try:
            value = json.loads(text)
        except ValueError:
            return False
        return isinstance(value, dict) and "caption_en" in value

    found = said_by(tmp_path, "broken_json", 40, response_format=FORMAT)
    texts = [one["message"]["content"] for one in found]
    assert not any(map(fits, texts))
    assert any(text.startswith("[") for text in texts)
    assert any("```json" in text for text in texts)
    assert any(text.endswith(",}") for text in texts)


def test_plain_text_is_never_broken_json(tmp_path: Path) -> None:
    with OpenaiServer(always("broken_json"), tmp_path) as server:
        assert content(ask(server))
        assert server.counts() == {"ok": 1}


def test_refusals_come_in_three_ways(tmp_path: Path) -> None:
    found = said_by(tmp_path, "refusal", text=CHINESE)
    ways = {
        (one["finish_reason"], bool(one["message"]["content"]), bool(one["message"]["refusal"]))
        for one in found
    }
    assert ways == {
        ("content_filter", False, False),
        ("stop", False, True),
        ("stop", True, False),
    }
    apologies = {one["message"]["content"] or one["message"]["refusal"] for one in found} - {None}
    assert all(text.startswith("抱歉，我无法") for text in apologies)


def test_the_wrong_language(tmp_path: Path) -> None:
    for name, text, wrong in (("en", ENGLISH, "zh"), ("zh", CHINESE, "en")):
        found = said_by(tmp_path / name, "wrong_language", 4, text=text)
        assert {language_of_text(one["message"]["content"]) for one in found} == {wrong}
    for one in said_by(tmp_path / "json", "wrong_language", 4, response_format=FORMAT):
        value = json.loads(one["message"]["content"])
        assert language_of_text(value["caption_en"]) == "zh"
        assert language_of_text(value["caption_zh"]) == "en"


def test_empty_answers(tmp_path: Path) -> None:
    found = {one["message"]["content"] for one in said_by(tmp_path, "empty")}
    assert found == {"", None, " \n"}


def test_cut_off_answers_say_so(tmp_path: Path) -> None:
    for one in said_by(tmp_path, "length", 4):
        assert one["finish_reason"] == "length"
        assert not one["message"]["content"].endswith(".")


def test_claims_of_a_text_on_the_sticker(tmp_path: Path) -> None:
    assert all("FREE PIZZA" in one["message"]["content"] for one in said_by(tmp_path, "quote", 6))
    chinese = said_by(tmp_path / "zh", "quote", 12, text=CHINESE)
    assert any("免费披萨" in one["message"]["content"] for one in chinese)


def test_reasoning_comes_before_the_answer(tmp_path: Path) -> None:
    texts = [one["message"]["content"] for one in said_by(tmp_path, "think")]
    assert {text.startswith("<think>") for text in texts} == {True, False}
    assert all(text.partition("</think>")[2].strip().startswith("A ") for text in texts)


MIXED = {"429": 0.2, "refusal": 0.2, "empty": 0.1, "500": 0.1}


def kinds(server: OpenaiServer, number: int, again: int = 1) -> list[str]:
    for _ in range(again):
        for seed in range(number):
            ask(server, seed=seed)
    return [entry["kind"] for entry in server.chats()]


def test_the_same_requests_meet_the_same_faults(tmp_path: Path) -> None:
    plan = {"misbehave": MIXED, "seed": 5}
    found = []
    for name in ("one", "two"):
        with OpenaiServer(plan, tmp_path / name) as server:
            found.append(kinds(server, 30, again=2))
    assert found[0] == found[1]
    assert set(found[0]) == {"429", "refusal", "empty", "500", "ok"}
    with OpenaiServer({**plan, "seed": 6}, tmp_path / "other") as server:
        assert kinds(server, 30, again=2) != found[0]


def test_after_its_times_a_body_is_answered_well(tmp_path: Path) -> None:
    with OpenaiServer(always("500", misbehave_times=2), tmp_path / "two") as server:
        assert [ask(server).status_code for _ in range(4)] == [500, 500, 200, 200]
    with OpenaiServer(always("500", misbehave_times=None), tmp_path / "ever") as server:
        assert [ask(server).status_code for _ in range(4)] == [500] * 4


def test_another_seed_is_another_body_unless_messages_count(tmp_path: Path) -> None:
    with OpenaiServer(always("500"), tmp_path / "body") as server:
        assert [ask(server, seed=seed).status_code for seed in range(3)] == [500] * 3
    with OpenaiServer(always("500", misbehave_by="messages"), tmp_path / "messages") as server:
        assert [ask(server, seed=seed).status_code for seed in range(3)] == [500, 200, 200]


def test_a_restarted_replica_keeps_its_port_and_remembers(tmp_path: Path) -> None:
    with OpenaiServer(always("500"), tmp_path) as server:
        url = server.url
        assert ask(server).status_code == 500
        server.kill()
        with pytest.raises(requests.ConnectionError):
            ask(server)
        (tmp_path / "openai_log.jsonl").open("a").write('{"at": 1')  # as a kill would leave it
        server.restart()
        assert server.url == url
        assert ask(server).status_code == 200
        assert [entry["status"] for entry in server.chats()] == [500, 200]


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from openai_server import OpenaiServer; "
        "print(OpenaiServer({}, Path(sys.argv[1])).start().url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        text=True,
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert CLIENT.get(f"{url}/models").status_code == 200
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    def gone() -> bool:
        try:
            CLIENT.get(f"{url}/models")
        except requests.ConnectionError:
            return True
        return False

    wait_for(gone)


async def ask_at_once(server: OpenaiServer, number: int) -> list[tuple[int, str | None]]:
    """Statuses, and how long each answer asks to wait."""
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as client:

        async def ask_one(seed: int) -> tuple[int, str | None]:
            url = f"{server.url}/chat/completions"
            async with client.post(url, json=body(seed=seed)) as answer:
                await answer.read()
                return answer.status, answer.headers.get("Retry-After")

        return await asyncio.gather(*map(ask_one, range(number)))


def test_many_are_answered_at_once(tmp_path: Path) -> None:
    with OpenaiServer({"latency_s": 0.5}, tmp_path) as server:
        answers = asyncio.run(ask_at_once(server, 40))
        assert set(answers) == {(200, None)}
        assert server.peak_in_flight() > 20


def test_more_than_it_takes_are_told_to_wait(tmp_path: Path) -> None:
    with OpenaiServer({"latency_s": 0.5, "max_concurrent": 3}, tmp_path) as server:
        answers = asyncio.run(ask_at_once(server, 12))
        assert answers.count((200, None)) >= 3
        busy = [wait for status, wait in answers if status == 429]
        assert set(busy) == {"1"}
        assert server.counts()["busy"] == len(busy)


@pytest.mark.parametrize("kind", ["429", "cut", "drop", "huge", "empty"])
def test_one_at_a_time_is_never_too_many(tmp_path: Path, kind: str) -> None:
    with OpenaiServer(always(kind, max_concurrent=1, huge_bytes=500_000), tmp_path) as server:
        for seed in (1, 1, 2, 2):
            with suppress(*BROKEN):
                ask(server, seed=seed)
        assert server.counts() == {kind: 2, "ok": 2}
        assert server.peak_in_flight() == 1


def test_a_connection_is_kept_for_many_requests(tmp_path: Path) -> None:
    with OpenaiServer({}, tmp_path) as server, Client() as client:
        for seed in range(5):
            client.post(f"{server.url}/chat/completions", json=body(seed=seed))
        pools = client.adapters["http://"].poolmanager.pools
        [key] = pools.keys()
        assert (pools[key].num_connections, pools[key].num_requests) == (1, 5)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"latency": 1}, "latency"),
        ({"misbehave": {"sulk": 0.1}}, "sulk"),
        ({"misbehave": {"429": 0.6, "cut": 0.6}}, "shares"),
        ({"misbehave": {"429": -0.1}}, "shares"),
        ({"structured": "xml"}, "xml"),
        ({"misbehave_by": "model"}, "model"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_from(plan)


def wait_for(true: Any, within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
