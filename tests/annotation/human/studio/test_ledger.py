"""The annotation ledger: nothing twice, nothing rewritten."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from voted_stickers import content_of

from annotation.human.migration import carry_over
from annotation.human.studio.frozen import (
    all_changes,
    ballots_by_tagset,
    finish,
    freeze,
    migrations,
    replace_ballot,
    take_back,
)
from annotation.human.studio.ledger import (
    LEDGER,
    AnnotationVersion,
    Ballot,
    Person,
    PlacedTask,
    Planned,
    Project,
    VoteLedger,
    open_ledger,
    read_ledger,
)
from annotation.human.studio.offered import OfferedTags, TagOrigin
from pipeline.engine.errors import StickerworksError


def planned(sticker: str, batch: str = "b001") -> Planned:
    return Planned("labelling", sticker, "v1", batch, gold=False, blind=False)


def answer(annotation: int, digest: str = "d", task: int = 5) -> AnnotationVersion:
    return AnnotationVersion("server", 1, task, "s", annotation, digest, "{}")


def test_a_sticker_is_planned_and_placed_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.plan([planned("s"), planned("t")])
        ledger.plan([planned("s", "b002")])
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.place("labelling", 1, "now", [PlacedTask("s", 5, ("笑",))])
    with open_ledger(tmp_path) as ledger:
        assert [row.sticker for row in ledger.waiting("labelling")] == ["t"]
        rows = {row["sticker"]: row for row in ledger.tasks()}
        assert (rows["s"]["batch"], rows["s"]["task"]) == ("b001", 5)
        assert ledger.waiting("screening") == []


def test_answers_are_only_ever_added(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert ledger.append([answer(1), answer(2)], (), "now") == 2
        assert ledger.append([answer(1), answer(1, "edited")], (), "now") == 1
        for statement in ("DELETE FROM annotations", "UPDATE annotations SET content = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                ledger.connection.execute(statement)
        assert [row["annotation"] for row in ledger.everything()] == [1, 2, 1]


def test_what_is_gone_from_the_server_is_marked_and_kept(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.append([answer(1), answer(2, task=6)], [("server", 1, 1)], "now")
        assert ledger.known("server", 1) == {2}
        assert ledger.known("server", 1, 5) == set()
        assert [row["deleted"] for row in ledger.everything()] == [1, 0]


def test_an_answer_stands_beside_the_task_that_was_asked(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.plan([planned("s")])
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.place("labelling", 1, "now", [PlacedTask("s", 5, None)])
        foreign = AnnotationVersion("file", 1, 5, "s", 1, "d", "{}")
        ledger.append([answer(1), foreign], (), "now")
        assert [row["purpose"] for row in ledger.everything()] == ["labelling", None]


def offered(version: str, *tags: str) -> OfferedTags:
    return OfferedTags(version, True, {tag: TagOrigin(None, (), ()) for tag in tags}, {})


def test_a_new_ballot_takes_along_what_never_reached_the_server(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        freeze(ledger, offered("v1", "a", "b"), {})
        ledger.plan([planned("s"), planned("t")])
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.place("labelling", 1, "now", [PlacedTask("s", 5, None)])
        before = content_of(ledger)
        changes = {"a": ["c"], "b": []}
        replace_ballot(ledger, offered("v2", "c"), {}, changes, ("file", "now", "lead"))
        assert ledger.ballot() == Ballot("v2", ("c",))
        assert {row["sticker"]: row["ballot"] for row in ledger.tasks()} == {"s": "v1", "t": "v2"}
        assert ledger.tag_changes() == [
            {"from_version": "v1", "to_version": "v2", "tag": "a", "becomes": ["c"]},
            {"from_version": "v1", "to_version": "v2", "tag": "b", "becomes": []},
        ]
        (made,) = migrations(ledger)
        take_back(ledger, made, "later", "lead")
        finish(ledger)
        assert content_of(ledger) == before
        assert migrations(ledger) == [replace(made, undone_at="later", undone_by="lead")]
        assert (made.content, made.applied_by) == ("file", "lead")


def test_a_tag_set_that_comes_back_is_another_ballot(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        freeze(ledger, offered("v1", "a"), {})
        replace_ballot(ledger, offered("v2", "b"), {}, {"a": ["b"]}, ("", "", None))
        replace_ballot(ledger, offered("v1", "a"), {}, {"b": ["a"]}, ("", "", None))
        assert ledger.ballot() == Ballot("v1-2", ("a",))
        assert ballots_by_tagset(ledger) == {"v1": "v1-2", "v2": "v2"}


def test_votes_are_carried_over_a_ballot_that_only_added_tags(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        freeze(ledger, offered("v1", "a"), {})
        replace_ballot(ledger, offered("v2", "a", "b"), {}, {}, ("", "", None))
        replace_ballot(ledger, offered("v3", "b", "c"), {}, {"a": ["c"]}, ("", "", None))
        assert carry_over(["a"], "v1", all_changes(ledger)) == {"c"}


def test_a_ledger_of_before_opens_with_its_migrations_and_no_gap_between_ballots(
    tmp_path: Path,
) -> None:
    with open_ledger(tmp_path) as ledger:
        for version, tags in (("v1", '["a", "b"]'), ("v2", '["a", "b", "c"]'), ("v3", '["c"]')):
            ledger.connection.execute(
                "INSERT INTO ballots (version, tags) VALUES (?, ?)", (version, tags)
            )
        ledger.connection.execute("INSERT INTO tag_changes VALUES ('v2', 'v3', 'a', '[\"c\"]')")
        ledger.connection.executescript(
            "DROP TABLE migrations; DROP TABLE ballot_tags; DROP TABLE ballot_tagsets; "
            "PRAGMA user_version = 1;"
        )
    with open_ledger(tmp_path) as ledger:
        known = [(made.from_version, made.to_version) for made in migrations(ledger)]
        assert known == [("v1", "v2"), ("v2", "v3")]
        assert carry_over(["a"], "v1", all_changes(ledger)) == {"c"}
        assert carry_over(["b"], "v1", all_changes(ledger)) == {"b"}
        assert ballots_by_tagset(ledger) == {"v1": "v1", "v2": "v2", "v3": "v3"}


# As these two tables were before people had tasks of their own.
VERSION_2 = """
DROP TABLE tasks; DROP TABLE projects;
CREATE TABLE projects (
    project INTEGER PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('labelling', 'adjudication', 'screening')),
    ballot TEXT NOT NULL,
    interface TEXT NOT NULL,
    cursor TEXT,
    reconciled_at TEXT,
    UNIQUE (purpose, ballot)
) STRICT;
CREATE TABLE tasks (
    purpose TEXT NOT NULL,
    sticker TEXT NOT NULL,
    ballot TEXT NOT NULL,
    batch TEXT NOT NULL,
    gold INTEGER NOT NULL,
    blind INTEGER NOT NULL,
    suggested TEXT,
    project INTEGER REFERENCES projects (project),
    task INTEGER,
    exported_at TEXT,
    UNIQUE (purpose, sticker),
    UNIQUE (project, task)
) STRICT;
DROP TABLE question_sets; DROP TABLE departures; DROP TABLE wanted;
DROP TABLE corrections; DROP TABLE text_checks;
INSERT INTO projects VALUES (7, 'labelling', 'v1', 'x', 'c1', 'r1');
INSERT INTO tasks VALUES ('labelling', 's', 'v1', 'b001', 1, 0, '["a"]', 7, 5, 'now');
INSERT INTO tasks VALUES ('labelling', 't', 'v1', 'b001', 0, 1, NULL, NULL, NULL, NULL);
PRAGMA user_version = 2;
"""


def test_tasks_of_before_people_had_their_own_are_everybodys(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.append([replace(answer(1), project=7)], (), "now")
        ledger.connection.executescript(VERSION_2)
    for _ in range(2):
        with open_ledger(tmp_path) as ledger:
            project = Project(7, "labelling", "v1", "x", "c1", "r1")
            assert ledger.projects() == [project]
            assert [(row["sticker"], row["person"], row["task"]) for row in ledger.tasks()] == [
                ("s", "", 5), ("t", "", None)
            ]  # fmt: skip
            assert ledger.waiting("labelling") == [replace(planned("t"), blind=True)]
            (said,) = ledger.everything()
            assert (said["asked"], said["person"], said["withdrawn_after"]) == ("s", "", None)
            assert (ledger.wanted(), ledger.departed()) == ({}, {})


def test_the_ledger_keeps_its_identity_and_people(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        name = ledger.identity
        ledger.know([Person("server", 2, "a", "annotator")])
        ledger.know([Person("server", 2, "a", "annotator"), Person("server", 1, "l", "lead")])
    with open_ledger(tmp_path) as ledger:
        assert ledger.identity == name
        assert [person.name for person in ledger.people()] == ["l", "a"]
    with open_ledger(tmp_path / "other") as other:
        assert other.identity != name


def test_importing_progress_is_kept_where_none_is_given(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.read_up_to(1, "c1", "r1")
        ledger.read_up_to(1, None, None)
        (project,) = ledger.projects()
        assert (project.cursor, project.reconciled_at) == ("c1", "r1")
        assert isinstance(ledger, VoteLedger)


def test_reading_writes_nothing_and_goes_on_beside_a_writer(tmp_path: Path) -> None:
    with read_ledger(tmp_path) as ledger:
        assert (ledger.wanted(), ledger.tasks(), ledger.ballot()) == ({}, [], None)
    assert not list(tmp_path.iterdir()), "there is no ledger yet, and reading makes none"
    with open_ledger(tmp_path) as ledger:
        ledger.plan([planned("s")])
        name = ledger.identity
    with open_ledger(tmp_path) as writer:
        writer.connection.execute("BEGIN EXCLUSIVE")
        writer.connection.execute("INSERT INTO wanted VALUES ('s', 5)")
        with read_ledger(tmp_path) as ledger:
            assert (ledger.identity, ledger.wanted()) == (name, {})
            assert [row.sticker for row in ledger.waiting("labelling")] == ["s"]
            with pytest.raises(StickerworksError, match="readonly"):
                ledger.plan([planned("t")])
        writer.connection.execute("COMMIT")
    with read_ledger(tmp_path) as ledger:
        assert ledger.wanted() == {"s": 5}


def test_an_older_ledger_is_read_as_a_copy_of_now(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.connection.executescript(VERSION_2)
    before = (tmp_path / LEDGER).read_bytes()
    with read_ledger(tmp_path) as ledger:
        assert ledger.projects() == [Project(7, "labelling", "v1", "x", "c1", "r1")]
        assert (len(ledger.tasks()), ledger.wanted(), ledger.departed()) == (2, {}, {})
    assert (tmp_path / LEDGER).read_bytes() == before
    with open_ledger(tmp_path) as ledger:
        ledger.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StickerworksError, match="of version 99"), read_ledger(tmp_path):
        pass


def test_what_is_no_ledger_is_said_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / LEDGER).parent.mkdir()
    (tmp_path / LEDGER).write_bytes(b"no database at all" * 100)
    with pytest.raises(StickerworksError, match="not a database"), read_ledger(tmp_path):
        pass


def test_only_its_owner_reads_the_ledger(tmp_path: Path) -> None:
    folder = (tmp_path / LEDGER).parent
    with open_ledger(tmp_path):
        assert _modes(folder) == {0o600}
    folder.chmod(0o755)
    (tmp_path / LEDGER).chmod(0o644)  # as earlier versions left them
    with open_ledger(tmp_path) as ledger, ledger.writing():
        ledger.connection.execute("UPDATE tasks SET batch = ''")
        assert _modes(folder) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
