"""A served model that goes away: waited for, one request at a time, for as long as was said."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from annotation.machine.answers import open_answers
from annotation.machine.served import sending
from annotation.machine.served.news import telling
from annotation.machine.served.outage import Outage
from pipeline.engine.errors import StickerworksError

STICKERS, IN_FLIGHT = 48, 32
SMALL = "Answer with the word yes."


def about_stickers(server: Any) -> list[dict[str, Any]]:
    """Requests but for the small questions that a lost server is tried with."""
    return [entry for entry in server.chats() if entry.get("last_user_text") != SMALL]


def kill_at(shelf: Any, server: Any, rows: int) -> threading.Event:
    """Kills the server in the middle of the run; tells when."""
    killed = threading.Event()

    def progress(done: int, shards: int) -> None:
        if done >= rows and not killed.is_set():
            server.kill()
            killed.set()

    shelf.display.progress = progress
    return killed


@contextmanager
def back_after(server: Any, killed: threading.Event, seconds: float) -> Iterator[None]:
    def come_back() -> None:
        killed.wait(60)
        time.sleep(seconds)
        server.start()

    thread = threading.Thread(target=come_back)
    thread.start()
    yield
    thread.join()


def test_a_short_outage_loses_nothing_and_asks_nothing_twice(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(latency_s=0.02)
    shelf.fill(STICKERS)
    options = {"in_flight": IN_FLIGHT, "longest_wait_s": 16, "attempts": 2}
    # Longer than it takes 32 requests that are refused to fail three times each.
    with back_after(server, kill_at(shelf, server, 5), 1.2):
        report = shelf.caption(asking(server, options, prompts=["sticker820k"]))
    assert report.counts["failed"] == 0
    assert all(row["text"] for row in shelf.rows())
    answered = Counter(entry["same"] for entry in about_stickers(server) if entry["complete"])
    assert len(answered) == STICKERS
    assert set(answered.values()) == {1}
    assert server.peak_in_flight() > IN_FLIGHT / 2, "it went on with all at once"


@pytest.mark.parametrize("fault", ["500", "503", "404", "page", "no_choices", "cut"])
def test_nothing_useful_from_anybody_is_waited_for_whatever_it_looks_like(
    shelf: Any, serve: Any, asking: Any, fault: str
) -> None:
    server = serve(latency_s=0.01, misbehave_times=None, retry_after=None)
    shelf.fill(STICKERS)
    begun = threading.Event()

    def progress(done: int, shards: int) -> None:
        if done >= 5 and not begun.is_set():
            server.behave(misbehave={fault: 1.0})
            begun.set()

    def end() -> None:
        begun.wait(60)
        time.sleep(1)
        server.behave(misbehave={})

    shelf.display.progress = progress
    thread = threading.Thread(target=end)
    thread.start()
    options = {"in_flight": IN_FLIGHT, "longest_wait_s": 16, "attempts": 2}
    shelf.caption(asking(server, options, prompts=["sticker820k"]))
    thread.join()
    assert all(row["text"] for row in shelf.rows())
    asked = about_stickers(server)
    answered = Counter(entry["same"] for entry in asked if entry["kind"] == "ok")
    assert set(answered.values()) == {1}, "nothing is asked twice"
    assert len(answered) == STICKERS
    bad = [entry for entry in server.chats() if entry["kind"] == fault]
    assert 0 < len(bad) <= IN_FLIGHT + 16, "one at a time, once it was seen"


def test_a_server_that_hangs_is_tried_by_a_call_that_waits_less(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(misbehave={"slow": 1.0}, misbehave_times=None, slow_s=30)
    shelf.fill(4)
    options = {"in_flight": 4, "longest_wait_s": 1, "timeout_s": 0.5}
    with pytest.raises(StickerworksError, match="been gone.*no answer within 0.5 s"):
        shelf.caption(asking(server, options, prompts=["sticker820k"]))
    assert len(about_stickers(server)) == 4, "no sticker is asked about while nobody answers"


def test_a_server_that_answers_small_questions_alone_ends_the_run_by_time(
    shelf: Any, serve: Any, asking: Any
) -> None:
    # As one whose reading of pictures is broken does; each question pays no more than its attempts.
    server = serve(misbehave={"500": 1.0}, misbehave_times=None)
    server.behave(rules=[[SMALL, "yes"]], spare=SMALL)
    shelf.fill(12)
    options = {"in_flight": 4, "longest_wait_s": 1.0, "attempts": 50}
    with pytest.raises(StickerworksError, match="small questions alone for.*answered 500"):
        shelf.caption(asking(server, options, prompts=["sticker820k"]))
    assert len(about_stickers(server)) < 80


def test_a_run_ends_when_the_outage_has_lasted_as_long_as_was_said(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(latency_s=0.02)
    shelf.fill(STICKERS)
    config = asking(
        server, {"in_flight": IN_FLIGHT, "longest_wait_s": 1.5}, prompts=["sticker820k"]
    )
    killed = kill_at(shelf, server, 5)
    with pytest.raises(StickerworksError, match=r"gone for [\d.]+ s.*longest_wait_s") as told:
        shelf.caption(config)
    assert killed.is_set()
    assert 1.5 <= float(str(told.value).split("gone for ")[1].split(" s")[0]) < 10
    assert "What was answered is kept" in str(told.value)
    with open_answers(shelf.workspace.root) as answers:
        rows = answers._connection.execute("SELECT error FROM answers").fetchall()
    assert 5 <= len(rows) < STICKERS
    assert {error for (error,) in rows} == {None}, "no question pays for the outage"


@pytest.mark.parametrize("fault", ["500", "503", "drop", "page"])
def test_a_question_that_alone_finds_nobody_costs_its_row_and_not_the_run(
    shelf: Any, serve: Any, asking: Any, fault: str
) -> None:
    server = serve(misbehave={fault: 0.2}, misbehave_times=None, misbehave_by="messages", seed=4)
    shelf.fill(12)
    options = {"in_flight": 4, "longest_wait_s": 0.2, "attempts": 1}
    shelf.caption(asking(server, options, prompts=["sticker820k"]))
    lost = {row["id"] for row in shelf.rows() if row["error"]}
    assert 0 < len(lost) < 12
    assert all("given up" in row["error"] for row in shelf.rows() if row["error"])


def test_in_an_outage_one_asks_for_all_and_then_all_go_on() -> None:
    async def scene() -> tuple[int, int, int]:
        outage, there = Outage(10), False
        out = highest = probes = together = 0

        async def look() -> None:
            return

        async def request() -> None:
            nonlocal out, highest, probes, together, there
            while True:
                async with outage.turn(look) as probing:
                    out += 1
                    probes += probing
                    highest, together = (max(highest, out), together) if probing else (
                        highest, max(together, out))  # fmt: skip
                    await asyncio.sleep(0.001)
                    out -= 1
                    if there:
                        outage.over()
                        return
                    outage.failed(request, probing=probing)
                    there = probes == 2

        outage.failed(request, probing=False)
        outage._wait = outage._probe_at = 0.0
        await asyncio.gather(*(request() for _ in range(20)))
        return highest, probes, together

    highest, probes, together = asyncio.run(scene())
    assert (highest, probes) == (1, 3)
    assert together > 10


def test_a_server_that_is_loaded_before_it_listens_is_waited_for_and_people_are_told(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server, said, now = serve(), list[str](), threading.Event()
    shelf.fill(3)
    server.kill()

    def say(line: str) -> None:
        said.append(line)
        now.set()

    with back_after(server, now, 0), telling(say):
        report = shelf.caption(asking(server, {"longest_wait_s": 30}, prompts=["sticker820k"]))
    assert report.counts["failed"] == 0
    assert all(row["text"] for row in shelf.rows())
    assert len(said) == 2
    assert said[0] == f"no server listens at {server.url} yet: waiting for it, 30 s at most"
    assert "is there after" in said[1]


def test_a_server_that_never_listens_ends_the_run_by_time_or_at_once_where_nobody_is_told(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server, said = serve(), list[str]()
    shelf.fill(1)
    server.kill()
    began = time.monotonic()
    with telling(said.append), pytest.raises(StickerworksError, match="No server answers"):
        shelf.caption(asking(server, {"longest_wait_s": 0.7}))
    assert 0.7 <= time.monotonic() - began < 10
    assert len(said) == 1
    with pytest.raises(StickerworksError, match="No server answers"):
        shelf.caption(asking(server, {"longest_wait_s": 80000}))


def test_an_outage_that_lasts_and_its_end_are_told(
    shelf: Any, serve: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_TOLD_AFTER_S", 0.3)
    server, said = serve(latency_s=0.02), list[str]()
    shelf.fill(STICKERS)
    options = {"in_flight": IN_FLIGHT, "longest_wait_s": 16}
    with back_after(server, kill_at(shelf, server, 5), 1.2), telling(said.append):
        shelf.caption(asking(server, options, prompts=["sticker820k"]))
    assert len(said) == 2
    assert said[0].startswith(f"{server.url} gives no answers (")
    assert said[0].endswith("waiting for it, 16 s at most")
    assert said[1] == f"{server.url} answers again: going on"
