"""One endpoint for pictures and another for texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotation.machine.captions import caption_settings
from annotation.machine.probing import probe
from annotation.machine.retrying import reopen
from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from stickerworks.cli.trust import leaves, may_be_kept


@pytest.fixture
def both(serve: Any, asking: Any) -> tuple[Any, Any, Config]:
    pictures, texts = serve(), serve(models=["text-lm"])
    other = {"base_url": texts.url, "model": "text-lm", "revision": "r9", "longest_wait_s": 0.2}
    return pictures, texts, asking(pictures, {"text": other}, prompts=["vsd2m"])


def test_turns_that_stand_alone_go_to_the_text_model_and_name_it(shelf: Any, both: Any) -> None:
    pictures, texts, config = both
    shelf.fill(2)
    report = shelf.caption(config)
    assert report.counts["failed"] == 0
    assert {entry["images"] for entry in texts.chats()} == {0}
    assert len(texts.chats()) == 2 * 3
    assert len(pictures.chats()) == 2
    said = {(r["field"], r["language"]): (r["model"], r["revision"]) for r in shelf.rows()}
    assert said == {
        ("description", "en"): ("replica-vl", None),
        ("description", "zh"): ("text-lm", "r9"),
        ("caption", "en"): ("text-lm", "r9"),
        ("caption", "zh"): ("text-lm", "r9"),
    }
    written = shelf.rows("descriptions")[0]["written_by"]
    assert set(written) == {"replica-vl vsd2m/2", "text-lm@r9 vsd2m/2"}


def test_nothing_is_asked_again_and_going_back_replaces_nobody_elses_rows(
    shelf: Any, asking: Any, both: Any
) -> None:
    pictures, texts, config = both
    shelf.fill(1)
    alone = asking(pictures, prompts=["vsd2m"])
    shelf.caption(alone)
    before = len(pictures.chats())
    shelf.caption(config)
    assert len(pictures.chats()) == before, "the description was there"
    assert len(shelf.rows()) == 4
    assert len(texts.chats()) == 3
    shelf.caption(alone)
    assert (len(pictures.chats()), len(texts.chats())) == (before, 3)


def test_both_are_counted_before_and_asked_again_after(shelf: Any, both: Any) -> None:
    _, texts, config = both
    shelf.fill(8)
    found = probe(shelf.workspace, config, lambda row: [], 2)
    assert (found.requests, found.text_requests) == (24, 18)
    assert found.with_pictures_a_row == 1
    assert found.tokens_in
    texts.behave(misbehave={"400": 1.0}, misbehave_times=None)
    shelf.caption(config)
    texts.behave(misbehave={})
    assert reopen(shelf.workspace, config, "failed") == 6
    shelf.caption(config)
    assert all(row["text"] for row in shelf.rows())


def test_each_has_a_key_of_its_own(
    shelf: Any, serve: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, texts = serve(key="sk-one"), serve(models=["text-lm"], key="sk-two")
    monkeypatch.setenv("KEY_ONE", "sk-one")
    monkeypatch.setenv("KEY_TWO", "sk-two")
    other = {"base_url": texts.url, "model": "text-lm", "key_env": "KEY_TWO"}
    shelf.fill(1)
    shelf.caption(asking(pictures, {"key_env": "KEY_ONE", "text": other}, prompts=["vsd2m"]))
    assert all(row["text"] for row in shelf.rows())


def test_what_decides_answers_is_told_of_both(both: Any) -> None:
    _, _, config = both
    assert caption_settings(config).text == {
        "model": "text-lm@r9",
        "decides": {"temperature": 0.0, "extra": None},
    }


@pytest.mark.parametrize(
    ("captioner", "options", "says"),
    [
        ("openai", {"model": "a", "text": {"modle": "b"}}, "text.modle"),
        ("openai", {"model": "a", "text": {"model": "b", "text": {"model": "c"}}}, "no meaning"),
        ("transformers", {"model": "a", "text": {"model": "b"}}, "captioner openai"),
    ],
)
def test_what_cannot_be_is_told(captioner: str, options: dict[str, Any], says: str) -> None:
    config = Config.model_validate({"annotate": {"captioner": captioner, "options": options}})
    with pytest.raises(StickerworksError, match=says):
        caption_settings(config)


def test_a_strangers_workspace_names_neither_server(tmp_path: Path) -> None:
    text = {"base_url": "https://elsewhere.example/v1", "model": "b"}
    config = Config.model_validate({"annotate": {"options": {"model": "a", "text": text}}})
    keys = dict(leaves(config.model_dump(mode="json", include={"annotate"})))
    assert not may_be_kept("annotate.options.text.base_url", keys["annotate.options.text.base_url"])


@pytest.mark.parametrize("which", ["options", "options.text"])
def test_a_remedy_names_the_endpoint_that_it_is_about(
    shelf: Any, serve: Any, asking: Any, which: str
) -> None:
    pictures, texts = serve(), serve(models=["text-lm"])
    about = which == "options.text"
    other = {"base_url": texts.url, "model": "gone" if about else "text-lm"}
    shelf.fill(1)
    mine = {"text": other} if about else {"text": other, "model": "gone"}
    with pytest.raises(StickerworksError, match="called 'gone'") as caught:
        shelf.caption(asking(pictures, mine, prompts=["vsd2m"]))
    assert f"set annotate.{which}.model." in caught.value.remedy
