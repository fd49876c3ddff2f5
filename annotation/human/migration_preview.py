"""Labels before and after a migration: what the votes say with each ballot, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.merge import MERGE, current_decisions, current_votes
from annotation.human.migration import Change, kinds_of_change, migrate, migrate_decisions
from annotation.human.tag_pairs import Flags, Ints, TagPairs
from pipeline.engine.workspace import Workspace
from schemas.config import MergeConfig
from schemas.tables import BALLOT, LABELS, TABLES, TAG_CHANGES

STATUSES = ("effective", "rejected", "adjudicate", "insufficient", "unlabelled", "dropped")
_EXAMPLES = 5


@dataclass(frozen=True)
class Reading:
    """How votes are read: the ballot's version and tags, and all changes that lead to it."""

    version: str
    tags: Sequence[str]
    changes: Mapping[str, Change]


@dataclass(frozen=True)
class Move:
    """How many stickers go from one status to another, or stay."""

    before: str
    after: str
    stickers: int


@dataclass(frozen=True)
class KindOfChange:
    """What changes of one kind do: how many tags they change, votes and decisions that gave one
    of these, tags that labels gain and lose, stickers whose labels' tags change."""

    kind: str
    tags: int
    votes: int
    decisions: int
    gained: int
    lost: int
    stickers: int


@dataclass(frozen=True)
class Example:
    """A sticker whose label changes."""

    id: str
    before: str
    tags_before: Sequence[str]
    after: str
    tags_after: Sequence[str]


@dataclass(frozen=True)
class MigrationPreview:
    """Labels by status before and after, and where they differ; JSON-able by ``asdict``."""

    before: Mapping[str, int]
    after: Mapping[str, int]
    moves: Sequence[Move]
    kinds: Sequence[KindOfChange]
    changed: int
    examples: Sequence[Example]


def labels_under(
    workspace: Workspace, said: Mapping[str, pa.Table], reading: Reading, rule: MergeConfig
) -> pa.Table:
    """The table ``labels`` as ``merge`` would write it; ``said`` holds votes and adjudications."""
    ballot = [{"version": reading.version, "tag": tag} for tag in reading.tags]
    changes = [
        {"from_version": old, "to_version": new, "tag": tag, "becomes": list(becomes)}
        for old, (new, named) in reading.changes.items()
        for tag, becomes in named.items()
    ]
    instead = {
        "votes": said["votes"],
        "adjudications": said["adjudications"],
        "ballot": pa.Table.from_pylist(ballot, schema=BALLOT.schema),
        "tag_changes": pa.Table.from_pylist(changes, schema=TAG_CHANGES.schema),
    }
    blocks = [rows for _, _, rows in MERGE.run(_Instead(workspace, instead), rule)]
    return pa.concat_tables([LABELS.schema.empty_table(), *blocks])


def preview(
    before: pa.Table,
    after: pa.Table,
    said: Mapping[str, pa.Table],
    old: Reading,
    changes: Mapping[str, Sequence[str]],
) -> MigrationPreview:
    """What a migration changes: ``before`` and ``after`` are labels of the same stickers.

    ``old`` is the reading that ``changes`` start from.
    """
    moved = pc.value_counts(
        pc.binary_join_element_wise(before["status"], after["status"], " ").combine_chunks()
    )
    moves = {row["values"]: row["counts"] for row in moved.to_pylist()}
    pairs = TagPairs([before["tags"].combine_chunks(), after["tags"].combine_chunks()], None)
    owners = np.arange(len(before))
    had, has = (pairs.pairs(owners, labels["tags"].combine_chunks()) for labels in (before, after))
    lost, gained = np.setdiff1d(had, has), np.setdiff1d(has, had)
    touched = np.zeros(len(before), bool)
    touched[pairs.owner(np.concatenate([lost, gained]))] = True
    differs = touched | pc.not_equal(before["status"], after["status"]).to_numpy()
    names = pairs.names.to_pylist()
    return MigrationPreview(
        before=_by_status(before),
        after=_by_status(after),
        moves=tuple(
            Move(one, other, moves[f"{one} {other}"])
            for one in STATUSES
            for other in STATUSES
            if f"{one} {other}" in moves
        ),
        kinds=tuple(
            _kind(kind, chosen, changes, _given(said, old), (pairs, names, lost, gained))
            for kind, chosen in kinds_of_change(old.tags, changes).items()
        ),
        changed=int(touched.sum()),
        examples=_examples(before, after, differs),
    )


def _kind(
    kind: str,
    chosen: Sequence[str],
    changes: Mapping[str, Sequence[str]],
    given: tuple[pa.Table, pa.Table],
    labels: tuple[TagPairs, list[str], Ints, Ints],
) -> KindOfChange:
    pairs, names, lost, gained = labels
    old, new = set(chosen), {tag for name in chosen for tag in changes[name]}

    def about(found: Ints, tags: set[str]) -> Ints:
        numbers = [number for number, name in enumerate(names) if name in tags]
        return found[np.isin(found % pairs.width, numbers)]

    went, came = about(lost, old), about(gained, new)
    votes, decisions = (_touched(rows, old) for rows in given)
    stickers = len(np.unique(pairs.owner(np.concatenate([went, came]))))
    return KindOfChange(kind, len(chosen), votes, decisions, len(came), len(went), stickers)


def _given(said: Mapping[str, pa.Table], old: Reading) -> tuple[pa.Table, pa.Table]:
    """Votes and decisions that count, in the tags of a ballot."""
    votes = current_votes(migrate(said["votes"], old.changes))
    votes = votes.filter(pc.invert(pc.fill_null(votes["skipped"], False)))
    return votes, current_decisions(migrate_decisions(said["adjudications"], old.changes))


def _touched(rows: pa.Table, tags: set[str]) -> int:
    lists = rows["tags"].combine_chunks()
    chosen = pc.is_in(pc.list_flatten(lists), value_set=pa.array(sorted(tags), pa.string()))
    return len(pc.unique(pc.list_parent_indices(lists).filter(chosen)))


def _by_status(labels: pa.Table) -> dict[str, int]:
    counts = Counter(labels["status"].to_pylist())
    return {status: counts[status] for status in STATUSES}


def _examples(before: pa.Table, after: pa.Table, differs: Flags) -> tuple[Example, ...]:
    status = pc.not_equal(before["status"], after["status"]).to_numpy()
    # Those whose status changes say most.
    places = np.flatnonzero(differs)
    places = places[np.argsort(~status[places], kind="stable")][:_EXAMPLES]
    one, other = (labels.take(pa.array(places)).to_pylist() for labels in (before, after))
    return tuple(
        Example(was["id"], was["status"], was["tags"] or (), is_["status"], is_["tags"] or ())
        for was, is_ in zip(one, other, strict=True)
    )


@dataclass(frozen=True)
class _Instead:
    """Reads a workspace with some tables in the place of its own."""

    workspace: Workspace
    tables: Mapping[str, pa.Table]

    @property
    def parts(self) -> tuple[int, ...]:
        return self.workspace.parts

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        return self.workspace.blocks

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        if table in self.tables:
            rows = self.tables[table]
            return rows if columns is None else rows.select(columns)
        if parts is None and TABLES[table].scope != "global":
            parts = self.parts
        return self.workspace.read(table, parts, columns)
