"""Tasks: what they show, what they suggest, and that no text of a stranger becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from label_studio_sdk.label_interface import LabelInterface

from annotation.human.studio.interface import labelling_config
from annotation.human.studio.payload import (
    AnonymousVote,
    Shown,
    adjudication_task,
    labelling_task,
    screening_task,
)
from schemas.questions import SHIPPED, QuestionConfig

ID = "ab" + "0" * 62
TAGS = ("开心", "cat", "a / b", "<b>", "q\"'&amp;", "$html")
SHOWN = Shown(
    id=ID,
    path=f"stickers/ab/{ID}.gif",
    frames=(f"frames/ab/{ID}-0.jpeg", f"frames/ab/{ID}-1.jpeg"),
    keywords=("happy cat", "开心"),
    batch="b001",
    ocr="哈哈",
    ocr_score=0.71,
    domain="cartoon",
    domain_probability=0.93,
    tags=("开心", "cat"),
    caption="A cat jumps.",
    model="stickerworks",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</span></label><iframe src=javascript:alert(1)>",
    "&lt;script&gt;",
    "\x00\x1b[31m\ud800\u202e",
    "笑死 👨\u200d👩\u200d👧",
)
texts = st.text(max_size=60) | st.sampled_from(HOSTILE)
OURS = {"span", "img", "video", "label", "input", "p", "table", "tr", "td", "b", "i", "br", "tbody"}
ATTRIBUTES = {
    "class",
    "src",
    "alt",
    "style",
    "type",
    "autocomplete",
    "autoplay",
    "loop",
    "muted",
    "playsinline",
}


class Page(HTMLParser):
    """Elements, attributes and texts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@cache
def interface() -> Any:
    return LabelInterface(labelling_config(TAGS, 6))


def items(task: dict[str, Any]) -> dict[str, Any]:
    return {item["from_name"]: item for item in task["predictions"][0]["result"]}


def test_a_task_names_its_sticker_and_batch() -> None:
    task = labelling_task(SHOWN, blind=False, hints=True)
    data = task["data"]
    assert (data["sticker_id"], data["sha256"], data["batch"]) == (ID, ID, "b001")
    assert task["meta"] == {"batch": "b001"}


def test_it_shows_the_sticker_its_key_frames_and_its_keywords() -> None:
    page = Page(labelling_task(SHOWN, blind=False, hints=True)["data"]["html"])
    assert page.sources == [f"/data/local-files/?d={p}" for p in (SHOWN.path, *SHOWN.frames)]
    assert page.texts == ["happy cat", "开心"]


def test_a_still_has_no_strip_of_key_frames() -> None:
    still = replace(SHOWN, frames=SHOWN.frames[:1])
    assert len(Page(labelling_task(still, blind=False, hints=True)["data"]["html"]).sources) == 1


def test_a_video_plays_and_what_cannot_be_shown_says_so() -> None:
    video = replace(SHOWN, path="stickers/ab/x.webm")
    assert "video" in Page(labelling_task(video, blind=True, hints=False)["data"]["html"]).elements
    nothing = replace(SHOWN, path="", frames=())
    page = Page(labelling_task(nothing, blind=True, hints=False)["data"]["html"])
    assert page.sources == []
    assert "skip" in "".join(page.texts)


def test_blind_tasks_hold_neither_suggestions_nor_hints() -> None:
    task = labelling_task(SHOWN, blind=True, hints=True)
    assert "predictions" not in task
    for said in ("happy cat", "开心", "jumps", "哈哈", "cartoon"):
        assert said not in json.dumps(task, ensure_ascii=False)


def test_without_hints_only_the_keywords_are_missing() -> None:
    task = labelling_task(SHOWN, blind=False, hints=False)
    assert Page(task["data"]["html"]).texts == []
    assert task["predictions"] == labelling_task(SHOWN, blind=False, hints=True)["predictions"]


def test_suggestions_are_what_the_server_checks_them_to_be() -> None:
    (prediction,) = labelling_task(SHOWN, blind=False, hints=True)["predictions"]
    assert interface().validate_prediction(prediction, return_errors=True) == []
    assert prediction["model_version"] == "stickerworks"
    assert prediction["score"] == 0.71
    found = items({"predictions": [prediction]})
    assert found["tags"]["value"] == {"taxonomy": [["开心"], ["cat"]]}
    assert found["domain"]["value"] == {"choices": ["cartoon"]}
    assert found["caption"]["value"] == {"text": ["A cat jumps."]}
    assert found["ocr"]["value"] == {"text": ["哈哈"]}
    assert {name: item.get("score") for name, item in found.items()} == {
        "tags": None,
        "domain": 0.93,
        "caption": None,
        "ocr": 0.71,
    }
    assert {item["to_name"] for item in found.values()} == {"sticker"}
    assert len({item["id"] for item in found.values()}) == len(found)


@pytest.mark.parametrize(
    ("missing", "value"), [("tags", ()), ("domain", None), ("caption", ""), ("ocr", " \x00 ")]
)
def test_what_the_machine_does_not_know_is_no_item(missing: str, value: Any) -> None:
    task = labelling_task(replace(SHOWN, **{missing: value}), blind=False, hints=True)
    assert set(items(task)) == {"tags", "domain", "caption", "ocr"} - {missing}


def test_a_machine_that_knows_nothing_makes_no_prediction() -> None:
    silent = replace(SHOWN, tags=(), domain=None, caption=None, ocr=None)
    assert "predictions" not in labelling_task(silent, blind=False, hints=True)


def test_lines_of_read_text_stay_lines() -> None:
    task = labelling_task(replace(SHOWN, ocr="one\ntwo\x07"), blind=False, hints=True)
    assert items(task)["ocr"]["value"] == {"text": ["one\ntwo"]}


