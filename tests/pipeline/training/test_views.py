"""Views: each from the best column that has it, and never from a caption that quotes the answer."""

from __future__ import annotations

from pipeline.training.views import COLUMNS, describe_views, view_texts

VIEWS = ("intention", "style", "main role", "character details")


def test_a_view_comes_from_its_own_column_or_the_next_best() -> None:
    own = {name: f"the {name}" for name in ("intention", "style", "main_role", "character_details")}
    rows = [own, {"caption_en": "a cat waves", "domain": "cartoon", "ocr_text": "hi"}, {}]
    assert view_texts(rows, VIEWS) == [
        ["the intention", "the style", "the main_role", "the character_details"],
        ["a cat waves", "cartoon", "a cat waves", "hi"],
        ["", "", "", ""],
    ]


def test_no_view_tells_the_emotion_that_is_to_be_learnt() -> None:
    row = {"emotion": "anger", "attributes": "anger", "caption_en": "a cat", "domain": "cartoon"}
    told = view_texts([row, {"emotion": "anger"}], tuple(COLUMNS))
    assert not any("anger" in text for texts in told for text in texts)
    assert told[0][list(COLUMNS).index("intention")] == "a cat"


def test_the_templates_captions_are_not_read() -> None:
    row = {"caption_en": 'A sticker about "laugh".', "captioner": "template", "ocr_text": "哈"}
    assert view_texts([row], ("action", "content")) == [["", "哈"]]
    assert view_texts([{**row, "captioner": "openai"}], ("action",)) == [[row["caption_en"]]]


def test_what_is_missing_is_said() -> None:
    rows = [{"style": "pixel art"}, {"domain": "real"}, {}]
    assert describe_views(rows, ("style",)) == [
        "view style: 1 of 3 rows have it, 1 get another column instead, 1 nothing"
    ]
    assert describe_views([{"style": "x"}], ("style",)) == []


def test_every_view_of_the_papers_is_known() -> None:
    assert set(VIEWS) | {"content", "style", "role", "action"} <= set(COLUMNS)
