"""Texts on stickers: each different one once, without watermarks, and how well it was read."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.suggesting.sticker_texts import StickerTexts, texts_of
from schemas.tables import OCR


def ocr(*rows: tuple[str, str | None, list[float | None] | None]) -> pa.Table:
    def row(id_: str, text: str | None, scores: list[float | None] | None) -> dict[str, Any]:
        lines = None if scores is None else [{"text": "x", "score": score} for score in scores]
        return {"id": id_, "text": text, "lines": lines}

    return pa.Table.from_pylist([row(*one) for one in rows], schema=OCR.schema)


def said(found: StickerTexts) -> dict[int, str]:
    return {
        int(sticker): found.texts[place]
        for sticker, place in zip(found.stickers, found.places, strict=True)
    }


def test_a_text_is_looked_at_once_and_dropped_stickers_never() -> None:
    table = ocr(("a", "开心", [1.0]), ("b", "哭", [1.0]), ("c", "开心", [1.0]), ("d", None, None))
    found = texts_of(table, pa.array(["a", None, "c", "d"]))
    assert found.texts.count("开心") == 1
    assert said(found) == {0: "开心", 2: "开心"}


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("打\n工 人", "打工人"),
        ("good\nmorning", "good morning"),
        ("＠某某 晚安\n@表情娘", "晚安"),
        ("ＯＫ", "OK"),
    ],
)
def test_lines_that_break_words_are_joined(read: str, text: str) -> None:
    assert said(texts_of(ocr(("a", read, [1.0])), pa.array(["a"]))) == {0: text}


@pytest.mark.parametrize("read", ["", " \n", "123", "@表情娘", "😀", "\x00\x07"])
def test_what_says_nothing_is_left_out(read: str) -> None:
    found = texts_of(ocr(("a", read, [1.0]), ("b", "晚安", [1.0])), pa.array(["a", "b"]))
    assert said(found) == {1: "晚安"}


def test_scores_are_the_mean_of_the_lines() -> None:
    table = ocr(
        ("a", "晚安", [0.5, 1.0]), ("b", "早", []), ("c", "好", [None]), ("d", "hi", [7.0, 1.0])
    )
    assert texts_of(table, pa.array(["a", "b", "c", "d"])).scores.tolist() == [0.75, 1, 1, 1]


def test_no_table_and_no_texts_are_nothing() -> None:
    for table in (OCR.schema.empty_table(), ocr(("a", None, None))):
        found = texts_of(table, pa.array(["a"]))
        assert (found.texts, len(found.stickers), len(found.scores)) == ((), 0, 0)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=8))
def test_any_text_keeps_its_sticker(texts: list[str | None]) -> None:
    texts = [text and text.encode("utf-8", "replace").decode() for text in texts]
    ids = [str(place) for place in range(len(texts))]
    rows = [(id_, text, [0.9]) for id_, text in zip(ids, texts, strict=True)]
    found = said(texts_of(ocr(*rows), pa.array(ids, pa.string())))
    for place, text in found.items():
        alone = said(texts_of(ocr(("x", texts[place], [0.9])), pa.array(["x"])))
        assert alone == {0: text}
