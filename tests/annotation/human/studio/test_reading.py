"""Answers of Label Studio become rows, each with the reason why it doesn't count, if any."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotation.human.studio.asked_questions import QuestionSet
from annotation.human.studio.ledger import Person
from annotation.human.studio.reading import ReadingContext, microseconds, read_answers
from annotation.human.studio.regions import Said, read_result
from schemas.questions import QuestionConfig

PEOPLE = [
    Person("server", 1, "lead@x", "lead"),
    Person("server", 2, "a@x", "annotator"),
    Person("server", 3, "b@x", "annotator"),
]
ASKED = QuestionSet(
    "q1",
    (
        QuestionConfig(name="mood", options=("good", "bad")),
        QuestionConfig(name="uses", kind="several", options=("greet", "tease")),
        QuestionConfig(name="liked", kind="scale"),
        QuestionConfig(name="says", kind="text"),
    ),
)
DESK = ReadingContext.of(PEOPLE, {"s", "t"}, 3, [ASKED])
NOW = "2026-11-20T10:08:55.574015Z"


def tags(*paths: list[str]) -> dict[str, Any]:
    return {"from_name": "tags", "type": "taxonomy", "value": {"taxonomy": list(paths)}}


def choice(name: str, *choices: str) -> dict[str, Any]:
    return {"from_name": name, "type": "choices", "value": {"choices": list(choices)}}


def row(*result: Any, purpose: str | None = "labelling", **more: Any) -> dict[str, Any]:
    answer = {"completed_by": 2, "updated_by": 2, "was_cancelled": False, "result": list(result)}
    answer |= {"updated_at": NOW, "created_at": NOW, "lead_time": 7.5}
    answer |= {key: more.pop(key) for key in list(more) if key in answer}
    placed = {"origin": "server", "project": 4, "task": 9, "sticker": "s", "annotation": 7}
    asked = {
        "asked": "s" if purpose else None,
        "ballot": "v1",
        "batch": "b001",
        "blind": 0,
        "questions": "q1",
    }
    known = {"purpose": purpose, "suggested": None, "deleted": 0}
    return placed | asked | known | {"content": json.dumps(answer)} | more


def vote(*result: Any, **more: Any) -> dict[str, Any]:
    (made,) = read_answers([row(*result, **more)], DESK).as_arrow()["votes"].to_pylist()
    return dict(made)


def test_a_vote_has_leaves_domain_and_texts() -> None:
    texts = [
        {"from_name": "caption", "type": "textarea", "value": {"text": [" 好 ", "的"]}},
        {"from_name": "ocr", "type": "textarea", "value": {"text": ["hi"]}},
    ]
    made = vote(tags(["组", "笑"], ["哭"]), choice("domain", "real"), *texts)
    assert (made["tags"], made["domain"]) == (["哭", "笑"], "real")
    assert (made["caption"], made["ocr"]) == ("好\n的", "hi")
    assert (made["annotator"], made["annotation"], made["task"]) == ("a@x", "4/7", 9)
    assert (made["tagset"], made["batch"], made["lead_time_s"]) == ("v1", "b001", 7.5)
    assert made["sequence"] == microseconds(NOW)
    assert made["quarantined"] is None
    assert (made["suggested"], made["unedited"]) == (None, None)


def test_answers_to_questions_are_read_by_their_kinds() -> None:
    text = {"from_name": "says", "type": "textarea", "value": {"text": [" so", "it is "]}}
    made = vote(choice("uses", "tease", "greet", "tease"), choice("liked", "4"), text)
    assert made["quarantined"] is None
    assert made["answers"] == [
        {"question": "uses", "values": ["greet", "tease"]},
        {"question": "liked", "values": ["4"]},
        {"question": "says", "values": ["so\nit is"]},
    ]
    # Many values are a list on the screen, whose answers come as paths.
    listed = {"from_name": "mood", "type": "taxonomy", "value": {"taxonomy": [["good"]]}}
    assert vote(listed)["answers"] == [{"question": "mood", "values": ["good"]}]


def test_what_was_left_empty_is_no_answer_and_what_is_unknown_stands_in_the_vote() -> None:
    empty = {"from_name": "says", "type": "textarea", "value": {"text": ["", " "]}}
    made = vote(tags(["笑"]), choice("uses"), empty, choice("mood", "so so"))
    assert made["quarantined"] is None
    assert made["answers"] == [{"question": "mood", "values": ["so so"]}]
    assert vote(choice("mood", ""))["answers"] == []


def test_a_task_that_the_ledger_does_not_know_may_answer_whatever_was_asked() -> None:
    made = vote(choice("mood", "bad"), purpose=None, questions=None)
    assert made["answers"] == [{"question": "mood", "values": ["bad"]}]


def test_a_submission_without_answers_is_a_vote_for_no_tag_and_a_cancelled_one_a_skip() -> None:
    assert (vote()["skipped"], vote()["tags"], vote()["quarantined"]) == (False, [], None)
    assert vote(was_cancelled=True)["skipped"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"completed_by": 1, "updated_by": 1}, "given by the lead"),
        ({"completed_by": 8, "updated_by": 8}, "on no list"),
        ({"completed_by": None}, "on no list"),
        ({"updated_by": 3}, "by another user"),
        ({"updated_by": 1}, "by another user"),
        ({"sticker": "gone"}, "doesn't have"),
        ({"asked": "t"}, "another sticker"),
        ({"updated_at": "yesterday"}, "no time"),
        ({"updated_at": "2026-11-20T10:08:55"}, "no time"),
        ({"result": "text"}, "no list"),
        ({"result": [choice("domain", "photo")]}, "neither real nor cartoon"),
        ({"result": [choice("domain", "real", "cartoon")]}, "neither real nor cartoon"),
        ({"result": [choice("spirit", "sad")]}, "'spirit', which was not asked"),
        ({"result": [choice("mood", "good")], "questions": ""}, "'mood', which was not asked"),
        ({"result": [choice("mood", "good", "bad")]}, "2 answers to mood, which takes one"),
        ({"result": [choice("mood", "good"), choice("mood", "bad")]}, "2 answers to mood"),
        ({"result": [{"from_name": "liked", "value": {"rating": 4}}]}, "liked can't be read"),
        ({"result": [tags(["a"], ["b"], ["c"], ["d"])]}, "more tags than 3"),
        ({"result": [{"from_name": "tags", "value": None}]}, "tags can't be read"),
    ],
)
def test_what_does_not_count_says_why(change: dict[str, Any], reason: str) -> None:
    assert reason in (vote(**change)["quarantined"] or "")


def test_who_edits_their_own_answer_is_heard() -> None:
    assert vote(tags(["笑"]), updated_by=None)["quarantined"] is None


def test_the_lead_decides_and_annotators_flag() -> None:
    lead = {"completed_by": 1, "updated_by": 1}
    rows = [
        row(tags(["笑"]), choice("mood", "bad"), purpose="adjudication", **lead),
        row(tags(["哭"]), purpose="adjudication"),
        row(choice("flags", "insulting", "fine"), purpose="screening"),
        row(choice("flags", "fine"), purpose="screening", **lead),
        row(choice("flags", "dull"), purpose="screening"),
    ]
    made = read_answers(rows, DESK).as_arrow()
    assert made["votes"].num_rows == 0
    assert [r["tags"] for r in made["adjudications"].to_pylist()] == [["笑"], ["哭"]]
    assert [r["quarantined"] is None for r in made["adjudications"].to_pylist()] == [True, False]
    answers = [r["answers"] for r in made["adjudications"].to_pylist()]
    assert answers == [[{"question": "mood", "values": ["bad"]}], []]
    flags = made["flags"].to_pylist()
    assert [r["flags"] for r in flags] == [["insulting"], [], []]
    assert [r["by_lead"] for r in flags] == [False, True, False]
    assert [r["quarantined"] is None for r in flags] == [True, True, False]


def test_a_vote_says_whether_the_suggestion_was_left_as_it_was() -> None:
    assert vote(tags(["笑"]), suggested='["笑"]')["unedited"] is True
    assert vote(tags(["笑"], ["哭"]), suggested='["笑"]')["unedited"] is False
    assert vote(suggested="[]")["unedited"] is True


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["from_name", "type", "value", "taxonomy", "choices", "text", "tags"]),
            inner | st.sampled_from(["tags", "domain", "caption", "mood", "uses", "says"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@example([{"from_name": []}])
@given(anything)
def test_no_result_can_break_the_reader(result: Any) -> None:
    said = read_result(json.loads(json.dumps(result)), DESK.asked("q1"))
    assert isinstance(said, Said)
    made = vote(result=result)
    assert made["quarantined"] == said.fault or len(said.tags) > 3


def test_half_a_character_is_read_as_none() -> None:
    lone = json.loads('"\\ud800x"')
    assert vote(tags([lone]))["tags"] == ["�x"]
