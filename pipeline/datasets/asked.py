"""The questions that people were asked about a release's stickers: ``questions.json`` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.text import quoted
from schemas.release import ANSWER_AGREEMENT, ANSWER_STATUS, AskedQuestion

QUESTIONS = "questions.json"
"""The file of a release that has the words, kinds and answers of its questions."""

_KINDS = ("single", "several", "text", "scale")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_MOST_BYTES, _MOST_QUESTIONS, _MOST_VALUES, _LONGEST = 1 << 20, 200, 200, 300


def asked_questions(rows: Iterable[Mapping[str, Any]]) -> tuple[AskedQuestion, ...]:
    """Rows of the table ``questions``: of a name that stands there twice the later one counts."""
    found = {
        row["name"]: AskedQuestion(
            row["name"],
            row["kind"],
            tuple(row["values"] or ()),
            row["title_en"] or "",
            row["title_zh"] or "",
        )
        for row in rows
    }
    return tuple(found.values())


def questions_json(questions: Iterable[AskedQuestion]) -> str:
    """The text of ``questions.json``."""
    rows = [asdict(question) for question in questions]
    return json.dumps(rows, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def read_questions(folder: Path) -> tuple[AskedQuestion, ...]:
    """The questions of the release at ``folder``, none where it has no such file.

    Raises StickerworksError when the file isn't what ``questions_json`` writes.
    """
    path = folder / QUESTIONS
    if not path.exists():
        return ()
    try:
        rows = json.loads(read_regular(path, _MOST_BYTES).decode())
        if not isinstance(rows, list) or len(rows) > _MOST_QUESTIONS:
            raise ValueError("it is no list of questions")
        questions = tuple(map(_question, rows))
        if len({question.name for question in questions}) < len(questions):
            raise ValueError("two questions have the same name")
    except (OSError, ValueError, RecursionError) as error:
        raise StickerworksError(
            f"{path} doesn't say what was asked: {quoted(str(error), 200)}.",
            "Get the release again; `stickerworks release verify` says what else is wrong.",
        ) from error
    return questions


def _question(row: Any) -> AskedQuestion:
    fields = AskedQuestion.__dataclass_fields__
    if not isinstance(row, dict) or row.keys() != fields.keys():
        raise ValueError(f"a question has the fields {', '.join(fields)}")
    name, kind, values = row["name"], row["kind"], row["values"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{quoted(name)} is no question's name")
    if name.endswith((ANSWER_STATUS, ANSWER_AGREEMENT)):
        raise ValueError(f"{name} ends as the columns of other questions do")
    if kind not in _KINDS:
        raise ValueError(f"{quoted(kind)} is no kind of question")
    if not isinstance(values, list) or len(values) > _MOST_VALUES:
        raise ValueError(f"the values of {name} are no list")
    texts = [*values, row["title_en"], row["title_zh"]]
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
        raise ValueError(f"the texts of {name} are none, or too long")
    return AskedQuestion(name, kind, tuple(values), row["title_en"], row["title_zh"])
