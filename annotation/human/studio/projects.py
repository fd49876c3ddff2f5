"""Projects on the server: found again by our mark, made once, and checked against edits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from annotation.human.studio.asked_questions import questions_of
from annotation.human.studio.client import server_errors
from annotation.human.studio.files import allow_files
from annotation.human.studio.instructions import show_guidelines
from annotation.human.studio.interface import (
    adjudication_config,
    labelling_config,
    screening_config,
)
from annotation.human.studio.ledger import Ballot, Project, Purpose, VoteLedger
from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from schemas.questions import Language

if TYPE_CHECKING:
    from annotation.human.studio.client import Connection

# A skip leaves a task open for others: the other modes would close it with too few votes.
_SKIPS = "REQUEUE_FOR_OTHERS"
_TITLES: dict[Language, dict[Purpose, str]] = {
    "en": {
        "labelling": "Label stickers",
        "adjudication": "Settle disagreements",
        "screening": "Review content",
    },
    "zh": {
        "labelling": "标注表情",
        "adjudication": "裁定分歧",
        "screening": "审核内容",
    },
}


def ensure_project(
    connection: Connection,
    ledger: VoteLedger,
    config: Config,
    purpose: Purpose,
    ballot: Ballot,
    person: str = "",
    questions: str = "",
) -> Project:
    """The project of ``purpose`` for a ballot and questions, a ``person``'s own or everybody's; it
    is made on the server when it isn't there yet.

    A project that was made before a kill, but not noted, is found by the mark in its description.
    Raises StickerworksError when it was deleted, or its interface edited, on the server.
    """
    key = (purpose, ballot.version, questions, person)
    for known in ledger.projects():
        if (known.purpose, known.ballot, known.questions, known.person) == key:
            _check(connection, known)
            # Folders are noted by their absolute paths, and workspaces move.
            with server_errors(connection.url):
                allow_files(connection.client, known.project, connection.files)
                show_guidelines(connection.client, known.project, config.label, person)
            return known
    xml = _interface(config, ledger, key, ballot)
    mark = " ".join(["stickerworks", ledger.identity, *(part for part in key if part)])
    with server_errors(connection.url):
        found = _find(connection, mark)
        if found is None:
            found = _make(connection, config, purpose, person, mark, xml)
        allow_files(connection.client, found, connection.files)
        show_guidelines(connection.client, found, config.label, person)
    project = Project(found, purpose, ballot.version, _digest(xml), None, None, person, questions)
    _check(connection, project)
    ledger.add_project(project)
    return project


def _interface(
    config: Config, ledger: VoteLedger, key: tuple[Purpose, str, str, str], ballot: Ballot
) -> str:
    purpose, _, questions, person = key
    language = _language(config, person)
    if purpose == "screening":
        return screening_config(language)
    made = labelling_config if purpose == "labelling" else adjudication_config
    asked = questions_of(ledger, questions)
    return made(ballot.tags, config.label.max_tags, asked, language)


def _language(config: Config, person: str) -> Language:
    """Everybody's projects are in the language of all."""
    return config.label.language_of(person) if person else config.label.language


def _find(connection: Connection, mark: str) -> int | None:
    for project in connection.client.projects.list():
        if mark in (project.description or "").splitlines():
            return int(project.id)
    return None


def _make(
    connection: Connection, config: Config, purpose: Purpose, person: str, mark: str, xml: str
) -> int:
    made = connection.client.projects.create(
        title=_title(config, purpose, person),
        description=mark,
        label_config=xml,
        maximum_annotations=1 if person or purpose != "labelling" else config.merge.annotators,
        skip_queue=_SKIPS,
        show_collab_predictions=True,
        request_options={"max_retries": 0},
    )
    return int(made.id)


def _title(config: Config, purpose: Purpose, person: str) -> str:
    """Says whose it is: the lead sees one of each person."""
    titles = _TITLES[_language(config, person)]
    names = {one.key: one.name or one.account for one in config.label.annotators}
    whose = f" ({names.get(person, person)})" if person else ""
    return f"{titles[purpose]}{whose}: {config.release.name}"[:50]


def _check(connection: Connection, project: Project) -> None:
    from label_studio_sdk.core.api_error import ApiError

    try:
        with server_errors(connection.url):
            on_server: Any = connection.client.projects.get(id=project.project)
    except StickerworksError as error:
        if isinstance(error.__cause__, ApiError) and error.__cause__.status_code == 404:
            raise StickerworksError(
                f"Project {project.project} ({project.purpose}) is gone from {connection.url}.",
                "Votes that were imported are safe. Restore label-studio/data from a copy.",
            ) from error
        raise
    if _digest(on_server.label_config or "") != project.interface:
        raise StickerworksError(
            f"The labelling interface of project {project.project} was edited on the server: "
            "answers given with it may not mean what they say.",
            f"Undo the edit at {connection.url}/projects/{project.project}/settings/labeling.",
        )


def _digest(xml: str) -> str:
    return hashlib.sha256("".join(xml.split()).encode()).hexdigest()
