"""How far human annotation is: what is done, what waits, and what nobody can complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from annotation.human.answers_status import QuestionProgress, questions_progress
from annotation.human.merge import current_votes
from annotation.human.migration import migrate, read_changes
from annotation.human.pace import FIRST_TIME, expected_end, pace
from annotation.human.quarantine import Quarantined, count_deleted, quarantined
from annotation.human.standing import Standing, standings
from annotation.human.studio.ledger import read_ledger
from annotation.human.studio.unread import unread_projects
from annotation.human.waiting import Backlog, Screening, count_backlog, count_screening
from pipeline.engine.workspace import Workspace
from schemas.config import Config

_STATUSES = ("effective", "adjudicate", "insufficient", "rejected", "unlabelled", "dropped")


@dataclass(frozen=True)
class Share:
    """What one annotator did of a batch."""

    annotator: str
    votes: int
    skips: int


@dataclass(frozen=True)
class Batch:
    """Stickers exported together; ``dropped`` ones are no longer kept and counted nowhere else.

    ``complete`` ones have all the votes that they need, ``rejected`` ones were settled by skips.
    """

    name: str
    stickers: int
    complete: int
    rejected: int
    gold: int
    blind: bool
    dropped: int
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Annotator:
    """An annotator's work. ``asked`` counts the stickers that they were given or answered, without
    those taken from them again, ``to_do`` those that wait for them, and ``room`` how many more
    their quota allows.

    ``pace`` is in answers a day, over their last active days; ``left_at`` says when they left.
    Who isn't ``listed`` in the configuration gets nothing new.
    """

    name: str
    called: str
    language: str | None
    listed: bool
    asked: int
    votes: int
    skips: int
    to_do: int
    quota: int | None
    room: int | None
    pace: float | None
    last_vote: str | None
    left_at: str | None


@dataclass(frozen=True)
class Stuck:
    """A sticker that lacks votes, which nobody is left to give; no vote that is still to come can
    settle it.

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

    ``unassigned`` counts stickers that lack votes and can go to further people. ``expected_end``
    is the day on which all that was given out should be answered, at everybody's pace; None while
    nobody can say. ``unknown_tags`` says of tags outside the ballot how many stickers' answers
    give them. ``unread`` are projects of which the last import couldn't read all.
    """

    needed: int
    batches: tuple[Batch, ...]
    annotators: tuple[Annotator, ...]
    expected_end: str | None
    labels: dict[str, int]
    unknown_tags: dict[str, int]
    questions: tuple[QuestionProgress, ...]
    adjudication: Backlog
    unassigned: int
    stuck: tuple[Stuck, ...]
    quarantined: tuple[Quarantined, ...]
    screening: Screening
    deleted: int
    simulated: int
    unread: tuple[int, ...] = ()


Votes = Mapping[str, Sequence[Mapping[str, Any]]]
"""The current vote or skip of each annotator, by sticker."""


def progress(
    workspace: Workspace, config: Config, now: datetime | None = None
) -> AnnotationProgress:
    """The state of annotation from the tables and the ledger alone; no server is asked.

    Stickers that are no longer kept need no more votes and wait for nobody. Raises
    StickerworksError when a table can't be read.
    """
    changes = read_changes(workspace.read("tag_changes"))
    everything = migrate(workspace.read("votes"), changes)
    votes = _by_sticker(current_votes(everything).to_pylist())
    tasks = workspace.read("tasks").to_pylist()
    gone = _not_kept(workspace)
    known = _known_tags(workspace)
    wanted, left, unread = _orders(workspace)
    team = [account for account in config.label.accounts if account not in left]
    # What the votes say now; the table of labels may be older.
    every = standings(tasks, everything, config.merge, known, team, wanted)
    open_ = {key: one for key, one in every.items() if key not in gone}
    people = tuple(_annotators(every, open_, votes, config, left))
    unassigned, stuck = _lacking(open_, people, team)
    return AnnotationProgress(
        needed=config.merge.annotators,
        batches=tuple(_batches(every, votes, tasks, gone)),
        annotators=people,
        expected_end=expected_end(people, now or datetime.now(UTC)),
        labels=_labels(workspace),
        unknown_tags=_unknown_tags(workspace),
        questions=questions_progress(workspace),
        adjudication=count_backlog(workspace, tasks, known, changes),
        unassigned=unassigned,
        stuck=stuck,
        quarantined=tuple(quarantined(workspace)),
        screening=count_screening(workspace, tasks),
        deleted=count_deleted(everything),
        simulated=sum(bool(vote["simulated"]) for cast in votes.values() for vote in cast),
        unread=unread,
    )


def _orders(workspace: Workspace) -> tuple[dict[str, int], dict[str, str], tuple[int, ...]]:
    """Stickers for which more votes are wanted, who left, projects that weren't read to their end:
    no table holds these."""
    with read_ledger(workspace.root) as ledger:
        return ledger.wanted(), ledger.departed(), unread_projects(ledger)


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
    every: Mapping[str, Standing],
    votes: Votes,
    tasks: Sequence[Mapping[str, Any]],
    gone: Collection[str],
) -> Iterable[Batch]:
    first: dict[str, str] = {}
    for row in tasks:
        if row["purpose"] == "labelling":
            at, name = row["exported_at"] or "", row["batch"] or ""
            first[name] = min(first.get(name, at), at)
    members: dict[str, list[Standing]] = {}
    for one in every.values():
        members.setdefault(one.batch, []).append(one)
    for name in sorted(first, key=lambda name: (first[name], name)):
        rows = members.get(name, [])
        mine = [one for one in rows if one.id not in gone]
        yield Batch(
            name=name,
            stickers=len(mine),
            complete=sum(one.complete for one in mine),
            rejected=sum(one.rejected and not one.complete for one in mine),
            gold=sum(one.gold for one in mine),
            blind=any(one.blind for one in rows),
            dropped=len(rows) - len(mine),
            shares=_shares([vote for one in mine for vote in votes.get(one.id, ())]),
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
    every: Mapping[str, Standing],
    open_: Mapping[str, Standing],
    votes: Votes,
    config: Config,
    left: Mapping[str, str],
) -> Iterable[Annotator]:
    given, skipped = _counted(vote for cast in votes.values() for vote in cast)
    times: dict[str, list[int]] = {}
    for cast in votes.values():
        for vote in cast:
            times.setdefault(vote["annotator"], []).append(vote["sequence"] or 0)
    to_do = Counter(name for one in open_.values() for name in (*one.pending, *one.open_to))
    asked = Counter(name for one in every.values() for name in one.asked - one.withdrawn)
    had = Counter(name for one in every.values() for name in one.had)
    listed = {one.key: one for one in config.label.annotators}
    for name in dict.fromkeys((*listed, *sorted({*asked, *given, *skipped, *left}))):
        one = listed.get(name)
        yield Annotator(
            name=name,
            called=one.name if one else "",
            language=config.label.language_of(name) if one else None,
            listed=one is not None,
            asked=max(asked[name], given[name] + skipped[name]),
            room=one.quota - had[name] if one and one.quota is not None else None,
            votes=given[name],
            skips=skipped[name],
            to_do=to_do[name],
            quota=one.quota if one else None,
            pace=pace(times.get(name, ())),
            last_vote=_say_time(max(times.get(name, ()), default=0)),
            left_at=left.get(name),
        )


def _say_time(sequence: int) -> str | None:
    if sequence < FIRST_TIME:
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


def _lacking(
    open_: Mapping[str, Standing], people: Sequence[Annotator], team: Sequence[str]
) -> tuple[int, tuple[Stuck, ...]]:
    """How many stickers can go to further people, and those that nobody is left to complete and
    that no vote to come can settle; what nobody settles comes first."""
    free = {one.name for one in people if one.room is None or one.room > 0} & set(team)
    short = [one for one in open_.values() if one.short]
    alone = [one for one in short if len(free - one.asked) < one.short]
    stuck = [one for one in alone if not one.settles]
    found = [Stuck(one.id, one.batch, one.votes, one.skips, one.status) for one in stuck]
    found.sort(key=lambda s: (s.status != "insufficient", s.status, s.batch, s.id))
    return len(short) - len(alone), tuple(found)
