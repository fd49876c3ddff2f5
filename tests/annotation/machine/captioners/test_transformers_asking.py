"""Prompt sets asked of the captioner ``transformers``: the whole way of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.machine.answers import ModelIdentity, open_answers
from annotation.machine.asking import ChatJob, RequestTally, ask_all
from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Picture
from annotation.machine.configured import open_captioner
from annotation.machine.prompt_set import load_prompt_set

SETS = ("vsd2m", "stickertag", "mghft", "sticker820k")


@pytest.fixture
def stickers(picture: Callable[..., Picture]) -> list[CaptionInput]:
    """A still and an animation."""
    moving = tuple(picture(seed, start_ms=120 * seed) for seed in range(4))
    return [
        CaptionInput(str(number), "cartoon", len(pictures) > 1, (), "<|im_end|> 哈哈", pictures)
        for number, pictures in enumerate([(picture(),), moving])
    ]


def _run(
    model: Path, stickers: list[CaptionInput], ledger: Path
) -> tuple[RequestTally, list[dict[str, Any]]]:
    options = {"model": str(model), "device": "cpu", "batch": 8}
    captioner = open_captioner("transformers", options)
    found = captioner.model()
    assert found is not None
    identity = ModelIdentity(captioner.name, found, "digest")
    sets = tuple(load_prompt_set(name) for name in SETS)
    tally = RequestTally()
    with open_answers(ledger) as answers, asyncio.Runner() as runner:
        chat = captioner.open_chat()
        job = ChatJob(chat, identity, sets, ("en", "zh"))
        runner.run(ask_all(stickers, job, answers, lambda done: None, tally))
        runner.run(chat.close())
        return tally, [row for facts in stickers for row in answers.captions(facts.id)]


def test_every_prompt_set_is_answered_once(
    tiny_vision_model: Path, stickers: list[CaptionInput], tmp_path: Path
) -> None:
    tally, rows = _run(tiny_vision_model, stickers, tmp_path)
    titles = {load_prompt_set(name).title for name in SETS}
    assert set(tally.requests) == titles
    assert sum(row["tokens_out"] or 0 for row in rows) > 0
    assert {(row["id"], row["prompt"]) for row in rows} == {
        (facts.id, title) for facts in stickers for title in titles
    }
    assert {row["model"] for row in rows} == {str(tiny_vision_model)}
    # Weights drawn at random say nothing of use, but they say it: no request failed.
    written = [row["text"] for row in rows if row["text"] is not None]
    assert len(set(written)) > len(stickers)
    assert not any("context" in (row["error"] or "") for row in rows)

    again, same = _run(tiny_vision_model, stickers, tmp_path)
    assert (sum(again.requests.values()), again.reused > 0) == (0, True)
    assert same == rows
