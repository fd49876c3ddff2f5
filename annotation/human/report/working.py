"""How far annotation is, what waits for whom, and what doesn't count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotation.human.progress import AnnotationProgress, Annotator, Batch, Share
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

NAME = 32
"""Letters of a person's name that are shown."""

_BATCHES, _COLUMNS, _PEOPLE, _STUCK, _REASONS, _EXAMPLES = 40, 12, 50, 24, 20, 3


def working(workspace: Workspace, progress: AnnotationProgress) -> dict[str, Any]:
    """Batches by annotator, annotators, and labels by status."""
    people = [one.name for one in progress.annotators if one.listed]
    people += [one.name for one in progress.annotators if not one.listed]
    shown = progress.batches[-_BATCHES:]
    return {
        "missing": missing(workspace, "tasks", "votes", "labels"),
        "simulated": progress.simulated,
        "needed": progress.needed,
        "tasks": sum(batch.stickers for batch in progress.batches),
        "complete": sum(batch.complete for batch in progress.batches),
        "votes": sum(one.votes for one in progress.annotators),
        "skips": sum(one.skips for one in progress.annotators),
        "people": [one_line(name, NAME) for name in people[:_COLUMNS]],
        "more_columns": max(0, len(people) - _COLUMNS),
        "batches": [_batch(batch, people[:_COLUMNS]) for batch in shown],
        "more_batches": len(progress.batches) - len(shown),
        "annotators": [_annotator(progress, name) for name in people[:_PEOPLE]],
        "more_people": max(0, len(people) - _PEOPLE),
        "labels": progress.labels,
        "labelled": sum(progress.labels.values()),
    }


def _batch(batch: Batch, people: list[str]) -> dict[str, Any]:
    shares = {share.annotator: share for share in batch.shares}
    return {
        "name": one_line(batch.name, NAME),
        "tasks": batch.stickers,
        "complete": batch.complete,
        "notes": list(_notes(batch)),
        "shares": [shares.get(name, Share(name, 0, 0)) for name in people],
    }


def _notes(batch: Batch) -> Iterator[str]:
    if batch.blind:
        yield "blind"
    if batch.gold:
        yield f"{batch.gold:,} gold"
    if batch.rejected:
        yield f"{batch.rejected:,} settled by skips"
    if batch.dropped:
        yield f"{batch.dropped:,} no longer kept"


def _annotator(progress: AnnotationProgress, name: str) -> dict[str, Any]:
    one = next(one for one in progress.annotators if one.name == name)
    done = one.votes + one.skips
    return {
        "name": one_line(name, NAME),
        "votes": one.votes,
        "skips": one.skips,
        "to_do": one.to_do,
        "total": done + one.to_do,
        "asked": one.asked,
        "quota": one.quota,
        "pace": None if one.pace is None else round(one.pace, 1),
        "listed": one.listed,
        "notes": list(_of_person(one)),
        "last": (one.last_vote or "").replace("T", " ").removesuffix("+00:00"),
    }


def _of_person(one: Annotator) -> Iterator[str]:
    if one.called:
        yield one_line(one.called, NAME)
    if not one.listed:
        yield "not in label.annotators"
    if one.left_at is not None:
        yield f"left {one.left_at[:10]}"


def waiting(workspace: Workspace, progress: AnnotationProgress) -> dict[str, Any]:
    """What waits for an adjudicator, what nobody is left to complete, and screening."""
    lost = [stuck for stuck in progress.stuck if stuck.status == "insufficient"]
    return {
        "missing": missing(workspace, "tasks", "votes", "labels"),
        "backlog": progress.adjudication,
        "stuck": len(progress.stuck),
        "unassigned": progress.unassigned,
        "lost": len(lost),
        "cards": [
            Card(s.id, (f"votes {s.votes}, skips {s.skips}", f"batch {one_line(s.batch, 20)}"))
            for s in lost[:_STUCK]
        ],
        "screening": progress.screening,
    }


def quarantined(workspace: Workspace, progress: AnnotationProgress) -> dict[str, Any]:
    """Answers that don't count by reason, and votes that are gone from the server."""
    return {
        "missing": missing(workspace, "votes"),
        "total": sum(group.answers for group in progress.quarantined),
        "deleted": progress.deleted,
        "groups": [
            {
                "table": group.table,
                "reason": one_line(group.reason, 120),
                "answers": group.answers,
                "examples": [
                    f"{one_line(example.annotation or '?', 20)} by {one_line(example.who, NAME)}"
                    for example in group.examples[:_EXAMPLES]
                ],
            }
            for group in progress.quarantined[:_REASONS]
        ],
        "more": max(0, len(progress.quarantined) - _REASONS),
    }
