"""How far answers are: counts by question, values that were not offered, lines on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from annotation.human.answers_status import QuestionProgress, question_lines, questions_progress
from annotation.human.stages import PLAN
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config

MOOD = {"version": "q1", "name": "mood", "kind": "single", "values": ["good", "bad", "so so"],
        "required": True, "title_zh": "心情？"}  # fmt: skip
SAYS = {"version": "q1", "name": "says", "kind": "text", "values": [], "required": False}


def vote(sticker: str, who: str, *, quarantined: str | None = None, **said: str) -> dict[str, Any]:
    answers = [{"question": name, "values": [value]} for name, value in said.items()]
    return {
        "id": sticker, "annotator": who, "origin": "x", "simulated": False, "skipped": False,
        "tags": ["笑"], "answers": answers, "sequence": 1, "quarantined": quarantined,
    }  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    put(made, "stickers", [{"id": key, "format": "gif"} for key in "stuv"])
    put(made, "questions", [MOOD, SAYS])
    votes = [
        *(vote("s", who, mood="good", says="Yes") for who in "ab"),
        vote("s", "c", mood="rage"),
        *(vote("t", who, mood=mood) for who, mood in (("a", "good"), ("b", "bad"), ("c", "so so"))),
        vote("u", "a", mood="rage\x1b[31m"),
        vote("u", "b", mood="rage", quarantined="changed by another user"),
    ]
    put(made, "votes", votes)
    decision = vote("t", "", mood="rage") | {"adjudicator": "lead"}
    names = ("id", "adjudicator", "skipped", "tags", "answers", "sequence")
    put(made, "adjudications", [{name: decision[name] for name in names}])
    put(made, "decisions", [{"id": key, "kept": True, "outcome": "kept"} for key in "stuv"])
    put(made, "tag_changes", [])
    for step in PLAN:
        for table, part, rows in step.run(made, step.settings(Config())):
            made.write(table, part, rows, Proof("test", "test"))
    return made


def test_each_question_counts_stickers_that_somebody_voted_on(workspace: Workspace) -> None:
    mood, says = questions_progress(workspace)
    assert (mood.name, mood.title, mood.kind) == ("mood", "心情？", "single")
    counts = (mood.effective, mood.adjudicate, mood.insufficient, mood.unanswered)
    assert counts == (1, 1, 0, 1)
    assert mood.alpha is not None
    assert mood.unknown == {"rage": 2, "rage\x1b[31m": 1}
    assert (says.effective, says.unanswered, says.alpha, says.equal) == (1, 2, None, 1.0)
    assert says.unknown == {}


def test_lines_are_short_and_plain(workspace: Workspace) -> None:
    lines = list(question_lines(questions_progress(workspace)))
    assert lines[0] == "Questions"
    assert lines[1].startswith("  mood          effective 1, adjudicate 1, unanswered 1; alpha ")
    assert lines[2] == "  says          effective 1, unanswered 2; 100% of answers equal"
    assert lines[3].startswith("Unknown answers  left out, by stickers: mood: rage 2, mood: rage")
    assert all(line.isprintable() for line in lines)


def test_without_questions_nothing_is_said(tmp_path: Path) -> None:
    assert questions_progress(Workspace(tmp_path)) == ()
    assert list(question_lines(())) == []


def test_many_questions_and_values_are_bounded() -> None:
    one = QuestionProgress(
        "q", "t", "single", 0, 0, 0, 0, 0, None, None, {str(n): 1 for n in range(9)}
    )
    lines = list(question_lines([one] * 25))
    assert "  q             no answers" in lines
    assert "  5 more questions not shown." in lines
    assert lines[-2].endswith("and 219 more")
