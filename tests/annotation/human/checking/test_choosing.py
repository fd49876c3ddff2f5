"""Which machine texts are asked about, and that nothing tells who wrote them."""

from __future__ import annotations

from typing import Any

from table_rows import put

from annotation.human.checking.choosing import SideBySide, WantedTexts, choose_texts
from pipeline.engine.workspace import Workspace

ONE, THREE = "1" * 64, "3" * 64


def asked(workspace: Workspace, **wanted: Any) -> list[SideBySide]:
    return choose_texts(workspace, WantedTexts(**wanted), "w")


def keys(groups: list[SideBySide]) -> list[tuple[str, str, str]]:
    return [(one.id[0], one.field, one.language) for one in groups]


def test_texts_of_kept_stickers_stand_side_by_side_equal_ones_once(captioned: Workspace) -> None:
    groups = asked(captioned)
    assert keys(groups) == [("1", "caption", "en"), ("1", "caption", "zh"), ("3", "caption", "en")]
    assert sorted(text.text[:8] for text in groups[0].texts) == ["</script", "A cat wa"]
    assert ("ocr", "HI") in groups[0].beside


def test_a_field_a_language_flags_and_a_number_narrow_it(captioned: Workspace) -> None:
    assert keys(asked(captioned, language="zh")) == [("1", "caption", "zh")]
    assert keys(asked(captioned, field="emotion")) == []
    assert keys(asked(captioned, flagged=True)) == [("1", "caption", "en")]
    assert {one.id for one in asked(captioned, stickers=1)} == {ONE}


def test_what_was_checked_is_left_out_unless_asked_for(captioned: Workspace) -> None:
    texts = [text.text for text in asked(captioned)[0].texts]
    rows = [
        {"id": ONE, "number": n, "field": "caption", "language": "en", "original": text,
         "verdict": "right", "who": "lea", "at": "now"}
        for n, text in enumerate(texts)
    ]  # fmt: skip
    put(captioned, "text_checks", rows)
    assert keys(asked(captioned)) == [("1", "caption", "zh"), ("3", "caption", "en")]
    put(
        captioned,
        "text_checks",
        [*rows, {**rows[0], "number": 9, "original": "猫", "language": "zh"}],
    )
    assert {one.id for one in asked(captioned, stickers=1)} == {THREE}
    assert len(asked(captioned, checked=True, stickers=None)) == 3


def test_the_order_is_the_same_again_and_not_the_models(captioned: Workspace) -> None:
    assert asked(captioned) == asked(captioned)
    orders = {
        tuple(text.text for text in choose_texts(captioned, WantedTexts(), str(seed))[0].texts)
        for seed in range(12)
    }
    assert len(orders) == 2