def test_votes_stand_as_letters_in_the_given_order() -> None:
    votes = [
        AnonymousVote(("开心", "cat"), "cartoon", "jumps", skipped=False),
        AnonymousVote((), None, None, skipped=True),
        AnonymousVote((), "real", None, skipped=False),
    ]
    page = Page(adjudication_task(SHOWN, votes)["data"]["votes"])
    assert page.texts == [
        *("A", "开心, cat", "cartoon", "jumps"),
        *("B", "skipped"),
        *("C", "no tag", "real"),
    ]


def test_screening_says_its_score_and_blurs_all_pictures_when_asked() -> None:
    clear = screening_task(SHOWN, score=None, blurred=False)["data"]["html"]
    assert "blur" not in clear
    assert "score" not in clear
    blurred = screening_task(SHOWN, score=0.831, blurred=True)["data"]["html"]
    assert blurred.count("filter:blur") == blurred.count("<img") == 3
    assert "0.83" in blurred


def every_task(shown: Shown, vote: AnonymousVote) -> list[dict[str, Any]]:
    return [
        labelling_task(shown, blind=False, hints=True),
        adjudication_task(shown, [vote, vote, vote]),
        screening_task(shown, score=0.9, blurred=True),
    ]


@given(texts, texts, texts, st.lists(texts, max_size=4))
@example(HOSTILE[0], HOSTILE[1], HOSTILE[5], list(HOSTILE))
def test_no_text_of_a_stranger_becomes_markup(
    caption: str, ocr: str, tag: str, keywords: list[str]
) -> None:
    shown = replace(SHOWN, caption=caption, ocr=ocr, keywords=tuple(keywords))
    vote = AnonymousVote((tag,), caption, ocr, skipped=False)
    for task in every_task(shown, vote):
        for html in (task["data"]["html"], task["data"].get("votes", "")):
            page = Page(html)
            assert set(page.elements) <= OURS
            assert page.attributes <= ATTRIBUTES
            assert all(source.startswith("/data/local-files/?d=") for source in page.sources)


@given(texts, texts, st.lists(st.sampled_from(TAGS), unique=True, max_size=6))
@example(HOSTILE[5], HOSTILE[6], list(TAGS))
def test_any_text_makes_a_task_and_a_prediction_that_the_server_takes(
    caption: str, ocr: str, tags: list[str]
) -> None:
    shown = replace(SHOWN, caption=caption, ocr=ocr, tags=tuple(tags), keywords=(caption, ocr))
    task = labelling_task(shown, blind=False, hints=True)
    held = json.dumps(task, ensure_ascii=False).encode()  # a lone surrogate would raise here
    assert b"\\u00" not in held
    assert interface().validate_prediction(task["predictions"][0], return_errors=True) == []


@given(texts)
def test_hints_are_short_and_of_one_line(keyword: str) -> None:
    html = labelling_task(
        replace(SHOWN, keywords=(keyword * 20,), frames=()), blind=False, hints=True
    )["data"]["html"]
    words = "".join(Page(html).texts)
    assert len(words) <= 300
    assert "\n" not in words


def test_families_of_emoji_stay_together() -> None:
    family = "👨\u200d👩\u200d👧"
    task = labelling_task(replace(SHOWN, keywords=(family,)), blind=False, hints=True)
    assert family in task["data"]["html"]


LISTED = QuestionConfig(name="place", options=tuple(f"place {n}" for n in range(30)))
QUESTIONS = (SHIPPED["emotion"], SHIPPED["style"], LISTED)


def test_a_machines_answers_are_filled_in_where_they_are_asked_for_and_offered() -> None:
    answers = {"emotion": "sadness", "style": "no such style", "place": "place 3", "other": "x"}
    shown = replace(SHOWN, answers=answers)
    task = labelling_task(shown, blind=False, hints=True, questions=QUESTIONS)
    found = items(task)
    assert found["emotion"]["value"] == {"choices": ["sadness"]}
    assert found["place"]["value"] == {"taxonomy": [["place 3"]]}
    assert not {"style", "other"} & set(found)
    config = LabelInterface(labelling_config(TAGS, 6, QUESTIONS))
    assert not config.validate_prediction(task["predictions"][0], return_errors=True)
    assert "emotion" not in items(labelling_task(shown, blind=False, hints=True))
    blind = labelling_task(shown, blind=True, hints=True, questions=QUESTIONS)
    assert "predictions" not in blind


@given(texts, texts)
def test_answers_stand_side_by_side_and_are_text(value: str, other: str) -> None:
    vote = {"tags": ["开心"], "domain": "real", "caption": None, "skipped": False}
    votes = [
        AnonymousVote.of({**vote, "answers": [{"question": "emotion", "values": ["fear", value]}]}),
        AnonymousVote.of({**vote, "answers": [{"question": "place", "values": [other]}]}),
        AnonymousVote.of({**vote, "answers": None}),
    ]
    page = Page(adjudication_task(SHOWN, votes, QUESTIONS, "zh")["data"]["votes"])
    assert set(page.elements) <= OURS
    assert page.attributes <= ATTRIBUTES
    assert any("害怕" in text for text in page.texts)
    assert "真实" in page.texts
    assert page.elements.count("table") == 2


def test_screens_speak_chinese() -> None:
    shown = replace(SHOWN, path="")
    task = screening_task(shown, score=0.5, blurred=True, language="zh")
    said = " ".join(Page(task["data"]["html"]).texts)
    assert "请跳过" in said
    assert "安全分数 0.50" in said
    assert "Click" not in said
