"""Answers to questions: the rule against a plain statement of it, and at size."""

from __future__ import annotations

import math
import time
import unicodedata
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human.answer_rule import merge_answers
from annotation.human.asked import AskedQuestion, newest_questions, read_questions
from annotation.human.merge import merge_votes
from schemas.config import MergeConfig
from schemas.tables import ADJUDICATIONS, LABELS, QUESTIONS, VOTES

RULE = MergeConfig()
EMOTION = AskedQuestion("emotion", "single", ("anger", "fear", "joy"), True)
USES = AskedQuestion("uses", "several", ("greet", "tease", "thank"), False)
LIKED = AskedQuestion("liked", "scale", ("1", "2", "3", "4", "5"), True)
SAYS = AskedQuestion("says", "text", (), False)
ASKED = (EMOTION, USES, LIKED, SAYS)


def vote(annotator: str, *, skipped: bool = False, **answers: str | list[str]) -> dict[str, Any]:
    said = [
        {"question": name, "values": [values] if isinstance(values, str) else values}
        for name, values in answers.items()
    ]
    return {
        "id": "s", "annotator": annotator, "origin": "label_studio", "simulated": False,
        "skipped": skipped, "tags": [], "answers": said,
    }  # fmt: skip


def decision(**answers: str | list[str]) -> pa.Table:
    row = vote("", **answers)
    row = {"id": "s", "adjudicator": "lead", "skipped": False, "tags": [], **row}
    return pa.Table.from_pylist(
        [{name: row[name] for name in ("id", "adjudicator", "skipped", "tags", "answers")}],
        schema=ADJUDICATIONS.schema,
    )


def answers(
    *votes: dict[str, Any], decided: pa.Table | None = None, rule: MergeConfig = RULE
) -> dict[str, dict[str, Any]]:
    cast = pa.Table.from_pylist(list(votes), schema=VOTES.schema)
    (label,) = merge_votes(cast, ["s"], rule, None, decided, ASKED).to_pylist()
    return {entry["question"]: entry for entry in label["answers"]}


