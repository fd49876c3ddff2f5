"""What is exported for labelling, adjudication and screening, and how each is shown."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotation.human.merge import current_votes
from annotation.human.migration import Change, carry_over, migrate, read_changes
from annotation.human.studio.asked_questions import (
    asked_questions,
    current_questions,
    questions_of,
)
from annotation.human.studio.ballot import current_ballot
from annotation.human.studio.export import ExportedTasks, send_planned, shown
from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.frozen import all_changes, ballots_by_tagset
from annotation.human.studio.ledger import Ballot, Planned, VoteLedger
from annotation.human.studio.payload import (
    AnonymousVote,
    adjudication_task,
    labelling_task,
    screening_task,
)
from annotation.human.studio.planning import Plan, next_batch, plan_further, plan_labelling
from annotation.human.studio.stickers import TaskSource, kept_stickers, read_sources
from annotation.human.studio.team import team_of
from annotation.human.waiting import waiting_stickers
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

if TYPE_CHECKING:
    from annotation.human.studio.client import Connection

_FINISHED = "These tasks were planned by an export that was interrupted; export again for new ones."
NO_BALLOT = Ballot("", ())
"""Screening asks about no tags."""

_AT_ONCE = 10_000
"""Tasks that are put in order in memory, some 20 MB of them."""


@dataclass(frozen=True)
class LabellingSession:
    """All that an export works with."""

    workspace: Workspace
    config: Config
    ledger: VoteLedger
    connection: Connection

    def sources(self, rows: Sequence[Planned]) -> Iterator[tuple[Planned, Any]]:
        """Planned stickers with what the tables know of them, shard by shard."""
        planned: dict[str, list[Planned]] = {}
        for row in rows:
            planned.setdefault(row.sticker, []).append(row)
        language = self.config.annotate.languages[0]
        for source in read_sources(self.workspace, planned, language):
            for row in planned[source.id]:
                yield row, source


def export_labelling(studio: LabellingSession, request: ExportRequest) -> ExportedTasks:
    """Plan further people for stickers that lack votes, and the next stickers, with gold among
    them; and make their tasks. What an interrupted run planned is finished first, and alone."""
    workspace, ledger = studio.workspace, studio.ledger
    ballot = current_ballot(workspace, ledger, keep=request.keep_tags)
    plan = Plan(notes=(_FINISHED,))
    if not ledger.waiting("labelling"):
        asked = current_questions(ledger, studio.config.label).version
        team = team_of(workspace, studio.config, ledger)
        plan = plan_further(workspace, ledger, team, ballot, asked)
        team = team.given(Counter(row.person for row in plan.rows))
        plan += plan_labelling(workspace, studio.config, ledger, team, request, ballot, asked)
        ledger.plan(plan.rows)
    return replace(send_labelling(studio, ballot), notes=plan.notes)


def assign_further(studio: LabellingSession) -> ExportedTasks:
    """Make tasks for further people, of stickers that can't get all votes from those asked."""
    workspace, ledger = studio.workspace, studio.ledger
    ballot = asked_ballot(ledger)
    asked = current_questions(ledger, studio.config.label).version
    team = team_of(workspace, studio.config, ledger)
    plan = plan_further(workspace, ledger, team, ballot, asked)
    ledger.plan(plan.rows)
    return replace(send_labelling(studio, ballot), notes=plan.notes)


def send_labelling(studio: LabellingSession, ballot: Ballot) -> ExportedTasks:
    """Make the tasks that were planned, on each one's own project."""
    label = studio.config.label
    changes, ballots = all_changes(studio.ledger), ballots_by_tagset(studio.ledger)
    offered = frozenset(ballot.tags)

    def tasks(rows: Sequence[Planned]) -> Iterator[tuple[Planned, dict[str, Any]]]:
        asked = {row.questions: questions_of(studio.ledger, row.questions) for row in rows}
        for row, source in studio.sources(rows):
            given = ballots.get(source.tagset or "", source.tagset)
            tags = filled_in(source.tags, given, changes, offered)[: label.max_tags]
            seen = shown(source, row.batch, tags, studio.connection.files)
            task = labelling_task(
                seen,
                blind=row.blind or "suggestions" not in label.show,
                hints="keywords" in label.show and not row.blind,
                questions=asked[row.questions],
                language=label.language_of(row.person),
            )
            yield row, task

    return send_planned(studio.connection, studio.ledger, studio.config, "labelling", ballot, tasks)


def filled_in(
    tags: Sequence[str],
    version: str | None,
    changes: Mapping[str, Change],
    offered: Collection[str],
) -> list[str]:
    """Suggested tags as a ballot that has ``offered`` knows them, in their order: the likeliest
    first.

    >>> filled_in(["笑", "哭"], "1", {"1": ("2", {"笑": ["大笑", "微笑"]})}, {"哭", "微笑"})
    ['微笑', '哭']
    """
    carried = (new for tag in tags for new in sorted(carry_over((tag,), version, changes)))
    return [tag for tag in dict.fromkeys(carried) if tag in offered]


def asked_ballot(ledger: VoteLedger) -> Ballot:
    """The newest ballot; StickerworksError before the first export."""
    ballot = ledger.ballot()
    if ballot is None:
        raise StickerworksError(
            "Nothing was exported for labelling yet.", "Run `stickerworks label export` first."
        )
    return ballot


