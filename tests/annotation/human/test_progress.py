"""The state of annotation, counted from tables that were written here by hand."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from annotation.human.progress import AnnotationProgress, Share, progress
from annotation.human.status import status_lines
from annotation.human.studio.ledger import open_ledger
from annotation.human.waiting import Backlog, Screening
from pipeline.engine.workspace import Workspace
from schemas.config import Config

NOON = 1_790_000_000_000_000  # 2026-09-21T14:13:20 in microseconds
PEOPLE = ("ann@example.org", "bob@example.org", "cem@example.org")
ANN, BOB, CEM = PEOPLE
CONFIG = Config.model_validate({"label": {"annotators": [name.title() for name in PEOPLE]}})
Rows = list[dict[str, Any]]


def key(number: int) -> str:
    return f"{number:064x}"


def task(number: int, purpose: str = "labelling", batch: str = "b001", **more: Any) -> Any:
    return {"id": key(number), "purpose": purpose, "project": 1, "task": number, "batch": batch,
            "gold": False, "blind": False, **more}  # fmt: skip


def vote(number: int, annotator: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key(number), "annotator": annotator, "origin": "label_studio", "simulated": False,
        "skipped": False, "tags": list(tags), "sequence": NOON + number,
        "annotation": f"1/{number}{annotator[0]}", **more,
    }  # fmt: skip


def skip(number: int, annotator: str) -> dict[str, Any]:
    return vote(number, annotator, skipped=True)


def decision(number: int, rule: str | None = None) -> dict[str, Any]:
    reasons = [{"rule": rule, "value": None, "threshold": None, "detail": "x"}] if rule else None
    outcome = "dropped" if rule else "kept"
    return {"id": key(number), "kept": not rule, "outcome": outcome, "reasons": reasons}


VOTES: Rows = [
    *(vote(1, name, "笑") for name in PEOPLE),
    *(vote(2, name, tag) for name, tag in zip(PEOPLE, ("笑", "哭", "狗"), strict=True)),
    *(vote(3, ANN, "笑"), vote(3, BOB, "笑"), skip(3, CEM)),
    *(vote(4, ANN, "笑"), vote(4, BOB, "哭"), skip(4, CEM)),
    *(vote(5, ANN, "笑"), skip(5, BOB), skip(5, CEM)),
    *(vote(6, ANN, "笑"), skip(6, BOB)),
    *(vote(7, ANN, "笑"), vote(7, BOB, "笑"), vote(7, CEM, "no such tag")),
    *(vote(8, name, "笑") for name in PEOPLE),
    vote(6, "user 9", "笑", quarantined="given by a user who is on no list"),
    vote(1, "user 9", "笑", quarantined="given by a user who is on no list"),
    vote(1, ANN, "哭", annotation="1/77", deleted=True, sequence=NOON - 5),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Eight stickers exported in two batches, voted on in every way; the last one is flagged."""
    workspace = Workspace(tmp_path)
    numbers = range(1, 11)
    put(workspace, "stickers", [{"id": key(n), "format": "gif"} for n in numbers])
    put(workspace, "decisions", [decision(n, "review" if n == 8 else None) for n in numbers])
    put(workspace, "ballot", [{"version": "1", "tag": tag} for tag in ("笑", "哭", "狗")])
    tasks = [task(n) for n in range(1, 5)] + [task(1, "adjudication"), task(9, "screening")]
    tasks += [task(n, batch="b002", blind=True, gold=n == 5) for n in range(5, 10)]
    put(workspace, "tasks", [*tasks, task(8, "screening")])
    put(workspace, "votes", VOTES)
    statuses = ["effective", "adjudicate", "effective", "insufficient", "insufficient"]
    statuses += ["insufficient", "effective", "dropped", "unlabelled", "unlabelled"]
    labels = zip(numbers, statuses, strict=True)
    put(workspace, "labels", [{"id": key(n), "status": status} for n, status in labels])
    seen = {"skipped": False, "by_lead": False, "sequence": NOON, "reviewer": ANN}
    put(workspace, "flags", [{"id": key(8), "flags": ["offensive"], "annotation": "3/1", **seen}])
    return workspace


