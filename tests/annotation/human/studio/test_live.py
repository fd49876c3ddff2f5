"""The whole way through a real server: export, votes, interference, import, adjudication."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from labelling_booth import FOREIGN, Booth, Tasks, answer, skip, tasks_of

from annotation.human.studio import export, importing
from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.labelling import LabellingSession, export_labelling
from annotation.human.studio.ledger import open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

# Stickers that all vote on, and those that have a task from the start, of DRAWN that are kept.
COUNT, EXPORTED = 24, 36


@pytest.fixture(scope="module")
def studio(drawn: Callable[[], Workspace], make_studio: Any) -> Any:
    """A server with tasks for labelling, which tests take one after the other."""
    made = make_studio(drawn())
    shown = ("--set", "label.show=[keywords, suggestions]", "--set", "label.calibration=0")
    made.label("export", "--next", str(EXPORTED), options=shown)
    return made


@pytest.fixture(scope="module")
def fresh(drawn: Callable[[], Workspace], make_studio: Any) -> Any:
    """Another one, where stickers are left to export."""
    return make_studio(drawn())


@pytest.fixture
def free(studio: Any) -> Callable[[int], dict[str, Tasks]]:
    """Gives tasks for labelling of kept stickers that nobody has voted on."""
    voted = {row["id"] for row in studio.workspace.read("votes").to_pylist()}
    decisions = studio.workspace.read("decisions").to_pylist()
    there = {row["id"] for row in decisions if row["kept"]} - voted
    tasks = {key: each for key, each in tasks_of(studio, "labelling").items() if key in there}

    def take(count: int) -> dict[str, Tasks]:
        assert len(tasks) >= count
        return dict(list(tasks.items())[:count])

    return take


def statuses(studio: Any) -> dict[str, tuple[str, list[str], str | None]]:
    rows = studio.workspace.read("labels").to_pylist()
    return {row["id"]: (row["status"], row["tags"], row["provenance"]) for row in rows}


def digests(studio: Any) -> dict[str, str]:
    paths = sorted(studio.workspace.tables.rglob("*.parquet"))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def on_server(studio: Any) -> list[tuple[str, str]]:
    """Stickers beside the person on whose project each lies, as the server has them."""
    client = studio.connection.client
    return sorted(
        (task.data["sticker_id"], person)
        for person, number in labelling_projects(studio).items()
        for task in client.tasks.list(project=number, page_size=1000)
    )


def asked(studio: Any) -> list[tuple[str, str]]:
    tasks = tasks_of(studio, "labelling")
    return sorted((key, person) for key, each in tasks.items() for person in each)


def labelling_projects(studio: Any) -> dict[str, int]:
    rows = studio.workspace.read("tasks").to_pylist()
    return {row["person"]: row["project"] for row in rows if row["purpose"] == "labelling"}


A, B, C, LEAD, STRANGER = range(5)
SKIP = None
ONE, TWO, THREE, FOUR, MADE_UP = range(5)
# Who gives which tags, in order; what must come of it.
CASES: list[tuple[list[tuple[Any, ...]], str, list[int]]] = [
    ([], "unlabelled", []),
    ([(A, [ONE]), (B, [ONE]), (C, [ONE])], "effective", [ONE]),
    ([(A, [ONE, TWO]), (B, [TWO, THREE]), (C, [ONE, THREE])], "effective", [ONE, TWO, THREE]),
    ([(A, [ONE]), (B, [TWO]), (C, [THREE])], "adjudicate", []),
    ([(A, [FOUR]), (B, SKIP), (C, [FOUR])], "effective", [FOUR]),
    ([(A, [ONE]), (B, SKIP), (C, SKIP)], "rejected", []),
    # The first votes twice, and the second vote counts.
    ([(A, [ONE]), (B, [ONE]), (A, [TWO])], "insufficient", []),
    # A stranger and the lead vote too.
    ([(A, [ONE]), (STRANGER, [ONE]), (LEAD, [ONE])], "insufficient", []),
    # A stranger changes a vote before it was imported.
    ([(A, [ONE]), (B, [TWO]), (STRANGER, [ONE], "edits the last")], "insufficient", []),
    # A stranger votes in another's name.
    ([(A, [ONE]), (STRANGER, [ONE], "as B")], "insufficient", []),
    ([(A, [MADE_UP, ONE]), (B, [MADE_UP, ONE])], "effective", [ONE]),
    # No tag fits, say all three.
    ([(A, []), (B, []), (C, [])], "adjudicate", []),
]


def cast(studio: Any, task_of: dict[str, Tasks], tags: list[str]) -> dict[str, Any]:
    """Let everybody vote, and say what must come of it."""
    booth = Booth(studio)
    label = studio.config.label
    names = (*label.accounts, label.lead, FOREIGN)
    words = [*tags[:4], "made up"]
    expected = {}
    for n, (sticker, tasks) in enumerate(sorted(task_of.items())):
        acts, status, effective = CASES[n % len(CASES)]
        last = 0
        for who, given, *how in acts:
            said = skip() if given is SKIP else answer([words[tag] for tag in given])
            if how == ["edits the last"]:
                assert booth.edit(names[who], last, said).ok
            else:
                more = {"completed_by": studio.connection.accounts.ids[names[B]]} if how else {}
                last = booth.vote(names[who], tasks, said | more)
        provenance = "votes" if acts else None
        expected[sticker] = (status, sorted(words[tag] for tag in effective), provenance)
    return expected


def test_the_whole_way(studio: Any, free: Any) -> None:
    task_of = free(COUNT)
    tags = studio.workspace.read("ballot")["tag"].to_pylist()
    expected = cast(studio, task_of, tags)

    studio.label("import")
    found = statuses(studio)
    assert {sticker: found[sticker] for sticker in expected} == expected
    votes = [v for v in studio.workspace.read("votes").to_pylist() if v["id"] in task_of]
    reasons = [vote["quarantined"] for vote in votes if vote["quarantined"]]
    rounds = COUNT // len(CASES)
    assert len([r for r in reasons if "no list" in r]) == rounds
    assert len([r for r in reasons if "the lead" in r]) == rounds
    assert len([r for r in reasons if "another user" in r]) == 2 * rounds

    studio.label("adjudicate")
    disputed = [sticker for sticker, said in expected.items() if said[0] == "adjudicate"]
    decisions = tasks_of(studio, "adjudication")
    assert sorted(decisions) == sorted(disputed)
    booth = Booth(studio)
    for n, sticker in enumerate(sorted(disputed)):
        decided = [tags[0]] if n % 2 else []
        booth.vote(studio.config.label.lead, decisions[sticker], answer(decided))
        expected[sticker] = ("effective" if decided else "rejected", decided, "adjudication")
    studio.label("import")
    found = statuses(studio)
    assert {sticker: found[sticker] for sticker in expected} == expected

    before = digests(studio)
    studio.label("import")
    studio.label("import", "--full")
    studio.label("adjudicate")
    assert digests(studio) == before
    assert on_server(studio) == asked(studio)


def test_every_suggestion_is_shown(studio: Any) -> None:
    # The server shows just those of the model that the project names.
    client = studio.connection.client
    for number in labelling_projects(studio).values():
        model = client.projects.get(id=number).model_version
        tasks = [task.dict() for task in client.tasks.list(project=number, fields="all")]
        names = {made["model_version"] for task in tasks for made in task["predictions"]}
        assert names == {model}
        assert sum(len(task["predictions"]) for task in tasks) >= len(tasks) / 2


def test_a_vote_that_is_deleted_on_the_server_is_kept(studio: Any, free: Any) -> None:
    ((sticker, tasks),) = free(1).items()
    booth = Booth(studio)
    tag = studio.workspace.read("ballot")["tag"][0].as_py()
    for name in studio.config.label.accounts[:2]:
        booth.vote(name, tasks, answer([tag]))
    studio.label("import")
    before = statuses(studio)
    assert before[sticker][0] == "effective"
    votes = studio.workspace.read("votes").to_pylist()
    gone = next(vote for vote in votes if vote["id"] == sticker)
    number = gone["annotation"].split("/")[1]
    assert booth.users[FOREIGN].delete(f"{booth.url}/api/annotations/{number}/").ok
    studio.label("import")
    assert statuses(studio) == before
    marked = [v for v in studio.workspace.read("votes").to_pylist() if v["deleted"]]
    assert [vote["annotation"] for vote in marked] == [gone["annotation"]]


def test_what_a_reviewer_flags_leaves_every_later_table(studio: Any) -> None:
    studio.label("export", "--screening", "--next", "5")
    sticker, tasks = min(tasks_of(studio, "screening").items())
    flag = {"from_name": "flags", "to_name": "sticker", "type": "choices",
            "value": {"choices": ["personal_data"]}}  # fmt: skip
    said = {"result": [flag], "was_cancelled": False}
    Booth(studio).vote(studio.config.label.accounts[0], tasks, said)
    studio.label("import")
    decisions = {row["id"]: row for row in studio.workspace.read("decisions").to_pylist()}
    assert decisions[sticker]["outcome"] == "dropped"
    (reason,) = decisions[sticker]["reasons"]
    assert reason["rule"] == "review"
    assert reason["detail"].startswith("personal_data: flagged by a reviewer, annotation ")
    assert statuses(studio)[sticker] == ("dropped", None, None)


@contextmanager
def desk_of(studio: Any) -> Iterator[LabellingSession]:
    with open_ledger(studio.workspace.root) as ledger:
        config = Config(label=studio.config.label)
        yield LabellingSession(studio.workspace, config, ledger, studio.connection)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_server_killed_during_export_gets_no_task_twice(
    fresh: Any, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    before = tasks_of(fresh, "labelling")
    monkeypatch.setattr(export, "CHUNK", 2)
    with desk_of(fresh) as desk:
        projects = desk.connection.client.projects
        real, calls = projects.import_tasks, []

        def unlucky(*arguments: Any, **named: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:  # the power fails before, or after, the server has taken the tasks
                if arrives:
                    real(*arguments, **named)
                fresh.kill()
                return real(*arguments, **named)
            return real(*arguments, **named)

        monkeypatch.setattr(projects, "import_tasks", unlucky)
        with pytest.raises(StickerworksError, match="stopped answering"):
            export_labelling(desk, ExportRequest(limit=5))
        assert len(desk.ledger.waiting("labelling")) == 3 * 5 - 2
        monkeypatch.undo()
        fresh.label("export", "--next", "5")
    after = tasks_of(fresh, "labelling")
    assert len(after) == len(before) + 5
    assert on_server(fresh) == asked(fresh)


def test_a_server_killed_during_import_loses_no_vote(
    studio: Any, free: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(studio.workspace.read("votes"))
    booth = Booth(studio)
    tasks = list(free(6).values())
    for each in tasks:
        booth.vote(studio.config.label.accounts[0], each, answer(["x"]))
    monkeypatch.setattr(importing, "_PAGE", 3)
    with desk_of(studio) as desk:
        append, pages = desk.ledger.append, []

        def unlucky(*arguments: Any) -> int:
            pages.append(1)
            if len(pages) == 2:
                studio.kill()
            return append(*arguments)

        monkeypatch.setattr(desk.ledger, "append", unlucky)
        with pytest.raises(StickerworksError, match="stopped answering"):
            importing.import_server(desk.connection, desk.ledger, reconcile_hours=0)
        monkeypatch.undo()
        studio.label("import")
    assert len(studio.workspace.read("votes")) == before + len(tasks)


def test_a_second_export_of_everything_adds_nothing(studio: Any) -> None:
    studio.label("export")
    before = digests(studio)
    studio.label("export")
    studio.label("export", "--screening")
    screened = digests(studio)
    studio.label("export", "--screening")
    assert digests(studio) == screened
    assert before.keys() == screened.keys()
    kept = {
        row["id"]
        for row in studio.workspace.read("decisions").to_pylist()
        if row["kept"] or row["reasons"][0]["rule"] == "review"
    }
    people = studio.config.label.accounts
    assert on_server(studio) == sorted((key, person) for key in kept for person in people)
