"""How far human annotation is: what is done, what waits, and what nobody can complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from annotation.human.merge import current_votes, merge_votes
from annotation.human.migration import migrate, read_changes
from annotation.human.quarantine import Quarantined, count_deleted, quarantined
from annotation.human.waiting import Backlog, Screening, count_backlog, count_screening
from pipeline.engine.workspace import Workspace
from schemas.config import Config

_STATUSES = ("effective", "adjudicate", "insufficient", "rejected", "unlabelled", "dropped")
# Microseconds of 1973; what lies below is a count, as simulated votes have it.
_FIRST_TIME = 10**14


@dataclass(frozen=True)
class Share:
    """What one annotator did of a batch."""

    annotator: str
    votes: int
    skips: int


@dataclass(frozen=True)
class Batch:
    """Stickers exported together; ``dropped`` ones are no longer kept and counted nowhere else."""

    name: str
    tasks: int
    complete: int
    gold: int
    blind: bool
    dropped: int
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Annotator:
    """An annotator's work; ``to_do`` is None for one whom the configuration doesn't list."""

    name: str
    votes: int
    skips: int
    to_do: int | None
    last_vote: str | None


@dataclass(frozen=True)
class Stuck:
    """A skipped sticker that lacks votes though every annotator has answered.

    ``status`` tells whether its votes and skips settle it anyway.
    """

    id: str
    batch: str
    votes: int
    skips: int
    status: str


@dataclass(frozen=True)
class AnnotationProgress:
    """Everything that a lead asks of the state of annotation, JSON-able by ``asdict``.

    ``unknown_tags`` says of tags outside the ballot how many stickers' answers give them.
    """

    needed: int
    batches: tuple[Batch, ...]
    annotators: tuple[Annotator, ...]
    labels: dict[str, int]
    unknown_tags: dict[str, int]
    adjudication: Backlog
    stuck: tuple[Stuck, ...]
    quarantined: tuple[Quarantined, ...]
    screening: Screening
    deleted: int
    simulated: int


Votes = Mapping[str, Sequence[Mapping[str, Any]]]
"""The current vote or skip of each annotator, by sticker."""


def progress(workspace: Workspace, config: Config) -> AnnotationProgress:
    """The state of annotation from the tables alone; no server is asked.

    Stickers that are no longer kept need no more votes and wait for nobody. Raises
    StickerworksError when a table can't be read.
    """
    changes = read_changes(workspace.read("tag_changes"))
    everything = migrate(workspace.read("votes"), changes)
    votes = _by_sticker(current_votes(everything).to_pylist())
    tasks = workspace.read("tasks").to_pylist()
    gone = _not_kept(workspace)
    asked = {row["id"]: row for row in tasks if row["purpose"] == "labelling"}
    open_ = {key: row for key, row in asked.items() if key not in gone}
    listed = config.label.accounts
    known = _known_tags(workspace)
    # What the votes say now; the table of labels may be older.
    labels = merge_votes(everything, list(open_), config.merge, known)
    valid = {row["id"]: row for row in labels.to_pylist()}
    return AnnotationProgress(
        needed=config.merge.annotators,
        batches=tuple(_batches(asked, votes, valid, gone, config.merge.annotators)),
        annotators=tuple(_annotators(open_, votes, listed)),
        labels=_labels(workspace),
        unknown_tags=_unknown_tags(workspace),
        adjudication=count_backlog(workspace, tasks, known, changes),
        stuck=tuple(_stuck(open_, votes, valid, (config.merge.annotators, listed))),
        quarantined=tuple(quarantined(workspace)),
        screening=count_screening(workspace, tasks),
        deleted=count_deleted(everything),
        simulated=sum(bool(vote["simulated"]) for cast in votes.values() for vote in cast),
    )


def _by_sticker(rows: Iterable[Mapping[str, Any]]) -> Votes:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append(row)
    return found


def _not_kept(workspace: Workspace) -> frozenset[str]:
    decisions = workspace.read("decisions", columns=["id", "kept"])
    return frozenset(decisions.filter(pc.invert(decisions["kept"]))["id"].to_pylist())


def _known_tags(workspace: Workspace) -> frozenset[str] | None:
    ballot = workspace.read("ballot", columns=["tag"])["tag"].to_pylist()
    tags = ballot or workspace.read("tagset", columns=["tag"])["tag"].to_pylist()
    return frozenset(tags) or None


def _batches(
    asked: Mapping[str, Mapping[str, Any]],
    votes: Votes,
    valid: Mapping[str, Mapping[str, Any]],
    gone: Collection[str],
    needed: int,
) -> Iterable[Batch]:
    first: dict[str, str] = {}
    for row in asked.values():
        at, name = row["exported_at"] or "", row["batch"] or ""
        first[name] = min(first.get(name, at), at)
    for name in sorted(first, key=lambda name: (first[name], name)):
        rows = [row for row in asked.values() if (row["batch"] or "") == name]
        mine = [row for row in rows if row["id"] not in gone]
        yield Batch(
            name=name,
            tasks=len(mine),
            complete=sum(valid[row["id"]]["votes"] >= needed for row in mine),
            gold=sum(bool(row["gold"]) for row in mine),
            blind=any(row["blind"] for row in rows),
            dropped=len(rows) - len(mine),
            shares=_shares([vote for row in mine for vote in votes.get(row["id"], ())]),
        )


def _shares(votes: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    given, skipped = _counted(votes)
    return tuple(Share(name, given[name], skipped[name]) for name in sorted(given | skipped))


def _counted(votes: Iterable[Mapping[str, Any]]) -> tuple[Counter[str], Counter[str]]:
    """Votes and skips by annotator."""
    given: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for vote in votes:
        (skipped if vote["skipped"] else given)[vote["annotator"]] += 1
    return given, skipped


def _annotators(
    tasks: Mapping[str, Any], votes: Votes, listed: Sequence[str]
) -> Iterable[Annotator]:
    given, skipped = _counted(vote for cast in votes.values() for vote in cast)
    last: dict[str, int] = {}
    answered: Counter[str] = Counter()
    for sticker, cast in votes.items():
        answered.update({vote["annotator"] for vote in cast} if sticker in tasks else ())
        for vote in cast:
            last[vote["annotator"]] = max(last.get(vote["annotator"], 0), vote["sequence"] or 0)
    for name in dict.fromkeys((*listed, *sorted(given | skipped))):
        to_do = len(tasks) - answered[name] if name in listed else None
        yield Annotator(name, given[name], skipped[name], to_do, _say_time(last.get(name, 0)))


def _say_time(sequence: int) -> str | None:
    if sequence < _FIRST_TIME:
        return None
    return datetime.fromtimestamp(sequence // 1_000_000, UTC).isoformat()


def _labels(workspace: Workspace) -> dict[str, int]:
    counts = Counter(workspace.read("labels", columns=["status"])["status"].to_pylist())
    return {status: counts[status] for status in _STATUSES}


def _unknown_tags(workspace: Workspace) -> dict[str, int]:
    """Most frequent first."""
    listed = workspace.read("labels", columns=["unknown_tags"])["unknown_tags"]
    counts = Counter(pc.list_flatten(listed).to_pylist())
    return {tag: counts[tag] for tag in sorted(counts, key=lambda tag: (-counts[tag], tag))}


def _stuck(
    tasks: Mapping[str, Mapping[str, Any]],
    votes: Votes,
    valid: Mapping[str, Mapping[str, Any]],
    asked: tuple[int, Sequence[str]],
) -> list[Stuck]:
    """What nobody settles comes first."""
    needed, listed = asked
    found = [
        Stuck(key, row["batch"] or "", label["votes"], label["skips"], label["status"])
        for key, row in tasks.items()
        if (label := valid[key])["skips"]
        and label["votes"] < needed
        and set(listed) <= {vote["annotator"] for vote in votes[key]}
    ]
    return sorted(found, key=lambda s: (s.status != "insufficient", s.status, s.batch, s.id))
