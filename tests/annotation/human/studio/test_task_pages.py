"""Reading tasks past those that the server can't send."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.core.api_error import ApiError

from annotation.human.studio.importing import import_server
from annotation.human.studio.ledger import PlacedTask, Planned, Project, open_ledger
from annotation.human.studio.task_pages import TaskPages
from annotation.human.studio.unread import unread_projects
from pipeline.engine.errors import StickerworksError


class Tasks:
    """A server's list of tasks that fails where a page holds one of ``bad``."""

    def __init__(self, count: int, bad: set[int]) -> None:
        self.tasks, self.bad = list(range(1, count + 1)), bad

    def list(self, *, page: int, page_size: int, fields: str, **_: Any) -> Any:
        shown = self.tasks[(page - 1) * page_size : page * page_size]
        if not shown and page > 1:
            raise ApiError(status_code=404)
        if fields == "all" and self.bad & set(shown):
            raise ApiError(status_code=500)
        return SimpleNamespace(items=[SimpleNamespace(dict=lambda n=n: _task(n)) for n in shown])


def _task(number: int) -> dict[str, Any]:
    said = {"id": number, "completed_by": 2, "result": [], "updated_at": "2026-11-21T00:00:00Z"}
    return {"id": number, "data": {"sticker_id": f"s{number}"}, "annotations": [said],
            "updated_at": "2026-11-21T00:00:00Z"}  # fmt: skip


def connection(tasks: Tasks) -> Any:
    return SimpleNamespace(url="http://x", client=SimpleNamespace(tasks=tasks))


@given(st.integers(0, 60), st.sets(st.integers(1, 60), max_size=6), st.sampled_from([1, 4, 16, 32]))
def test_every_other_task_is_read_once(count: int, bad: set[int], size: int) -> None:
    pages = TaskPages(connection(Tasks(count, bad)), 5, None)
    read = [task["id"] for page in pages.read(size) for task in page]
    there = set(range(1, count + 1))
    assert (sorted(read), pages.unread) == (sorted(there - bad), sorted(bad & there))


def test_a_server_that_fails_on_everything_is_no_odd_task() -> None:
    with pytest.raises(StickerworksError, match="status 500"):
        list(TaskPages(connection(Tasks(60, set(range(1, 61)))), 5, None).read(16))


def test_what_was_not_read_is_read_again_and_never_gone(tmp_path: Path) -> None:
    tasks = Tasks(4, set())
    with open_ledger(tmp_path) as ledger:
        ledger.add_project(Project(5, "labelling", "b", "x", None, None))
        ledger.plan([Planned("labelling", f"s{n}", "b", "b001", False, True) for n in tasks.tasks])
        ledger.place("labelling", 5, "now", [PlacedTask(f"s{n}", n, None) for n in tasks.tasks])
        assert import_server(connection(tasks), ledger, reconcile_hours=1).added == 4
        assert unread_projects(ledger) == ()
        tasks.bad = {3}
        found = import_server(connection(tasks), ledger, reconcile_hours=0)
        assert (found.tasks, found.gone, found.unread) == (3, 0, ((5, 3),))
        assert unread_projects(ledger) == (5,)
        tasks.bad = set()
        again = import_server(connection(tasks), ledger, reconcile_hours=1)
        assert (again.tasks, again.unread, unread_projects(ledger)) == (4, (), ())