@pytest.fixture
def found(workspace: Workspace) -> AnnotationProgress:
    return progress(workspace, CONFIG)


def said(found: AnnotationProgress) -> str:
    return "\n".join(status_lines(found))


def test_batches_count_tasks_complete_ones_and_each_ones_share(found: AnnotationProgress) -> None:
    first, second = found.batches
    assert (first.name, first.stickers, first.complete, first.gold) == ("b001", 4, 2, 0)
    assert first.shares == (Share(ANN, 4, 0), Share(BOB, 4, 0), Share(CEM, 2, 2))
    assert (second.stickers, second.complete, second.gold, second.blind) == (4, 0, 1, True)
    assert (first.rejected, second.rejected) == (0, 1)
    assert (second.dropped, first.dropped, first.blind) == (1, 0, False)


def test_a_vote_for_unknown_tags_alone_completes_nothing(
    workspace: Workspace, found: AnnotationProgress
) -> None:
    tags = ("笑", "哭", "狗", "no such tag")
    put(workspace, "ballot", [{"version": "1", "tag": tag} for tag in tags])
    assert progress(workspace, CONFIG).batches[1].complete == found.batches[1].complete + 1


def test_annotators_are_those_listed_and_those_who_voted(found: AnnotationProgress) -> None:
    at = "2026-09-21T14:13:20+00:00"
    done = [(a.name, a.votes, a.skips, a.to_do, a.last_vote) for a in found.annotators]
    assert done == [(ANN, 8, 0, 1, at), (BOB, 6, 2, 1, at), (CEM, 4, 3, 2, at)]
    assert [(a.listed, a.pace, a.left_at) for a in found.annotators] == [
        (True, 8.0, None), (True, 8.0, None), (True, 7.0, None)
    ]  # fmt: skip


def test_one_who_is_not_listed_has_nothing_to_do(workspace: Workspace) -> None:
    put(workspace, "votes", [*VOTES, vote(2, "team-2-7", "笑")])
    last = progress(workspace, CONFIG).annotators[-1]
    assert (last.name, last.votes, last.to_do, last.listed) == ("team-2-7", 1, 0, False)


def test_what_everybody_answered_and_lacks_votes_is_stuck(found: AnnotationProgress) -> None:
    # 6 waits for cem, who may agree with ann; of 7 one is for an unknown tag; skips settled 5.
    stuck = [(int(s.id, 16), s.status, s.votes, s.skips) for s in found.stuck]
    open_, settled = stuck[:1], stuck[1:]
    assert open_ == [(4, "insufficient", 2, 1)]
    assert settled == [(3, "effective", 2, 1), (7, "effective", 2, 0)]
    assert found.unassigned == 0


@pytest.mark.parametrize(
    ("given", "stuck"),
    [
        ([], True),  # one vote alone settles nothing
        ([vote(10, BOB, "笑", task=10)], False),
        ([vote(10, BOB, task=10)], True),  # bob chose no tag, so nobody can agree with him
        ([skip(10, BOB) | {"task": 10}], False),
        ([vote(10, BOB, "笑", task=10), vote(10, ANN, "哭", task=10)], True),
    ],
)
def test_what_a_vote_to_come_may_settle_is_not_stuck(
    workspace: Workspace, given: Rows, stuck: bool
) -> None:
    own = [task(10, person=name, batch="b003") for name in (ANN, BOB)]
    put(workspace, "tasks", [{**row, "withdrawn": None} for row in own])
    put(workspace, "votes", given)
    with open_ledger(workspace.root) as ledger:
        ledger.connection.executemany(
            "INSERT INTO departures (person, left_at) VALUES (?, '2026-09-22T10:00:00+00:00')",
            [(BOB,), (CEM,)],
        )
        if not given:
            put(workspace, "tasks", own[:1])
    found = progress(workspace, CONFIG)
    assert [int(s.id, 16) for s in found.stuck] == ([10] if stuck else [])
    assert found.unassigned == 0


