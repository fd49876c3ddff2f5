"""questions.json: what was written is read again, and anything else is told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.datasets.asked import QUESTIONS, asked_questions, questions_json, read_questions
from pipeline.engine.errors import StickerworksError
from schemas.questions import QuestionConfig
from schemas.release import COLUMNS, AskedQuestion, columns_of

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True).filter(
    lambda name: not name.endswith(("_status", "_agreement"))
)
# What UTF-8 has no bytes for comes out of no configuration.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ASKED = st.builds(
    AskedQuestion,
    NAMES,
    st.sampled_from(["single", "several", "text", "scale"]),
    st.lists(WORDS, max_size=5).map(tuple),
    WORDS,
    WORDS,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def write(folder: str, text: str) -> Path:
    path = Path(folder)
    (path / QUESTIONS).write_text(text, encoding="utf-8")
    return path


@given(st.lists(ASKED, max_size=4, unique_by=lambda question: question.name))
def test_questions_come_back_and_their_columns_are_distinct(asked: list[AskedQuestion]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert read_questions(write(folder, questions_json(asked))) == tuple(asked)
    names = [name for name, *_ in columns_of(asked)]
    assert len(set(names)) == len(names) == len(COLUMNS) + 3 * len(asked)


@given(JSON.filter(lambda value: value != []))
def test_whatever_else_stands_there_is_told(value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, json.dumps(value))
        with pytest.raises(StickerworksError, match="doesn't say what was asked"):
            read_questions(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"}, {"name": "a_status"}, {"kind": "many"}, {"kind": ["single"]},
        {"values": "abc"}, {"values": [1]}, {"title_en": None}, {"title_zh": "x" * 301},
        {"values": ["x"] * 201}, {"more": 1},
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    (good,) = json.loads(questions_json([AskedQuestion("a", "single", ("b", "c"))]))
    path = write(str(tmp_path), json.dumps([good | change]))
    with pytest.raises(StickerworksError, match="doesn't say what was asked"):
        read_questions(path)


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    twice = questions_json([AskedQuestion("a", "text"), AskedQuestion("a", "scale")])
    with pytest.raises(StickerworksError, match="same name"):
        read_questions(write(str(tmp_path), twice))


def test_a_release_without_the_file_has_none(tmp_path: Path) -> None:
    assert read_questions(tmp_path) == ()


def test_of_several_versions_the_last_counts_in_the_place_of_the_first() -> None:
    row = {"kind": "single", "values": ["x"], "title_en": "old", "title_zh": None}
    rows = [row | {"name": "a"}, row | {"name": "b"}, row | {"name": "a", "title_en": "new"}]
    first, second = asked_questions(rows)
    assert (first.name, first.title, second.title) == ("a", "new", "old")


@pytest.mark.parametrize("name", ["mood_status", "mood_agreement"])
def test_no_question_takes_the_name_of_anothers_column(name: str) -> None:
    with pytest.raises(ValidationError, match="choose another name"):
        QuestionConfig(name=name, kind="text")
