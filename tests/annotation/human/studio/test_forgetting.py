"""Annotation forgets stickers that were taken down, and nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from annotation.human.studio.forgetting import delete_tasks, forget_tasks
from annotation.human.studio.ledger import (
    LEDGER,
    AnnotationVersion,
    PlacedTask,
    Planned,
    Project,
    open_ledger,
)
from schemas.labelling import LabelConfig

GONE, STAYS = "ab" * 32, "cd" * 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A ledger of two tasks that were answered, and the files shown for them."""
    with open_ledger(tmp_path) as ledger:
        ledger.add_project(Project(7, "labelling", "v1", "<View/>", None, None))
        for number, sticker in ((1, GONE), (2, STAYS)):
            ledger.plan([Planned("labelling", sticker, "v1", "b1", gold=False, blind=False)])
            ledger.place("labelling", 7, "2026-01-01", [PlacedTask(sticker, number, ("cat",))])
            content = f'{{"said": "of {sticker}"}}'
            version = AnnotationVersion("server", 7, number, sticker, number, "d", content)
            ledger.append([version], [("server", 7, number)], "2026-01-01")
    for sticker in (GONE, STAYS):
        for name in (
            f"stickers/{sticker[:2]}/{sticker}.gif",
            f"frames/{sticker[:2]}/{sticker}-0.jpeg",
        ):
            path = tmp_path / "label-studio" / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"picture")
    return tmp_path


def test_tasks_answers_and_files_go(root):
    forget_tasks(root, [GONE])
    with open_ledger(root) as ledger:
        assert [task["sticker"] for task in ledger.tasks()] == [STAYS]
        assert [row["sticker"] for row in ledger.everything()] == [STAYS]
        assert ledger.connection.execute("SELECT count(*) FROM deletions").fetchone()[0] == 1
    assert GONE.encode() not in (root / LEDGER).read_bytes()
    shown = [path.name for path in (root / "label-studio" / "files").rglob("*") if path.is_file()]
    assert sorted(shown) == [f"{STAYS}-0.jpeg", f"{STAYS}.gif"]
    before = (root / LEDGER).read_bytes()
    forget_tasks(root, [GONE])
    assert (root / LEDGER).read_bytes()[100:] == before[100:]


def test_raw_votes_stay_append_only_for_all_others(root):
    forget_tasks(root, [GONE])
    with open_ledger(root) as ledger, pytest.raises(sqlite3.DatabaseError, match="append-only"):
        ledger.connection.execute("DELETE FROM annotations")


def test_tasks_are_left_where_the_server_does_not_run(root):
    assert delete_tasks(root, LabelConfig()) == (0, 0)
    forget_tasks(root, [GONE])
    assert delete_tasks(root, LabelConfig()) == (0, 1)
    assert delete_tasks(root, LabelConfig()) == (0, 1)


def test_without_any_annotation_there_is_nothing_to_forget(tmp_path):
    forget_tasks(tmp_path, [GONE])
    assert delete_tasks(tmp_path, LabelConfig()) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_running_server_forgets_its_tasks(studio):
    client, root = studio.connection.client, studio.workspace.root
    project = client.projects.create(title="forgetting", label_config="<View/>")
    tasks = [
        client.tasks.create(project=project.id, data={"text": sticker}) for sticker in (GONE, STAYS)
    ]
    with open_ledger(root) as ledger:
        ledger.add_project(Project(project.id, "screening", "v9", "<View/>", None, None))
        for task, sticker in zip(tasks, (GONE, STAYS), strict=True):
            ledger.plan([Planned("screening", sticker, "v9", "b9", gold=False, blind=False)])
            ledger.place("screening", project.id, "2026", [PlacedTask(sticker, task.id, None)])
    forget_tasks(root, [GONE])
    assert delete_tasks(root, studio.config.label) == (1, 0)
    left = [task.id for task in client.tasks.list(project=project.id)]
    assert left == [tasks[1].id]
    assert delete_tasks(root, studio.config.label) == (0, 0)