def said(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["values"], entry["status"], entry["votes"], entry["agreed"], entry["mean"]


def test_a_single_choice_is_what_enough_chose() -> None:
    merged = answers(vote("a", emotion="joy"), vote("b", emotion="joy"), vote("c", emotion="fear"))
    assert said(merged["emotion"]) == (["joy"], "effective", 3, 2, None)
    assert [entry["question"] for entry in merged.values()] == [q.name for q in ASKED]
    assert said(merged["uses"]) == ([], "unanswered", 0, 0, None)


def test_of_two_values_with_enough_votes_the_one_with_more_stands_and_none_on_a_tie() -> None:
    rule = MergeConfig(annotators=4, agree=1)
    tie = [vote("a", emotion="joy"), vote("b", emotion="fear")]
    assert said(answers(*tie, rule=rule)["emotion"]) == ([], "insufficient", 2, 1, None)
    tie += [vote("c", emotion="joy"), vote("d", emotion="fear")]
    assert said(answers(*tie, rule=rule)["emotion"]) == ([], "adjudicate", 4, 2, None)
    more = [*tie[:3], vote("d", emotion="anger")]
    assert said(answers(*more, rule=rule)["emotion"]) == (["joy"], "effective", 4, 2, None)


def test_several_are_as_tags() -> None:
    votes = [vote("a", uses=["greet", "thank"]), vote("b", uses=["thank", "greet"])]
    votes += [vote("c", uses=["greet"])]
    assert said(answers(*votes)["uses"]) == (["greet", "thank"], "effective", 3, 2, None)


def test_texts_are_equal_whatever_their_case_spaces_and_widths() -> None:
    votes = [
        vote("a", says=" Ｓｏ  Happy "),
        vote("b", says="So happy"),
        vote("c", says="So happy"),
    ]
    assert said(answers(*votes)["says"]) == (["So happy"], "effective", 3, 3, None)
    assert answers(*votes[:2], vote("c", says="  "))["says"]["votes"] == 2
    apart = [vote("a", says="yes"), vote("b", says="no"), vote("c", says="well")]
    assert said(answers(*apart)["says"]) == ([], "adjudicate", 3, 1, None)
    decided = decision(says="YES!")
    assert said(answers(*apart, decided=decided)["says"]) == (["YES!"], "effective", 3, 0, None)
    assert answers(*apart, decided=decision(says="Yes"))["says"]["values"] == ["Yes"]


def test_a_scale_is_a_single_choice_with_a_mean() -> None:
    merged = answers(vote("a", liked="4"), vote("b", liked="4"), vote("c", liked="1"))
    assert said(merged["liked"]) == (["4"], "effective", 3, 2, 3.0)
    merged = answers(vote("a", liked="4"), vote("b", liked="5"), vote("c", liked="1"))
    assert said(merged["liked"]) == ([], "adjudicate", 3, 1, pytest.approx(10 / 3))


def test_unknown_values_and_empty_answers_are_no_answers() -> None:
    votes = [vote("a", emotion="joy"), vote("b", emotion="rage"), vote("c", emotion=[])]
    votes += [vote("d", skipped=True, emotion="joy"), vote("e", other="joy"), vote("f", liked="6")]
    merged = answers(*votes)
    assert said(merged["emotion"]) == ([], "insufficient", 1, 1, None)
    assert said(merged["liked"]) == ([], "unanswered", 0, 0, None)


def test_a_vote_without_a_required_answer_still_counts_for_tags() -> None:
    rows = [vote(name) | {"tags": ["笑"]} for name in "ab"]
    cast = pa.Table.from_pylist(rows, schema=VOTES.schema)
    (label,) = merge_votes(cast, ["s"], RULE, None, None, ASKED).to_pylist()
    assert (label["tags"], label["votes"]) == (["笑"], 2)


def test_a_decision_settles_only_what_the_votes_leave_open() -> None:
    votes = [vote(n, emotion=e, liked="3") for n, e in zip("abc", EMOTION.values, strict=True)]
    merged = answers(*votes, decided=decision(emotion="fear", liked="5", uses=["greet"]))
    assert said(merged["emotion"]) == (["fear"], "effective", 3, 1, None)
    assert said(merged["liked"])[:2] == (["3"], "effective")
    assert said(merged["uses"])[:2] == ([], "unanswered")
    for nothing in (["rage"], [], ["joy", "fear"]):
        again = answers(*votes, decided=decision(emotion=nothing))["emotion"]
        assert said(again) == ([], "adjudicate", 3, 1, None)


def test_without_questions_there_is_nothing_to_say() -> None:
    cast = pa.Table.from_pylist([vote("a", emotion="joy")], schema=VOTES.schema)
    assert merge_votes(cast, ["s"], RULE)["answers"].to_pylist() == [None]
    none = merge_answers(pa.array([], pa.string()), cast, decision(), RULE, ASKED)
    assert none.to_pylist() == []
    assert none.type == LABELS.schema.field("answers").type


def test_a_question_of_several_versions_is_as_the_last_says() -> None:
    rows = [
        {"version": "1", "name": "b", "kind": "single", "values": ["x"], "required": True},
        {"version": "1", "name": "a", "kind": "text", "values": [], "required": False},
        {"version": "2", "name": "c", "kind": "text", "values": [], "required": False},
        {"version": "2", "name": "b", "kind": "single", "values": ["x", "y"], "required": False},
    ]
    asked = read_questions(pa.Table.from_pylist(rows, schema=QUESTIONS.schema))
    assert [question.name for question in asked] == ["b", "a", "c"]
    assert (asked[0].values, asked[0].required) == (("x", "y"), False)
    table = pa.Table.from_pylist(rows, schema=QUESTIONS.schema)
    assert [question.name for question in newest_questions(table)] == ["c", "b"]
    assert newest_questions(table.slice(0, 0)) == ()


OFFERED = {
    "emotion": ("joy", "fear", "anger", "rage"),
    "uses": ("greet", "tease", "wave"),
    "liked": ("1", "2", "5", "6"),
    "says": ("Yes", "yes", " YES ", "ｙｅｓ", "no", "", "\u3000"),
}
drawn_answers = st.fixed_dictionaries(
    {},
    optional={name: st.lists(st.sampled_from(offered), max_size=3) for name, offered in
              OFFERED.items()},
)  # fmt: skip
drawn_votes = st.lists(
    st.tuples(st.sampled_from("st"), st.sampled_from("abcdef"), st.booleans(), drawn_answers),
    max_size=12,
    unique_by=lambda row: row[:2],
)


def folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(text.split())


def stated(
    question: AskedQuestion,
    cast: list[dict[str, list[str]]],
    decided: dict[str, list[str]],
    agree: int,
    asked: int,
) -> dict[str, Any]:
    """The rule as a person would apply it to one question of one sticker."""

    def meant(answer: dict[str, list[str]]) -> set[str]:
        values = answer.get(question.name, [])
        if question.kind == "text":
            return {folded(value) for value in values} - {""}
        return {value for value in values if value in question.values}

    answered = [meant(answer) for answer in cast if meant(answer)]
    counts = Counter(value for values in answered for value in values)
    enough = (
        agree
        if len(answered) <= asked
        else math.floor((agree - Fraction(1, 2)) * len(answered) / asked) + 1
    )
    effective = {value for value, count in counts.items() if count >= enough}
    if question.kind in ("single", "scale") and effective:
        most = max(counts[value] for value in effective)
        effective = {value for value in effective if counts[value] == most}
        effective = effective if len(effective) == 1 else set()
    status = "unanswered" if not answered else "insufficient"
    if effective:
        status = "effective"
    elif len(answered) >= asked:
        theirs = meant(decided)
        if theirs and not (len(theirs) > 1 and question.kind in ("single", "scale")):
            status, effective = "effective", theirs
        else:
            status = "adjudicate"
    agreed = [counts[value] for value in effective] or [0]
    points = [int(value) for values in answered for value in values if question.kind == "scale"]
    return {
        "question": question.name,
        "values": effective,
        "status": status,
        "votes": len(answered),
        "agreed": min(agreed) if effective else max(counts.values(), default=0),
        "mean": pytest.approx(sum(points) / len(points)) if points else None,
    }


@settings(max_examples=300, deadline=None)
@given(drawn_votes, drawn_answers, st.randoms(), st.integers(1, 3), st.integers(0, 2))
def test_merging_answers_is_what_the_rule_states(
    drawn: list[tuple[str, str, bool, dict[str, list[str]]]],
    theirs: dict[str, list[str]],
    random: Any,
    agree: int,
    more: int,
) -> None:
    rows = [
        vote(annotator, skipped=skipped, **given) | {"id": sticker, "sequence": n}
        for n, (sticker, annotator, skipped, given) in enumerate(drawn)
    ]
    random.shuffle(rows)
    rule = MergeConfig(agree=agree, annotators=agree + more)
    cast = pa.Table.from_pylist(rows, schema=VOTES.schema)
    merged = merge_votes(cast, ["t", "s"], rule, None, decision(**theirs), ASKED)
    assert merged.schema == LABELS.schema
    for sticker, entries in zip("ts", merged["answers"].to_pylist(), strict=True):
        own = [given for about, _, skipped, given in drawn if about == sticker and not skipped]
        decided = theirs if sticker == "s" else {}
        assert len(entries) == len(ASKED)
        for question, entry in zip(ASKED, entries, strict=True):
            shown = entry["values"]
            kept = {folded(text) for text in shown} if question.kind == "text" else set(shown)
            assert len(kept) == len(shown)
            expected = stated(question, own, decided, agree, agree + more)
            assert entry | {"values": kept} == expected


def test_six_hundred_thousand_votes_merge_in_seconds() -> None:
    random = np.random.default_rng(0)
    count = 600_000
    numbers = pa.array(np.arange(count))
    lists = {
        "emotion": pa.array(EMOTION.values).take(pa.array(random.integers(0, 3, count))),
        "liked": pa.array(LIKED.values).take(pa.array(random.integers(0, 5, count))),
        "says": pa.array([f"word {n}" for n in range(20_000)]).take(
            pa.array(random.integers(0, 20_000, count))
        ),
    }
    names = pa.array(list(lists)).take(pa.array(np.tile(np.arange(3), count)))
    values = pa.concat_arrays(list(lists.values())).take(
        pa.array((np.arange(3) * count + np.arange(count)[:, None]).reshape(-1))
    )
    held = pa.ListArray.from_arrays(pa.array(np.arange(3 * count + 1), pa.int32()), values)
    kind = VOTES.schema.field("answers").type.value_type
    given = pa.StructArray.from_arrays([names, held], fields=list(kind))
    ids = numbers.cast(pa.string())
    votes = pa.table(
        {
            "id": ids.take(pa.array(np.arange(count) // 3)),
            "skipped": pa.array(np.zeros(count, bool)),
            "answers": pa.ListArray.from_arrays(
                pa.array(np.arange(0, 3 * count + 1, 3), pa.int32()), given
            ),
        }
    )
    start = time.process_time()
    merged = merge_answers(
        ids.slice(0, count // 3), votes, votes.slice(0, 0), RULE, (EMOTION, LIKED, SAYS)
    )
    assert time.process_time() - start < 12
    assert len(merged.flatten()) == count
