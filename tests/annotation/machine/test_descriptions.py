"""Which of several texts a sticker's description is."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from annotation.machine import descriptions
from annotation.machine.descriptions import DESCRIPTIONS, Preference
from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from schemas.tables import CAPTIONS, DESCRIPTION_FIELDS, TEXT_CHECKS

NOW = Preference((), frozenset(), "openai", "now", "r1")


def choose(rows: list[dict[str, Any]], preference: Preference) -> dict[str, Any]:
    """The row of one sticker of three, of which the others have nothing."""
    captions = pa.Table.from_pylist([{"id": "b", **row} for row in rows], schema=CAPTIONS.schema)
    ids = pa.chunked_array([["a", "b", "c"]])
    before, row, after = descriptions.choose(captions, ids, preference).to_pylist()
    for name, other in (("a", before), ("c", after)):
        assert {k: v for k, v in other.items() if v} == {"id": name}
    assert row.pop("id") == "b"
    return dict(row)


def said(field: str, text: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "captioner": "openai",
        "model": "now",
        "revision": "r1",
        "prompt": "vsd2m/1",
        "field": field,
        "language": "en",
        "text": text,
        "flags": [],
        "error": None,
        "asked_at": "2026-01-01T00:00:00.000+00:00",
    }
    return row | more


def preferring(*names: str, accept: tuple[str, ...] = ()) -> Preference:
    return Preference(names, frozenset(accept), "openai", "now", "r1")


OLD = {"model": "old", "revision": None}
TEMPLATE = {
    "captioner": "template",
    "model": None,
    "revision": None,
    "prompt": "template/1",
    "asked_at": None,
}


def test_nothing_said_is_a_row_of_nothing() -> None:
    row = choose([], NOW)
    assert [name for name, _ in DESCRIPTION_FIELDS] == list(row)[: len(DESCRIPTION_FIELDS)]
    assert row.pop("written_by") == []
    assert set(row.values()) == {None}


def test_what_is_configured_now_comes_before_what_is_newer() -> None:
    rows = [said("style", "old", **OLD, asked_at="2026-09"), said("style", "now")]
    for order in (rows, rows[::-1]):
        assert choose(order, NOW)["style"] == "now"


@pytest.mark.parametrize("name", ["old", "old@r0"])
def test_what_is_preferred_comes_before_what_is_configured_now(name: str) -> None:
    rows = [said("style", "now"), said("style", "old", model="old", revision="r0")]
    assert choose(rows, preferring(name))["style"] == "old"
    assert choose(rows, preferring("now", name))["style"] == "now"
    assert choose(rows, preferring("someone", name))["style"] == "old"


def test_a_captioner_may_be_preferred() -> None:
    rows = [said("style", "now"), said("style", "here", captioner="transformers", model="m")]
    assert choose(rows, preferring("transformers"))["style"] == "here"


def test_another_revision_is_not_what_is_configured_now() -> None:
    rows = [said("style", "r0", revision="r0", asked_at="2026-09"), said("style", "r1")]
    assert choose(rows, NOW)["style"] == "r1"


def test_the_newest_of_equals_is_taken() -> None:
    rows = [
        said("style", text, prompt=f"stickertag/{n}", asked_at=f"2026-0{n}")
        for n, text in ((1, "first"), (3, "last"), (2, "second"))
    ]
    assert choose(rows, NOW)["style"] == "last"


def test_the_template_is_the_caption_of_last_resort_and_no_description() -> None:
    template = said("description", "A sticker.", **TEMPLATE)
    row = choose([template], NOW)
    assert (row["caption_en"], row["description_en"], row["captioner"]) == (
        "A sticker.",
        None,
        "template",
    )
    row = choose([template, said("caption", "A cat waves.", **OLD)], NOW)
    assert (row["caption_en"], row["captioner"]) == ("A cat waves.", "openai")
    row = choose([template, said("description", "A cat.", prompt="sticker820k/1")], NOW)
    assert (row["caption_en"], row["description_en"]) == ("A cat.", "A cat.")


def test_vsd2m_comes_before_sticker820k() -> None:
    rows = [
        said("description", "short", prompt="sticker820k/1"),
        said("description", "long"),
        said("caption", "summary"),
    ]
    row = choose(rows, NOW)
    assert (row["description_en"], row["caption_en"]) == ("long", "summary")


def test_languages_have_columns_of_their_own() -> None:
    row = choose([said("caption", "A cat."), said("caption", "猫。", language="zh")], NOW)
    assert (row["caption_en"], row["caption_zh"]) == ("A cat.", "猫。")
    assert choose([said("caption", "猫。", language="zh")], NOW)["caption_en"] is None


def test_who_is_preferred_matters_more_than_the_language_of_a_class() -> None:
    rows = [
        said("emotion", "fear", **OLD, prompt="sticker820k/1"),
        said("emotion", "anger", language="zh", prompt="sticker820k/1"),
    ]
    assert choose(rows, NOW)["emotion"] == "anger"
    assert choose(rows, preferring("old"))["emotion"] == "fear"


def test_flagged_texts_count_only_when_their_flags_are_accepted() -> None:
    flagged = said("style", "flagged", flags=["unread_quote", "cut_off"])
    older = said("style", "older", **OLD)
    assert choose([flagged], NOW)["style"] is None
    assert choose([flagged, older], NOW)["style"] == "older"
    assert choose([flagged, older], preferring(accept=("unread_quote",)))["style"] == "older"
    accepted = preferring(accept=("unread_quote", "cut_off"))
    assert choose([flagged, older], accepted)["style"] == "flagged"


def test_failures_are_no_texts_and_nothing_written_is_one() -> None:
    assert choose([said("content", None, error="given up")], NOW)["content"] is None
    row = choose([said("content", "", prompt="stickertag/1")], NOW)
    assert row["content"] == ""
    assert row["written_by"] == ["now@r1 stickertag/1"]


def test_all_who_wrote_are_named_once() -> None:
    rows = [
        said("caption", "A cat."),
        said("description", "A cat, waving."),
        said("style", "flat", prompt="stickertag/1"),
        said("intention", "hi", **OLD, prompt="mghft/1"),
        said("description", "A sticker.", **TEMPLATE),
    ]
    assert choose(rows, NOW)["written_by"] == [
        "now@r1 vsd2m/1",
        "now@r1 stickertag/1",
        "old mghft/1",
    ]
    assert choose(rows[-1:], NOW)["written_by"] == ["template/1"]


def test_the_preference_is_part_of_what_decides_the_table() -> None:
    options = {"model": "m", "revision": "r"}
    config = Config.model_validate(
        {
            "annotate": {
                "captioner": "openai",
                "options": options,
                "prefer": ["b"],
                "accept_flags": ["y", "x", "y"],
            }
        }
    )
    assert DESCRIPTIONS.settings(config) == {
        "prefer": ["b"],
        "accept": ["trimmed", "x", "y"],
        "captioner": "openai",
        "model": "m",
        "revision": "r",
    }
    assert DESCRIPTIONS.settings(Config())["model"] is None
    with pytest.raises(StickerworksError, match="captioner"):
        DESCRIPTIONS.settings(Config.model_validate({"annotate": {"captioner": "none"}}))


def checked(rows: list[dict[str, Any]], *checks: dict[str, Any]) -> dict[str, Any]:
    """The row of a sticker whose texts people looked at, in the order of their checks."""
    told = [
        {"id": "b", "number": n, "field": "caption", "language": "en", "verdict": "right", **check}
        for n, check in enumerate(checks)
    ]
    captions = pa.Table.from_pylist([{"id": "b", **row} for row in rows], schema=CAPTIONS.schema)
    table = pa.Table.from_pylist(told, schema=TEXT_CHECKS.schema)
    (row,) = descriptions.choose(captions, pa.chunked_array([["b"]]), NOW, table).to_pylist()
    return dict(row)


def test_what_people_corrected_comes_first_and_is_theirs() -> None:
    rows = [said("caption", "now"), said("caption", "old", **OLD), said("style", "flat")]
    row = checked(rows, {"original": "old", "verdict": "corrected", "corrected": "by hand"})
    assert (row["caption_en"], row["captioner"]) == ("by hand", "people")
    assert row["written_by"] == ["people", "now@r1 vsd2m/1"]


def test_what_is_right_comes_before_others_and_keeps_its_writer() -> None:
    rows = [said("caption", "now"), said("caption", "old", flags=["cut_off"], **OLD)]
    row = checked(rows, {"original": "old"})
    assert (row["caption_en"], row["written_by"]) == ("old", ["old vsd2m/1"])


def test_what_is_wrong_is_never_taken() -> None:
    rows = [said("caption", "now"), said("caption", "now", **OLD)]
    assert checked(rows, {"original": "now", "verdict": "wrong"})["caption_en"] is None


def test_the_last_check_of_a_text_counts_and_one_of_another_text_says_nothing() -> None:
    one = {"original": "now", "verdict": "wrong"}
    other = {"original": "now", "verdict": "corrected", "corrected": "then"}
    gone = {"original": "said before", "verdict": "corrected", "corrected": "x"}
    elsewhere = {"original": "now", "language": "zh", "verdict": "wrong"}
    assert checked([said("caption", "now")], one, other, gone, elsewhere)["caption_en"] == "then"
