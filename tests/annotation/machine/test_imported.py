"""Texts of data sets among descriptions: behind what models say, before the template."""

from __future__ import annotations

from typing import Any

from table_rows import MemoryReader

from annotation.machine.descriptions import DESCRIPTIONS

SETTINGS = {"prefer": [], "accept": [], "captioner": "openai", "model": "m", "revision": None}


def caption(field: str, text: str, **more: Any) -> dict[str, Any]:
    row = {"id": "a", "captioner": "openai", "model": "m", "prompt": "vsd2m/1", "field": field,
           "language": "en", "text": text, "flags": [], "asked_at": "2026"}  # fmt: skip
    return row | more


def template(text: str, language: str) -> dict[str, Any]:
    more = {"captioner": "template", "model": None, "prompt": "template/1", "language": language}
    return caption("description", text, **more, asked_at=None)


def described(captions: list[dict[str, Any]], **said: Any) -> dict[str, Any]:
    """What is not empty in the row of the sticker ``a``, of which a data set ``said`` so."""
    imported = [{"id": "a", "dataset": "set", "name": "n", **said}] if said else []
    reader = MemoryReader(stickers=[{"id": "a"}], captions=captions, imported=imported)
    ((_, _, rows),) = DESCRIPTIONS.run(reader, SETTINGS)
    (row,) = rows.to_pylist()
    assert row.pop("id") == "a"
    return {name: value for name, value in row.items() if value}


def test_texts_of_a_data_set_are_taken_where_no_model_says_any() -> None:
    found = described([], caption_zh="猫", description_en="a cat", emotion="joy", intention="hi")
    assert found == {
        "caption_zh": "猫", "description_en": "a cat", "emotion": "joy", "intention": "hi",
        "captioner": "imported", "written_by": ["imported set"],
    }  # fmt: skip


def test_what_a_model_says_comes_first() -> None:
    said = {"caption_en": "theirs", "caption_zh": "猫", "style": "soft"}
    found = described([caption("caption", "ours"), caption("style", "bold")], **said)
    assert (found["caption_en"], found["caption_zh"], found["style"]) == ("ours", "猫", "bold")
    assert found["captioner"] == "openai"


def test_a_failed_answer_gives_way_to_it() -> None:
    refused = caption("caption", "no", flags=["refusal"])
    assert described([refused], caption_en="theirs")["caption_en"] == "theirs"


def test_the_template_is_silent_beside_a_caption_of_a_data_set() -> None:
    written = [template('about "joy"', "en"), template("关键词", "zh")]
    found = described(written, caption_zh="猫")
    assert (found["caption_zh"], "caption_en" in found) == ("猫", False)
    assert (found["captioner"], found["written_by"]) == ("imported", ["imported set"])
    found = described(written, emotion="joy")
    assert (found["caption_en"], found["captioner"]) == ('about "joy"', "template")


def test_text_on_the_sticker_stands_for_content() -> None:
    assert described([], ocr_text="哈")["content"] == "哈"
    assert described([], ocr_text="哈", content="ha")["content"] == "ha"
    assert described([caption("content", "read")], ocr_text="哈")["content"] == "read"
