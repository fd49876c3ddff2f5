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

from annotation.human.studio.ledger import Person
from pipeline.engine.text import storable_lines
from schemas.tables import ADJUDICATIONS, FLAGS, VOTES

DOMAINS = ("cartoon", "real")
FLAG_NAMES = ("inappropriate", "offensive", "insulting", "personal_data")
FINE = "fine"
_CONTROLS = {
    "tags": "taxonomy",
    "domain": "choices",
    "caption": "textarea",
    "ocr": "textarea",
    "flags": "choices",
    "note": "textarea",
}


@dataclass(frozen=True)
class Said:
    """What one annotation says; ``fault`` tells why it can't be read."""

    tags: tuple[str, ...] = ()
    domain: str | None = None
    caption: str | None = None
    ocr: str | None = None
    flags: tuple[str, ...] = ()
    note: str | None = None
    fault: str | None = None


@dataclass(frozen=True)
class ReadingContext:
    """What is needed to judge answers: who may answer, which stickers there are, how many tags."""

    people: Mapping[tuple[str, int], Person]
    stickers: Collection[str]
    max_tags: int

    @classmethod
    def of(
        cls, people: Iterable[Person], stickers: Collection[str], max_tags: int
    ) -> ReadingContext:
        return cls({(p.origin, p.user): p for p in people}, stickers, max_tags)


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
        said = read_result(answer.get("result"))
        cast = _cast(row, answer, said, context)
        if purpose == "screening":
            tables.flags.append(cast | _flag(row, answer, said, context))
        elif purpose == "adjudication":
            tables.adjudications.append(
                cast
                | {"adjudicator": _name(row, answer, context), "tagset": row["ballot"]}
                | {"tags": list(said.tags), "domain": said.domain}
            )
        else:
            tables.votes.append(cast | _vote(row, answer, said, context))
    return tables


def read_result(result: Any) -> Said:
    """What a list of Label Studio's regions says; never raises, whatever is in it.

    >>> tags = {"taxonomy": [["greetings", "hello"]]}
    >>> read_result([{"from_name": "tags", "type": "taxonomy", "value": tags}]).tags
    ('hello',)
    """
    if not isinstance(result, list):
        return Said(fault="its result is no list")
    found: dict[str, list[str]] = {}
    for region in result:
        name = region.get("from_name") if isinstance(region, Mapping) else None
        if not isinstance(name, str) or name not in _CONTROLS:
            return Said(fault=f"it answers {str(name)[:40]!r}, which was not asked")
        values = _values(region, _CONTROLS[name])
        if values is None:
            return Said(fault=f"its {name} can't be read")
        found.setdefault(name, []).extend(values)
    domains = set(found.get("domain", ()))
    if len(domains) > 1 or not domains <= set(DOMAINS):
        return Said(fault="its domain is neither real nor cartoon")
    if not set(found.get("flags", ())) <= {*FLAG_NAMES, FINE}:
        return Said(fault="it gives a flag that was not offered")
    return Said(
        tags=tuple(sorted(set(found.get("tags", ())))),
        domain=next(iter(domains), None),
        caption=_text(found.get("caption")),
        ocr=_text(found.get("ocr")),
        flags=tuple(sorted(set(found.get("flags", ())) - {FINE})),
        note=_text(found.get("note")),
    )


def microseconds(time: str) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time with its zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    return round(moment.timestamp() * 1_000_000) if moment.tzinfo else None


def _values(region: Mapping[str, Any], kind: str) -> list[str] | None:
    value = region.get("value")
    held = value.get("text" if kind == "textarea" else kind) if isinstance(value, Mapping) else None
    if isinstance(held, str):
        held = [held]
    if not isinstance(held, list):
        return None
    # A tag comes as its path in the tree; groups are presentation, the leaf is the tag.
    if kind == "taxonomy":
        held = [path[-1] if isinstance(path, list) and path else path for path in held]
    if not all(isinstance(item, str) for item in held):
        return None
    return [storable_lines(item) for item in held]


def _text(lines: list[str] | None) -> str | None:
    return "\n".join(line.strip() for line in lines or () if line.strip()) or None


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
    row: Mapping[str, Any], answer: Mapping[str, Any], said: Said, context: ReadingContext
) -> dict[str, Any]:
    suggested = None if row["suggested"] is None else json.loads(row["suggested"])
    if row["purpose"] is None:
        suggested = _suggested(answer)
    return {
        "annotator": _name(row, answer, context),
        "origin": "label_studio",
        "simulated": False,
        "tags": list(said.tags),
        "domain": said.domain,
        "caption": said.caption,
        "ocr": said.ocr,
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


def _suggested(answer: Mapping[str, Any]) -> list[str] | None:
    shown = answer.get("prediction")
    result = shown.get("result") if isinstance(shown, Mapping) else None
    return None if result is None else list(read_result(result).tags)


def _seconds(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 1e9 else None