def test_each_ones_own_tasks_beside_everybodys_of_before(workspace: Workspace) -> None:
    people: Any = [{"account": ANN, "name": "Ann", "quota": 9}, BOB, CEM]
    people += [{"account": "dee@example.org", "language": "zh"}, "eve@example.org"]
    config = Config.model_validate({"label": {"annotators": people}})
    dee, eve = "dee@example.org", "eve@example.org"
    own = [
        *(task(10, person=name, batch="b003") for name in (ANN, BOB)),
        {**task(10, person=dee, batch="b003"), "task": 99},
        task(11, person=eve, batch="b003", withdrawn="2026-09-22T10:00:00+00:00"),
        *(task(11, person=name, batch="b003") for name in (BOB, CEM)),
    ]
    put(workspace, "tasks", [*workspace.read("tasks").to_pylist(), *own])
    put(workspace, "votes", [*VOTES, vote(10, ANN, "笑", task=10), skip(10, dee) | {"task": 99}])
    with open_ledger(workspace.root) as ledger:
        ledger.connection.execute(
            "INSERT INTO departures (person, left_at) VALUES (?, '2026-09-22T10:00:00+00:00')",
            (eve,),
        )
        ledger.connection.execute("INSERT INTO wanted VALUES (?, 4)", (key(1),))
    found = progress(workspace, config, datetime(2026, 9, 22, tzinfo=UTC))
    by_name = {one.name: one for one in found.annotators}
    assert (by_name[ANN].called, by_name[ANN].quota, by_name[ANN].room) == ("Ann", 9, 0)
    assert (by_name[dee].skips, by_name[dee].language) == (1, "zh")
    assert (by_name[eve].asked, by_name[eve].to_do) == (0, 0)
    assert by_name[eve].left_at == "2026-09-22T10:00:00+00:00"
    third = found.batches[-1]
    assert (third.name, third.stickers, third.complete) == ("b003", 2, 0)
    assert found.batches[0].complete == 1, "of one that was complete a fourth vote is wanted"
    lines = said(found)
    assert "Ann <ann@example.org>" in lines
    assert "reads zh" in lines
    assert "left 2026-09-22 10:00:00" in lines
    assert f"Lack votes    {found.unassigned:,} can go to others" in lines
    # Five of everybody's wait for dee, who has answered one a day.
    assert (by_name[dee].to_do, found.expected_end) == (5, "2026-09-27")


def test_backlog_is_what_no_decision_settles(
    workspace: Workspace, found: AnnotationProgress
) -> None:
    assert found.adjudication == Backlog(waiting=1, exported=0)
    put(workspace, "tasks", [task(2, "adjudication")])
    assert progress(workspace, CONFIG).adjudication == Backlog(waiting=1, exported=1)
    decided = {"id": key(2), "adjudicator": "lead@example.org", "annotation": "2/1"}
    put(workspace, "adjudications", [{**decided, "skipped": True}])
    assert progress(workspace, CONFIG).adjudication.waiting == 1
    put(workspace, "adjudications", [{**decided, "skipped": False, "quarantined": "no"}])
    assert progress(workspace, CONFIG).adjudication.waiting == 1
    put(workspace, "adjudications", [{**decided, "skipped": False, "tags": ["made up"]}])
    assert progress(workspace, CONFIG).adjudication.waiting == 1
    put(workspace, "adjudications", [{**decided, "skipped": False, "tags": ["笑"]}])
    assert progress(workspace, CONFIG).adjudication.waiting == 0
    put(workspace, "adjudications", [{**decided, "skipped": False, "tags": ["乐"], "tagset": "0"}])
    change = {"from_version": "0", "to_version": "1", "tag": "乐", "becomes": ["笑"]}
    put(workspace, "tag_changes", [change])
    assert progress(workspace, CONFIG).adjudication.waiting == 0