def export_adjudication(studio: LabellingSession) -> ExportedTasks:
    """Make a task of every sticker whose votes agree on no tag, or on no answer that is needed."""
    ledger, label = studio.ledger, studio.config.label
    ballot = asked_ballot(ledger)
    sets = asked_questions(ledger)
    version = sets[-1].version if sets else ""
    before = ledger.tasks("adjudication")
    taken, names = ({row[name] for row in before} for name in ("sticker", "batch"))
    batch = next_batch(names, "a")
    ledger.plan(
        Planned("adjudication", sticker, ballot.version, batch, False, False, "", version)
        for sticker in waiting_stickers(studio.workspace, ballot.tags, all_changes(ledger))
        if sticker not in taken
    )
    votes = _votes_by_sticker(studio)

    def tasks(rows: Sequence[Planned]) -> Iterator[tuple[Planned, dict[str, Any]]]:
        for row, source in studio.sources(rows):
            seen = shown(source, row.batch, (), studio.connection.files)
            said = _anonymous(row.sticker, votes.get(row.sticker, ()))
            asked = questions_of(ledger, row.questions)
            yield row, adjudication_task(seen, said, asked, label.language)

    return send_planned(studio.connection, ledger, studio.config, "adjudication", ballot, tasks)


def export_screening(studio: LabellingSession, request: ExportRequest) -> ExportedTasks:
    """Make review tasks of what the safety measure points at, and of a sample of the rest."""
    label = studio.config.label
    scores = safety_scores(studio.workspace, label.screening_measure)
    studio.ledger.plan(plan_screening(studio, request, scores))

    def task(row: Planned, source: TaskSource) -> dict[str, Any]:
        score = scores.get(row.sticker)
        seen = shown(source, row.batch, (), studio.connection.files)
        blurred = score is not None and score >= label.screening_score
        return screening_task(seen, score=score, blurred=blurred, language=label.language)

    def tasks(rows: Sequence[Planned]) -> Iterator[tuple[Planned, dict[str, Any]]]:
        # The server offers tasks in the order in which they were made, stickers lie in shards.
        order = highest_first(scores)
        waiting = sorted(rows, key=lambda row: order(row.sticker))
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            made = {row.sticker: task(row, source) for row, source in studio.sources(some)}
            yield from ((row, made[row.sticker]) for row in some if row.sticker in made)

    return send_planned(
        studio.connection, studio.ledger, studio.config, "screening", NO_BALLOT, tasks
    )


def _votes_by_sticker(studio: LabellingSession) -> Mapping[str, list[dict[str, Any]]]:
    changes = read_changes(studio.workspace.read("tag_changes"))
    votes: dict[str, list[dict[str, Any]]] = {}
    for row in current_votes(migrate(studio.workspace.read("votes"), changes)).to_pylist():
        votes.setdefault(row["id"], []).append(row)
    return votes


def _anonymous(sticker: str, votes: Sequence[Mapping[str, Any]]) -> list[AnonymousVote]:
    """Votes in an order that says nothing of who gave them, the same on any rerun."""

    def lot(vote: Mapping[str, Any]) -> bytes:
        return hashlib.sha256(f"{sticker}/{vote['annotator']}".encode()).digest()

    return [AnonymousVote.of(vote) for vote in sorted(votes, key=lot)]


def plan_screening(
    studio: LabellingSession, request: ExportRequest, scores: Mapping[str, float]
) -> Iterator[Planned]:
    """The next stickers to screen, the highest score first, those without one last: all that are
    kept, or those from the configured score on and then a sample of the others."""
    label, before = studio.config.label, studio.ledger.tasks("screening")
    taken = {row["sticker"] for row in before}
    kept = kept_stickers(studio.workspace)
    chosen = sorted(kept, key=highest_first(scores))
    if label.screening_sample != "all":
        suspect = [key for key in chosen if scores.get(key, -math.inf) >= label.screening_score]
        # Ids are hashes: the first ones are a random sample, and the same one on any rerun.
        known = set(suspect)
        sample = [key for key in kept if key not in known][: label.screening_sample]
        chosen = [*suspect, *sample]
    names = [row["batch"] for row in before]
    fresh = [key for key in chosen if key not in taken][: request.limit]
    for start in range(0, len(fresh), label.batch_size):
        name = request.batch or next_batch(names, "s")
        names.append(name)
        for sticker in fresh[start : start + label.batch_size]:
            yield Planned("screening", sticker, NO_BALLOT.version, name, gold=False, blind=True)


def highest_first(scores: Mapping[str, float]) -> Callable[[str], tuple[bool, float, str]]:
    """What orders stickers for screening: by score, then those that have none."""

    def place(sticker: str) -> tuple[bool, float, str]:
        score = scores.get(sticker)
        return score is None, -(score or 0.0), sticker

    return place


def safety_scores(workspace: Workspace, measure: str) -> dict[str, float]:
    """Values of a measure by sticker, of those that have one."""
    import pyarrow.compute as pc

    values: dict[str, float] = {}
    for name in ("measures", "expensive_measures"):
        rows = workspace.read(name, columns=["id", "name", "value"])
        rows = rows.filter(pc.equal(rows["name"], measure)).drop_null()
        rows = rows.filter(pc.is_finite(rows["value"]))
        values |= dict(zip(rows["id"].to_pylist(), rows["value"].to_pylist(), strict=True))
    return values
