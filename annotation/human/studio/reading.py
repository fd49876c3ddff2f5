"""What annotators answered, from Label Studio's JSON: votes, decisions and flags, each checked.

The server checks next to nothing: any user may answer in another's name, edit another's answer,
or give tags that the ballot lacks. So every row says why it doesn't count, where it doesn't.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from annotation.human.studio.asked_questions import QuestionSet
from annotation.human.studio.ledger import Person
from annotation.human.studio.regions import Kinds, Said, read_result
from schemas.tables import ADJUDICATIONS, FLAGS, VOTES


@dataclass(frozen=True)
class ReadingContext:
    """What is needed to judge answers: who may answer, which stickers there are, how many tags,
    and the kinds of questions that were asked, by version of their set."""

    people: Mapping[tuple[str, int], Person]
    stickers: Collection[str]
    max_tags: int
    questions: Mapping[str, Kinds] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        people: Iterable[Person],
        stickers: Collection[str],
        max_tags: int,
        asked: Iterable[QuestionSet] = (),
    ) -> ReadingContext:
        kinds = {one.version: {q.name: q.kind for q in one.questions} for one in asked}
        return cls({(p.origin, p.user): p for p in people}, stickers, max_tags, kinds)

    def asked(self, version: str | None) -> Kinds:
        """Questions of a set; all that were ever asked, for tasks that the ledger doesn't know."""
        if version is not None:
            return self.questions.get(version, {})
        return {name: kind for kinds in self.questions.values() for name, kind in kinds.items()}


@dataclass
class Tables:
    """Rows of the three tables of answers."""

    votes: list[dict[str, Any]] = field(default_factory=list)
    adjudications: list[dict[str, Any]] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)

    def as_arrow(self) -> dict[str, pa.Table]:
        """The tables by name."""
        return {
            "votes": pa.Table.from_pylist(self.votes, schema=VOTES.schema),
            "adjudications": pa.Table.from_pylist(self.adjudications, schema=ADJUDICATIONS.schema),
            "flags": pa.Table.from_pylist(self.flags, schema=FLAGS.schema),
        }


def read_answers(rows: Iterable[Mapping[str, Any]], context: ReadingContext) -> Tables:
    """Rows of votes, decisions and flags, from the ledger's versions of annotations.

    An answer to a task that the ledger doesn't know is taken for a vote.
    """
    tables = Tables()
    for row in rows:
        answer = json.loads(row["content"])
        purpose = row["purpose"] or "labelling"
        asked = context.asked(row["questions"])
        said = read_result(answer.get("result"), asked)
        cast = _cast(row, answer, said, context)
        if purpose == "screening":
            tables.flags.append(cast | _flag(row, answer, said, context))
        elif purpose == "adjudication":
            tables.adjudications.append(
                cast
                | {"adjudicator": _name(row, answer, context), "tagset": row["ballot"]}
                | {"tags": list(said.tags), "domain": said.domain, "answers": _answers(said)}
            )
        else:
            tables.votes.append(cast | _vote(row, answer, said, context, asked))
    return tables


def microseconds(time: str) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time with its zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    return round(moment.timestamp() * 1_000_000) if moment.tzinfo else None


def _answers(said: Said) -> list[dict[str, Any]]:
    """As tables hold them."""
    return [{"question": name, "values": list(values)} for name, values in said.answers]


def _cast(
    row: Mapping[str, Any], answer: Mapping[str, Any], said: Said, context: ReadingContext
) -> dict[str, Any]:
    return {
        "id": row["sticker"],
        "skipped": bool(answer.get("was_cancelled")),
        "sequence": microseconds(answer.get("updated_at") or ""),
        "annotation": _annotation(row),
        "task": row["task"],
        "created_at": answer.get("created_at"),
        "lead_time_s": _seconds(answer.get("lead_time")),
        "deleted": bool(row["deleted"]),
        "quarantined": next(_objections(row, answer, said, context), None),
    }


def _vote(
    row: Mapping[str, Any],
    answer: Mapping[str, Any],
    said: Said,
    context: ReadingContext,
    asked: Kinds,
) -> dict[str, Any]:
    suggested = None if row["suggested"] is None else json.loads(row["suggested"])
    if row["purpose"] is None:
        suggested = _suggested(answer, asked)
    return {
        "annotator": _name(row, answer, context),
        "origin": "label_studio",
        "simulated": False,
        "tags": list(said.tags),
        "domain": said.domain,
        "caption": said.caption,
        "ocr": said.ocr,
        "answers": _answers(said),
        "tagset": row["ballot"],
        "batch": row["batch"],
        "suggested": suggested,
        "unedited": None if suggested is None else set(suggested) == set(said.tags),
    }


def _flag(
    row: Mapping[str, Any], answer: Mapping[str, Any], said: Said, context: ReadingContext
) -> dict[str, Any]:
    person = context.people.get((row["origin"], answer.get("completed_by") or 0))
    return {
        "reviewer": _name(row, answer, context),
        "flags": list(said.flags),
        "note": said.note,
        "by_lead": person is not None and person.role == "lead",
    }


def _objections(
    row: Mapping[str, Any], answer: Mapping[str, Any], said: Said, context: ReadingContext
) -> Iterator[str]:
    """Why an answer doesn't count, the weightiest first."""
    user, editor = answer.get("completed_by"), answer.get("updated_by")
    person = context.people.get((row["origin"], user or 0))
    role = person.role if person else None
    if row["sticker"] not in context.stickers:
        yield "it is about a sticker that the workspace doesn't have"
    if row["asked"] is not None and row["asked"] != row["sticker"]:
        yield "its task was about another sticker when it was exported"
    if role is None:
        yield "given by a user who is on no list"
    if role == "lead" and row["purpose"] in (None, "labelling"):
        yield "given by the lead"
    if role == "annotator" and row["purpose"] == "adjudication":
        yield "decided by somebody other than the lead"
    if editor is not None and editor != user:
        yield "changed or given in their name by another user"
    if row.get("person") and role == "annotator" and _name(row, answer, context) != row["person"]:
        yield f"voted on what {row['person']} was asked"
    if row.get("withdrawn_after") is not None and row["number"] > row["withdrawn_after"]:
        yield "its task had been given to others"
    if said.fault is not None:
        yield said.fault
    if microseconds(answer.get("updated_at") or "") is None:
        yield "it has no time"
    if len(said.tags) > context.max_tags:
        yield f"it gives more tags than {context.max_tags}"


def _name(row: Mapping[str, Any], answer: Mapping[str, Any], context: ReadingContext) -> str:
    user = answer.get("completed_by")
    person = context.people.get((row["origin"], user or 0))
    return f"user {user}" if person is None else person.name


def _annotation(row: Mapping[str, Any]) -> str:
    name = f"{row['project']}/{row['annotation']}"
    return name if row["origin"] == "server" else f"{row['origin']}/{name}"


def _suggested(answer: Mapping[str, Any], asked: Kinds) -> list[str] | None:
    shown = answer.get("prediction")
    result = shown.get("result") if isinstance(shown, Mapping) else None
    return None if result is None else list(read_result(result, asked).tags)


def _seconds(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 1e9 else None
