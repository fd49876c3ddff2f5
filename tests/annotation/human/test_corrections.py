"""Corrections laid over labels: the last that wasn't taken back holds, through tag migrations."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from table_rows import MemoryReader

from annotation.human.corrections import standing_corrections
from annotation.human.merge import MERGE
from annotation.human.studio.corrected import Correction, standing
from schemas.config import MergeConfig
from schemas.tables import CORRECTIONS

STICKERS = ["a", "b", "c"]


def vote(id_: str, annotator: str, *tags: str, **more: Any) -> dict[str, Any]:
    row = {"id": id_, "annotator": annotator, "origin": "label_studio", "simulated": False}
    return {**row, "skipped": False, "tags": list(tags), "sequence": 0, **more}


def change(number: int, id_: str, field: str, *after: str, **more: Any) -> dict[str, Any]:
    row = {"id": id_, "number": number, "field": field, "before": [], "after": list(after)}
    return {**row, "why": "looked", "who": "lea", "at": "2026-01-01T00:00:00+00:00", **more}


def merged(*corrections: dict[str, Any], **tables: Any) -> dict[str, dict[str, Any]]:
    votes = [vote("a", name, "joy", domain="real") for name in "xyz"]
    tables = {"votes": votes, **tables}
    reader = MemoryReader(
        stickers=[{"id": id_} for id_ in STICKERS], corrections=list(corrections), **tables
    )
    ((_, _, labels),) = MERGE.run(reader, MergeConfig())
    return {row["id"]: row for row in labels.to_pylist()}


def test_changed_tags_are_effective_by_review() -> None:
    found = merged(change(1, "a", "tags", "sad"), change(2, "b", "tags", "joy"))
    assert [found[i]["tags"] for i in STICKERS] == [["sad"], ["joy"], []]
    assert [found[i]["provenance"] for i in STICKERS] == ["review", "review", None]
    assert found["a"]["status"] == found["b"]["status"] == "effective"
    assert (found["a"]["votes"], found["a"]["domain"]) == (3, "real")


def test_no_tags_reject_a_sticker() -> None:
    assert merged(change(1, "a", "tags"))["a"]["status"] == "rejected"


def test_a_changed_domain_leaves_the_votes_on_tags() -> None:
    found = merged(change(1, "a", "domain", "cartoon"), change(2, "b", "domain"))
    assert (found["a"]["domain"], found["a"]["tags"]) == ("cartoon", ["joy"])
    assert (found["a"]["provenance"], found["b"]["domain"]) == ("votes", None)


def test_what_is_taken_back_uncovers_what_was_before() -> None:
    one, two = change(1, "a", "tags", "sad"), change(2, "a", "tags", "angry")
    back = [change(n, "a", "tags") | {"after": None} for n in (3, 4)]
    assert merged(one, two, back[0])["a"]["tags"] == ["sad"]
    again = merged(one, two, *back)["a"]
    assert (again["tags"], again["provenance"]) == (["joy"], "votes")


def test_tags_follow_migrations_and_unknown_ones_are_left_out() -> None:
    became = [("joy", ["glee", "fun"]), ("sad", [])]
    changes = [
        {"from_version": "1", "to_version": "2", "tag": tag, "becomes": new} for tag, new in became
    ]
    ballot = [{"version": "2", "tag": tag} for tag in ("glee", "fun", "odd")]
    found = merged(
        change(1, "a", "tags", "joy", tagset="1"),
        change(2, "b", "tags", "sad", tagset="1"),
        change(3, "c", "tags", "odd", "never", tagset="2"),
        tag_changes=changes,
        ballot=ballot,
    )
    assert sorted(found["a"]["tags"]) == ["fun", "glee"]
    assert (found["b"]["status"], found["c"]["tags"]) == ("unlabelled", ["odd"])


def test_a_dropped_sticker_stays_dropped() -> None:
    decisions = [{"id": "a", "kept": False, "outcome": "dropped"}]
    found = merged(change(1, "a", "tags", "sad"), decisions=decisions)["a"]
    assert (found["status"], found["tags"]) == ("dropped", None)


def test_answers_to_questions_are_changed_in_the_questions_order() -> None:
    questions = [
        {"version": "1", "name": name, "kind": kind, "values": [], "required": True}
        for name, kind in (("emotion", "single"), ("funny", "scale"))
    ]
    found = merged(
        change(1, "a", "funny", "4"),
        change(2, "a", "emotion", "anger"),
        change(3, "b", "gone", "x"),
        questions=questions,
    )
    emotion, funny = [one for one in found["a"]["answers"] if one["values"]]
    assert (emotion["question"], emotion["values"], emotion["status"]) == (
        "emotion",
        ["anger"],
        "review",
    )
    assert (funny["question"], funny["values"], funny["mean"]) == ("funny", ["4"], None)
    assert all(not one["values"] for one in found["b"]["answers"] or ())


def asked(*questions: tuple[str, str, list[str]]) -> list[dict[str, Any]]:
    return [
        {"version": "1", "name": name, "kind": kind, "values": values, "required": True}
        for name, kind, values in questions
    ]


def answering(**answers: list[list[str]]) -> list[dict[str, Any]]:
    """Three votes on sticker a, with the answers of each to some questions."""
    return [
        vote("a", who, "joy", domain="real")
        | {"answers": [{"question": q, "values": each[n]} for q, each in answers.items()]}
        for n, who in enumerate("xyz")
    ]


def test_a_changed_answer_has_the_votes_that_gave_it_and_the_mean_of_all() -> None:
    votes = answering(
        emotion=[["happiness"], ["happiness"], ["anger"]],
        uses=[["chat", "chat"], ["chat", "work"], ["chat", "work"]],
        says=[["So Happy"], ["so  happy"], ["sad"]],
        funny=[["1"], ["1"], ["4"]],
    )
    questions = asked(
        ("emotion", "single", ["happiness", "anger", "fear"]),
        ("uses", "several", ["chat", "work"]),
        ("says", "text", []),
        ("funny", "scale", ["1", "2", "3", "4"]),
    )

    def answers(*corrections: dict[str, Any]) -> dict[str, Any]:
        found = merged(*corrections, votes=votes, questions=questions)["a"]["answers"]
        return {one["question"]: (one["agreed"], one["votes"], one["mean"]) for one in found}

    nobody = answers(change(1, "a", "emotion", "fear"))
    assert nobody == {
        "emotion": (0, 3, None), "uses": (2, 3, None), "says": (2, 3, None), "funny": (2, 3, 2.0),
    }  # fmt: skip
    found = answers(
        change(1, "a", "emotion", "anger"),
        change(2, "a", "uses", "chat"),
        change(3, "a", "says", "SO HAPPY"),
        change(4, "a", "funny", "4"),
    )
    assert found == {
        "emotion": (1, 3, None), "uses": (3, 3, None), "says": (2, 3, None), "funny": (1, 3, 2.0),
    }  # fmt: skip
    assert answers(change(1, "a", "uses", "work", "chat"))["uses"] == (2, 3, None)


def test_an_answer_taken_away_has_no_votes() -> None:
    votes = answering(emotion=[["happiness"]] * 3)
    questions = asked(("emotion", "single", ["happiness"]))
    (one,) = merged(change(1, "a", "emotion"), votes=votes, questions=questions)["a"]["answers"]
    assert (one["values"], one["status"], one["agreed"], one["votes"]) == ([], "review", 0, 3)


def test_a_label_tells_whose_domain_was_chosen_in_a_review() -> None:
    found = merged(change(1, "a", "domain", "cartoon"), change(2, "b", "tags", "joy"))
    assert [found[i]["domain_reviewed"] for i in STICKERS] == [True, False, False]


_STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["tags", "domain"]), st.booleans()),
    max_size=20,
)


@given(_STEPS)
def test_columns_and_the_ledger_agree_on_what_stands(steps: list[tuple[str, str, bool]]) -> None:
    depth: dict[tuple[str, str], int] = {}
    made = []
    for number, (id_, field, back) in enumerate(steps, 1):
        height = depth.get((id_, field), 0)
        if back and not height:
            continue  # there is nothing to take back
        depth[id_, field] = height + (-1 if back else 1)
        after = None if back else (str(number),)
        made.append(Correction(id_, field, (), after, "w", "l", "t", None, number))
    rows = [
        {"id": one.sticker, "number": one.number, "field": one.field, "after": one.after}
        for one in made
    ]
    columns = ["id", "number", "field", "after", "tagset"]
    schema = pa.schema([CORRECTIONS.schema.field(name) for name in columns])
    found = standing_corrections(pa.Table.from_pylist(rows, schema=schema), {}, None).to_pylist()
    assert {(row["id"], row["field"]): row["number"] for row in found} == {
        key: one.number for key, one in standing(made).items()
    }
