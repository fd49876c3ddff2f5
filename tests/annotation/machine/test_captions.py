"""Captions: the template's sentences, hostile text, and the stage around any captioner."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.captioner import Captioner, CaptionInput
from annotation.machine.captioners.template import CAPTIONER, clean, clean_keywords, describe
from annotation.machine.captions import CAPTIONS, check_captioner
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.plugins import PluginError, PluginRowError, load_plugin
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


STRANGER = """
import json
from pathlib import Path
from annotation.machine.chat import Model
from stickerworks.plugins import Caption, Captioner, Options

class Note(Options):
    seen: str

def write(languages, options):
    def captions(stickers):
        Path(options.seen).write_text(json.dumps([
            {"keywords": one.keywords, "pictures": [p.jpeg.decode() for p in one.pictures]}
            for one in stickers
        ]))
        failed = Caption("emotion", "en", None, ("refusal",), "refused")
        return [[failed], [], [Caption("emotion", "en", "glad"), Caption("emotion", "zh", "乐")]]
    return captions

OTHER = Captioner("other", "mood/3", write, model=lambda options: Model("m", "1"), options=Note)

def giving(name, *captions, more=0):
    def write(languages, options):
        return lambda stickers: [list(captions)] * (len(stickers) + more)
    return Captioner(name, f"{name}/1", write)

def raising(languages, options):
    def captions(stickers):
        if len(stickers) > 1 or stickers[0].id == "b":
            raise KeyError("no such sticker")
        return [[Caption("caption", "en", "fine")]]
    return captions

def closed(languages, options):
    raise OSError("no such file: weights")

FIELD = giving("field", Caption("captoin", "en", "a cat"))
LANGUAGE = giving("language", Caption("caption", "fr", "un chat"))
FEW = giving("few", Caption("caption", "en", "a cat"), more=-1)
TEXTS = giving("texts", "a cat")
EMPTY = giving("empty", Caption("caption", "en", None))
RAISING = Captioner("raising", "raising/1", raising)
CLOSED = Captioner("closed", "closed/1", closed)
NEITHER = Captioner("neither")
"""
FAULTS = {
    "field": r"wrote the field 'captoin', which is none of ours \(did you mean caption\?\)",
    "language": r"wrote in 'fr'; annotate\.languages asks for en, zh",
    "few": "gave captions of 2 stickers for 3",
    "texts": "gave a str, which is no Caption",
    "empty": "gave caption neither a text nor an error",
    "closed": "failed as it was opened: OSError: no such file: weights",
    "neither": "neither writes nor is asked",
}


def by(captioner: str, **options: str) -> Config:
    return Config.model_validate({"annotate": {"captioner": captioner, "options": options}})


@pytest.fixture
def strangers(stranger: Callable[..., None]) -> None:
    names = ("other", "raising", *FAULTS)
    stranger("captioners", STRANGER, {name: name.upper() for name in names})


@pytest.mark.usefixtures("strangers")
def test_another_captioner_sees_all_facts_and_its_errors_are_kept(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    rows = run(by("other", seen=str(seen)), tmp_path).to_pylist()
    assert [row["id"] for row in rows] == ["b", "c", "c"]
    assert (rows[0]["text"], rows[0]["flags"], rows[0]["error"]) == (None, ["refusal"], "refused")
    origin = ("captioner", "model", "revision", "prompt")
    assert {tuple(row[name] for name in origin) for row in rows} == {("other", "m", "1", "mood/3")}
    first = json.loads(seen.read_text())[0]
    assert first == {"keywords": ["笑", "哭", "t", "a title"], "pictures": ["one", "two"]}


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize("name", FAULTS)
def test_what_nobody_could_use_is_told_as_the_captioners_fault(tmp_path: Path, name: str) -> None:
    told = f"The captioner {name!r} of strange 1.0 {FAULTS[name]}"
    with pytest.raises(PluginError, match=told):
        run(by(name), tmp_path)


@pytest.mark.usefixtures("strangers")
def test_what_is_raised_about_one_sticker_is_for_the_quarantine(tmp_path: Path) -> None:
    with pytest.raises(PluginRowError, match="'raising' of strange 1.0 raised KeyError: 'no such"):
        run(by("raising"), tmp_path)


@pytest.mark.usefixtures("strangers")
def test_a_typo_of_an_option_is_told_with_the_right_name() -> None:
    with pytest.raises(StickerworksError, match=r"annotate\.options\.sene \(did you mean seen\?\)"):
        check_captioner(by("other", sene="x"))


def test_the_template_is_found_as_a_plugin() -> None:
    assert load_plugin("captioners", "template", Captioner) is CAPTIONER


@pytest.mark.usefixtures("strangers")
def test_what_a_captioners_options_say_decides_its_captions() -> None:
    one, other = (CAPTIONS.settings(by("other", seen=name)) for name in ("a.json", "b.json"))
    assert hash_json(one) != hash_json(other)
    assert hash_json(one) == hash_json(CAPTIONS.settings(by("other", seen="a.json")))
