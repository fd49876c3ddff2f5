"""Captions from a served model: a value or a reason for each field, and nothing asked twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from annotation.machine import asking as module
from annotation.machine.answers import open_answers
from annotation.machine.prompt_set import SHIPPED, load_prompt_set
from annotation.machine.retrying import reopen
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from schemas.config import Config
from schemas.tables import CLIPS, DESCRIPTION_FIELDS, TABLES

FRAMES_OF = {"frames": "key_frames", "clips": "frames"}
SETS = ("vsd2m", "stickertag", "mghft", "sticker820k")


def asked(server: Any) -> list[dict[str, Any]]:
    """Requests that were answered to the end."""
    return [entry for entry in server.chats() if entry["complete"]]


def every_field() -> set[tuple[str, str, str]]:
    """Prompt set, field and language of everything that the shipped sets ask for."""
    wanted = set()
    for name in SETS:
        prompts = load_prompt_set(name)
        spoken = prompts.spoken(("en", "zh"))
        for turn in prompts.turns:
            asked_in = {"first": spoken[:1], "others": spoken[1:], "each": spoken}[turn.languages]
            for field, spec in turn.fields.items():
                for language in spoken if spec.each_language else asked_in:
                    wanted.add((prompts.title, field, language))
    return wanted


def test_a_well_behaved_server_fills_every_field_of_every_set(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve()
    shelf.fill(6)
    report = shelf.caption(asking(server))
    rows = shelf.rows()
    assert report.counts["failed"] == 0
    for key in shelf.ids:
        mine = [row for row in rows if row["id"] == key]
        assert {(row["prompt"], row["field"], row["language"]) for row in mine} == every_field()
        assert all(row["text"] is not None and row["error"] is None for row in mine)
    # A still has no text that OCR reads, so that what the model read there is doubted.
    flags = Counter((flag, row["field"]) for row in rows for flag in row["flags"])
    assert set(flags) == {("unread_quote", "content")}
    assert flags["unread_quote", "content"] == 4
    assert {row["model"] for row in rows} == {"replica-vl"}
    assert all(row["tokens_in"] and row["asked_at"] for row in rows)
    assert {entry["kind"] for entry in server.chats()} == {"ok"}


def test_columns_are_full_and_languages_apart(shelf: Any, serve: Any, asking: Any) -> None:
    shelf.fill(3)
    shelf.caption(asking(serve()))
    for row in shelf.rows("descriptions"):
        moving = shelf.ids.index(row["id"]) % 3 == 0
        empty = [name for name, _ in DESCRIPTION_FIELDS if row[name] is None]
        assert empty == ([] if moving else ["content"])
        assert not any("一" <= sign <= "鿿" for sign in row["caption_en"] + row["description_en"])
        assert any("一" <= sign <= "鿿" for sign in row["caption_zh"])
        assert any("一" <= sign <= "鿿" for sign in row["description_zh"])
        assert row["captioner"] == "openai"
        assert row["written_by"] == [f"replica-vl {name}/2" for name in SETS]


def test_requests_a_sticker_and_frames_a_request(shelf: Any, serve: Any, asking: Any) -> None:
    """Twelve requests for all four sets in two languages; nine hold the frames, each once."""
    server = serve()
    shelf.fill(1)
    shelf.caption(asking(server))
    images = Counter(entry["images"] for entry in server.chats())
    assert images == {4: 9, 0: 3}


MISBEHAVIOUR = {
    "429": 0.06,
    "500": 0.06,
    "503": 0.03,
    "slow": 0.03,
    "cut": 0.06,
    "drop": 0.04,
    "broken_envelope": 0.05,
    "broken_json": 0.06,
    "refusal": 0.06,
    "wrong_language": 0.06,
    "empty": 0.04,
    "quote": 0.05,
    "length": 0.03,
    "think": 0.04,
    "400": 0.03,
}


@pytest.mark.slow
def test_every_field_ends_with_a_value_or_a_reason_however_the_server_misbehaves(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(misbehave=MISBEHAVIOUR, slow_s=4, retry_after="0.1", seed=3)
    shelf.fill(24)
    # Long enough that no run of bad luck, which the server draws, is taken for its end.
    config = asking(server, {"timeout_s": 2, "in_flight": 8, "longest_wait_s": 3})
    shelf.caption(config)
    kinds = {entry["kind"] for entry in server.chats()}
    # Of slow answers the server only knows that nobody waited for them.
    assert kinds - {"slow"} == {"ok", "gone", *MISBEHAVIOUR} - {"slow"}, "not all were met"
    rows = shelf.rows()
    found = Counter((row["id"], row["prompt"], row["field"], row["language"]) for row in rows)
    assert set(found) == {(key, *field) for key in shelf.ids for field in every_field()}
    assert set(found.values()) == {1}
    for row in rows:
        assert (row["text"] is None) == (row["error"] is not None), row
    flags = Counter(flag for row in rows for flag in row["flags"])
    assert {"refusal", "wrong_language", "empty", "unread_quote", "cut_off"} <= set(flags)
    # What was asked for again was answered well: the second answer stands beside the first.
    before = len(asked(server))
    for _ in range(3):
        if not reopen(shelf.workspace, config, "flagged"):
            break
        shelf.caption(config)
    assert len(asked(server)) > before
    later = Counter(flag for row in shelf.rows() for flag in row["flags"])
    doubted = {"unread_quote"}  # what the model reads on stills stays doubted
    assert sum(n for flag, n in later.items() if flag not in doubted) < sum(flags.values()) / 4


def test_nothing_is_asked_twice(shelf: Any, serve: Any, asking: Any) -> None:
    server = serve()
    shelf.fill(4, shard_rows=2)
    config = asking(server)
    shelf.caption(config)
    first = shelf.rows()
    requests = len(server.chats())
    shelf.caption(config)
    shelf.caption(asking(server, {"in_flight": 3, "timeout_s": 9}))
    shelf.workspace.path("captions", 1).unlink()
    shelf.caption(config)
    assert len(server.chats()) == requests
    assert shelf.rows() == first


def test_another_models_texts_stand_beside_the_old_ones(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(models=["replica-vl", "other-vl"])
    shelf.fill(2)
    one, other = asking(server), asking(server, {"model": "other-vl", "revision": "r2"})
    shelf.caption(one)
    first = shelf.rows()
    shelf.caption(other)
    both = shelf.rows()
    assert [row for row in both if row["model"] == "replica-vl"] == first
    assert len(both) == 2 * len(first)
    assert {row["revision"] for row in both} == {None, "r2"}
    said = {(r["model"], r["prompt"], r["field"], r["language"], r["id"]): r["text"] for r in both}
    key = ("vsd2m/2", "caption", "en", shelf.ids[0])
    assert shelf.rows("descriptions")[0]["caption_en"] == said["other-vl", *key]
    preferred = asking(server, {"model": "other-vl", "revision": "r2"}, prefer=["replica-vl"])
    shelf.caption(preferred)
    assert shelf.rows("descriptions")[0]["caption_en"] == said["replica-vl", *key]
    requests = len(server.chats())
    shelf.caption(one)
    assert len(server.chats()) == requests
    assert shelf.rows() == both
    # The template's captions come last, and drive nobody's away.
    shelf.caption(Config())
    assert shelf.rows("descriptions")[0]["caption_en"] in (
        said["other-vl", *key],
        said["replica-vl", *key],
    )
    assert {row["captioner"] for row in shelf.rows()} == {"openai", "template"}


def test_only_what_failed_is_asked_again(shelf: Any, serve: Any, asking: Any) -> None:
    server = serve(misbehave={"400": 0.2, "refusal": 0.2}, misbehave_by="messages", seed=1)
    shelf.fill(6)
    config = asking(server, prompts=["mghft"])
    shelf.caption(config)
    before = shelf.rows()
    failed = [
        row for row in before if row["error"] and row["error"].startswith("the server answered 400")
    ]
    refused = [row for row in before if "refusal" in row["flags"]]
    assert failed
    assert refused
    requests = Counter(entry["kind"] for entry in server.chats())
    reopen(shelf.workspace, config, "failed")
    shelf.caption(config)
    again = Counter(entry["kind"] for entry in server.chats()) - requests
    assert sum(again.values()) >= len(failed)
    after = {(row["id"], row["field"]): row for row in shelf.rows()}
    assert all(after[row["id"], row["field"]]["text"] for row in failed)
    # An answer that is new in a conversation makes the questions behind it new ones.
    assert {after[row["id"], row["field"]]["attempt"] for row in failed} <= {0, 1}
    assert any(after[row["id"], row["field"]]["attempt"] == 1 for row in failed)


def test_an_attempt_that_fails_takes_no_earlier_answer_away(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve()
    shelf.fill(1, shard_rows=1)
    config = asking(server, prompts=["mghft"])
    shelf.caption(config)
    before = shelf.rows()
    with open_answers(shelf.workspace.root) as answers:
        connection = answers._connection
        connection.execute("UPDATE answers SET reopened = 1")
    shelf.workspace.path("captions", 0).unlink()
    server.restart({"misbehave": {"400": 1.0}, "misbehave_times": None})
    shelf.caption(config)
    assert [row["text"] for row in shelf.rows()] == [row["text"] for row in before]


def test_a_changed_picture_is_asked_about_again(shelf: Any, serve: Any, asking: Any) -> None:
    server = serve()
    shelf.fill(1)
    config = asking(server, prompts=["mghft"])
    shelf.caption(config)
    requests = len(server.chats())
    rows = shelf.rows("clips")
    rows[0]["frames"] = rows[0]["frames"][:3]
    table = pa.Table.from_pylist(rows, schema=CLIPS.schema)
    shelf.workspace.write("clips", 0, table, Proof("test", "other"))
    shelf.caption(config)
    assert len(server.chats()) == requests + 4
    assert len(shelf.rows()) == 4


def test_dropped_stickers_are_never_shown_to_a_server(shelf: Any, serve: Any, asking: Any) -> None:
    server = serve()
    shelf.fill(5, unkept=4)
    report = shelf.caption(asking(server))
    assert report.counts["skipped"] == 4
    assert {row["id"] for row in shelf.rows()} == {shelf.ids[4]}
    assert len(server.chats()) == 12


def test_progress_is_told_as_stickers_are_done(shelf: Any, serve: Any, asking: Any) -> None:
    shelf.fill(6, shard_rows=3)
    shelf.caption(asking(serve(), prompts=["sticker820k"]))
    seen = shelf.display.seen
    assert {1, 2, 3, 4, 5, 6} <= set(seen)


def test_a_hostile_answer_is_kept_as_text(shelf: Any, serve: Any, asking: Any) -> None:
    nasty = "A cat {description} {0} %s \u202e <b>x</b>"
    server = serve(rules=[["Describe this sticker in two", nasty]])
    shelf.fill(1)
    shelf.caption(asking(server, prompts=["vsd2m"], languages=["en"]))
    (row,) = (row for row in shelf.rows() if row["field"] == "description")
    assert row["text"] == nasty
    (last,) = (e for e in server.chats() if "Summarize" in e["last_user_text"])
    assert "{description} {0} %s" in last["last_user_text"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "gpt-nothing"}, "serves no model called 'gpt-nothing'"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "No server answers at http://127.0.0.1:9/v1"),
        ({"base_url": "https://api.example.org/v1"}, "needs a key, and OPENAI_API_KEY is not set"),
        ({"base_url": "http://user:secret@127.0.0.1/v1"}, "must hold no user"),
        ({"temprature": 1}, r"options.temprature \(did you mean temperature\?\)"),
        ({"in_flight": 0}, "in_flight"),
        ({"extra": {"messages": []}}, "messages is set by stickerworks"),
    ],
)
def test_what_is_set_wrong_is_told_in_one_line(
    shelf: Any,
    serve: Any,
    asking: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    says: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shelf.fill(1)
    with pytest.raises(StickerworksError, match=says) as caught:
        shelf.caption(asking(serve(), options))
    assert "secret" not in str(caught.value)


def test_a_server_that_refuses_the_key_stops_the_run_and_the_key_is_told_nowhere(
    shelf: Any, serve: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    shelf.fill(1)
    with pytest.raises(
        StickerworksError, match="401.*environment variable OPENAI_API_KEY"
    ) as caught:
        shelf.caption(asking(serve(key="sk-another")))
    assert "secret" not in str(caught.value)


def test_the_right_key_is_sent_and_kept_nowhere(
    shelf: Any, serve: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    server = serve(key="sk-very-secret")
    shelf.fill(1)
    shelf.caption(asking(server, {"key_env": "MY_KEY"}, prompts=["sticker820k"]))
    assert shelf.rows()[0]["text"]
    for path in shelf.workspace.root.rglob("*"):
        assert not path.is_file() or b"very-secret" not in path.read_bytes()


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "none"])
def test_json_is_asked_for_in_the_strictest_way_that_the_server_takes(
    shelf: Any, serve: Any, asking: Any, structured: str
) -> None:
    server = serve(structured=structured, extra_keys=[])
    shelf.fill(2)
    report = shelf.caption(asking(server, prompts=["sticker820k", "stickertag"]))
    assert report.counts["failed"] == 0
    used = Counter(e["response_format"] for e in server.chats() if e["kind"] == "ok")
    wanted = None if structured == "none" else structured
    assert used[wanted] >= 4


def test_a_server_that_is_gone_stops_the_run_and_keeps_what_was_answered(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(latency_s=0.02)
    shelf.fill(40, shard_rows=20)
    config = asking(server, {"in_flight": 4, "attempts": 50}, prompts=["mghft"])
    shelf.display.progress = lambda rows, shards: server.kill() if rows == 10 else None
    with pytest.raises(StickerworksError, match="has been gone for.*What was answered is kept"):
        shelf.caption(config)
    with open_answers(shelf.workspace.root) as answers:
        kept = answers._connection.execute(
            "SELECT count(*) FROM answers WHERE error IS NULL"
        ).fetchone()[0]
    assert kept >= 40
    before = len(asked(server))
    server.restart()
    del shelf.display.progress
    shelf.caption(config)
    assert all(row["text"] for row in shelf.rows())
    assert len(shelf.rows()) == 160
    assert len(asked(server)) - before == 160 - kept


def test_an_overloaded_server_is_asked_less_and_no_row_is_lost(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve(latency_s=0.05, max_concurrent=3, retry_after="0.05")
    shelf.fill(12)
    shelf.caption(asking(server, {"in_flight": 24}, prompts=["sticker820k"]))
    assert all(row["text"] for row in shelf.rows())
    turned_away = server.counts()["busy"]
    assert 0 < turned_away < 60


def test_all_at_once_means_as_many_as_allowed(shelf: Any, serve: Any, asking: Any) -> None:
    server = serve(latency_s=0.3)
    shelf.fill(16)
    shelf.caption(asking(server, {"in_flight": 8}, prompts=["sticker820k"]))
    assert server.peak_in_flight() == 8


def test_a_fault_of_ours_costs_one_sticker(
    shelf: Any, serve: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    shelf.fill(8)
    bad = shelf.ids[3]

    usual = module.converse

    async def faulty(facts: Any, *rest: Any) -> Any:
        if facts.id == bad:
            raise ZeroDivisionError("a fault")
        return await usual(facts, *rest)

    monkeypatch.setattr(module, "converse", faulty)
    report = shelf.caption(asking(server, prompts=["sticker820k"]))
    assert report.counts["quarantined"] == 1
    (row,) = (row for row in shelf.rows() if row["id"] == bad)
    assert row["error"] == "quarantined: raised ZeroDivisionError: a fault"
    assert len(server.chats()) == 7


def test_sets_that_share_a_question_ask_it_once(
    shelf: Any, serve: Any, asking: Any, tmp_path: Path
) -> None:
    server = serve()
    shelf.fill(2)
    ours = (SHIPPED / "vsd2m.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(ours.replace("name: vsd2m", "name: mine").replace("30 words", "12 words"))
    shelf.caption(asking(server, prompts=["vsd2m", str(mine)]))
    rows = shelf.rows()
    assert {row["prompt"].split()[0] for row in rows} == {"vsd2m/2", "mine/2"}
    assert all(row["text"] for row in rows)
    # The description, its translation and the Chinese caption are asked for once.
    assert len(server.chats()) == 2 * (4 + 1)


def test_a_sticker_without_a_picture_has_a_reason_for_each_field(
    shelf: Any, serve: Any, asking: Any
) -> None:
    server = serve()
    shelf.fill(2)
    for name in ("frames", "clips"):
        rows = [{**row, FRAMES_OF[name]: None} for row in shelf.rows(name)]
        table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
        shelf.workspace.write(name, 0, table, Proof("test", "bare"))
    shelf.caption(asking(server))
    found = Counter((r["id"], r["prompt"], r["field"], r["language"]) for r in shelf.rows())
    assert set(found) == {(key, *field) for key in shelf.ids for field in every_field()}
    assert set(found.values()) == {1}
    assert all("not asked" in row["error"] for row in shelf.rows())
    assert server.chats() == []


def test_answers_of_before_chatter_was_looked_for_are_judged_anew_and_not_asked_again(
    shelf: Any, serve: Any, asking: Any
) -> None:
    chatty = [
        ["Why would somebody", "Sure! Here is the caption: The sender is glad."],
        ["main characters of", "In frame 2, a cat waves. As an AI, I cannot tell more."],
    ]
    server = serve(rules=chatty)
    shelf.fill(2)
    config = asking(server, prompts=["mghft"])
    shelf.caption(config)
    now = shelf.rows()
    requests = len(server.chats())
    # As an older version kept them: whole, without a flag.
    with open_answers(shelf.workspace.root) as answers:
        connection = answers._connection
        raw = {row["text"] for row in connection.execute("SELECT text FROM answers")}
        kept = connection.execute("SELECT sticker, place, row FROM captions")
        for *key, row in kept.fetchall():
            old = {name: value for name, value in json.loads(row).items() if name != "judged"}
            if old["field"] == "intention":
                old["text"], old["flags"] = "Sure! Here is the caption: The sender is glad.", []
            old["flags"] = [] if old["field"] == "main_role" else old["flags"]
            connection.execute(
                "UPDATE captions SET row = ? WHERE sticker = ? AND place = ?",
                (json.dumps(old), *key),
            )
    assert "Sure! Here is the caption: The sender is glad." in raw
    for captioned in (Config(), config):  # by the table of others' captions, and by the answers
        shelf.workspace.path("captions", 0).unlink()
        shelf.caption(captioned)
        found = [row for row in shelf.rows() if row["captioner"] == "openai"]
        assert found == now
    assert len(server.chats()) == requests
    by_field = {row["field"]: row for row in now}
    assert by_field["intention"]["text"] == "The sender is glad."
    assert by_field["intention"]["flags"] == ["trimmed"]
    assert by_field["main_role"]["flags"] == ["chatter"]
    released = shelf.rows("descriptions")[0]
    assert (released["intention"], released["main_role"]) == ("The sender is glad.", None)
