"""The votes that count, as values: what every measure of agreement and quality starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.merge import current_votes
from annotation.human.migration import Change, migrate, read_changes
from pipeline.engine.stage import Reader

TagSet = frozenset[str]
_COLUMNS = [
    "id",
    "annotator",
    "annotation",
    "simulated",
    "skipped",
    "tags",
    "domain",
    "lead_time_s",
    "batch",
    "suggested",
    "unedited",
]


@dataclass(frozen=True)
class Vote:
    """What an annotator says of a sticker now.

    ``suggested`` is None where no pre-annotation was shown, and empty where one without tags was;
    ``unedited`` tells whether its tags were left as they were.
    """

    id: str
    annotator: str
    annotation: str | None
    simulated: bool
    skipped: bool
    tags: TagSet
    domain: str | None
    lead_time_s: float | None
    batch: str | None
    suggested: TagSet | None
    unedited: bool | None


def read_votes(reader: Reader, columns: list[str] | None = None) -> pa.Table:
    """The table ``votes`` of stickers that are not dropped, in the tags of the newest ballot.

    Reads ``votes`` (some columns of it, ``tags`` and ``tagset`` among them), ``tag_changes`` and
    ``decisions``, each of which may be missing. A sticker without a decision stays.
    """
    votes = reader.read("votes", columns=columns)
    votes = _carried(votes, read_changes(reader.read("tag_changes")))
    decisions = reader.read("decisions", columns=["id", "kept"])
    gone = decisions.filter(pc.invert(decisions["kept"]))["id"]
    return votes.filter(pc.invert(pc.is_in(votes["id"], value_set=gone.combine_chunks())))


def counting_votes(votes: pa.Table) -> list[Vote]:
    """One vote or skip of each sticker and annotator, by sticker and annotator.

    Quarantined and replaced rows of the table ``votes`` are left out; simulated ones are not.
    """
    rows = current_votes(votes).select(_COLUMNS).to_pylist()
    # Sums of floats depend on their order; sorting makes them the same on any rerun.
    return [_vote(row) for row in sorted(rows, key=lambda row: (row["id"], row["annotator"]))]


def by_sticker(votes: Iterable[Vote]) -> dict[str, dict[str, Vote]]:
    """Votes that are no skips, by sticker and annotator."""
    found: dict[str, dict[str, Vote]] = {}
    for vote in votes:
        if not vote.skipped:
            found.setdefault(vote.id, {})[vote.annotator] = vote
    return found


def by_annotator(votes: Iterable[Vote]) -> dict[str, list[Vote]]:
    """Votes and skips of each annotator, annotators by name."""
    found: dict[str, list[Vote]] = {}
    for vote in votes:
        found.setdefault(vote.annotator, []).append(vote)
    return dict(sorted(found.items()))


def _carried(votes: pa.Table, changes: Mapping[str, Change]) -> pa.Table:
    """Carry the suggested tags over as well, or an unedited vote would look edited."""
    if "suggested" not in votes.column_names:
        return migrate(votes, changes)
    shown = votes.select(["suggested", "tagset"]).rename_columns(["tags", "tagset"])
    place = votes.schema.get_field_index("suggested")
    column = migrate(shown, changes)["tags"]
    return migrate(votes, changes).set_column(place, votes.schema.field(place), column)


def _vote(row: Mapping[str, Any]) -> Vote:
    return Vote(
        id=row["id"],
        annotator=row["annotator"],
        annotation=row["annotation"],
        simulated=bool(row["simulated"]),
        skipped=bool(row["skipped"]),
        tags=frozenset(row["tags"] or ()),
        domain=row["domain"],
        lead_time_s=row["lead_time_s"],
        batch=row["batch"],
        suggested=None if row["suggested"] is None else frozenset(row["suggested"]),
        unedited=row["unedited"],
    )
