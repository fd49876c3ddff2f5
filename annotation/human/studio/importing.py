"""Import: answers from the server, or from a file that it exported, become tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.human.studio.ledger import AnnotationVersion, Person, Project, VoteLedger
from annotation.human.studio.task_pages import TaskPages
from annotation.human.studio.unread import note_unread
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

if TYPE_CHECKING:
    from annotation.human.studio.client import Connection

SERVER = "server"
"""Origin of answers from the server that the ledger exported to."""

_PAGE = 256
_MAX_BYTES = 2_000_000_000
# Changes that were being written while we read; asked for again, since that costs nothing.
_OVERLAP = timedelta(minutes=2)
_KEPT = (
    "completed_by",
    "updated_by",
    "was_cancelled",
    "result",
    "created_at",
    "updated_at",
    "lead_time",
)
_UPDATED = "filter:tasks:updated_at"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Imported:
    """What an import found: tasks looked at, new versions of answers, answers that are gone.

    ``unread`` are (project, task) that the server failed to send.
    """

    tasks: int
    added: int
    gone: int
    unread: tuple[tuple[int, int], ...] = ()


def import_server(
    connection: Connection, ledger: VoteLedger, *, reconcile_hours: float, full: bool = False
) -> Imported:
    """Read what changed on every project since the last import, or everything.

    Everything is read when ``full`` or when the last complete reading lies ``reconcile_hours``
    back. Interrupted at any time, a rerun reads on without loss. A project with tasks that the
    server can't send is read whole again the next time.
    """
    total = Imported(0, 0, 0)
    for project in ledger.projects():
        started = _now()
        whole = full or _due(project, reconcile_hours)
        read = _read_project(connection, ledger, project, whole)
        found = read.found
        if found.unread:
            note_unread(ledger, project.project)
        else:
            ledger.read_up_to(project.project, read.cursor, _iso(started) if whole else None)
        total = Imported(
            total.tasks + found.tasks,
            total.added + found.added,
            total.gone + found.gone,
            total.unread + found.unread,
        )
    return total


def import_file(path: Path, ledger: VoteLedger, origin: str, annotators: Iterable[int]) -> Imported:
    """Read a JSON export of Label Studio, of our server or of another.

    Tasks of ours are known by project, number and sticker. Answers to all others get the given
    ``origin``, where ``annotators`` are the numbers of the users whose answers count.
    """
    tasks = _load(path)
    ledger.know(Person(origin, user, f"{origin}-{user}", "annotator") for user in annotators)
    ours = {(row["project"], row["task"]): row["sticker"] for row in ledger.tasks()}
    answers = []
    for number, task in enumerate(tasks):
        if not isinstance(task, Mapping) or not isinstance(task.get("annotations"), list):
            raise StickerworksError(
                f"{path}: entry {number} is no task with annotations.",
                "Export the project as JSON (not JSON-MIN or CSV).",
            )
        place = (task.get("project"), task.get("id"))
        known = ours.get(place) == _sticker(task)  # type: ignore[call-overload,unused-ignore]
        answers += list(_answers(task, SERVER if known else origin, _number(task.get("project"))))
    return Imported(len(tasks), ledger.append(answers, (), _iso(_now())), 0)


@dataclass(frozen=True)
class _ReadAnswers:
    found: Imported
    cursor: str | None


def _read_project(
    connection: Connection, ledger: VoteLedger, project: Project, whole: bool
) -> _ReadAnswers:
    query = None if whole or project.cursor is None else _since(project.cursor)
    seen: set[int] = set()
    known = ledger.known(SERVER, project.project)
    latest = project.cursor
    tasks = added = gone = 0
    pages = TaskPages(connection, project.project, query)
    for page in pages.read(_PAGE):
        answers = [answer for task in page for answer in _answers(task, SERVER, project.project)]
        here = {answer.annotation for answer in answers}
        seen |= here
        lost = _lost(ledger, project.project, page, here)
        added += ledger.append(answers, lost, _iso(_now()))
        tasks, gone = tasks + len(page), gone + len(lost)
        latest = max(filter(None, (latest, *(_time(task.get("updated_at")) for task in page))))
    if whole and not pages.unread:  # answers to those aren't gone
        missing = sorted(known - seen - (known - ledger.known(SERVER, project.project)))
        ledger.append((), ((SERVER, project.project, name) for name in missing), _iso(_now()))
        gone += len(missing)
    unread = tuple((project.project, task) for task in pages.unread)
    return _ReadAnswers(Imported(tasks, added, gone, unread), latest)


def _lost(
    ledger: VoteLedger, project: int, page: Sequence[Mapping[str, Any]], here: set[int]
) -> list[tuple[str, int, int]]:
    """Answers that the page's tasks had and have no more."""
    had = set().union(*(ledger.known(SERVER, project, task["id"]) for task in page))
    return [(SERVER, project, name) for name in sorted(had - here)]


def _answers(task: Mapping[str, Any], origin: str, project: int) -> Iterator[AnnotationVersion]:
    for annotation in task.get("annotations") or ():
        if not isinstance(annotation, Mapping):
            continue
        kept = {name: annotation.get(name) for name in _KEPT}
        for name in ("completed_by", "updated_by"):
            kept[name] = _user(kept[name])
        shown = annotation.get("prediction")
        if origin != SERVER and isinstance(shown, Mapping) and shown:
            kept["prediction"] = {"result": shown.get("result")}
        content = json.dumps(kept, sort_keys=True, default=str)
        yield AnnotationVersion(
            origin=origin,
            project=project,
            task=_number(task.get("id")),
            sticker=_sticker(task),
            annotation=_number(annotation.get("id")),
            digest=hashlib.sha256(content.encode()).hexdigest(),
            content=content,
        )


def _user(value: Any) -> Any:
    """A user's number; exports may name users in full."""
    return value.get("id") if isinstance(value, Mapping) else value


def _sticker(task: Mapping[str, Any]) -> str:
    data = task.get("data")
    found = data.get("sticker_id") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else ""


def _load(path: Path) -> list[Any]:
    try:
        tasks = json.loads(read_regular(path, _MAX_BYTES))
    except OSError as error:
        raise StickerworksError(f"Could not read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise StickerworksError(
            f"{path} is no JSON: {error}.", "Export the project from Label Studio as JSON."
        ) from error
    if not isinstance(tasks, list):
        raise StickerworksError(
            f"{path} holds no list of tasks.", "Export the project from Label Studio as JSON."
        )
    return tasks


def _due(project: Project, hours: float) -> bool:
    if project.reconciled_at is None:
        return True
    last = datetime.fromisoformat(project.reconciled_at)
    # A time to come was noted by a clock that has been set back since.
    return not timedelta(0) <= _now() - last < timedelta(hours=hours)


def _since(cursor: str) -> str:
    moment = datetime.fromisoformat(cursor) - _OVERLAP
    value = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    item = {"filter": _UPDATED, "operator": "greater", "type": "Datetime", "value": value}
    return json.dumps({"filters": {"conjunction": "and", "items": [item]}})


def _time(value: Any) -> str | None:
    """A time as UTC in ISO 8601, so that strings compare as times do."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return _iso(value) if isinstance(value, datetime) else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _now() -> datetime:
    return datetime.now(UTC)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
