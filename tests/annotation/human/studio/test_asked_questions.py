"""Question sets: frozen by what they say; what was answered keeps its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.human.studio.asked_questions import (
    NO_QUESTIONS,
    asked_questions,
    current_questions,
)
from annotation.human.studio.ledger import (
    AnnotationVersion,
    PlacedTask,
    Planned,
    Project,
    VoteLedger,
    open_ledger,
)
from annotation.human.studio.tables import write_asked
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.labelling import LabelConfig


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[VoteLedger]:
    with open_ledger(tmp_path) as opened:
        yield opened


def config(*questions: Any) -> LabelConfig:
    return LabelConfig.model_validate({"questions": questions})


def mood(**changes: Any) -> dict[str, Any]:
    return {"name": "mood", "options": ["good", "bad"], "title": "Mood?"} | changes


def answer(ledger: VoteLedger, version: str, project: int = 1) -> None:
    """A vote on a task that asks a set of questions."""
    sticker = f"s{project}"
    ledger.plan([Planned("labelling", sticker, "v1", "b", False, False, "a", version)])
    ledger.add_project(Project(project, "labelling", "v1", "x", None, None, "a", version))
    ledger.place("labelling", project, "now", [PlacedTask(sticker, 5, None, "a")])
    ledger.append([AnnotationVersion("server", project, 5, sticker, 1, "d", "{}")], (), "now")


def test_no_questions_are_no_set(ledger: VoteLedger) -> None:
    assert current_questions(ledger, config()) == NO_QUESTIONS
    assert asked_questions(ledger) == ()


def test_a_set_is_known_by_all_that_it_says(ledger: VoteLedger) -> None:
    first = current_questions(ledger, config("emotion", mood()))
    assert current_questions(ledger, config("emotion", mood())) == first
    other = current_questions(ledger, config("emotion", mood(title="How is the mood?")))
    assert other.version != first.version
    assert asked_questions(ledger) == (first, other)
    assert current_questions(ledger, config("emotion", mood())) == first
    assert asked_questions(ledger) == (other, first)  # the newest last, and none twice


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (mood(options=["good", "so so"]), "bad gone; so so new"),
        (mood(options=["good", "bad", "worse"]), "worse new"),
        (mood(kind="several"), "its kind was single and is several"),
        ({"name": "mood", "kind": "text"}, "its kind was single and is text"),
    ],
)
def test_answers_that_were_given_keep_their_meaning(
    ledger: VoteLedger, change: dict[str, Any], said: str
) -> None:
    first = current_questions(ledger, config(mood()))
    answer(ledger, first.version)
    with pytest.raises(StickerworksError) as error:
        current_questions(ledger, config("emotion", change))
    assert f"The question mood changed after votes were given: {said}." in error.value.message
    assert "such as mood_2" in error.value.remedy
    assert asked_questions(ledger) == (first,)
    current_questions(ledger, config(change | {"name": "mood_2"}))


def test_points_of_a_scale_are_values_too(ledger: VoteLedger) -> None:
    scale = {"name": "liked", "kind": "scale"}
    answer(ledger, current_questions(ledger, config(scale)).version)
    with pytest.raises(StickerworksError, match="had 5 points and has 7"):
        current_questions(ledger, config(scale | {"points": 7}))
    current_questions(ledger, config(scale | {"low": "hate it", "required": False}))


def test_a_question_may_change_until_somebody_answers(ledger: VoteLedger) -> None:
    first = current_questions(ledger, config(mood()))
    second = current_questions(ledger, config(mood(options=["good", "bad", "worse"])))
    answer(ledger, second.version)
    with pytest.raises(StickerworksError, match="worse gone"):  # what was answered is not the first
        current_questions(ledger, config(mood()))
    reordered = mood(options=["worse", "bad", "good"])
    third = current_questions(ledger, config(reordered))
    assert [asked.version for asked in asked_questions(ledger)] == [
        first.version,
        second.version,
        third.version,
    ]


def test_what_was_asked_is_a_table(ledger: VoteLedger, tmp_path: Path) -> None:
    asked = current_questions(ledger, config(mood(required=False), {"name": "n", "kind": "scale"}))
    workspace = Workspace(tmp_path)
    write_asked(workspace, ledger)
    rows = workspace.read("questions").to_pylist()
    assert rows[0] == {
        "version": asked.version,
        "name": "mood",
        "kind": "single",
        "title_en": "Mood?",
        "title_zh": None,
        "values": ["good", "bad"],
        "required": False,
    }
    assert (rows[1]["name"], rows[1]["values"]) == ("n", ["1", "2", "3", "4", "5"])