def test_unknown_tags_are_counted_and_listed(
    workspace: Workspace, found: AnnotationProgress
) -> None:
    assert found.unknown_tags == {}
    assert "Unknown tags" not in said(found)
    tags = [f"made up {n}" for n in range(7)]
    given = {1: tags, 2: ["x"], 3: ["x"]}
    labels = [{"id": key(n), "status": "adjudicate", "unknown_tags": t} for n, t in given.items()]
    put(workspace, "labels", labels)
    later = progress(workspace, CONFIG)
    assert later.unknown_tags == {"x": 2} | dict.fromkeys(tags, 1)
    assert "Unknown tags  left out, by stickers: x 2, made up 0 1," in said(later)
    assert "made up 4 1 and 2 more tags" in said(later)


def test_answers_that_do_not_count_are_named_by_reason(found: AnnotationProgress) -> None:
    (group,) = found.quarantined
    assert (group.table, group.answers) == ("votes", 2)
    assert [(e.who, int(e.id, 16)) for e in group.examples] == [("user 9", 6), ("user 9", 1)]


def test_versions_of_one_annotation_are_one_answer(workspace: Workspace) -> None:
    bad = {"annotation": "1/5", "quarantined": "its result is no list"}
    versions = [vote(1, ANN, **bad, sequence=NOON + n) for n in range(3)]
    healed = vote(2, ANN, "笑", annotation="1/6", quarantined="given by the lead")
    put(
        workspace,
        "votes",
        [*versions, healed, {**healed, "quarantined": None, "sequence": NOON + 9}],
    )
    groups = progress(workspace, CONFIG).quarantined
    assert [(group.reason, group.answers) for group in groups] == [("its result is no list", 1)]


def test_screening_and_deleted_and_labels(found: AnnotationProgress) -> None:
    assert found.screening == Screening(tasks=2, looked_at=1, flagged=1, everything=10)
    assert (found.deleted, found.simulated) == (1, 0)
    assert found.labels["effective"] == 3
    assert found.labels["dropped"] == 1


def test_simulated_votes_are_owned_up_to(workspace: Workspace) -> None:
    put(workspace, "votes", [vote(1, "simulated-1", "笑", simulated=True, sequence=3)])
    found = progress(workspace, CONFIG)
    assert found.simulated == 1
    assert found.annotators[-1].last_vote is None
    assert said(found).startswith("Simulated votes: 1. No person gave them.")


def test_progress_is_json(found: AnnotationProgress) -> None:
    assert json.loads(json.dumps(asdict(found)))["batches"][0]["stickers"] == 4


def test_an_empty_workspace_says_what_to_run(tmp_path: Path) -> None:
    text = said(progress(Workspace(tmp_path), CONFIG))
    assert "stickerworks label export" in text
    assert "stickerworks merge" in text


def test_lines_say_what_a_lead_asks(found: AnnotationProgress) -> None:
    text = said(found)
    assert "b001          4   2 (50%)     0" in text
    assert "blind, 1 settled by skips, 1 no longer kept" in text
    assert "1 wait for a decision, 0 of them have a task: stickerworks label adjudicate" in text
    assert "Stuck         3: 1 that nobody is left to complete, 2 settled anyway; add" in text
    assert "Screening     1 of 2 looked at (10% of all 10 stickers), 1 flagged" in text
    assert "votes: given by a user who is on no list (annotation 1/6u by user 9)" in text


def columns(lines: Sequence[str], title: str) -> list[str]:
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    return list(lines[start : lines.index("", start)])


def test_hostile_names_move_nothing_on_the_terminal(workspace: Workspace) -> None:
    evil = "\x1b[2Jevil\r\n\u202e老师" + "x" * 90
    put(workspace, "votes", [*VOTES, vote(1, evil, "笑"), vote(2, evil, quarantined=evil)])
    put(workspace, "tasks", [task(n, batch=evil) for n in range(1, 4)])
    lines = list(status_lines(progress(workspace, CONFIG)))
    signs = {unicodedata.category(sign) for line in lines for sign in line}
    assert not signs & {"Cc", "Cf", "Zl", "Zp"}
    assert max(map(len, lines)) < 200
    assert len(columns(lines, "Annotator")) == 5
