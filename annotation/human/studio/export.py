"""Export: stickers become tasks on the server, each once, whatever interrupts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.human.studio.client import server_errors
from annotation.human.studio.ledger import Ballot, PlacedTask, Planned, Project, Purpose, VoteLedger
from annotation.human.studio.payload import Shown
from annotation.human.studio.projects import ensure_project
from annotation.human.studio.stickers import TaskSource
from pipeline.engine.errors import StickerworksError
from schemas.config import Config

if TYPE_CHECKING:
    from annotation.human.studio.client import Connection

CHUNK = 100
"""Tasks sent in one request: few enough that a retry after a cut connection is cheap."""

MODEL = "stickerworks"
"""Who suggests. One name for a project: the server shows just those suggestions that carry the
name it heard last. Which models stand behind it is said by the tables."""


@dataclass(frozen=True)
class ExportedTasks:
    """What an export did: tasks made now, tasks of before, the projects that they went to by whose
    they are ("" everybody's), and what is to be said of the plan."""

    projects: dict[str, int]
    made: int
    found: int
    total: int
    notes: tuple[str, ...] = ()


def send_planned(
    connection: Connection,
    ledger: VoteLedger,
    config: Config,
    purpose: Purpose,
    ballot: Ballot,
    tasks: Callable[[Sequence[Planned]], Iterator[tuple[Planned, dict[str, Any]]]],
) -> ExportedTasks:
    """Make the tasks of every planned sticker that has none yet, each on its person's project.

    Tasks whose numbers were lost in an earlier run are looked for first, so none is made twice.
    At the end the server's tasks are compared with the ledger.
    """
    waiting = [row for row in ledger.waiting(purpose) if row.ballot == ballot.version]
    whose = sorted({(row.person, row.questions) for row in waiting})
    if purpose != "labelling":
        whose = whose or [("", "")]
    projects: dict[tuple[str, str], Project] = {}
    found = 0
    for person, questions in whose:
        project = ensure_project(connection, ledger, config, purpose, ballot, person, questions)
        projects[person, questions] = project
        found += _adopt(connection, ledger, project)
    made = 0
    waiting = [row for row in ledger.waiting(purpose) if row.ballot == ballot.version]
    for project, chunk in _chunks(tasks(waiting), projects):
        _send(connection, ledger, project, chunk)
        made += len(chunk)
    if made or found:
        for project in projects.values():
            _compare(connection, ledger, project)
    total = sum(row["task"] is not None for row in ledger.tasks(purpose))
    numbers = {project.person: project.project for project in projects.values()}
    return ExportedTasks(numbers, made, found, total)


def _chunks(
    described: Iterator[tuple[Planned, dict[str, Any]]],
    projects: Mapping[tuple[str, str], Project],
) -> Iterator[tuple[Project, list[tuple[Planned, dict[str, Any]]]]]:
    """Tasks by project, so many at a time; stickers are read but once for all their people."""
    held: dict[int, list[tuple[Planned, dict[str, Any]]]] = {}
    for row, task in described:
        project = projects[row.person, row.questions]
        held.setdefault(project.project, []).append((row, task))
        if len(held[project.project]) == CHUNK:
            yield project, held.pop(project.project)
    by_number = {project.project: project for project in projects.values()}
    for number, chunk in held.items():
        yield by_number[number], chunk


def _send(
    connection: Connection,
    ledger: VoteLedger,
    project: Project,
    chunk: Sequence[tuple[Planned, dict[str, Any]]],
) -> None:
    with server_errors(connection.url):
        answer = connection.client.projects.import_tasks(
            project.project,
            request=[task for _, task in chunk],
            return_task_ids=True,
            request_options={"max_retries": 0},  # what was sent twice would be there twice
        )
    numbers = answer.task_ids or []
    if len(numbers) != len(chunk):
        raise StickerworksError(
            f"{connection.url} took {len(numbers)} of {len(chunk)} tasks.",
            "Run the same command again; it looks for them first.",
        )
    placed = [
        PlacedTask(row.sticker, number, suggested(task), row.person)
        for (row, task), number in zip(chunk, numbers, strict=True)
    ]
    ledger.place(project.purpose, project.project, _now(), placed)


def suggested(task: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Tags of a task's pre-annotation; None when it shows none."""
    predictions = task.get("predictions") or ()
    if not predictions:
        return None
    regions = predictions[0]["result"]
    paths = (r["value"]["taxonomy"] for r in regions if r["from_name"] == "tags")
    return tuple(sorted(path[-1] for found in paths for path in found))


def _adopt(connection: Connection, ledger: VoteLedger, project: Project) -> int:
    """Note tasks that the server made without our hearing of it."""
    own = (project.ballot, project.questions, project.person)
    waiting = {
        row.sticker
        for row in ledger.waiting(project.purpose)
        if (row.ballot, row.questions, row.person) == own
    }
    if not waiting:
        return 0
    placed = []
    with server_errors(connection.url):
        for found in connection.client.tasks.list(
            project=project.project, page_size=1000, fields="all"
        ):
            task = found.dict()
            sticker = task["data"].get("sticker_id")
            if sticker in waiting:
                waiting.remove(sticker)
                placed.append(PlacedTask(sticker, task["id"], suggested(task), project.person))
    ledger.place(project.purpose, project.project, _now(), placed)
    return len(placed)


def _compare(connection: Connection, ledger: VoteLedger, project: Project) -> None:
    """Raise StickerworksError unless the server has each of our tasks, about our sticker, once."""
    with server_errors(connection.url):
        listed = {
            task.id: task.data.get("sticker_id")
            for task in connection.client.tasks.list(
                project=project.project, page_size=1000, fields="task_only", include="id,data"
            )
        }
    ours = {
        row["task"]: row["sticker"]
        for row in ledger.tasks(project.purpose)
        if row["project"] == project.project
    }
    wrong = sum(listed.get(task) != sticker for task, sticker in ours.items())
    twice = sum(count > 1 for count in Counter(listed.values()).values())
    if wrong or twice:
        raise StickerworksError(
            f"Project {project.project} on {connection.url} differs from what was exported: "
            f"{wrong} tasks are gone or about other stickers, {twice} stickers have several tasks.",
            "Somebody changed it there. Votes count by sticker, so none is lost or doubled; "
            "delete the surplus tasks, or restore label-studio/data from a copy.",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def shown(source: TaskSource, batch: str, tags: Sequence[str], files: Path) -> Shown:
    """What a task shows of a sticker; its file and key frames are placed below ``files``."""
    from annotation.human.studio.files import place_sticker

    path, frames = place_sticker(files, source.id, source.format, source.media, source.key_frames)
    return Shown(
        id=source.id,
        path=path,
        frames=frames,
        keywords=source.keywords,
        batch=batch,
        ocr=source.ocr,
        ocr_score=source.ocr_score,
        domain=source.domain,
        domain_probability=source.domain_probability,
        tags=tuple(tags),
        caption=source.caption,
        model=MODEL,
        answers=source.answers,
    )
