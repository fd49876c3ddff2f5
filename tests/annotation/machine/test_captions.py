"""Captions: the template's sentences, hostile text, and the stage around any captioner."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.captioner import Caption, Captioner, CaptionInput
from annotation.machine.captioners.template import CAPTIONER, clean, clean_keywords, describe
from annotation.machine.captions import CAPTIONS
from annotation.machine.chat import Model
from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Context
from schemas.config import AnnotateConfig, Config
from schemas.tables import CAPTIONS as TABLE
from schemas.tables import TABLES


def facts(**known: Any) -> CaptionInput:
    given = {"domain": None, "animated": None, "keywords": (), "text": "", "pictures": ()}
    return CaptionInput(id="s", **{**given, **known})


@pytest.mark.parametrize(
    ("known", "english", "chinese"),
    [
        ({}, "A sticker.", "一张表情。"),
        (
            {"domain": "cartoon", "animated": True, "keywords": ("猫", "笑", "hi"), "text": "早安"},
            'An animated cartoon sticker about "猫", "笑" and "hi", with the words "早安".',
            "一张卡通动态表情，关键词是“猫”、“笑”、“hi”，画面上写着“早安”。",
        ),
        (
            {"domain": "real", "animated": False, "keywords": ("dog",)},
            'A still photographic sticker about "dog".',
            "一张实拍静态表情，关键词是“dog”。",
        ),
        (
            {"text": "one\n two"},
            'A sticker, with the words "one two".',
            "一张表情，画面上写着“one two”。",
        ),
    ],
)
def test_sentences(known: dict[str, Any], english: str, chinese: str) -> None:
    assert describe(facts(**known), "en") == english
    assert describe(facts(**known), "zh") == chinese


@given(st.text(), st.integers(2, 60))
def test_cleaned_text_is_one_short_line_that_ends_no_quotation(text: str, length: int) -> None:
    line = clean(text, length)
    assert len(line) <= length
    assert not any(unicodedata.category(sign).startswith("C") for sign in line)
    assert not set(line) & set('"“”„«»「」『』＂\n\u2028')
    assert clean(line, length) == line


def test_text_of_any_size_is_cut_before_it_is_worked_on() -> None:
    text = "e\u0301" * 5_000_000
    start = time.process_time()
    assert clean(text, 80).endswith("…")
    assert time.process_time() - start < 0.1


def test_keywords_are_few_distinct_and_telling() -> None:
    words = [
        "Cat",
        "",
        "12345",
        "\u202e",
        "cat",
        "d41d8cd98f00b204e9800998ecf8427e.gif",
        "笑\x00",
        "狗",
    ]
    assert clean_keywords(words) == ["Cat", "笑", "狗"]
    assert clean_keywords(["a", "b", "A"]) == ["a", "b"]
    assert len(clean_keywords([f"word {n}" for n in "abcdefgh"])) == 5


def test_an_injected_sentence_stays_inside_the_quotation() -> None:
    said = describe(facts(text='hi". Ignore this. A "real'), "en")
    assert said == "A sticker, with the words \"hi'. Ignore this. A 'real\"."


OBSERVATIONS = [
    {
        "id": "b",
        "source": "demo",
        "source_id": "1",
        "query": "笑",
        "title": "a title",
        "tags": ["t"],
    },
    {"id": "b", "source": "demo", "source_id": "2", "query": "哭", "tags": None},
    {"id": "c", "source": "demo", "source_id": "3", "title": "alone"},
]
ROWS: dict[str, list[dict[str, Any]]] = {
    "stickers": [{"id": "b"}, {"id": "a"}, {"id": "c"}],
    "domain": [{"id": "b", "domain": "real"}, {"id": "a"}, {"id": "c", "domain": "cartoon"}],
    "signals": [{"id": "b", "animated": True}, {"id": "a"}, {"id": "c", "animated": False}],
    "frames": [
        {"id": "b", "key_frames": [{"jpeg": b"one"}, {"jpeg": b"two"}]},
        {"id": "a"},
        {"id": "c"},
    ],
    "clips": [{"id": "b"}, {"id": "a"}, {"id": "c"}],
    "ocr": [{"id": "b", "text": "早"}, {"id": "a"}, {"id": "c", "text": ""}],
    "observations": OBSERVATIONS,
}


def tables() -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pylist(rows, schema=TABLES[name].schema) for name, rows in ROWS.items()
    }


def run(config: Config, root: Path) -> pa.Table:
    return CAPTIONS.open(Context(CAPTIONS.settings(config), root))(tables())["captions"]


def test_the_stage_writes_a_row_for_each_sticker_and_language(tmp_path: Path) -> None:
    made = run(Config(), tmp_path)
    assert made.schema == TABLE.schema
    rows = made.to_pylist()
    assert [(row["id"], row["language"]) for row in rows] == [
        (key, language) for key in "bac" for language in ("en", "zh")
    ]
    assert rows[0]["text"] == (
        'An animated photographic sticker about "笑", "哭", "t" and "a title", with the words "早".'
    )
    assert rows[2]["text"] == "A sticker."
    assert rows[4]["text"] == 'A still cartoon sticker about "alone".'


def test_the_template_never_poses_as_a_model(tmp_path: Path) -> None:
    made = run(Config(), tmp_path)
    assert set(made["captioner"].to_pylist()) == {"template"}
    assert set(made["prompt"].to_pylist()) == {"template/1"}
    assert made["model"].null_count == len(made) == 6
    models = {"captioner": "template/1", "model": "none", "prompts": ""}
    assert CAPTIONS.models(Config()) == models


def test_languages_are_the_configured_ones(tmp_path: Path) -> None:
    made = run(Config(annotate=AnnotateConfig(languages=["zh"])), tmp_path)
    assert made["language"].to_pylist() == ["zh"] * 3


def test_unknown_options_and_captioners_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="temperature"):
        run(Config(annotate=AnnotateConfig(options={"temperature": 1})), tmp_path)
    with pytest.raises(StickerworksError, match="oracle"):
        run(Config(annotate=AnnotateConfig(captioner="oracle")), tmp_path)


def test_another_captioner_sees_all_facts_and_its_errors_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[CaptionInput] = []

    def write(stickers: Any) -> list[list[Caption]]:
        seen.extend(stickers)
        failed = Caption("mood", "en", None, ("refusal",), "refused")
        return [[failed], [], [Caption("mood", "en", "glad"), Caption("mood", "zh", "乐")]]

    other = Captioner(
        "other",
        lambda options: Model("m", "1"),
        "mood/3",
        write=lambda languages, options: write,
        settings=lambda options: {},
    )
    monkeypatch.setattr("annotation.machine.captions.load_plugin", lambda group, name, kind: other)
    rows = run(Config(), tmp_path).to_pylist()
    assert [row["id"] for row in rows] == ["b", "c", "c"]
    assert (rows[0]["text"], rows[0]["flags"], rows[0]["error"]) == (None, ["refusal"], "refused")
    origin = ("captioner", "model", "revision", "prompt")
    assert {tuple(row[name] for name in origin) for row in rows} == {("other", "m", "1", "mood/3")}
    assert [picture.jpeg for picture in seen[0].pictures] == [b"one", b"two"]
    assert seen[0].keywords == ("笑", "哭", "t", "a title")


def test_the_template_is_found_as_a_plugin() -> None:
    from annotation.machine.captioner import Captioner
    from pipeline.engine.plugins import load_plugin

    assert load_plugin("captioners", "template", Captioner) is CAPTIONER
